"""What chargers tell of sessions that nobody knows, Stops and readings: matched when just one session fits, else for a
person to judge. All undoable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session, joinedload

from csms.domain.accounts import audit
from csms.domain.base import Refused
from csms.domain.chargers import outlet_by_id
from csms.domain.transactions import billing, repair, strays
from csms.domain.transactions.evidence import (
    CLOCK_SLACK,
    Estimate,
    Neighbour,
    Proof,
    is_over,
    misfit,
    reading_proofs,
)
from csms.domain.transactions.models import (
    CLOSING,
    STRAY,
    Confidence,
    EnergySource,
    Flag,
    Reading,
    Repair,
    RepairKind,
    RepairState,
    Transaction,
    TransactionState,
)
from csms.domain.transactions.progress import follow
from csms.domain.transactions.stops import StopReport, close
from csms.sentences import told

LOOK_BACK = timedelta(days=14)  # a session that a Stop may end began at most so long before it
MOST_NEIGHBOURS = 500
_WAITING = (TransactionState.ACTIVE, TransactionState.ENDED_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Match:
    """A session whose end an orphaned Stop may be, and how well it fits."""

    transaction: Transaction
    confidence: Confidence
    energy_wh: int | None


def matches(session: Session, orphan: Transaction) -> list[Match]:
    """The sessions of this charger that an orphan fits, the best first (charger, connector, card, meter, time)."""
    states = (*_WAITING, TransactionState.ENDED) if orphan.is_stray else _WAITING
    query = (
        select(Transaction)
        .where(
            Transaction.charger_id == orphan.charger_id,
            Transaction.state.in_(states),
            Transaction.started_at <= orphan.started_at + CLOCK_SLACK,
            Transaction.started_at >= orphan.started_at - LOOK_BACK,
        )
        .options(joinedload(Transaction.connector))
        .order_by(Transaction.started_at.desc())
        .limit(20)
    )
    neighbours = _neighbours(session, orphan)
    fitting = [x for x in session.scalars(query) if _fits(orphan, x, neighbours)]
    return sorted((_match(orphan, x) for x in fitting), key=lambda x: x.confidence is not Confidence.HIGH)


def _fits(orphan: Transaction, candidate: Transaction, neighbours: list[Neighbour]) -> bool:
    if not orphan.is_stray:
        return misfit(orphan, candidate, neighbours) is None
    later = [
        x.started_at
        for x in neighbours
        if x.connector_id == candidate.connector_id and x.started_at > candidate.started_at
    ]
    return strays.misfit(orphan, candidate, min(later, default=None)) is None


def _neighbours(session: Session, orphan: Transaction) -> list[Neighbour]:
    query = select(Transaction.id, Transaction.connector_id, Transaction.started_at).where(
        Transaction.charger_id == orphan.charger_id,
        Transaction.state != TransactionState.ORPHAN,
        Transaction.started_at >= orphan.started_at - LOOK_BACK,
        Transaction.started_at <= (orphan.ended_at or orphan.started_at),
    )
    query = query.order_by(Transaction.started_at.desc()).limit(MOST_NEIGHBOURS)
    return [Neighbour(*row) for row in session.execute(query)]


def _match(orphan: Transaction, candidate: Transaction) -> Match:
    if orphan.is_stray:
        sure = Confidence.HIGH if strays.is_sure(orphan, candidate) else Confidence.MEDIUM
        return Match(
            candidate, sure, candidate.energy_wh if sure is Confidence.HIGH else _span_wh(orphan, candidate)
        )
    has_card = bool(orphan.id_tag) and is_over(orphan, candidate)
    energy_wh = None
    if orphan.meter_stop_wh is not None and candidate.meter_start_wh is not None:
        energy_wh = max(0, orphan.meter_stop_wh - candidate.meter_start_wh)
    return Match(candidate, Confidence.HIGH if has_card else Confidence.MEDIUM, energy_wh)


def _span_wh(stray: Transaction, candidate: Transaction) -> int | None:
    """What the session has at least, by these readings and its own."""
    furthest = [x for x in (stray.meter_last_wh, candidate.meter_last_wh) if x is not None]
    if not furthest or candidate.meter_start_wh is None:
        return None
    return max(0, max(furthest) - candidate.meter_start_wh)


def waiting(session: Session, *, limit: int = 100) -> Sequence[Transaction]:
    """Orphans that nobody is done with, the newest first."""
    query = select(Transaction).where(
        Transaction.state == TransactionState.ORPHAN, Transaction.reviewed_at.is_(None)
    )
    query = query.options(joinedload(Transaction.charger))
    return session.scalars(query.order_by(Transaction.started_at.desc()).limit(limit)).all()


def match_due(session: Session, at: datetime, *, grace: timedelta) -> int:
    """Match orphans that fit one session alone, which has surely ended. A match that was undone is not made again."""
    undone = exists().where(Repair.orphan_id == Transaction.id, Repair.state == RepairState.UNDONE)
    due = select(Transaction).where(
        Transaction.state == TransactionState.ORPHAN,
        Transaction.reviewed_at.is_(None),
        Transaction.end_received_at <= at - grace,
        Transaction.end_received_at > at - LOOK_BACK,
        or_(Transaction.meter_stop_wh.is_not(None), Transaction.reference.startswith(STRAY)),
        ~undone,
    )
    count = 0
    for orphan in session.scalars(due.order_by(Transaction.end_received_at.desc()).limit(50)).all():
        fitting = matches(session, orphan)
        if len(fitting) == 1 and _goes_without_saying(orphan, fitting[0].transaction):
            marry(session, orphan, fitting[0].transaction, by=None, at=at)
            count += 1
    return count


def _goes_without_saying(orphan: Transaction, candidate: Transaction) -> bool:
    return strays.is_sure(orphan, candidate) if orphan.is_stray else is_over(orphan, candidate)


def marry(
    session: Session, orphan: Transaction, transaction: Transaction, *, by: str | None, at: datetime
) -> Repair:
    """This Stop is the end of that session: it ends exactly, with the Stop's readings, and is billed. Of an orphan of
    readings these become the session's.

    Raises Refused when the orphan is done with, or the session has its end already or is another charger's.
    """
    repair.lock(session, orphan)
    repair.lock(session, transaction)
    _check_waiting(orphan)
    if orphan.is_stray:
        if transaction.charger_id != orphan.charger_id or transaction.state is TransactionState.ORPHAN:
            raise Refused("This is no session of that charger.")
        return strays.attach(session, orphan, transaction, by=by, at=at)
    if transaction.charger_id != orphan.charger_id or transaction.state not in _WAITING:
        raise Refused("This session has its end already, or is another charger's.")
    if orphan.meter_stop_wh is None:
        raise Refused("This stop tells no meter: close the session by hand instead.")
    before = repair.snapshot(transaction)
    readings = _readings(session, orphan, transaction)
    words = told("A stop of a session that nobody knew.")
    proof = Proof("stop", orphan.started_at, words, register_wh=orphan.meter_stop_wh, ref=orphan.id)
    proofs = [*reading_proofs(transaction), proof]
    for reading in readings:
        reading.transaction_id = transaction.id
        if reading.measured_at <= orphan.started_at:
            follow(transaction, reading.measured_at, strays.summary_of(reading), is_timed=True)
    report = StopReport(
        meter_wh=orphan.meter_stop_wh,
        at=orphan.started_at,
        at_text=orphan.ended_text,
        reason=orphan.stop_reason or "Local",
        id_tag=orphan.id_tag,
        flags=frozenset(Flag(x) for x in orphan.flags),
    )
    outlet = outlet_by_id(session, transaction.charger_id, transaction.connector_id)
    before["superseded"] = close(session, transaction, outlet, report, at)
    before["readings"] = [x.id for x in readings]
    orphan.reviewed_at = at
    is_sure = bool(orphan.id_tag)
    estimate = Estimate(
        orphan.started_at,
        transaction.energy_wh,
        EnergySource.STOP,
        Confidence.HIGH if is_sure else Confidence.MEDIUM,
    )
    return repair.record(
        session,
        transaction,
        RepairKind.STOP_FOUND,
        at=at,
        by=by,
        estimate=estimate,
        proofs=proofs,
        orphan_id=orphan.id,
        before=before,
    )


def _check_waiting(orphan: Transaction) -> None:
    if orphan.state is not TransactionState.ORPHAN or orphan.reviewed_at is not None:
        raise Refused("This is done with already.")


def _readings(session: Session, orphan: Transaction, transaction: Transaction) -> Sequence[Reading]:
    """What came with the Stop, and what came under the name that it uses while the session ran."""
    name = orphan.reference.removeprefix("?").rpartition(":")[0]
    under_its_name = (
        (Reading.transaction_id.is_(None))
        & (Reading.reference == name)
        & (Reading.measured_at >= transaction.started_at)
        & (Reading.measured_at <= orphan.started_at)
    )
    query = select(Reading).where(
        Reading.charger_id == orphan.charger_id, or_(Reading.transaction_id == orphan.id, under_its_name)
    )
    return session.scalars(query.order_by(Reading.measured_at, Reading.id)).all()


def dismiss(session: Session, orphan: Transaction, *, by: str, at: datetime) -> Repair:
    """Nobody's: it is listed no longer. Raises Refused when it is done with already."""
    repair.lock(session, orphan)
    _check_waiting(orphan)
    made = repair.record(session, orphan, RepairKind.DISMISSED, at=at, by=by, orphan_id=orphan.id)
    orphan.reviewed_at = at
    return made


def undo(session: Session, made: Repair, *, by: str, at: datetime) -> None:
    """Put a session back as it was before a repair; bookings are reversed by new ones. Put on record.

    Raises Refused for one that is not in force, or when something was done since: that must be undone first.
    """
    transaction = session.get_one(Transaction, made.transaction_id)
    repair.lock(session, transaction)
    in_force = [x for x in repair.of_transaction(session, transaction.id) if x.state is RepairState.DONE]
    session.refresh(made)
    if made.state is not RepairState.DONE:
        raise Refused("This repair is not in force, so there is nothing to undo.")
    if in_force[-1] is not made:
        raise Refused("Something else was done to this session since: undo that first.")
    match made.kind:
        case RepairKind.STOP_FOUND:
            _part(session, made, transaction, at=at)
        case RepairKind.READINGS_FOUND:
            strays.detach(session, made, transaction)
        case RepairKind.SETTLED | RepairKind.WAIVED:
            repair.undo_settlement(session, made, transaction, at=at)
        case RepairKind.DISMISSED:
            transaction.reviewed_at = None
        case _:
            repair.undo_close(session, made, transaction)
    made.state, made.undone_by, made.undone_at = RepairState.UNDONE, by, at
    audit(session, by, "session.repair_undone", at=at, subject=str(transaction.id), detail=made.kind.value)
    repair.told(session, transaction)


def _part(session: Session, made: Repair, transaction: Transaction, *, at: datetime) -> None:
    note = told("session %(id)s: the stop was not its own", id=transaction.id)
    billing.unbill(session, transaction, note=note, at=at)
    repair.restore(transaction, made.before)
    orphan = session.get_one(Transaction, made.orphan_id)
    orphan.reviewed_at = None
    for reading in session.scalars(select(Reading).where(Reading.id.in_(made.before["readings"]))):
        reading.transaction_id = orphan.id
    session.execute(
        update(Repair)
        .where(Repair.id.in_(made.before["superseded"]), Repair.kind.in_(CLOSING))
        .values(state=RepairState.DONE)
    )
