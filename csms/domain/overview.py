"""The figures above the dashboard."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Date
from sqlalchemy.orm import Session

from csms.domain import first_steps
from csms.domain.chargers import census
from csms.domain.chargers.census import Census
from csms.domain.chargers.filtering import Filter
from csms.domain.first_steps import FirstSteps
from csms.domain.reports import uptime
from csms.domain.sums import Later, SingleRows
from csms.domain.transactions import figures
from csms.domain.transactions.figures import Day, GridUse

UPTIME_OF = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Overview:
    """The fleet, the day so far, the uptime of UPTIME_OF, and how far a new installation has come."""

    fleet: Census
    day: Day
    grid: GridUse
    uptime: float | None
    steps: FirstSteps


def overview(session: Session, *, midnight: datetime, at: datetime) -> Overview:
    """One query."""
    standing, day, grid, days, steps = _asked().read(
        session, midnight=midnight, at=at, today=at.astimezone(UTC).date()
    )
    return Overview(
        census.counted(standing),
        Day(*(int(x) for x in day)),
        GridUse(*(int(x) for x in grid)),
        uptime.share_of(days),
        first_steps.told(steps),
    )


@lru_cache
def _asked() -> SingleRows:
    at: Any = Later("at")
    midnight: Any = Later("midnight")
    today: Any = Later("today", Date())
    queries = (
        census.counting(Filter(), at),
        figures.day(midnight, at),
        figures.grid_use(at),
        uptime.days_of_all(today - UPTIME_OF, today),
        first_steps.asking(),
    )
    return SingleRows(queries, {"at": at, "midnight": midnight, "today": today})
