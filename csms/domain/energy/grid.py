"""Limits that come from the grid, as a profile of the whole charger that goes before every other limit of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from csms.domain.chargers import Charger
from csms.domain.energy import queries
from csms.domain.energy.capacity import NO_LIMIT_W, in_unit, unit_of
from csms.domain.energy.composite import Supply, Window, stack
from csms.domain.energy.models import ProfileAssignment
from csms.domain.energy.profiles import Period, Profile, ProfileKind, Purpose, RateUnit, Schedule
from csms.domain.energy.queries import Held
from csms.domain.energy.service import Meant
from csms.domain.energy.standing import drop_standing, keep_standing, newest

SOURCE = "grid"


@dataclass(frozen=True, slots=True)
class Cap:
    """What a charger may draw in a stretch of time, in W."""

    begins_at: datetime
    ends_at: datetime
    limit_w: float


def follow(
    session: Session, charger: Charger, caps: Sequence[Cap], name: str, *, at: datetime
) -> ProfileAssignment | None:
    """Have a charger keep to caps, in order and none over another; none: to none. Raises Invalid or Refused.

    Where somebody has set a lower limit for the whole charger, that is in the profile: of this purpose the charger
    obeys its highest level alone, which is this one's.
    """
    caps = [x for x in caps if x.ends_at > at]
    if not caps:
        drop_standing(session, charger, 0, SOURCE, at=at)
        return None
    profile = _profile(session, charger, caps, at)
    return keep_standing(session, charger, 0, profile, Meant(name, None, source=SOURCE), at=at)


def given(session: Session, charger: Charger) -> ProfileAssignment | None:
    """The charger's profile from the grid, as it was last sent; None where it has ended."""
    found = newest(session, charger.id, 0, SOURCE)
    return found if found is not None and found.ended_at is None else None


def _profile(session: Session, charger: Charger, caps: Sequence[Cap], at: datetime) -> Profile:
    able = queries.able(session, charger.id)
    unit, supply = unit_of(session, charger), queries.supply_of(session, charger.id)
    others = [
        x
        for x in queries.held(session, charger)
        if x.profile.purpose is Purpose.CHARGER_MAX and x.assignment.source != SOURCE and x.is_in_force
    ]
    steps = _steps(caps, _lower(caps, others, supply))
    begins_at, ends_at = steps[0][0], caps[-1].ends_at
    if able.most_periods is not None and len(steps) > able.most_periods:
        past = [x for x in steps if x[0] <= at]
        steps = [*past[-1:], *(x for x in steps if x[0] > at)]
        begins_at = steps[0][0]
        if len(steps) > able.most_periods:  # the rest is sent when its time comes
            ends_at = steps[able.most_periods][0]
            steps = steps[: able.most_periods]
    periods: list[Period] = []
    for moment, limit_w in steps:
        limit = in_unit(charger, limit_w, unit, supply)
        if not periods or periods[-1].limit != limit:
            periods.append(Period(int((moment - begins_at).total_seconds()), limit))
    schedule = Schedule(unit, tuple(periods), begins_at, int((ends_at - begins_at).total_seconds()))
    level = able.most_stack_level
    if level is None:
        level = max((x.profile.stack_level for x in others), default=0) + 1
    return Profile(
        Purpose.CHARGER_MAX, ProfileKind.ABSOLUTE, (schedule,), level, valid_from=begins_at, valid_to=ends_at
    )


def _lower(
    caps: Sequence[Cap], others: Sequence[Held], supply: Supply
) -> list[tuple[datetime, float | None]]:
    """What the charger is limited to besides, over the time of the caps."""
    window = Window(caps[0].begins_at, caps[-1].ends_at, RateUnit.W, supply, {})
    told = stack([x.as_installed for x in others], Purpose.CHARGER_MAX, 0, window)
    return [(x.at, x.limit) for x in told.steps]


def _steps(
    caps: Sequence[Cap], others: Sequence[tuple[datetime, float | None]]
) -> list[tuple[datetime, float]]:
    """The lower of both from moment to moment, whole seconds."""
    end = caps[-1].ends_at
    moments = {x for cap in caps for x in (cap.begins_at, cap.ends_at)} | {x for x, _ in others}
    steps: list[tuple[datetime, float]] = []
    for moment in sorted(x for x in moments if x < end):
        cap = next((x.limit_w for x in caps if x.begins_at <= moment < x.ends_at), NO_LIMIT_W)
        other = next((limit for since, limit in reversed(others) if since <= moment), None)
        limit = cap if other is None else min(cap, other)
        if not steps or steps[-1][1] != limit:
            steps.append((moment + timedelta(microseconds=-moment.microsecond), limit))
    return steps
