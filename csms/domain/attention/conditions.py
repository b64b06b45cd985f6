"""Who and what is meant by each matter, as conditions of queries."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, literal_column, or_, select

from csms.domain import tariffs
from csms.domain.attention.snoozes import Matter
from csms.domain.chargers import (
    Attempt,
    Charger,
    Connector,
    LinkLease,
    RefusalCause,
)
from csms.domain.chargers.filtering import is_accepted, is_away, is_reachable
from csms.domain.transactions import Flag, Repair, RepairState, Transaction, TransactionState

ATTEMPTS_OF = timedelta(hours=24)
SESSIONS_OF = timedelta(hours=48)

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


def is_offline(at: datetime) -> ColumnElement[bool]:
    return and_(
        is_accepted(),
        Charger.is_simulated.is_(False),  # nobody misses a simulated charger
        LinkLease.connected_at.is_not(None),
        is_away(at),
    )


def is_faulted(at: datetime) -> ColumnElement[bool]:
    faulted: ColumnElement[str] = literal_column("'Faulted'")  # as the index of faulted connectors has it
    return and_(Connector.status == faulted, is_reachable(at))


def is_unpriced(at: datetime) -> ColumnElement[bool]:
    is_meant = and_(is_accepted(), Charger.is_simulated.is_(False))
    return and_(is_meant, tariffs.unpriced(at))


def is_refused(at: datetime) -> ColumnElement[bool]:
    """Sent away lately, and not let in since."""
    let_in = (
        select(LinkLease.charger_id)
        .join(Charger)
        .where(
            Charger.identity_folded == func.lower(Attempt.identity), LinkLease.connected_at > Attempt.last_at
        )
    )
    return and_(Attempt.last_at > at - ATTEMPTS_OF, ~exists(let_in))


def is_alarming(at: datetime) -> ColumnElement[bool]:
    """A failed handshake names no charger, and may be anybody's who looks for open doors: it is listed, no more."""
    return and_(is_refused(at), Attempt.cause != RefusalCause.TLS_FAILED)


def sessions_of(matter: Matter, at: datetime) -> Select[int, datetime]:
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
