"""Sessions that went wrong: closed by the best evidence, settled, and put back as they were. Each repair is a row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csms import sentences
from csms.domain.base import NotFound, Refused, announce
from csms.domain.transactions import billing
from csms.domain.transactions.evidence import Estimate, Proof, by_next_start, by_reading, reading_proofs
from csms.domain.transactions.models import (
    CLOSING,
    Confidence,
    EnergySource,
    Flag,
    Repair,
    RepairKind,
    RepairState,
    Transaction,
    TransactionState,
)
from csms.domain.transactions.progress import Progress, flag, open_on
from csms.domain.transactions.unrecorded import is_unrecorded

Entity = Transaction | Progress

# What stands as the reason of an end that no charger has told.
REASONS = {
    RepairKind.AVAILABLE: "ConnectorFree",
    RepairKind.NEXT_START: "Superseded",
    RepairKind.BOOT: "Restarted",
    RepairKind.SILENT: "Silent",
    RepairKind.PERSON: "ClosedByOperator",
}
_OVER = (TransactionState.ENDED, TransactionState.ENDED_UNKNOWN)
_MOMENTS = ("ended_at", "end_received_at", "idle_since")
_PLAIN = (
    "stop_reason",
    "ended_text",
    "meter_stop_wh",
    "energy_wh",
    "power_w",
    "current_a",
    "flags",
    "idle_s",
    "idle_spans",
    "is_free",
)


def snapshot(transaction: Entity) -> dict[str, Any]:
    """What a repair changes, as it is before it."""
    kept: dict[str, Any] = {name: getattr(transaction, name) for name in _PLAIN}
    for name in _MOMENTS:
        moment = getattr(transaction, name)
        kept[name] = moment.isoformat() if moment else None
    return kept | {"state": transaction.state.value, "flags": list(transaction.flags)}


def restore(transaction: Transaction, before: dict[str, Any]) -> None:
    for name in _PLAIN:
        setattr(transaction, name, before.get(name))
    for name in _MOMENTS:
        setattr(transaction, name, datetime.fromisoformat(before[name]) if before[name] else None)
    transaction.state = TransactionState(before["state"])


def told(session: Session, transaction: Entity) -> None:
    announce(session, f"charger:{transaction.charger_id}", transaction.topic, "fleet", "transactions")


def lock(session: Session, transaction: Transaction) -> None:
    """Read it anew, and let nobody else change it until this unit of work is over: two people may press at once."""
    query = select(Transaction).where(Transaction.id == transaction.id).with_for_update()
    session.scalars(query.execution_options(populate_existing=True)).one()


def record(
    session: Session,
    transaction: Entity,
    kind: RepairKind,
    *,
    at: datetime,
    by: str | None,
    estimate: Estimate | None = None,
    proofs: Sequence[Proof] = (),
    state: RepairState = RepairState.DONE,
    orphan_id: int | None = None,
    before: dict[str, Any] | None = None,
) -> Repair:
    """Write down what is done, or proposed; before it is done, for it keeps what the transaction was."""
    repair = Repair(
        charger_id=transaction.charger_id,
        transaction_id=transaction.id,
        orphan_id=orphan_id,
        kind=kind,
        state=state,
        confidence=estimate.confidence if estimate else Confidence.HIGH,
        energy_wh=estimate.energy_wh if estimate else transaction.energy_wh,
        energy_from=estimate.source if estimate else EnergySource.NONE,
        ended_at=estimate.ended_at if estimate else transaction.ended_at,
        evidence=[x.as_row() for x in proofs],
        before=snapshot(transaction) if before is None else before,
        made_by=by,
        made_at=at,
    )
    session.add(repair)
    told(session, transaction)
    return repair


def close(
    session: Session,
    transaction: Entity,
    kind: RepairKind,
    estimate: Estimate,
    proofs: Sequence[Proof],
    *,
    at: datetime,
    by: str | None = None,
) -> Repair:
    """Close a transaction whose Stop never came. Nothing is billed: a late Stop, or a person, does that."""
    repair = record(session, transaction, kind, at=at, by=by, estimate=estimate, proofs=proofs)
    _end(transaction, kind, estimate, at)
    return repair


def _end(transaction: Entity, kind: RepairKind, estimate: Estimate, at: datetime) -> None:
    transaction.state = TransactionState.ENDED_UNKNOWN
    transaction.ended_at = estimate.ended_at
    transaction.end_received_at = at
    transaction.stop_reason = REASONS[kind]
    transaction.energy_wh = estimate.energy_wh
    transaction.power_w = transaction.current_a = None
    flag(transaction, Flag.ESTIMATED)


def supersede(
    session: Session,
    transaction: Entity,
    started_at: datetime,
    register_wh: int | None,
    *,
    next_id: int,
    at: datetime,
) -> Repair:
    """The next transaction has begun on its connector: this one is over, and the register tells how far it came."""
    estimate = by_next_start(transaction, register_wh, started_at)
    words = sentences.told("The next session began on this connector.")
    proofs = [Proof("start", started_at, words, register_wh=register_wh, ref=next_id)]
    return close(
        session, transaction, RepairKind.NEXT_START, estimate, [*reading_proofs(transaction), *proofs], at=at
    )


def close_by_hand(session: Session, transaction: Transaction, *, by: str, at: datetime) -> Repair:
    """Somebody says that its Stop will never come. Raises Refused for one that is over. The charger is not told."""
    lock(session, transaction)
    if not transaction.is_active:
        raise Refused("This session has ended already.")
    return close(
        session,
        transaction,
        RepairKind.PERSON,
        by_reading(transaction),
        reading_proofs(transaction),
        at=at,
        by=by,
    )


def accept(session: Session, repair: Repair, *, by: str, at: datetime) -> None:
    """Do what was proposed. Raises Refused when it is no proposal any more."""
    transaction = session.get_one(Transaction, repair.transaction_id)
    lock(session, transaction)
    if repair.state is not RepairState.PROPOSED or not transaction.is_active:
        raise Refused("This is no proposal any more: look at the session again.")
    estimate = by_reading(transaction)
    repair.before, repair.made_by, repair.made_at = snapshot(transaction), by, at
    repair.energy_wh, repair.energy_from, repair.ended_at = (
        estimate.energy_wh,
        estimate.source,
        estimate.ended_at,
    )
    repair.state = RepairState.DONE
    _end(transaction, repair.kind, estimate, at)
    told(session, transaction)


def reject(session: Session, repair: Repair, *, by: str, at: datetime) -> None:
    """Leave things as they are; it is not proposed again. Raises Refused when it is no proposal any more."""
    if repair.state is not RepairState.PROPOSED:
        raise Refused("This is no proposal any more: look at the session again.")
    repair.state, repair.undone_by, repair.undone_at = RepairState.UNDONE, by, at
    told(session, session.get_one(Transaction, repair.transaction_id))


def of_transaction(session: Session, transaction_id: int) -> Sequence[Repair]:
    """All that was done to it, oldest first."""
    query = select(Repair).where(Repair.transaction_id == transaction_id)
    return session.scalars(query.order_by(Repair.id)).all()


def proposals(session: Session, *, limit: int = 100) -> Sequence[tuple[Repair, Transaction]]:
    """What waits for a person, with what it is about."""
    query = (
        select(Repair, Transaction)
        .join(Transaction, Transaction.id == Repair.transaction_id)
        .where(Repair.state == RepairState.PROPOSED, Transaction.state == TransactionState.ACTIVE)
        .options(joinedload(Transaction.charger), joinedload(Transaction.connector))
    )
    return [(made, about) for made, about in session.execute(query.order_by(Repair.made_at).limit(limit))]


def unsettled(session: Session, *, limit: int = 100) -> Sequence[Transaction]:
    """Sessions that are closed by an estimate, or ended without energy that can be believed, and neither billed nor
    waived, newest first.
    """
    query = select(Transaction).where(is_unrecorded(), Transaction.state != TransactionState.ORPHAN)
    query = query.options(
        joinedload(Transaction.charger),
        joinedload(Transaction.connector),
        joinedload(Transaction.account),
        joinedload(Transaction.tariff_version),
    )
    return session.scalars(query.order_by(Transaction.started_at.desc()).limit(limit)).all()


def get(session: Session, transaction_id: int, repair_id: int) -> Repair:
    """Raises NotFound, also for a repair of another session."""
    found = session.get(Repair, repair_id)
    if found is None or found.transaction_id != transaction_id:
        raise NotFound("There is no such repair of this session.")
    return found


def take_back(session: Session, transaction: Entity, *, at: datetime) -> list[int]:
    """The charger has told the truth: what was estimated, and booked for it, is put aside. A waiver stays.

    The figures are those of before the estimate again, so that the end can be reckoned from them. Ids of the repairs.
    """
    repairs = [x for x in of_transaction(session, transaction.id) if x.state is RepairState.DONE]
    closing = next((x for x in repairs if x.kind in CLOSING), None)
    if closing is None:
        return []
    money = select(Transaction.bill, Transaction.cost_cents, Transaction.is_free).where(
        Transaction.id == transaction.id
    )
    # A person may have settled it since it was read.
    transaction.bill, transaction.cost_cents, transaction.is_free = session.execute(
        money.with_for_update()
    ).one()
    transaction.energy_wh, transaction.idle_s = closing.before["energy_wh"], closing.before["idle_s"]
    transaction.idle_spans = closing.before.get("idle_spans")
    note = sentences.told("session %(id)s: its exact end has come", id=transaction.id)
    billing.unbill(session, transaction, note=note, at=at)
    put_aside = [x for x in repairs if x.kind is not RepairKind.WAIVED]
    for repair in put_aside:
        repair.state = RepairState.SUPERSEDED
    return [x.id for x in put_aside if x.kind in CLOSING]


def settle(session: Session, transaction: Transaction, *, waive: bool, by: str, at: datetime) -> Repair:
    """Bill a session at its estimate, or let nobody pay for it. Raises Refused when there is nothing to settle."""
    lock(session, transaction)
    if transaction.state not in _OVER or transaction.bill is not None:
        raise Refused("There is nothing to settle: this session is not over, or it is billed.")
    if transaction.energy_wh is None and not waive:
        raise Refused("Nobody knows how much was charged, so it cannot be billed: waive it.")
    kind = RepairKind.WAIVED if waive else RepairKind.SETTLED
    repair = record(session, transaction, kind, at=at, by=by)
    if waive:
        transaction.is_free, transaction.bill, transaction.cost_cents = True, [], 0
        billing.put_on_record(session, transaction, billing.FREE, at=at, remark="waived: nobody pays for it")
    else:
        billing.charge(session, transaction, at=at, is_anew=True)
    return repair


def undo_close(session: Session, repair: Repair, transaction: Transaction) -> None:
    """Raises Refused while another session runs on its connector: there can be one."""
    others = [
        x for x in open_on(session, transaction.charger_id) if x.connector_id == transaction.connector_id
    ]
    if others:
        raise Refused("Another session runs on this connector now, so this one cannot be open.")
    restore(transaction, repair.before)


def undo_settlement(session: Session, repair: Repair, transaction: Transaction, *, at: datetime) -> None:
    note = sentences.told("session %(id)s: settlement undone", id=transaction.id)
    billing.unbill(session, transaction, note=note, at=at)
    transaction.is_free = bool(repair.before["is_free"])
