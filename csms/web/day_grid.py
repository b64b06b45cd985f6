"""A day of reservations as a table: a row for each connector, a column for each hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext

from csms.domain.reservations import Reservation

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Cell:
    """`span` hours from `begins_at` on that look alike: kept for the same reservations, or for nobody."""

    begins_at: datetime
    span: int
    kept: tuple[Reservation, ...]
    is_over: bool


@dataclass(frozen=True, slots=True)
class Hour:
    """A column. `clock`: when it begins, as it is read; `query`: what books it, for the address of a lane's form."""

    clock: str
    query: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One connector's day. `evse` 0: whichever connector of the charger; `url`: of the form that books it."""

    title: str
    evse: int
    url: str
    cells: list[Cell]
    told: list[Reservation]

    @property
    def where(self) -> str:
        where = gettext("any connector")
        if self.evse:
            where = gettext("connector %(number)s", number=self.evse)
        return f"{self.title} · {where}"


def hours_of(day: date, zone: ZoneInfo) -> list[datetime]:
    """When each hour of a day begins there; a day on which the clocks change has 23 or 25."""
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return [begin + n * HOUR for n in range(round((end - begin) / HOUR))]


def cells(kept: Sequence[Reservation], hours: Sequence[datetime], at: datetime) -> list[Cell]:
    """The hours of a lane; those that are kept for the same reservation become one. Free ones stay apart."""
    kept = [x for x in kept if until(x) > x.starts_at]
    found: list[Cell] = []
    for begins_at in hours:
        here = tuple(x for x in kept if x.starts_at < begins_at + HOUR and until(x) > begins_at)
        before = found[-1] if found else None
        if before is not None and here and before.kept == here:
            found[-1] = Cell(before.begins_at, before.span + 1, here, before.is_over)
        else:
            found.append(Cell(begins_at, 1, here, begins_at + HOUR <= at))
    return found


def until(reservation: Reservation) -> datetime:
    """Until when the place was really kept."""
    ended_at = reservation.ended_at or reservation.expires_at
    return max(reservation.starts_at, min(ended_at, reservation.expires_at))
