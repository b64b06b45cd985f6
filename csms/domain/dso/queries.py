"""Finding signals, and what became of them."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import NotFound
from csms.domain.chargers import Charger
from csms.domain.dso.models import DsoDelivery, DsoSignal, SignalKind
from csms.domain.energy import ProfileAssignment, State, standing
from csms.sentences import told


class Fate(enum.StrEnum):
    """What became of a signal at a charger. APPLIED: a price, which no charger has to be told."""

    WAITING = "waiting"
    SENT = "sent"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    APPLIED = "applied"
    OVER = "over"


_FATES = {
    State.WANTED: Fate.WAITING,
    State.SENT: Fate.SENT,
    State.INSTALLED: Fate.ACCEPTED,
    State.REFUSED: Fate.FAILED,
    State.UNKNOWN: Fate.UNKNOWN,
    State.CLEARED: Fate.OVER,
}


@dataclass(frozen=True, slots=True)
class At:
    """A signal at a charger, and why in a sentence."""

    charger: Charger
    fate: Fate
    why: str
    is_online: bool


def listed(*, with_withdrawn: bool = True) -> Select[DsoSignal]:
    query = select(DsoSignal)
    return query if with_withdrawn else query.where(DsoSignal.withdrawn_at.is_(None))


def active(session: Session, at: datetime) -> Sequence[DsoSignal]:
    """Signals that hold now or will, the oldest first."""
    query = listed(with_withdrawn=False).where(DsoSignal.ends_at > at).order_by(DsoSignal.id)
    return session.scalars(query).all()


def get(session: Session, signal_id: int) -> DsoSignal:
    """Raises NotFound."""
    found = session.get(DsoSignal, signal_id)
    if found is None:
        raise NotFound("There is no such signal.")
    return found


def find(session: Session, number: int) -> DsoSignal | None:
    """The signal that its sender knows by this number, unless it was withdrawn."""
    query = listed(with_withdrawn=False).where(DsoSignal.number == number)
    return session.scalar(query.order_by(DsoSignal.id.desc()).limit(1))


def by_number(session: Session, number: int) -> DsoSignal:
    """Raises NotFound."""
    found = find(session, number)
    if found is None:
        raise NotFound("There is no such signal.")
    return found


def by_task(session: Session, task_id: str) -> DsoSignal | None:
    return session.scalar(select(DsoSignal).where(DsoSignal.task_id == task_id[:36]))


def at_chargers(session: Session, signal: DsoSignal, at: datetime) -> list[At]:
    """What became of a signal, by charger."""
    query = (
        select(DsoDelivery)
        .where(DsoDelivery.signal_id == signal.id)
        .options(joinedload(DsoDelivery.charger).joinedload(Charger.lease))
        .order_by(DsoDelivery.charger_id)
    )
    return [_at(session, signal, x, at) for x in session.scalars(query)]


def _at(session: Session, signal: DsoSignal, delivery: DsoDelivery, at: datetime) -> At:
    charger = delivery.charger
    is_online = charger.lease is not None and charger.lease.is_online(at)
    fate, why = _fate(session, signal, delivery, at)
    return At(charger, fate, why, is_online)


def _fate(session: Session, signal: DsoSignal, delivery: DsoDelivery, at: datetime) -> tuple[Fate, str]:
    if signal.withdrawn_at is not None:
        return Fate.OVER, told("The signal was withdrawn.")
    if signal.ends_at <= at:
        return Fate.OVER, told("Its time is over.")
    if signal.kind is SignalKind.TARIFF:
        return Fate.APPLIED, told("Sessions that begin in its time have its price.")
    if delivery.problem is not None:
        return Fate.FAILED, delivery.problem
    assignment = session.get(ProfileAssignment, delivery.assignment_id) if delivery.assignment_id else None
    if assignment is None:
        return Fate.WAITING, told("It is sent as soon as the charger's connectors are known.")
    state, why = standing.state_of(session, assignment)
    return _FATES[state], why


class Band(NamedTuple):
    """A stretch of time with a limit in W, or with the price of a kWh in `currency`."""

    begins_at: datetime
    ends_at: datetime
    value: Decimal
    currency: str | None


def bands(
    session: Session, substation_id: str | None, kind: SignalKind, begins_at: datetime, ends_at: datetime
) -> list[Band]:
    """The windows of a substation's signals in a stretch of time, as far as they held, in order."""
    if substation_id is None:
        return []
    query = select(DsoSignal).where(
        DsoSignal.substation_id == substation_id,
        DsoSignal.kind == kind,
        DsoSignal.ends_at > begins_at,
        DsoSignal.begins_at < ends_at,
    )
    found = []
    for signal in session.scalars(query):
        until = min(ends_at, signal.withdrawn_at or ends_at)
        for begin, end, value in signal.windows:
            if begin < until and end > begins_at:
                found.append(Band(max(begin, begins_at), min(end, until), value, signal.currency))
    return sorted(found, key=lambda x: (x.begins_at, x.ends_at, x.value))
