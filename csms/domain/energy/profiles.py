"""What a charging profile is, in the words of OCPP 2.0.1 (part 2 K, §2.10–2.13), and how it is kept as JSON.

Limits are in A per phase or in W over all phases, offsets and durations in whole seconds, moments in UTC.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Content = dict[str, Any]


class Purpose(enum.StrEnum):
    """What a profile limits. Each charger keeps a stack of profiles for each purpose."""

    EXTERNAL = "ChargingStationExternalConstraints"
    CHARGER_MAX = "ChargingStationMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


class ProfileKind(enum.StrEnum):
    """From when the seconds of a schedule count: a moment, a moment of every day or week, the start of charging."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class Recurrency(enum.StrEnum):
    DAILY = "Daily"
    WEEKLY = "Weekly"

    @property
    def seconds(self) -> int:
        return 86_400 if self is Recurrency.DAILY else 7 * 86_400


class RateUnit(enum.StrEnum):
    """A: per phase. W: over all phases (1.6 errata 3.68)."""

    A = "A"
    W = "W"


@dataclass(frozen=True, slots=True)
class Period:
    """From `start_s` after the schedule's start, to the next period: at most `limit`, on so many phases."""

    start_s: int
    limit: float
    phases: int | None = None
    phase_to_use: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """`duration_s` None: the last period goes on. `least_rate`: below it charging is not worth while, in `unit`."""

    unit: RateUnit
    periods: tuple[Period, ...]
    starts_at: datetime | None = None
    duration_s: int | None = None
    least_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile without an id: chargers are given it under a number of their own. Valid from `valid_from` to before
    `valid_to`.
    """

    purpose: Purpose
    kind: ProfileKind
    schedules: tuple[Schedule, ...]
    stack_level: int = 0
    recurrency: Recurrency | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def schedule(self) -> Schedule:
        """The one that counts wherever there is no negotiation with the car."""
        return self.schedules[0]

    @property
    def ends_at(self) -> datetime | None:
        """From when on it says nothing any more; None: not known beforehand."""
        ends = [self.valid_to] if self.valid_to else []
        if self.kind is ProfileKind.ABSOLUTE and self.schedule.starts_at and self.schedule.duration_s:
            ends.append(_later(self.schedule.starts_at, self.schedule.duration_s))
        return min(ends, default=None)


def _later(at: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(at.timestamp() + seconds, UTC)


def to_content(profile: Profile) -> Content:
    """The profile as JSON; what is not set is left out."""
    content = {
        "purpose": profile.purpose.value,
        "kind": profile.kind.value,
        "stack_level": profile.stack_level,
        "recurrency": profile.recurrency.value if profile.recurrency else None,
        "valid_from": _written(profile.valid_from),
        "valid_to": _written(profile.valid_to),
        "schedules": [_schedule_content(x) for x in profile.schedules],
    }
    return {name: value for name, value in content.items() if value is not None}


def _schedule_content(schedule: Schedule) -> Content:
    content = {
        "unit": schedule.unit.value,
        "starts_at": _written(schedule.starts_at),
        "duration_s": schedule.duration_s,
        "least_rate": schedule.least_rate,
        "periods": [_period_content(x) for x in schedule.periods],
    }
    return {name: value for name, value in content.items() if value is not None}


def _period_content(period: Period) -> Content:
    content = {
        "start_s": period.start_s,
        "limit": period.limit,
        "phases": period.phases,
        "phase_to_use": period.phase_to_use,
    }
    return {name: value for name, value in content.items() if value is not None}


def from_content(content: Mapping[str, Any]) -> Profile:
    """The profile of what `to_content` has written."""
    recurrency = content.get("recurrency")
    return Profile(
        purpose=Purpose(content["purpose"]),
        kind=ProfileKind(content["kind"]),
        schedules=tuple(_schedule(x) for x in content["schedules"]),
        stack_level=content.get("stack_level", 0),
        recurrency=Recurrency(recurrency) if recurrency else None,
        valid_from=_read(content.get("valid_from")),
        valid_to=_read(content.get("valid_to")),
    )


def _schedule(content: Mapping[str, Any]) -> Schedule:
    return Schedule(
        unit=RateUnit(content["unit"]),
        periods=tuple(
            Period(x["start_s"], x["limit"], x.get("phases"), x.get("phase_to_use"))
            for x in content["periods"]
        ),
        starts_at=_read(content.get("starts_at")),
        duration_s=content.get("duration_s"),
        least_rate=content.get("least_rate"),
    )


def _written(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
