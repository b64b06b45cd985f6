"""The capacity slots of a connector as a profile that comes again every day."""

import contextlib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csms.domain import slots
from csms.domain.base import DomainError
from csms.domain.chargers import Charger, Connector, quirks_of
from csms.domain.energy import budget, queries
from csms.domain.energy.composite import Supply
from csms.domain.energy.models import ProfileAssignment
from csms.domain.energy.profiles import (
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    to_content,
)
from csms.domain.energy.service import Meant, check
from csms.domain.energy.standing import drop_standing, keep_standing, newest, state_of
from csms.domain.slots import SlotKind, SlotRange
from csms.domain.slots.rules import Pattern
from csms.quantities import amperes
from csms.sentences import told

SOURCE = "slots"
DAY_S = 86_400
NO_LIMIT_W = 1_000_000.0  # where a schedule must say something, and nothing limits
LEVEL = 1  # above a fallback, which has 0; below what a person sets


def follow(session: Session, connector: Connector, *, at: datetime) -> ProfileAssignment | None:
    """Have the charger keep to a connector's capacity slots; None when it has none. Raises Invalid or Refused."""
    own = slots.pattern_of(session, connector.id, SlotKind.CAPACITY)
    charger, evse = connector.charger, connector.evse_number
    if not any(x is not None for x in own):
        drop_standing(session, charger, evse, SOURCE, at=at)
        return None
    profile = _profile(session, connector, own, at)
    return keep_standing(
        session, charger, evse, profile, Meant(told("Capacity by slot"), None, source=SOURCE), at=at
    )


def write(
    session: Session,
    connector: Connector,
    kind: SlotKind,
    stretches: Sequence[tuple[int, int]],
    value: Decimal | None,
    *,
    time_zone: str,
    currency: str,
    by: str,
    at: datetime,
) -> None:
    """Write slots as `slots.write` does, and have the charger keep to those of its capacity.

    What the charger cannot take is told by `state`, and tried again when it may have changed. Raises Invalid for what
    no slots are.
    """
    slots.write(
        session, connector, kind, stretches, value, time_zone=time_zone, currency=currency, by=by, at=at
    )
    if kind is SlotKind.CAPACITY:
        with contextlib.suppress(DomainError), session.begin_nested():
            follow(session, connector, at=at)


def state(session: Session, connector: Connector, at: datetime) -> tuple[str, str] | None:
    """What became of the limits at the charger, and why in a sentence; None: there are none."""
    charger, evse = connector.charger, connector.evse_number
    own = slots.pattern_of(session, connector.id, SlotKind.CAPACITY)
    profile = _profile(session, connector, own, at) if any(x is not None for x in own) else None
    given = newest(session, charger.id, evse, SOURCE)
    is_given = given is not None and given.ended_at is None
    spared = budget.problem(session, charger, at)
    if profile is not None and spared and not (given and is_given and given.content == to_content(profile)):
        return queries.State.WANTED.value, spared
    if given is not None and is_given:
        known, why = state_of(session, given)
        return known.value, why
    if profile is None:
        return None
    try:
        check(session, charger, evse, profile, at)
    except DomainError as error:
        return queries.State.REFUSED.value, str(error)
    return queries.State.WANTED.value, told("It is sent with the next look, in a minute at most.")


def follow_all(session: Session, at: datetime) -> int:
    """Give every connector what its slots say by now: after a refusal, a change of clocks, a change at the charger."""
    has_slots = select(SlotRange.connector_id).where(
        SlotRange.kind == SlotKind.CAPACITY, SlotRange.signal_id.is_(None), SlotRange.ends_at.is_(None)
    )
    has_profile = (
        select(Connector.id)
        .join(
            ProfileAssignment,
            (ProfileAssignment.charger_id == Connector.charger_id)
            & (ProfileAssignment.evse_number == Connector.evse_number),
        )
        .where(ProfileAssignment.source == SOURCE, ProfileAssignment.ended_at.is_(None))
    )
    query = select(Connector).where(or_(Connector.id.in_(has_slots), Connector.id.in_(has_profile)))
    count = 0
    for connector in session.scalars(query).all():
        before = newest(session, connector.charger_id, connector.evse_number, SOURCE)
        try:
            after = follow(session, connector, at=at)
        except DomainError:  # whoever looks at the slots is told why
            continue
        count += after is not None and after is not before
    return count


def _profile(session: Session, connector: Connector, limits_w: Pattern, at: datetime) -> Profile:
    charger = connector.charger
    most_w = float(connector.max_power_w or NO_LIMIT_W)
    unit, supply = unit_of(session, charger), queries.supply_of(session, charger.id)
    periods: list[Period] = []
    for slot, limit_w in enumerate(limits_w):
        limit = in_unit(charger, most_w if limit_w is None else min(float(limit_w), most_w), unit, supply)
        if not periods or periods[-1].limit != limit:
            periods.append(Period(slot * 300, limit))
    schedule = Schedule(unit, tuple(periods), _origin(session, connector, at), DAY_S)
    most = queries.able(session, charger.id).most_stack_level
    level = LEVEL if most is None else min(LEVEL, most)
    return Profile(Purpose.TX_DEFAULT, ProfileKind.RECURRING, (schedule,), level, recurrency=Recurrency.DAILY)


def _origin(session: Session, connector: Connector, at: datetime) -> datetime:
    """A midnight long ago by today's clocks: it is another one when the clocks have been changed, and only then."""
    query = select(SlotRange.time_zone).where(
        SlotRange.connector_id == connector.id, SlotRange.kind == SlotKind.CAPACITY
    )
    zone = ZoneInfo(session.scalar(query.order_by(SlotRange.id.desc()).limit(1)) or "UTC")
    ahead = at.astimezone(zone).utcoffset() or timedelta()
    return datetime.combine(date(2024, 1, 1), time(), at.tzinfo) - ahead


def unit_of(session: Session, charger: Charger) -> RateUnit:
    """W where the charger says that it takes them, else A, which all do."""
    units = queries.able(session, charger.id).units
    return RateUnit.W if units is not None and RateUnit.W in units else RateUnit.A


def in_unit(charger: Charger, limit_w: float, unit: RateUnit, supply: Supply) -> float:
    """A limit as the charger obeys it, never above `limit_w`: whole W, or tenths of A."""
    if unit is RateUnit.W:
        return float(int(limit_w))
    tenths = int(amperes(limit_w, supply.voltage_v, supply.phases) * 10 + 1e-6) / 10
    return quirks_of(charger).charging.fit_a(tenths)
