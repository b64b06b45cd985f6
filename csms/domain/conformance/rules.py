"""From counts to a score. Pure."""

from collections.abc import Iterable

from csms.domain.frames import Deviation

FEWEST_MESSAGES = 20  # before so many have come a score would be a guess

# What a deviation costs beside one of the middle, which costs 1: data was lost or guessed, or nothing but style.
_HEAVY = 3.0
_LIGHT = 0.2
_WEIGHTS = {
    Deviation.NOT_JSON: _HEAVY,
    Deviation.MESSAGE_SHAPE: _HEAVY,
    Deviation.KEY_TWICE: _HEAVY,
    Deviation.TOO_BIG: _HEAVY,
    Deviation.MEMBER_MISSING: _HEAVY,
    Deviation.WRONG_TYPE: _HEAVY,
    Deviation.VALUE_NO_NUMBER: _HEAVY,
    Deviation.TIME_UNREADABLE: _HEAVY,
    Deviation.CLOCK_WRONG: _HEAVY,
    Deviation.MESSAGE_ID_NUMBER: _LIGHT,
    Deviation.PAYLOAD_NULL: _LIGHT,
    Deviation.TEXT_EMPTY: _LIGHT,
    Deviation.MEMBER_NULL: _LIGHT,
    Deviation.MEMBER_UNEXPECTED: _LIGHT,
    Deviation.TEXT_TOO_LONG: _LIGHT,
    Deviation.TIME_FORMAT: _LIGHT,
    Deviation.UNIT_MISSING: _LIGHT,
    Deviation.WORD_CASE: _LIGHT,
}


def weight_of(kind: Deviation) -> float:
    """What one deviation of this kind takes off, in points of a hundred messages."""
    return _WEIGHTS.get(kind, 1.0)


def score(messages: int, counts: Iterable[tuple[Deviation, int]]) -> int | None:
    """100 less the weighted deviations among a hundred messages, never below 0; None: too few to tell."""
    if messages < FEWEST_MESSAGES:
        return None
    lost = sum(weight_of(kind) * count for kind, count in counts)
    return max(0, round(100 - 100 * lost / messages))
