"""Receiving and withdrawing signals, and seeing to it that what they ask for is so."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain import commands, slots
from csms.domain.base import DomainError, Refused, announce
from csms.domain.chargers import Admission, Charger, Connector
from csms.domain.dso import queries
from csms.domain.dso.models import DsoDelivery, DsoSignal, SignalKind
from csms.domain.dso.reading import Notice, check
from csms.domain.energy import ProfileAssignment, grid
from csms.domain.energy import queries as energy_queries
from csms.domain.energy.composite import Supply
from csms.domain.energy.grid import Cap
from csms.domain.energy.shares import Place, share
from csms.domain.sites import Site
from csms.domain.slots import SlotKind, SlotRange
from csms.sentences import told

TOPIC = "dso"
LEAST_A = 6.0  # IEC 61851-1: with less no car charges
Deliveries = dict[tuple[int, int], DsoDelivery]
USUAL_W = 22_080.0  # what a connector can draw of which nobody has said it: 32 A on three phases


def receive(session: Session, notice: Notice, *, currency: str, by: str | None, at: datetime) -> DsoSignal:
    """Keep a signal and do what it asks for. Raises Invalid, and Refused for a number that is in use."""
    windows = check(notice)
    number = notice.number
    if number is not None and queries.find(session, number) is not None:
        raise Refused("There is a signal %(number)s already: withdraw it first.", number=number)
    if number is None:
        number = (session.scalar(select(func.max(DsoSignal.number))) or 0) + 1
    signal = DsoSignal(
        number=number,
        uuid=notice.uuid or str(uuid.uuid4()),
        task_id=commands.new_id(at),
        kind=notice.kind,
        substation_id=notice.substation_id.strip(),
        location_name=(notice.location_name or "").strip()[:80] or None,
        sent_at=notice.sent_at,
        begins_at=windows[0].begins_at,
        ends_at=windows[-1].ends_at,
        periods=[
            {
                "begins_at": x.begins_at.astimezone(UTC).isoformat(),
                "ends_at": x.ends_at.astimezone(UTC).isoformat(),
                "value": format(x.value, "f"),
            }
            for x in windows
        ],
        currency=currency,
        told=notice.told,
        created_by=by,
        created_at=at,
    )
    session.add(signal)
    session.flush()
    if signal.ends_at > at:
        apply(session, signal, at=at)
    announce(session, TOPIC)
    return signal


def withdraw(session: Session, signal: DsoSignal, *, by: str | None, at: datetime) -> None:
    """Take a signal back: prices and limits that it set end now. Sessions keep the price that they began with."""
    if signal.withdrawn_at is not None:
        raise Refused("The signal is withdrawn already.")
    signal.withdrawn_at, signal.withdrawn_by = at, by
    session.flush()
    slots.lift(session, signal.id, at)
    if signal.kind is SignalKind.CAPACITY:
        _limit(session, _sites_of(session, [signal.substation_id]), at)
    announce(session, TOPIC)


def apply(session: Session, signal: DsoSignal, *, at: datetime) -> int:
    """Do what a signal asks for, as far as it is not done yet. How many connectors or chargers are new to it."""
    sites = _sites_of(session, [signal.substation_id])
    if signal.kind is SignalKind.CAPACITY:
        return _limit(session, sites, at)
    chargers = _chargers_at(session, sites)
    deliveries = _deliveries(session, [signal])
    for charger in chargers:
        _delivery(session, deliveries, signal, charger)
    wanted = {x.id for charger in chargers for x in charger.connectors}
    query = select(SlotRange.connector_id).where(SlotRange.signal_id == signal.id).distinct()
    laid = set(session.scalars(query))
    for begin, end, value in signal.windows:
        if wanted - laid and end > at:
            window = (max(begin, at), end)
            slots.lay(
                session,
                wanted - laid,
                SlotKind.TARIFF,
                window,
                value,
                signal_id=signal.id,
                currency=signal.currency,
                at=at,
            )
    if laid - wanted:
        slots.lift(session, signal.id, at, laid - wanted)
    return len(wanted - laid)


def follow(session: Session, at: datetime) -> int:
    """See to all signals that hold: chargers may have come, gone, booted or been limited otherwise since."""
    signals = queries.active(session, at)
    count = sum(apply(session, x, at=at) for x in signals if x.kind is SignalKind.TARIFF)
    substations = {x.substation_id for x in signals if x.kind is SignalKind.CAPACITY}
    sites = _sites_of(session, substations)
    return count + _limit(session, sites, at) + _release(session, {x.id for x in sites}, at)


def is_settled(session: Session, signal: DsoSignal, at: datetime) -> bool:
    """Has every charger answered that can be reached now?"""
    return all(
        x.fate not in (queries.Fate.SENT, queries.Fate.WAITING) or not x.is_online
        for x in queries.at_chargers(session, signal, at)
    )


def _sites_of(session: Session, substations: Iterable[str]) -> Sequence[Site]:
    names = set(substations)
    return session.scalars(select(Site).where(Site.substation_id.in_(names))).all() if names else ()


def _chargers_at(session: Session, sites: Sequence[Site]) -> Sequence[Charger]:
    query = (
        select(Charger)
        .where(Charger.site_id.in_([x.id for x in sites]), Charger.admission == Admission.ACCEPTED)
        .options(joinedload(Charger.lease), selectinload(Charger.connectors))
        .order_by(Charger.id)
    )
    return session.scalars(query).unique().all()


def _release(session: Session, site_ids: set[int], at: datetime) -> int:
    """Take the limit off chargers whose site has none any more."""
    query = (
        select(Charger)
        .join(ProfileAssignment, ProfileAssignment.charger_id == Charger.id)
        .where(ProfileAssignment.source == grid.SOURCE, ProfileAssignment.ended_at.is_(None))
        .distinct()
    )
    released = [x for x in session.scalars(query) if x.site_id not in site_ids]
    for charger in released:
        grid.follow(session, charger, (), "", at=at)
    return 0


def _limit(session: Session, sites: Sequence[Site], at: datetime) -> int:
    """Divide each site's limit over its connectors, and have the chargers keep to it. How many were given a new one."""
    if not sites:
        return 0
    signals = [x for x in queries.active(session, at) if x.kind is SignalKind.CAPACITY]
    chargers = _chargers_at(session, sites)
    deliveries = _deliveries(session, signals)
    count = 0
    with energy_queries.read_ahead(session, [x.id for x in chargers]):
        for site in sites:
            its_own = [x for x in signals if x.substation_id == site.substation_id]
            at_site = [x for x in chargers if x.site_id == site.id]
            count += _limit_site(session, its_own, at_site, deliveries, at)
    return count


def _limit_site(
    session: Session,
    signals: Sequence[DsoSignal],
    chargers: Sequence[Charger],
    deliveries: Deliveries,
    at: datetime,
) -> int:
    if not signals:
        for charger in chargers:
            grid.follow(session, charger, (), "", at=at)
        return 0
    steps = _lowest(signals)
    shares = [share(float(value), _places(session, chargers)) for _, _, value in steps]
    count = 0
    for charger in chargers:
        there = [_delivery(session, deliveries, signal, charger) for signal in signals]
        own = [x.id for x in charger.connectors]
        caps = [
            Cap(begin, end, sum(given[x] for x in own))
            for (begin, end, _), given in zip(steps, shares, strict=True)
        ]
        if not own:  # it has never come: what it is to get is told by its connectors
            continue
        if _give(session, charger, caps, there, at):
            _tell(session, charger.connectors, signals, steps, shares, at)
            count += 1
    return count


def _lowest(signals: Sequence[DsoSignal]) -> list[tuple[datetime, datetime, Decimal]]:
    """From moment to moment the lowest of what signals allow, where any says something."""
    windows = [x for signal in signals for x in signal.windows]
    moments = sorted({x for begin, end, _ in windows for x in (begin, end)})
    found = []
    for begin, end in zip(moments, moments[1:], strict=False):
        holding = [value for since, until, value in windows if since <= begin < until]
        if holding:
            found.append((begin, end, min(holding)))
    return found


def _places(session: Session, chargers: Sequence[Charger]) -> list[Place]:
    places = []
    for charger in chargers:
        supply = energy_queries.supply_of(session, charger.id)
        running = energy_queries.running(session, charger)
        for connector in charger.connectors:
            session_there = running.get(connector.evse_number)
            since = session_there.started_at.timestamp() if session_there else None
            most_w = float(connector.max_power_w or USUAL_W)
            places.append(Place(connector.id, most_w, min(most_w, _least_w(supply)), since))
    return places


def _least_w(supply: Supply) -> float:
    return LEAST_A * supply.voltage_v * supply.phases


def _give(
    session: Session, charger: Charger, caps: Sequence[Cap], deliveries: Sequence[DsoDelivery], at: datetime
) -> bool:
    """Whether it was sent something new. Why it cannot be sent is kept for whoever looks."""
    before, after, problem = grid.given(session, charger), None, None
    try:
        after = grid.follow(session, charger, caps, told("Limit of the grid"), at=at)
    except DomainError as error:
        problem = str(error)[:300]
    for delivery in deliveries:
        delivery.assignment_id, delivery.problem = after.id if after else None, problem
    is_new = after is not None and after is not before
    if is_new:
        announce(session, TOPIC)
    return is_new


def _deliveries(session: Session, signals: Sequence[DsoSignal]) -> Deliveries:
    """What is kept of signals and chargers, by the ids of both."""
    query = select(DsoDelivery).where(DsoDelivery.signal_id.in_([x.id for x in signals]))
    return {(x.signal_id, x.charger_id): x for x in session.scalars(query)}


def _delivery(session: Session, known: Deliveries, signal: DsoSignal, charger: Charger) -> DsoDelivery:
    """The row of a signal and a charger, made where there is none yet."""
    found = known.get((signal.id, charger.id))
    if found is None:
        found = known[signal.id, charger.id] = DsoDelivery(signal_id=signal.id, charger_id=charger.id)
        session.add(found)
    return found


def _tell(
    session: Session,
    connectors: Sequence[Connector],
    signals: Sequence[DsoSignal],
    steps: Sequence[tuple[datetime, datetime, Decimal]],
    shares: Sequence[dict[int, float]],
    at: datetime,
) -> None:
    """Note each connector's share in its slots, in the place of what was noted of the time that is to come."""
    own = [x.id for x in connectors]
    for signal in signals:
        slots.lift(session, signal.id, at, own)
    for (begin, end, _), given in zip(steps, shares, strict=True):
        signal = next(x for x in signals if any(since <= begin < until for since, until, _ in x.windows))
        for connector_id in own:
            if end > at:
                slots.lay(
                    session,
                    [connector_id],
                    SlotKind.CAPACITY,
                    (max(begin, at), end),
                    Decimal(int(given[connector_id])),
                    signal_id=signal.id,
                    currency=None,
                    at=at,
                )
