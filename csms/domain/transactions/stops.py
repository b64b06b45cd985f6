"""How a transaction ends (1.6 §4.10)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import accounts, commands
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.base import announce, append, digest, printable
from csms.domain.chargers import Outlet, outlet_by_id
from csms.domain.commands import Effect
from csms.domain.transactions import billing, repair
from csms.domain.transactions.models import Flag, Source, Transaction, TransactionState
from csms.domain.transactions.opened import complete, next_id
from csms.domain.transactions.progress import Progress, flag, follow, meter_of, named, open_on, stop_idling
from csms.domain.transactions.readings import keep_reading
from csms.domain.transactions.rules import Snapshot, final, since_start, summarise
from csms.sentences import told


class StopReport(NamedTuple):
    """What a charger says when a transaction ends, with the readings that it kept for this moment.

    `is_relative`: its register is known to count each session from 0.
    """

    meter_wh: int | None
    at: datetime
    at_text: str | None = None
    reason: str = "Local"
    id_tag: str | None = None
    snapshots: Sequence[Snapshot] = ()
    flags: frozenset[Flag] = frozenset()
    is_relative: bool = False


def _referred(session: Session, charger_id: int, reference: str, report: StopReport) -> Progress | None:
    """The transaction that a Stop means. Only the charger's own can be meant.

    -1 (1.6 errata 3.18: it never got our id) means the open one that the report fits, if there is just one (F44).
    """
    candidates = open_on(session, charger_id)
    if reference == "-1":
        fitting = [x for x in candidates if _fits(x, report)]
        return fitting[0] if len(fitting) == 1 else None
    its_own = next((x for x in candidates if x.reference == reference), None)
    return its_own or named(session, charger_id, reference)


def _fits(transaction: Progress, report: StopReport) -> bool:
    """Could this Stop be of this transaction, by its time, its register and its tag?"""
    if report.at < transaction.started_at or report.meter_wh is None:
        return False
    if transaction.meter_last_wh is not None and report.meter_wh < transaction.meter_last_wh:
        return False
    return report.id_tag is None or report.id_tag.casefold() == (transaction.id_tag or "").casefold()


def end(
    session: Session,
    charger_id: int,
    reference: str,
    report: StopReport,
    decision: Decision | None,
    *,
    at: datetime,
) -> Progress | None:
    """1.6 §4.10. The first Stop counts; a differing second one is flagged (F50). None for one we never gave out:
    it is kept as an orphan, on no connector, for a person to match (F43, F45, F51).
    """
    transaction = _referred(session, charger_id, reference, report)
    if transaction is None or transaction.state is TransactionState.ORPHAN:
        _keep_orphan(session, charger_id, reference, report, decision, at=at)
        return None
    if transaction.state is TransactionState.ENDED:
        said = (report.meter_wh, printable(report.at_text, 40))
        if (transaction.meter_stop_wh, transaction.ended_text) != said:
            flag(transaction, Flag.DIFFERING_STOP)
            announce(session, transaction.topic)
        return transaction
    outlet = outlet_by_id(session, charger_id, transaction.connector_id)
    start_wh = transaction.meter_start_wh if report.is_relative else None
    if start_wh and report.meter_wh is not None and report.meter_wh < start_wh:
        report = report._replace(meter_wh=report.meter_wh + start_wh)
    for snapshot in sorted(report.snapshots, key=lambda x: x.at):
        summary = since_start(summarise(snapshot.samples), start_wh)
        keep_reading(
            session, charger_id, transaction.connector_id, transaction.id, reference, snapshot, summary, at
        )
        if snapshot.at <= report.at:
            follow(transaction, snapshot.at, summary, is_timed=snapshot.is_trusted)
    close(session, transaction, outlet, report, at)
    commands.observe(
        session,
        charger_id,
        Effect.TRANSACTION_ENDED,
        at=at,
        transaction_id=transaction.id,
        text=told("The session has ended."),
    )
    return transaction


def close(
    session: Session,
    transaction: Transaction | Progress,
    outlet: Outlet | None,
    report: StopReport,
    at: datetime,
) -> list[int]:
    """End it exactly, and bill it. What was estimated before is put aside: the ids of those repairs."""
    is_late = transaction.state is TransactionState.ENDED_UNKNOWN
    put_aside = repair.take_back(session, transaction, at=at) if is_late else []
    transaction.flags = [x for x in transaction.flags if x != Flag.ESTIMATED]
    flag(transaction, *report.flags - {Flag.METER_IMPLAUSIBLE})
    transaction.state = TransactionState.ENDED
    transaction.meter_stop_wh = report.meter_wh
    transaction.ended_at = max(report.at, transaction.started_at)
    if report.at < transaction.started_at:
        flag(transaction, Flag.CLOCK_SUSPECT)
    transaction.ended_text = printable(report.at_text, 40)
    transaction.end_received_at = at
    transaction.stop_reason = printable(report.reason, 40)
    is_timed = Flag.CLOCK_SUSPECT not in transaction.flags
    start_wh, stop_wh = transaction.meter_start_wh, report.meter_wh
    energy_wh, flags = final(meter_of(transaction), start_wh, stop_wh, report.at, is_timed=is_timed)
    transaction.energy_wh = energy_wh
    flag(transaction, *flags)
    transaction.power_w = transaction.current_a = None
    stop_idling(transaction, transaction.ended_at)
    if outlet is not None and report.meter_wh is not None and not is_late:
        outlet.register_wh = report.meter_wh
    billing.charge(session, transaction, at=at, is_anew=is_late)
    announce(session, f"charger:{transaction.charger_id}", transaction.topic, "fleet", "transactions")
    return put_aside


def _keep_orphan(
    session: Session,
    charger_id: int,
    reference: str,
    report: StopReport,
    decision: Decision | None,
    *,
    at: datetime,
) -> None:
    """A Stop of a transaction that is not this charger's, with its readings; one that is another's is put on record."""
    name = f"?{printable(reference, 30)}:{digest(report.at_text, report.meter_wh) & 0xFFFFFFFFFFFF:012x}"
    query = select(Transaction.id).where(Transaction.charger_id == charger_id, Transaction.reference == name)
    if session.scalar(query) is not None:
        return
    orphan_id = next_id(session)
    for snapshot in report.snapshots:
        keep_reading(
            session, charger_id, None, orphan_id, reference, snapshot, summarise(snapshot.samples), at
        )
    if _is_foreign(session, charger_id, reference):
        accounts.audit(
            session, f"charger {charger_id}", "stop of another charger's session", at=at, subject=reference
        )
    row = {
        "id": orphan_id,
        "charger_id": charger_id,
        "reference": name,
        "state": TransactionState.ORPHAN,
        "source": Source.LOCAL,
        "id_tag": printable(report.id_tag, 255),
        "id_token_id": decision.token_id if decision else None,
        "authorization": decision.status if decision else TokenStatus.INVALID,
        "started_at": report.at,
        "start_received_at": at,
        "ended_at": report.at,
        "ended_text": printable(report.at_text, 40),
        "end_received_at": at,
        "stop_reason": printable(report.reason, 40),
        "meter_stop_wh": report.meter_wh,
        "flags": sorted(report.flags),
    }
    append(session, Transaction, complete(row))
    announce(session, f"charger:{charger_id}", "fleet", "transactions")


def _is_foreign(session: Session, charger_id: int, reference: str) -> bool:
    """Is it the name that we gave to another charger's session? Such a name is its id, which needs no search."""
    if not reference.isascii() or not reference.isdigit() or len(reference) > 18:
        return False
    query = select(Transaction.id).where(
        Transaction.id == int(reference),
        Transaction.reference == reference,
        Transaction.charger_id != charger_id,
    )
    return session.scalar(query) is not None
