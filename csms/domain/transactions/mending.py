"""What repairs itself: sessions that cannot be open any more are closed when the evidence is old enough."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from csms.domain.base import Refused
from csms.domain.chargers import Charger, Connector, ConnectorStatus, LinkLease
from csms.domain.transactions import orphans, repair, strays
from csms.domain.transactions.evidence import Proof, by_next_start, by_reading, last_sign, reading_proofs
from csms.domain.transactions.models import (
    CLOSING,
    EnergySource,
    Reading,
    Repair,
    RepairKind,
    RepairState,
    Transaction,
    TransactionState,
)
from csms.domain.transactions.progress import follow
from csms.domain.transactions.rules import ROUNDING_WH
from csms.sentences import told

AT_ONCE = 200  # repairs in one unit of work
REOPEN_FOR = timedelta(days=2)  # how long a session that was closed may show that it goes on
# After a restart: what a connector says that has forgotten its session. Available is evidence of its own.
_FORGOTTEN = (
    ConnectorStatus.PREPARING,
    ConnectorStatus.FINISHING,
    ConnectorStatus.RESERVED,
    ConnectorStatus.UNAVAILABLE,
)
_SIGN = func.coalesce(Transaction.meter_last_at, Transaction.started_at)
_ACTIVE = Transaction.state == TransactionState.ACTIVE


def mend(session: Session, at: datetime, *, grace: timedelta, silence: timedelta) -> int:
    """Do what is due. `grace`: how old evidence must be, for a Stop may be on its way; `silence`: how long a charger
    may say nothing before its session is proposed to be closed.
    """
    freed = sum(1 for _ in _close_freed(session, at, grace))
    booted = sum(1 for _ in _close_restarted(session, at, grace))
    proposed = sum(1 for _ in _propose_silent(session, at, silence))
    _drop_stale(session)
    reopened = _reopen(session, at)
    gathered = strays.gather(session, at, grace=grace)
    matched = orphans.match_due(session, at, grace=grace)
    return freed + booted + proposed + reopened + _refine(session) + gathered + matched


def _not_undone(
    kind: RepairKind, since: InstrumentedAttribute[datetime | None] | None = None
) -> ColumnElement[bool]:
    """Nobody has undone such a repair (of this evidence): a person's word stands."""
    undone = exists().where(
        Repair.transaction_id == Transaction.id, Repair.kind == kind, Repair.state == RepairState.UNDONE
    )
    return ~(undone if since is None else undone.where(Repair.made_at >= since))


def _close_freed(session: Session, at: datetime, grace: timedelta) -> Iterator[Repair]:
    """1.6 §4.9: Available means that no car is there, so nobody charges."""
    query = (
        select(Transaction, Connector)
        .join(Connector, Connector.id == Transaction.connector_id)
        .where(
            _ACTIVE,
            Connector.status == ConnectorStatus.AVAILABLE,
            Connector.status_at > Transaction.started_at,
            Connector.status_at <= at - grace,
            Transaction.start_received_at <= at - grace,
            _not_undone(RepairKind.AVAILABLE, Connector.status_at),
        )
        .limit(AT_ONCE)
        .with_for_update(of=Transaction, skip_locked=True)  # another process may look at the same time
    )
    for transaction, connector in session.execute(query).all():
        since = connector.status_at
        if (
            since is None
            or _has_charged(session, transaction, since)
            or _is_talking(session, transaction, at - grace)
        ):
            continue
        words = told("Connector %(number)s said that it is free.", number=connector.evse_number)
        proofs = [*reading_proofs(transaction), Proof("status", since, words)]
        yield repair.close(session, transaction, RepairKind.AVAILABLE, by_reading(transaction), proofs, at=at)


def _has_charged(session: Session, transaction: Transaction, since: datetime) -> bool:
    """Has its meter moved, or given power, after `since`? Clock-aligned readings of an idle connector do neither."""
    if last_sign(transaction) <= since:
        return False
    readings = select(Reading).where(Reading.transaction_id == transaction.id)
    before_wh = session.scalar(
        readings.with_only_columns(func.max(Reading.energy_wh)).where(Reading.measured_at <= since)
    )
    baseline_wh = before_wh if before_wh is not None else transaction.meter_start_wh
    is_further = Reading.energy_wh > baseline_wh if baseline_wh is not None else false()
    moved = or_(Reading.power_w > 0, is_further)
    after = readings.with_only_columns(Reading.id).where(Reading.measured_at > since, moved)
    return session.scalar(after.limit(1)) is not None


def _is_talking(session: Session, transaction: Transaction, since: datetime) -> bool:
    """Is the charger still telling of it, from a queue perhaps?"""
    query = select(Reading.id).where(
        Reading.transaction_id == transaction.id, Reading.received_at > since, Reading.power_w > 0
    )
    return session.scalar(query.limit(1)) is not None


def _close_restarted(session: Session, at: datetime, grace: timedelta) -> Iterator[Repair]:
    """The charger restarted and says of the connector what it would not say if the session went on."""
    query = (
        select(Transaction, Connector, Charger.booted_at)
        .join(Connector, Connector.id == Transaction.connector_id)
        .join(Charger, Charger.id == Transaction.charger_id)
        .where(
            _ACTIVE,
            Charger.booted_at <= at - grace,
            Charger.booted_at > _SIGN,
            Charger.booted_at > Transaction.start_received_at,
            Connector.reported_at >= Charger.booted_at,
            Connector.status.in_(_FORGOTTEN),
            _not_undone(RepairKind.BOOT, Charger.booted_at),
        )
        .limit(AT_ONCE)
        .with_for_update(of=Transaction, skip_locked=True)
    )
    for transaction, connector, booted_at in session.execute(query).all():
        said = told(
            "After that, connector %(number)s said %(status)s.",
            number=connector.evse_number,
            status=connector.status.value,
        )
        proofs = [
            *reading_proofs(transaction),
            Proof("boot", booted_at or at, told("The charger restarted.")),
            Proof("status", connector.reported_at or at, said),
        ]
        yield repair.close(session, transaction, RepairKind.BOOT, by_reading(transaction), proofs, at=at)


def _propose_silent(session: Session, at: datetime, silence: timedelta) -> Iterator[Repair]:
    """Nothing of the session and nothing of its charger for long: a person decides, for it may be a dead network."""
    known = exists().where(Repair.transaction_id == Transaction.id, Repair.kind == RepairKind.SILENT)
    query = (
        select(Transaction, LinkLease.last_seen_at)
        .join(LinkLease, LinkLease.charger_id == Transaction.charger_id)
        .where(
            _ACTIVE,
            at - silence >= _SIGN,
            Transaction.start_received_at <= at - silence,
            LinkLease.last_seen_at <= at - silence,
            ~known,
        )
        .limit(AT_ONCE)
        .with_for_update(of=Transaction, skip_locked=True)
    )
    for transaction, seen_at in session.execute(query).all():
        proofs = [
            *reading_proofs(transaction),
            Proof("silence", seen_at or at, told("The charger was heard for the last time.")),
        ]
        yield repair.record(
            session,
            transaction,
            RepairKind.SILENT,
            at=at,
            by=None,
            estimate=by_reading(transaction),
            proofs=proofs,
            state=RepairState.PROPOSED,
        )


def _drop_stale(session: Session) -> None:
    """Proposals of sessions that have ended meanwhile, and closings that a Stop at the same moment has overtaken."""
    is_over = or_(
        and_(Repair.state == RepairState.PROPOSED, Transaction.state != TransactionState.ACTIVE),
        and_(
            Repair.state == RepairState.DONE,
            Repair.kind.in_(CLOSING),
            Transaction.state == TransactionState.ENDED,
        ),
    )
    query = select(Repair).join(Transaction, Transaction.id == Repair.transaction_id).where(is_over)
    for made in session.scalars(query.limit(AT_ONCE)).all():
        made.state = RepairState.SUPERSEDED


def _reopen(session: Session, at: datetime) -> int:
    """A session that was closed by what was seen, and whose meter moves on all the same, was not over."""
    moves = exists().where(
        Reading.transaction_id == Transaction.id,
        Reading.received_at > Repair.made_at,
        Reading.measured_at > Transaction.ended_at,
        Reading.energy_wh > Transaction.meter_last_wh + ROUNDING_WH,
    )
    query = (
        select(Repair, Transaction)
        .join(Transaction, Transaction.id == Repair.transaction_id)
        .where(
            Repair.state == RepairState.DONE,
            Repair.kind.in_((RepairKind.AVAILABLE, RepairKind.BOOT, RepairKind.SILENT)),
            Repair.made_at > at - REOPEN_FOR,
            Transaction.state == TransactionState.ENDED_UNKNOWN,
            Transaction.cost_cents.is_(None),
            moves,
        )
        .limit(AT_ONCE)
        .with_for_update(of=Transaction, skip_locked=True)
    )
    return sum(
        1 for made, transaction in session.execute(query).all() if _reopened(session, made, transaction)
    )


def _reopened(session: Session, made: Repair, transaction: Transaction) -> bool:
    try:
        repair.undo_close(session, made, transaction)
    except Refused:  # another session runs there by now: its register tells how far this one came
        return False
    made.state = RepairState.SUPERSEDED
    missed = select(Reading).where(
        Reading.transaction_id == transaction.id, Reading.received_at > made.made_at
    )
    for reading in session.scalars(missed.order_by(Reading.measured_at, Reading.id)):
        is_timed = reading.measured_at != reading.received_at
        follow(transaction, reading.measured_at, strays.summary_of(reading), is_timed=is_timed)
    repair.told(session, transaction)
    return True


def _refine(session: Session) -> int:
    """Where the next session on its connector has begun since, the register tells how far the closed one came."""
    query = (
        select(Repair, Transaction)
        .join(Transaction, Transaction.id == Repair.transaction_id)
        .where(
            Repair.state == RepairState.DONE,
            Repair.kind.in_(CLOSING),
            Repair.energy_from.in_((EnergySource.LAST_READING, EnergySource.NONE)),
            Transaction.state == TransactionState.ENDED_UNKNOWN,
            Transaction.cost_cents.is_(None),
        )
        .order_by(Repair.id.desc())
        .limit(AT_ONCE)
    )
    return sum(
        1 for made, transaction in session.execute(query).all() if _refined(session, made, transaction)
    )


def _refined(session: Session, made: Repair, transaction: Transaction) -> bool:
    following = session.scalar(
        select(Transaction)
        .where(
            Transaction.connector_id == transaction.connector_id,
            Transaction.started_at > transaction.started_at,
            Transaction.state != TransactionState.ORPHAN,
        )
        .order_by(Transaction.started_at)
        .limit(1)
    )
    if following is None or transaction.connector_id is None:
        return False
    estimate = by_next_start(transaction, following.meter_start_wh, following.started_at)
    if estimate.source is not EnergySource.NEXT_START:
        return False
    words = told("The next session began on this connector.")
    proof = Proof(
        "start", following.started_at, words, register_wh=following.meter_start_wh, ref=following.id
    )
    made.evidence = [*made.evidence, proof.as_row()]
    made.energy_wh, made.energy_from, made.confidence = (
        estimate.energy_wh,
        estimate.source,
        estimate.confidence,
    )
    transaction.energy_wh = estimate.energy_wh
    repair.told(session, transaction)
    return True
