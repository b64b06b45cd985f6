"""The arithmetic of slots. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from csms.domain.base import Invalid

SLOTS = 288
MINUTES = 5
Pattern = list[Decimal | None]

_RANGE = re.compile(r"(\d{2}):(\d{2})\s*-\s*(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Run:
    """Slots `starts` to before `ends` of a day that have the same value."""

    starts: int
    ends: int
    value: Decimal


def label(slot: int) -> str:
    """ "HH:MM-HH:MM" of one slot; the last one ends at 00:00."""
    return f"{clock_of(slot)}-{clock_of(slot + 1)}"


def clock_of(slot: int) -> str:
    minutes = slot % SLOTS * MINUTES
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_range(text: str, field: str = "range") -> list[tuple[int, int]]:
    """The slots of "HH:MM-HH:MM": one stretch, or two where it goes over midnight; a range to itself is the whole day.

    Raises Invalid for what is no range of whole slots.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise Invalid("Write a range of time as 22:00-06:00.", field)
    hours_from, from_minutes, hours_to, to_minutes = (int(x) for x in found.groups())
    starts, ends = _slot(hours_from, from_minutes, field), _slot(hours_to, to_minutes, field)
    starts %= SLOTS
    if starts < ends:
        return [(starts, ends)]
    return [x for x in ((starts, SLOTS), (0, ends)) if x[0] < x[1]]


def _slot(hours: int, minutes: int, field: str) -> int:
    if minutes > 59 or hours * 60 + minutes > 1440:
        raise Invalid("There is no such time of the day.", field)
    if minutes % MINUTES:
        raise Invalid("Slots begin and end at whole five minutes.", field)
    return (hours * 60 + minutes) // MINUTES


def pattern(ranges: Iterable[tuple[int, int, Decimal | None]]) -> Pattern:
    """The value of each slot of a day; of ranges that overlap the last one counts."""
    slots: Pattern = [None] * SLOTS
    for starts, ends, value in ranges:
        slots[starts:ends] = [value] * (ends - starts)
    return slots


def runs(slots: Sequence[Decimal | None]) -> list[Run]:
    """Slots with a value of their own, joined where neighbours have the same."""
    found: list[Run] = []
    for slot, value in enumerate(slots):
        if value is None:
            continue
        if found and (found[-1].ends, found[-1].value) == (slot, value):
            found[-1] = Run(found[-1].starts, slot + 1, value)
        else:
            found.append(Run(slot, slot + 1, value))
    return found


def by_days(begins_at: datetime, ends_at: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """A stretch of time on the clocks of `zone`, cut at each midnight."""
    local, end = begins_at.astimezone(zone), ends_at.astimezone(zone)
    found = []
    while local < end:
        midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
        found.append((local, min(midnight, end)))
        local = midnight
    return found
