"""What needs a person: counted for the frame of every page, and listed for the dashboard."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from csms.domain.chargers import Admission, Attempt, Charger, Connector, ConnectorStatus, LinkLease
from csms.domain.chargers.queries import is_online, is_reachable
from csms.domain.transactions import Flag, Transaction, TransactionState

ATTEMPTS_OF = timedelta(hours=24)
SESSIONS_OF = timedelta(hours=48)
MOST_OF_A_KIND = 40

# Flags that make a session's figures doubtful; the others only say how it came about.
DOUBTFUL = (
    Flag.METER_RESET,
    Flag.METER_BACKWARDS,
    Flag.METER_IMPLAUSIBLE,
    Flag.MISSING_ENERGY,
    Flag.CLOCK_SUSPECT,
    Flag.UNAUTHORISED,
    Flag.DIFFERING_STOP,
    Flag.SALVAGED,
)


class Matter(enum.StrEnum):
    """Why something needs a person."""

    FAULTED = "faulted"
    OFFLINE = "offline"
    PENDING = "pending"
    REFUSED = "refused"
    UNENDED = "unended"  # sessions whose Stop never came: their energy is estimated
    ORPHAN = "orphan"  # Stops of sessions that were never begun
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs a person. What it is about is in the field that fits; `count` sessions stand behind it."""

    matter: Matter
    since: datetime
    charger: Charger | None = None
    connector: Connector | None = None
    attempt: Attempt | None = None
    count: int = 1

    @property
    def key(self) -> str:
        """What names it on a page."""
        about = self.connector or self.charger or self.attempt
        return f"{self.matter}-{about.id if about else 'all'}"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many things need a person, and what the navigation counts."""

    total: int = 0
    faults: int = 0
    attempts: int = 0
    chargers: int = 0
    running: int = 0


def _is_offline(at: datetime) -> ColumnElement[bool]:
    return and_(
        Charger.admission == Admission.ACCEPTED,
        Charger.is_simulated.is_(False),  # nobody misses a simulated charger
        LinkLease.connected_at.is_not(None),
        ~is_online(at),
    )


def _is_faulted(at: datetime) -> ColumnElement[bool]:
    return and_(Connector.status == ConnectorStatus.FAULTED, is_reachable(at))


def _is_refused(at: datetime) -> ColumnElement[bool]:
    """Sent away lately, and not let in since."""
    let_in = (
        select(LinkLease.charger_id)
        .join(Charger)
        .where(
            Charger.identity_folded == func.lower(Attempt.identity), LinkLease.connected_at > Attempt.last_at
        )
    )
    return and_(Attempt.last_at > at - ATTEMPTS_OF, ~exists(let_in))


def _sessions(matter: Matter, at: datetime) -> Select[int, datetime]:
    """(how many, the oldest) of the sessions of a kind."""
    query = select(func.count(), func.min(Transaction.started_at)).where(
        Transaction.started_at > at - SESSIONS_OF
    )
    if matter is Matter.ORPHAN:
        return query.where(Transaction.state == TransactionState.ORPHAN)
    if matter is Matter.UNENDED:
        return query.where(Transaction.state == TransactionState.ENDED_UNKNOWN)
    flags = cast(Transaction.flags, Text)
    return query.where(
        Transaction.state == TransactionState.ENDED, or_(*(flags.contains(f'"{x.value}"') for x in DOUBTFUL))
    )


def tally(session: Session, *, at: datetime) -> Tally:
    """All counts with one query."""
    faulted = (
        select(func.count(Connector.id)).join(Connector.charger).join(Charger.lease).where(_is_faulted(at))
    )
    offline = select(func.count(Charger.id)).join(Charger.lease).where(_is_offline(at))
    pending = select(func.count(Charger.id)).where(Charger.admission == Admission.PENDING)
    refused = select(func.count(Attempt.id)).where(_is_refused(at))
    chargers = select(func.count(Charger.id)).where(Charger.admission != Admission.REJECTED)
    running = select(func.count(Transaction.id)).where(Transaction.state == TransactionState.ACTIVE)
    kinds = [
        _sessions(matter, at).with_only_columns(func.count())
        for matter in (Matter.ORPHAN, Matter.UNENDED, Matter.DOUBTFUL)
    ]
    counts = (faulted, offline, pending, refused, chargers, running, *kinds)
    row = session.execute(select(*(x.scalar_subquery() for x in counts))).one()
    total = sum(row[:4]) + sum(1 for count in row[6:] if count)
    return Tally(total=total, faults=row[0], attempts=row[3], chargers=row[4], running=row[5])


def items(session: Session, *, at: datetime) -> list[Item]:
    """The things themselves, the oldest first; at most MOST_OF_A_KIND of each kind."""
    found = [*_faults(session, at), *_offline(session, at), *_pending(session), *_refused(session, at)]
    for matter in (Matter.UNENDED, Matter.ORPHAN, Matter.DOUBTFUL):
        count, since = session.execute(_sessions(matter, at)).one()
        if count:
            found.append(Item(matter, since, count=count))
    return sorted(found, key=lambda item: item.since)


def _faults(session: Session, at: datetime) -> list[Item]:
    query = (
        select(Connector)
        .join(Connector.charger)
        .join(Charger.lease)
        .where(_is_faulted(at))
        .options(contains_eager(Connector.charger).contains_eager(Charger.lease))
        .order_by(Connector.status_at)
        .limit(MOST_OF_A_KIND)
    )
    return [
        Item(Matter.FAULTED, x.status_at or x.charger.created_at, charger=x.charger, connector=x)
        for x in session.scalars(query)
    ]


def _offline(session: Session, at: datetime) -> list[Item]:
    query = (
        select(Charger)
        .join(Charger.lease)
        .where(_is_offline(at))
        .options(contains_eager(Charger.lease))
        .order_by(LinkLease.closed_at)
        .limit(MOST_OF_A_KIND)
    )
    return [Item(Matter.OFFLINE, _gone_at(x), charger=x) for x in session.scalars(query)]


def _gone_at(charger: Charger) -> datetime:
    lease = charger.lease
    return (lease and (lease.closed_at or lease.last_seen_at)) or charger.created_at


def _pending(session: Session) -> list[Item]:
    query = (
        select(Charger)
        .outerjoin(Charger.lease)
        .where(Charger.admission == Admission.PENDING)
        .options(contains_eager(Charger.lease))
        .order_by(Charger.created_at)
        .limit(MOST_OF_A_KIND)
    )
    return [Item(Matter.PENDING, x.created_at, charger=x) for x in session.scalars(query)]


def _refused(session: Session, at: datetime) -> list[Item]:
    query = select(Attempt).where(_is_refused(at)).order_by(Attempt.first_at).limit(MOST_OF_A_KIND)
    return [Item(Matter.REFUSED, x.first_at, attempt=x) for x in session.scalars(query)]


def attempts(session: Session, *, at: datetime, limit: int = 100) -> Sequence[Attempt]:
    """Who was sent away and not let in since, the newest first."""
    query = select(Attempt).where(_is_refused(at)).order_by(Attempt.last_at.desc()).limit(limit)
    return session.scalars(query).all()
