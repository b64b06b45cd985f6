"""What needs a person: counted for the frame of every page, and listed for the dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    distinct,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session, contains_eager, joinedload

from csms.domain import tariffs, troubles
from csms.domain.attention.snoozes import Matter, awake, is_put_off, put_off_now
from csms.domain.chargers import (
    Admission,
    Attempt,
    Charger,
    Connector,
    ConnectorStatus,
    LinkLease,
    RefusalCause,
)
from csms.domain.chargers.filtering import is_online, is_reachable
from csms.domain.configuration import Upkeep
from csms.domain.maintenance import Rollout, RolloutState
from csms.domain.payments import Payment
from csms.domain.security import SecurityEvent, SigningRequest, is_expiring
from csms.domain.transactions import Flag, Repair, RepairState, Transaction, TransactionState
from csms.domain.troubles import Trouble

ATTEMPTS_OF = timedelta(hours=24)
SESSIONS_OF = timedelta(hours=48)
MOST_OF_A_KIND = 40
# Matters that are told as one thing, however many sessions or chargers stand behind it.
ONE_EACH = (Matter.UNPRICED, Matter.ORPHAN, Matter.UNENDED, Matter.DOUBTFUL, Matter.SILENT)
LEAST_FREE = 0.1  # of the disk: below it the database may soon not be written any more

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


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs a person. What it is about is in the field that fits; `count` sessions or events stand
    behind it, `word` is the newest event's, `until` when a certificate ends.
    """

    matter: Matter
    since: datetime
    charger: Charger | None = None
    connector: Connector | None = None
    attempt: Attempt | None = None
    rollout: Rollout | None = None
    payment: Payment | None = None
    trouble: Trouble | None = None
    count: int = 1
    word: str | None = None
    until: datetime | None = None

    @property
    def about(self) -> str:
        """The id of what it is about; empty where it is one thing."""
        about = self.trouble or self.connector or self.charger or self.attempt or self.rollout or self.payment
        return str(about.id) if about else ""

    @property
    def key(self) -> str:
        """What names it on a page."""
        return f"{self.matter}-{self.about or 'all'}"


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


def _is_unpriced(at: datetime) -> ColumnElement[bool]:
    is_meant = and_(Charger.admission == Admission.ACCEPTED, Charger.is_simulated.is_(False))
    return and_(is_meant, tariffs.unpriced(at))


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


def _is_alarming(at: datetime) -> ColumnElement[bool]:
    """A failed handshake names no charger, and may be anybody's who looks for open doors: it is listed, no more."""
    return and_(_is_refused(at), Attempt.cause != RefusalCause.TLS_FAILED)


def _sessions(matter: Matter, at: datetime) -> Select[int, datetime]:
    """(how many, the oldest) of the sessions of a kind."""
    if matter is Matter.SILENT:
        proposed = exists().where(
            Repair.transaction_id == Transaction.id, Repair.state == RepairState.PROPOSED
        )
        is_open = Transaction.state == TransactionState.ACTIVE
        return select(func.count(), func.min(Transaction.started_at)).where(is_open, proposed)
    query = select(func.count(), func.min(Transaction.started_at)).where(
        Transaction.started_at > at - SESSIONS_OF
    )
    if matter is Matter.ORPHAN:
        return query.where(Transaction.state == TransactionState.ORPHAN, Transaction.reviewed_at.is_(None))
    if matter is Matter.UNENDED:
        return query.where(
            Transaction.state == TransactionState.ENDED_UNKNOWN, Transaction.cost_cents.is_(None)
        )
    flags = cast(Transaction.flags, Text)
    return query.where(
        Transaction.state == TransactionState.ENDED,
        flags != literal_column("'[]'"),  # as the index of flagged sessions has it
        or_(*(flags.contains(f'"{x.value}"') for x in DOUBTFUL)),
    )


def tally(session: Session, *, at: datetime, free_share: float | None = None) -> Tally:
    """All counts with one query, without what is put off. `free_share`: how much of the disk is free, of 1."""
    faulted = (
        select(func.count(Connector.id)).join(Connector.charger).join(Charger.lease).where(_is_faulted(at))
    )
    offline = select(func.count(Charger.id)).join(Charger.lease).where(_is_offline(at))
    pending = select(func.count(Charger.id)).where(Charger.admission == Admission.PENDING)
    refused = select(func.count(Attempt.id)).where(_is_alarming(at))
    loops = select(func.count(Upkeep.charger_id)).where(Upkeep.halted_at.is_not(None))
    paused = select(func.count(Rollout.id)).where(Rollout.state == RolloutState.PAUSED)
    chargers = select(func.count(Charger.id)).where(Charger.admission != Admission.REJECTED)
    payments = select(func.count(Payment.id)).where(Payment.problem_at.is_not(None))
    running = select(func.count(Transaction.id)).where(Transaction.state == TransactionState.ACTIVE)
    events = select(func.count(distinct(SecurityEvent.charger_id))).where(SecurityEvent.is_open)
    told = select(func.count(Trouble.id)).where(Trouble.closed_at.is_(None))
    expiring = select(func.count(distinct(SigningRequest.charger_id))).where(is_expiring(at))
    counts = (
        faulted.where(awake(Matter.FAULTED, Connector.id, at)),
        offline.where(awake(Matter.OFFLINE, Charger.id, at)),
        pending.where(awake(Matter.PENDING, Charger.id, at)),
        refused.where(awake(Matter.REFUSED, Attempt.id, at)),
        loops.where(awake(Matter.BOOT_LOOP, Upkeep.charger_id, at)),
        events.where(awake(Matter.SECURITY, SecurityEvent.charger_id, at)),
        expiring.where(awake(Matter.EXPIRING, SigningRequest.charger_id, at)),
        paused.where(awake(Matter.ROLLOUT, Rollout.id, at)),
        payments.where(awake(Matter.PAYMENT, Payment.id, at)),
        told.where(awake(Matter.TROUBLE, Trouble.id, at)),
        chargers,
        running,
        *(_of_one_kind(matter, at) for matter in ONE_EACH),
    )
    row = session.execute(select(*(x.scalar_subquery() for x in counts))).one()
    total = sum(row[:10]) + sum(1 for count in row[12:] if count) + _is_full(session, free_share, at)
    return Tally(total=total, faults=row[0], attempts=row[3], chargers=row[10], running=row[11])


def _of_one_kind(matter: Matter, at: datetime) -> Select[int]:
    """How many stand behind a matter that is told as one thing; none while it is put off."""
    if matter is Matter.UNPRICED:
        query = select(func.count(Charger.id)).where(_is_unpriced(at))
    else:
        query = _sessions(matter, at).with_only_columns(func.count())
    return query.where(awake(matter, literal(""), at))


def _is_full(session: Session, free_share: float | None, at: datetime) -> bool:
    is_low = free_share is not None and free_share < LEAST_FREE
    return is_low and not is_put_off(session, Matter.DISK, at)


def items(
    session: Session, *, at: datetime, free_share: float | None = None, with_put_off: bool = False
) -> list[Item]:
    """The things themselves, the oldest first; at most MOST_OF_A_KIND of each kind. `with_put_off`: all of them."""
    found = [*_faults(session, at), *_offline(session, at), *_pending(session), *_refused(session, at)]
    found += [*_loops(session), *_rollouts(session), *_payments(session), *_troubles(session)]
    found += [*_security(session), *_expiring(session, at), *_unpriced(session, at)]
    if free_share is not None and free_share < LEAST_FREE:
        found.append(Item(Matter.DISK, at, word=f"{free_share * 100:.0f}"))
    for matter in (Matter.UNENDED, Matter.ORPHAN, Matter.DOUBTFUL, Matter.SILENT):
        count, since = session.execute(_sessions(matter, at)).one()
        if count:
            found.append(Item(matter, since, count=count))
    waiting = set() if with_put_off else put_off_now(session, at)
    found = [x for x in found if (x.matter, x.about) not in waiting]
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


def _unpriced(session: Session, at: datetime) -> list[Item]:
    """One for all: it is the tariffs that somebody must look at."""
    query = select(func.count(Charger.id), func.min(Charger.created_at)).where(_is_unpriced(at))
    count, since = session.execute(query).one()
    return [Item(Matter.UNPRICED, since, count=count)] if count else []


def _rollouts(session: Session) -> list[Item]:
    query = select(Rollout).where(Rollout.state == RolloutState.PAUSED).options(joinedload(Rollout.firmware))
    return [
        Item(Matter.ROLLOUT, x.created_at, rollout=x, word=x.reason)
        for x in session.scalars(query.order_by(Rollout.created_at).limit(MOST_OF_A_KIND))
    ]


def _troubles(session: Session) -> list[Item]:
    return [
        Item(Matter.TROUBLE, x.first_at, charger=x.charger, trouble=x, count=x.count, word=x.words)
        for x in troubles.open_ones(session, limit=MOST_OF_A_KIND)
    ]


def _payments(session: Session) -> list[Item]:
    query = select(Payment).where(Payment.problem_at.is_not(None)).options(joinedload(Payment.charger))
    return [
        Item(Matter.PAYMENT, x.problem_at, payment=x, word=x.problem)
        for x in session.scalars(query.order_by(Payment.problem_at).limit(MOST_OF_A_KIND))
        if x.problem_at
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
    query = select(Attempt).where(_is_alarming(at)).order_by(Attempt.first_at).limit(MOST_OF_A_KIND)
    return [Item(Matter.REFUSED, x.first_at, attempt=x) for x in session.scalars(query)]


def _loops(session: Session) -> list[Item]:
    query = (
        select(Upkeep)
        .where(Upkeep.halted_at.is_not(None))
        .options(joinedload(Upkeep.charger).joinedload(Charger.lease))
        .order_by(Upkeep.halted_at)
        .limit(MOST_OF_A_KIND)
    )
    found = session.scalars(query).all()
    return [Item(Matter.BOOT_LOOP, x.halted_at, charger=x.charger) for x in found if x.halted_at]


def _security(session: Session) -> list[Item]:
    """One for each charger with critical events that nobody has looked at."""
    events = (
        select(
            SecurityEvent.charger_id,
            func.count(),
            func.min(SecurityEvent.received_at),
            func.max(SecurityEvent.id),
        )
        .where(SecurityEvent.is_open)
        .group_by(SecurityEvent.charger_id)
        .order_by(func.min(SecurityEvent.received_at))
        .limit(MOST_OF_A_KIND)
    )
    return [
        Item(
            Matter.SECURITY,
            since,
            charger=session.get_one(Charger, charger_id),
            count=count,
            word=session.get_one(SecurityEvent, newest).type,
        )
        for charger_id, count, since, newest in session.execute(events)
    ]


def _expiring(session: Session, at: datetime) -> list[Item]:
    query = select(SigningRequest).where(is_expiring(at)).order_by(SigningRequest.expires_at)
    return [
        Item(Matter.EXPIRING, x.requested_at, charger=x.charger, until=x.expires_at)
        for x in session.scalars(query.limit(MOST_OF_A_KIND))
    ]


def attempts(session: Session, *, at: datetime, limit: int = 100) -> Sequence[Attempt]:
    """Who was sent away and not let in since, the newest first."""
    query = select(Attempt).where(_is_refused(at)).order_by(Attempt.last_at.desc()).limit(limit)
    return session.scalars(query).all()
