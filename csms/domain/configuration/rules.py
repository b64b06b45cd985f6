"""Which templates speak of a charger, what they want of it together, and what is between that and what it has."""

import enum
import fnmatch
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from csms import masks
from csms.domain.chargers import ConfigurationKey
from csms.domain.configuration.models import Apply, KeyWrite, Template, WriteAnswer
from csms.sentences import told

LOOP_BOOTS, LOOP_WITHIN = 5, timedelta(minutes=10)  # more boots than that, within that
USUAL_CHUNK = 20  # keys asked for at a time, of a charger that does not tell its limit
WRITES_PER_DAY = 3
ANSWERED_WITHIN = timedelta(minutes=2)  # delivery and answer of a write; later than that it is lost


class Described(Protocol):
    """What templates look at."""

    vendor: str | None
    model: str | None
    firmware_version: str | None

    @property
    def site_name(self) -> str | None: ...


class State(enum.StrEnum):
    """How a key of a charger stands to what is wanted."""

    IN_STEP = "in_step"
    DIFFERS = "differs"
    UNREAD = "unread"
    UNKNOWN = "unknown"  # the charger has no such key
    READ_ONLY = "read_only"
    WAITS = "waits"  # written, and in force after a reset
    ASKED = "asked"  # the write is on its way
    REFUSED = "refused"  # the charger did not take this very value


@dataclass(frozen=True, slots=True)
class Wish:
    """One wanted value, and the template that wants it."""

    name: str
    value: str
    template: Template

    @property
    def shown(self) -> str:
        """The value as anybody may see it, and as it is compared: nobody keeps what passwords chargers have."""
        return masks.without_password(self.value)


@dataclass(frozen=True, slots=True)
class Item:
    """A wanted value beside what the charger has."""

    wish: Wish
    value: str | None
    state: State
    write: KeyWrite | None = None

    @property
    def is_drift(self) -> bool:
        return self.state not in (State.IN_STEP, State.UNREAD)

    @property
    def can_be_written(self) -> bool:
        return self.state in (State.DIFFERS, State.REFUSED)


def matches(template: Template, charger: Described) -> bool:
    """Does the template speak of this charger? Without case; `*` and `?` stand for any letters.

    A firmware version without them is the beginning of one: 4.2 matches 4.2.17. A pattern never matches what the
    charger has not told.
    """
    firmware = template.firmware
    if firmware and not any(mark in firmware for mark in "*?["):
        firmware += "*"
    pairs = (
        (template.vendor, charger.vendor),
        (template.model, charger.model),
        (firmware, charger.firmware_version),
        (template.site, charger.site_name),
    )
    return all(not pattern or _fits(pattern, text) for pattern, text in pairs)


def _fits(pattern: str, text: str | None) -> bool:
    return text is not None and fnmatch.fnmatchcase(text.strip().casefold(), pattern.strip().casefold())


def wishes(templates: Iterable[Template], charger: Described) -> dict[str, Wish]:
    """What is wanted of the charger, by the key's name in small letters. `templates` in order: the first one wins."""
    found: dict[str, Wish] = {}
    for template in templates:
        if matches(template, charger):
            for name, value in template.wanted.items():
                found.setdefault(name.casefold(), Wish(name, value, template))
    return found


def compare(
    wanted: Mapping[str, Wish],
    keys: Mapping[str, ConfigurationKey],
    writes: Mapping[str, KeyWrite],
    at: datetime,
) -> list[Item]:
    """Each wish beside what the charger has, by name. All mappings are by names in small letters."""
    found = []
    for name, wish in sorted(wanted.items()):
        key, write = keys.get(name), writes.get(name)
        found.append(Item(wish, key.value if key else None, _state(wish, key, write, at), write))
    return found


def _state(wish: Wish, key: ConfigurationKey | None, write: KeyWrite | None, at: datetime) -> State:
    if key is None:
        return State.UNREAD
    if key.is_missing:
        return State.UNKNOWN
    if key.needs_reboot:
        return State.WAITS
    if is_same(wish.shown, key.value) and _has_password(wish, write):
        return State.IN_STEP
    if key.is_readonly:
        return State.READ_ONLY
    if write is not None and _is_of(write, wish):
        if write.answer is None and write.written_at > at - ANSWERED_WITHIN:
            return State.ASKED
        if write.answer in (WriteAnswer.REJECTED, WriteAnswer.NOT_SUPPORTED):
            return State.REFUSED
    return State.DIFFERS


def _has_password(wish: Wish, write: KeyWrite | None) -> bool:
    """Has the charger the password in this value, if there is one: was it taken since somebody wrote it down?"""
    if not masks.holds_password(wish.value):
        return True
    taken = (WriteAnswer.ACCEPTED, WriteAnswer.NEEDS_RESET)
    return write is not None and _is_of(write, wish) and write.answer in taken


def _is_of(write: KeyWrite, wish: Wish) -> bool:
    """Was this very value written? Passwords are not kept: one that is older than the template may differ."""
    if write.value != wish.shown:
        return False
    return not masks.holds_password(wish.value) or write.written_at >= wish.template.changed_at


def is_same(wanted: str, has: str | None) -> bool:
    """Do two values mean the same? Case of true and false, zeros before a number and blanks in lists do not matter."""
    return has is not None and _canonical(wanted) == _canonical(has)


def _canonical(value: str) -> Sequence[str]:
    parts = [part.strip() for part in value.split(",")]
    return [_word(part) for part in parts]


def _word(text: str) -> str:
    if text.isascii() and text.isdigit():
        return text.lstrip("0") or "0"
    return text.casefold() if text.casefold() in ("true", "false") else text


def chunks(names: Sequence[str], most: int | None, failures: int) -> Iterator[Sequence[str]]:
    """`names` in pieces that the charger answers; smaller ones each time that it did not."""
    size = max(1, (most or USUAL_CHUNK) // 4**failures)
    for start in range(0, len(names), size):
        yield names[start : start + size]


def is_boot_loop(boots: Sequence[float]) -> bool:
    """Too many boots within a short time (`boots` in s, the last ones)?"""
    recent = boots[-LOOP_BOOTS - 1 :]
    return len(recent) > LOOP_BOOTS and recent[-1] - recent[0] <= LOOP_WITHIN.total_seconds()


def written_today(write: KeyWrite | None, at: datetime) -> int:
    """How often this key was written on the day (UTC) of `at`."""
    return write.count if write is not None and _day(write.written_at) == _day(at) else 0


def budget_problem(write: KeyWrite | None, at: datetime, most: int) -> str | None:
    """Why a key must not be written once more today; None if it may (memory wears out with every write)."""
    count = written_today(write, at)
    if count < most:
        return None
    hours = math.ceil((24 * 3600 - (at - _midnight(at)).total_seconds()) / 3600)
    return told(
        "It was written %(count)s times today, and %(most)s are allowed, to spare the charger's memory: "
        "possible again in %(hours)s h, at midnight UTC.",
        count=count,
        most=most,
        hours=hours,
    )


def _day(at: datetime) -> tuple[int, int, int]:
    moment = at.astimezone(UTC)
    return moment.year, moment.month, moment.day


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def applies_by_itself(item: Item) -> bool:
    """Is it written after a boot without anybody ordering it? What was refused once is not tried again by itself."""
    return item.state is State.DIFFERS and item.wish.template.apply is Apply.ON_BOOT
