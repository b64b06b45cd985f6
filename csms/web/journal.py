"""The journal in words: one line for each frame, whatever version it is of. Rows in, the reader's words out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from keyword import iskeyword
from typing import Any

import orjson
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from csms import masks
from csms.domain.frames import Direction, Frame, Verdict
from csms.sentences import gettext_noop
from csms.web import filters
from csms.web.deviations import DEVIATIONS
from csms.web.languages import stored

LONGEST_VALUE = 40
# What is not seen itself, and turns or hides what is: spoken as JSON does.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
MOST_VALUES = 5
FAULTS = (Verdict.INVALID, Verdict.GARBAGE, Verdict.FAILED)
VERDICTS = {
    Verdict.REPAIRED: (lazy_gettext("repaired"), "wait"),
    Verdict.REPEATED: (lazy_gettext("repeated"), "out"),
    Verdict.INVALID: (lazy_gettext("against the schema"), "fault"),
    Verdict.GARBAGE: (lazy_gettext("not a message"), "fault"),
    Verdict.FAILED: (lazy_gettext("failed here"), "fault"),
    Verdict.IGNORED: (lazy_gettext("ignored"), "out"),
}
KINDS = {2: lazy_gettext("Call"), 3: lazy_gettext("Answer"), 4: lazy_gettext("Error")}
NAMES = {kind.value.replace("_", " "): words for kind, words in DEVIATIONS.items()}
# Members that say nothing on one line.
DULL = {"timestamp", "currentTime", "chargingProfile", "configurationKey"}


@dataclass(frozen=True, slots=True)
class Message:
    """A frame for people. `verdict`: (words, family) when there is something to say."""

    id: int
    at: datetime
    direction: str
    action: str
    summary: str
    latency_ms: float | None
    is_error: bool
    verdict: tuple[LazyString, str] | None
    detail: str | None
    text: str
    reply: str | None
    test: str | None  # the same as a line of a certification test


HIDDEN = gettext_noop(
    "It cannot be read, and may hold a card's number: it is shown to those who run chargers."
)


def told(frame: Frame, *, with_cards: bool) -> Message:
    """A frame with what it says; without `with_cards` the numbers of cards are masked."""
    text, answer_text = frame.text, frame.reply
    if not with_cards:
        text = masks.cards_in_text(text) or gettext(HIDDEN)
        answer_text = masks.cards_in_text(answer_text)
    message = _parsed(text)
    reply = _parsed(answer_text)
    answer = _answer(reply)
    said = _said(message)
    summary = _seen(" → ".join(x for x in (said, answer) if x))
    return Message(
        id=frame.id,
        at=frame.at,
        direction="in" if frame.direction is Direction.IN else "out",
        action=_seen(frame.action or _kind(message)),
        summary=summary,
        latency_ms=None if frame.latency_us is None else frame.latency_us / 1000,
        is_error=frame.verdict in FAULTS or _is_error(message) or _is_error(reply),
        verdict=VERDICTS.get(frame.verdict),
        detail=_detail(frame.detail),
        text=pretty(text),
        reply=pretty(answer_text) if answer_text else None,
        test=as_test(message, reply, is_from_charger=frame.direction is Direction.IN),
    )


def exported(frame: Frame, *, with_cards: bool) -> dict[str, Any]:
    """A frame for programs: both texts as messages where they are some, else as they came."""
    text, reply = frame.text, frame.reply
    if not with_cards:
        text, reply = masks.cards_in_text(text) or HIDDEN, masks.cards_in_text(reply)
    message, answer = _parsed(text), _parsed(reply)
    return {
        "at": filters.iso(frame.at),
        "direction": frame.direction.value,
        "action": frame.action,
        "message": text if message is None else message,
        "reply": reply if answer is None else answer,
        "latency_ms": None if frame.latency_us is None else frame.latency_us / 1000,
        "verdict": frame.verdict.value,
        "detail": frame.detail,
    }


def as_test(message: Any, reply: Any, *, is_from_charger: bool) -> str | None:
    """A CALL as the tests of certification cases put it; None for what is no CALL."""
    if not (isinstance(message, list) and len(message) == 4 and message[0] == 2):
        return None
    if not isinstance(message[3], dict):
        return None
    said = f"({', '.join([repr(str(message[2])), *_arguments(message[3])])})"
    if not is_from_charger:
        return f"cp.expects{said}"
    if _is_error(reply):
        return f"cp.sends{said}.gets_error({str(reply[2])!r})"
    got = reply[2] if isinstance(reply, list) and len(reply) > 2 and isinstance(reply[2], dict) else {}
    return f"cp.sends{said}.gets({', '.join(_arguments(got))})"


def _arguments(payload: dict[str, Any]) -> list[str]:
    """The members of a payload as keyword arguments."""
    odd = {name: value for name, value in payload.items() if not name.isidentifier() or iskeyword(name)}
    plain = [f"{name}={value!r}" for name, value in payload.items() if name not in odd]
    return [*plain, f"**{odd!r}"] if odd else plain


def pretty(text: str) -> str:
    """A frame as it is read; what is no JSON stays as it came."""
    message = _parsed(text)
    return _seen(text if message is None else orjson.dumps(message, option=orjson.OPT_INDENT_2).decode())


def _seen(text: str) -> str:
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _parsed(text: str | None) -> Any:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None


def _detail(text: str | None) -> str | None:
    """What was found, part by part: where, and what; or an error's code, and why."""
    return None if text is None else "; ".join(_part(x) for x in text.split("; "))


def _part(text: str) -> str:
    before, colon, words = text.partition(": ")
    kind = NAMES.get(words)
    if kind is not None:
        return f"{stored(before)}: {kind}"
    is_code = colon and before.isalpha() and " " not in before
    return f"{before}: {stored(words)}" if is_code else stored(text)


def _is_error(message: Any) -> bool:
    return isinstance(message, list) and len(message) > 2 and message[0] == 4


def _kind(message: Any) -> str:
    if not isinstance(message, list) or not message:
        return gettext("Not a message")
    return str(KINDS.get(message[0], KINDS[2]))


def _said(message: Any) -> str:
    if not isinstance(message, list) or len(message) < 3:
        return ""
    if message[0] == 4:
        return _error(message)
    payload = message[3] if message[0] == 2 and len(message) > 3 else message[2]
    return " · ".join(_values(payload)) if isinstance(payload, dict) else ""


def _answer(reply: Any) -> str:
    if _is_error(reply):
        return _error(reply)
    if not isinstance(reply, list) or len(reply) < 3 or not isinstance(reply[2], dict):
        return ""
    return " · ".join(_values(reply[2]))


def _error(message: list[Any]) -> str:
    return f"{message[2]} {message[3]}".strip() if len(message) > 3 else str(message[2])


def _values(payload: dict[str, Any]) -> list[str]:
    """The first scalars of a payload, by name; of meters what they measured."""
    found = list(_measured(payload))
    for name, value in payload.items():
        if name in DULL or isinstance(value, list):
            continue
        if isinstance(value, dict):
            found += [x for x in _values(value) if x][:1]
        elif value not in (None, "", "NoError"):
            found.append(_pair(name, value))
    return found[:MOST_VALUES]


def _pair(name: str, value: Any) -> str:
    text = str(value)
    short = text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
    return short if name in ("status", "type", "reason", "requestedMessage") else f"{name} {short}"


def _measured(payload: dict[str, Any]) -> Iterator[str]:
    """The sampled values of the last moment in a list of meter values, without phases."""
    for name in ("meterValue", "transactionData"):
        moments = payload.get(name)
        if not (isinstance(moments, list) and moments and isinstance(moments[-1], dict)):
            continue
        for sample in moments[-1].get("sampledValue") or ():
            if isinstance(sample, dict) and not sample.get("phase"):
                unit = sample.get("unit", "") or ("Wh" if "measurand" not in sample else "")
                yield _quantity(str(sample.get("value")), str(unit))


def _quantity(raw: str, unit: str) -> str:
    """A sampled value as people write it; what is no number stays as it came."""
    try:
        value = float(raw)
    except ValueError:
        return f"{raw} {unit}".strip()
    match unit:
        case "Wh":
            return filters.kwh(value)
        case "W":
            return filters.kw(value)
        case "Celsius" | "Celcius":
            return f"{filters.number(value, 1)}\u00a0°C"
    return f"{filters.number(value, 1)}\u00a0{'%' if unit == 'Percent' else unit}".strip()
