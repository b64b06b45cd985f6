"""Readings of sessions that nobody knows, and of which no Stop has told: kept together for a person to judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from csms.domain.accounts import TokenStatus
from csms.domain.base import announce, append
from csms.domain.bulk import Row
from csms.domain.transactions import repair
from csms.domain.transactions.evidence import CLOCK_SLACK, Estimate, Proof, reading_proofs
from csms.domain.transactions.models import (
    CLOSING,
    STRAY,
    Confidence,
    EnergySource,
    Reading,
    Repair,
    RepairKind,
    RepairState,
    Source,
    Transaction,
    TransactionState,
)
from csms.domain.transactions.opened import complete, next_id
from csms.domain.transactions.progress import follow
from csms.domain.transactions.rules import ROUNDING_WH, Summary
from csms.sentences import told

LOOK_BACK = timedelta(days=14)  # older ones wait on, and are left as they are
WINDOW = timedelta(days=1)  # readings that were received longer ago have been looked at
MOST_AT_ONCE = 100
NAME = 40  # so much of the name that a charger gave stands in the reference
STOP_NAME = 30
HAS_STOP = "StopTold"  # the reason of a heap's end that a Stop stands for now


@dataclass(frozen=True, slots=True)
class Heap:
    """What one charger has told under one name that we never gave out. Registers in Wh; None: they told none."""

    charger_id: int
    name: str
    first_at: datetime
    last_at: datetime
    received_at: datetime
    least_wh: int | None
    most_wh: int | None
    connector_id: int | None


def gather(session: Session, at: datetime, *, grace: timedelta) -> int:
    """Make orphans of readings that name a session which we do not know, or add to those that wait (F43, F49).

    Only where somebody was charging: some chargers name a session that is none while nobody does. A Stop of that name
    stands for its readings itself. `grace`: so long nothing came under the name.
    """
    waiting = _waiting(session, at)
    count = _step_aside(session, waiting, at)
    for heap in _heaps(session, at, grace):
        if not _stops(session, heap.charger_id, heap.name, since=heap.last_at):
            its = (x for x in waiting if x.charger_id == heap.charger_id and x.reviewed_at is None)
            known = next((x for x in its if _name(x) == heap.name[:NAME]), None)
            _take(session, heap, _extend(known, heap) if known else _insert(session, heap), at)
            count += 1
    return count


def _waiting(session: Session, at: datetime) -> Sequence[Transaction]:
    query = select(Transaction).where(
        Transaction.state == TransactionState.ORPHAN,
        Transaction.started_at > at - LOOK_BACK,
        Transaction.reviewed_at.is_(None),
        Transaction.reference.startswith(STRAY),
    )
    return session.scalars(query).all()


def _stops(session: Session, charger_id: int, name: str, since: datetime) -> bool:
    """Has a Stop of this name come, of then or later?"""
    query = select(Transaction.id).where(
        Transaction.charger_id == charger_id,
        Transaction.started_at >= since - CLOCK_SLACK,
        Transaction.state == TransactionState.ORPHAN,
        Transaction.reference.startswith(f"?{name[:STOP_NAME]}:", autoescape=True),
    )
    return session.scalar(query.limit(1)) is not None


def _step_aside(session: Session, waiting: Sequence[Transaction], at: datetime) -> int:
    """Where a Stop has come after all it stands for the readings: they are found by their name when it is matched."""
    over = [x for x in waiting if _stops(session, x.charger_id, _name(x), since=x.ended_at or x.started_at)]
    for heap in over:
        heap.reviewed_at, heap.stop_reason = at, HAS_STOP
        loose = update(Reading).where(Reading.transaction_id == heap.id).values(transaction_id=None)
        session.execute(loose)
        announce(session, f"charger:{heap.charger_id}", "transactions")
    return len(over)


def _heaps(session: Session, at: datetime, grace: timedelta) -> list[Heap]:
    query = (
        select(
            Reading.charger_id,
            Reading.reference,
            func.min(Reading.measured_at),
            func.max(Reading.measured_at),
            func.max(Reading.received_at),
            func.min(Reading.energy_wh),
            func.max(Reading.energy_wh),
            func.min(Reading.connector_id),
            func.max(Reading.connector_id),
        )
        .where(*_loose(at))
        .group_by(Reading.charger_id, Reading.reference)
        .having(
            func.max(Reading.received_at) <= at - grace,
            or_(
                func.max(Reading.power_w) > 0,
                func.max(Reading.energy_wh) - func.min(Reading.energy_wh) > ROUNDING_WH,
            ),
        )
        .limit(MOST_AT_ONCE)
    )
    heaps = []
    for charger_id, name, first_at, last_at, received_at, least_wh, most_wh, one, other in session.execute(
        query
    ):
        connector_id = one if one == other else None
        heaps.append(
            Heap(charger_id, name or "", first_at, last_at, received_at, least_wh, most_wh, connector_id)
        )
    return heaps


def _loose(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Readings that belong to nobody yet."""
    return (
        Reading.transaction_id.is_(None),
        Reading.reference.is_not(None),
        Reading.received_at > at - WINDOW,
    )


def _name(orphan: Transaction) -> str:
    """The name that the charger gave to what it spoke of."""
    return orphan.reference[1:].rpartition(":")[0]


def _extend(known: Transaction, heap: Heap) -> int:
    known.started_at = min(known.started_at, heap.first_at)
    known.ended_at = max(known.ended_at or heap.last_at, heap.last_at)
    known.end_received_at = heap.received_at
    registers = [known.meter_start_wh, known.meter_last_wh, heap.least_wh, heap.most_wh]
    told = [x for x in registers if x is not None]
    known.meter_start_wh, known.meter_last_wh = min(told, default=None), max(told, default=None)
    return known.id


def _insert(session: Session, heap: Heap) -> int:
    number = next_id(session)
    row: Row = {
        "id": number,
        "charger_id": heap.charger_id,
        "connector_id": heap.connector_id,
        "reference": f"{STRAY}{heap.name[:NAME]}:{number}",
        "state": TransactionState.ORPHAN,
        "source": Source.LOCAL,
        "authorization": TokenStatus.INVALID,
        "started_at": heap.first_at,
        "start_received_at": heap.received_at,
        "ended_at": heap.last_at,
        "end_received_at": heap.received_at,
        "meter_start_wh": heap.least_wh,
        "meter_last_wh": heap.most_wh,
        "meter_last_at": heap.last_at,
        "flags": [],
    }
    append(session, Transaction, complete(row))
    return number


def _take(session: Session, heap: Heap, orphan_id: int, at: datetime) -> None:
    its = (Reading.charger_id == heap.charger_id, Reading.reference == heap.name)
    session.execute(update(Reading).where(*its, *_loose(at)).values(transaction_id=orphan_id))
    announce(session, f"charger:{heap.charger_id}", "fleet", "transactions")


def misfit(heap: Transaction, candidate: Transaction, next_at: datetime | None) -> str | None:
    """Why these readings cannot be of this session; None: they can. `next_at`: when the next one on it began."""
    last_at = heap.ended_at or heap.started_at
    over_at = candidate.ended_at if candidate.state is TransactionState.ENDED else next_at
    if heap.connector_id is not None and candidate.connector_id != heap.connector_id:
        return "The readings are of another connector."
    if heap.started_at < candidate.started_at - CLOCK_SLACK:
        return "The readings begin before the session."
    if over_at is not None and last_at > over_at + CLOCK_SLACK:
        return "The readings go on after the session."
    if _is_below(heap.meter_start_wh, candidate.meter_start_wh):
        return "The session's meter was further when it began."
    if _is_below(candidate.meter_stop_wh, heap.meter_last_wh):
        return "The session's meter did not come so far."
    return None


def _is_below(low_wh: int | None, high_wh: int | None) -> bool:
    return low_wh is not None and high_wh is not None and low_wh < high_wh - ROUNDING_WH


def is_sure(heap: Transaction, candidate: Transaction) -> bool:
    """Has the session its exact end, with the meter's readings between its registers? Then nothing changes but whose
    they are."""
    registers = (heap.meter_start_wh, heap.meter_last_wh, candidate.meter_start_wh, candidate.meter_stop_wh)
    return candidate.state is TransactionState.ENDED and None not in registers


def attach(
    session: Session, heap: Transaction, transaction: Transaction, *, by: str | None, at: datetime
) -> Repair:
    """These readings are that session's. Its energy follows them, unless something better tells it already: its Stop,
    the register at the next start, or a bill."""
    before = repair.snapshot(transaction) | {
        "meter_last_wh": transaction.meter_last_wh,
        "meter_last_at": transaction.meter_last_at.isoformat() if transaction.meter_last_at else None,
        "superseded": [],
    }
    readings = of(session, heap)
    words = told("Readings that named a session which nobody knew.")
    proof = Proof("readings", heap.started_at, words, register_wh=heap.meter_last_wh, ref=heap.id)
    proofs = [*reading_proofs(transaction), proof]
    is_moved = _is_moved_by_readings(session, transaction)
    for reading in readings:
        reading.transaction_id = transaction.id
        if is_moved:
            follow(transaction, reading.measured_at, summary_of(reading), is_timed=True)
    if is_moved and not transaction.is_active and transaction.ended_at and heap.ended_at:
        transaction.ended_at = max(transaction.ended_at, heap.ended_at)
        transaction.power_w = transaction.current_a = None
    heap.reviewed_at = at
    sure = Confidence.HIGH if is_sure(heap, transaction) else Confidence.MEDIUM
    ended_at = transaction.ended_at or heap.ended_at or at
    return repair.record(
        session,
        transaction,
        RepairKind.READINGS_FOUND,
        at=at,
        by=by,
        estimate=Estimate(ended_at, transaction.energy_wh, EnergySource.LAST_READING, sure),
        proofs=proofs,
        orphan_id=heap.id,
        before=before | {"readings": [x.id for x in readings]},
    )


def _is_moved_by_readings(session: Session, transaction: Transaction) -> bool:
    if transaction.state is not TransactionState.ENDED_UNKNOWN:
        return transaction.is_active
    made = repair.of_transaction(session, transaction.id)
    by = [x.energy_from for x in made if x.kind in CLOSING and x.state is RepairState.DONE]
    return transaction.bill is None and EnergySource.NEXT_START not in by


def of(session: Session, orphan: Transaction) -> Sequence[Reading]:
    """The readings that are kept with an orphan, in their order."""
    query = select(Reading).where(Reading.transaction_id == orphan.id)
    return session.scalars(query.order_by(Reading.measured_at, Reading.id)).all()


def detach(session: Session, made: Repair, transaction: Transaction) -> None:
    """Undo `attach`."""
    before = made.before
    repair.restore(transaction, before)
    last_at = before["meter_last_at"]
    transaction.meter_last_wh = before["meter_last_wh"]
    transaction.meter_last_at = datetime.fromisoformat(last_at) if last_at else None
    session.get_one(Transaction, made.orphan_id).reviewed_at = None
    for reading in session.scalars(select(Reading).where(Reading.id.in_(before["readings"]))):
        reading.transaction_id = made.orphan_id


def summary_of(reading: Reading) -> Summary:
    """What a kept reading says."""
    return Summary(
        energy_wh=reading.energy_wh,
        power_w=reading.power_w,
        current_a=reading.current_a,
        voltage_v=reading.voltage_v,
        soc_percent=reading.soc_percent,
    )
