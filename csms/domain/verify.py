"""What must hold in the database whatever happened to the server: each breach is a sentence with the ids it is about.

Reads only, in streams and small batches, so that it can run beside a working server. A charger that is shown online
without a living connection needs no check here: online is what its lease says, and the lease runs out by itself.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row, and_, func, or_, select, type_coerce
from sqlalchemy.orm import Session, joinedload

from csms.domain import reports
from csms.domain.accounts import Account, LedgerEntry
from csms.domain.accounts.audit import breaches
from csms.domain.base import UTCDateTime, digest, printable
from csms.domain.cdrs import Cdr
from csms.domain.chargers import LinkLease
from csms.domain.commands import Command, CommandState
from csms.domain.frames import Direction, Frame, Verdict, link_of
from csms.domain.payments import audit
from csms.domain.reservations import Reservation, ReservationState
from csms.domain.reservations.states import GRACE
from csms.domain.tariffs import Line
from csms.domain.transactions import Flag, Reading, Sample, Summary, Transaction, TransactionState, summarise
from csms.domain.transactions import gone_until as readings_gone_until
from csms.domain.transactions.billing import AFTERWARDS, OF_SESSIONS, priced, terms_of
from csms.domain.transactions.rules import Meter, final, read
from csms.domain.transactions.unrecorded import looked_at

BATCH = 500
_SEPARATORS = str.maketrans("", "", " ._-")
# After its deadline a command has this long to be given up: a grace of 5 s, and a job that comes every 5 s.
OVERDUE = timedelta(seconds=15)
# Flags that say that a figure is not simply what the meter and the tariff give.
UNSURE = {
    Flag.METER_RESET,
    Flag.METER_BACKWARDS,
    Flag.METER_IMPLAUSIBLE,
    Flag.CLOCK_SUSPECT,
    Flag.ESTIMATED,
    Flag.REPAIRED,
    Flag.SALVAGED,
}
_DONE = (Verdict.VALID, Verdict.REPAIRED)
_JOURNAL = (
    Frame.id,
    Frame.charger_id,
    Frame.at,
    Frame.direction,
    Frame.action,
    Frame.text,
    Frame.reply,
    Frame.verdict,
    Frame.chain,
)

Finding = str
Entry = Row[*tuple[Any, ...]]


def verify(session: Session, *, at: datetime | None = None) -> list[Finding]:
    """Everything that does not hold; empty when all is well. `at`: now, by default the database's own."""
    moment = (
        at
        or session.scalar(select(type_coerce(func.now(), UTCDateTime())))
        or datetime.min.replace(tzinfo=UTC)
    )
    checks: tuple[Callable[[Session], Iterator[Finding]], ...] = (
        _journal,
        _transactions,
        _connectors,
        _accounts,
        breaches,
        reports.breaches,
        lambda session: _commands(session, moment),
        lambda session: _reservations(session, moment),
        lambda session: audit.breaches(session, moment),
    )
    return [finding for check in checks for finding in check(session)]


def _journal(session: Session) -> Iterator[Finding]:
    """Each charger's chain is whole; a repetition got the first answer; what was confirmed has been done."""
    # The ends are read before the entries: what a working server adds meanwhile comes after them.
    leases = session.execute(select(LinkLease.charger_id, LinkLease.chain_start, LinkLease.chain)).all()
    starts = {row.charger_id: row.chain_start for row in leases}
    ends = {row.charger_id: row.chain for row in leases if row.chain != row.chain_start}
    entries = session.execute(
        select(*_JOURNAL).order_by(Frame.charger_id, Frame.id).execution_options(yield_per=BATCH)
    )
    charger_id, previous = None, b""
    for entry in entries:
        if entry.charger_id != charger_id:
            charger_id, previous = entry.charger_id, starts.get(entry.charger_id, b"")
        if entry.chain != link_of(previous, entry.charger_id, entry.at, entry.text, entry.reply):
            yield f"Journal of charger {charger_id}: entry {entry.id} was altered, or what stood before it is gone."
        previous = entry.chain
        if ends.get(entry.charger_id) == entry.chain:
            del ends[entry.charger_id]
        yield from _effect(session, entry)
    for charger_id, chain in ends.items():
        if chain:
            yield f"Journal of charger {charger_id}: its newest entries are gone."


def _effect(session: Session, entry: Entry) -> Iterator[Finding]:
    if entry.direction is not Direction.IN:
        return
    if entry.verdict is Verdict.REPEATED:
        key = digest(entry.charger_id, entry.text)
        first = session.scalar(select(Frame.reply).where(Frame.ledger_key == key).order_by(Frame.id).limit(1))
        if first is not None and first != entry.reply:
            yield f"Journal entry {entry.id} of charger {entry.charger_id}: a repetition was answered otherwise."
    elif entry.action == "StartTransaction" and entry.verdict in _DONE:
        transaction_id = _member(entry.reply, "transactionId")
        owner = select(Transaction.charger_id).where(Transaction.id == transaction_id)
        if session.scalar(owner) != entry.charger_id:
            yield f"Journal entry {entry.id}: transaction {transaction_id} was confirmed, and is not there."
    elif entry.action == "StopTransaction" and entry.verdict in _DONE and not _is_stopped(session, entry):
        yield f"Journal entry {entry.id}: a StopTransaction was confirmed, and has ended nothing."


def _is_stopped(session: Session, entry: Entry) -> bool:
    """A Stop has ended the transaction that it names, or left an orphan; -1 has ended one that it does not name."""
    names = _names(_member(entry.text, "transactionId"))
    named = Transaction.reference.in_(names)
    if "-1" in names:
        named = Transaction.end_received_at == entry.at
    orphan = or_(*(Transaction.reference.startswith(f"?{x[:30]}", autoescape=True) for x in names))
    is_its = or_(
        and_(Transaction.state == TransactionState.ENDED, named),
        and_(Transaction.state == TransactionState.ORPHAN, orphan),
    )
    query = select(Transaction.id).where(Transaction.charger_id == entry.charger_id, is_its)
    return session.scalar(query.limit(1)) is not None


def _names(value: object) -> set[str]:
    """What a transactionId may have been read as: as it is, or as the whole number that a fraction is mended to."""
    names = {_reference(value)}
    if isinstance(value, (str, float)):
        with contextlib.suppress(ValueError, OverflowError):
            names.add(str(round(float(value))))
    return names


def _reference(value: object) -> str:
    """A transactionId as a charger's door reads it: a number's digits, a text as it is, anything else a question."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_text = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return (printable(str(value).strip(), 64) if is_text else None) or "?"


def _member(text: str | None, name: str) -> Any:
    """A member of the payload of a CALL or CALLRESULT; also where its name is written otherwise, and was mended."""
    try:
        payload = orjson.loads(text or "")[-1]
    except (ValueError, IndexError):
        return None
    if not isinstance(payload, dict) or name in payload:
        return payload.get(name) if isinstance(payload, dict) else None
    return next((value for key, value in payload.items() if _folded(key) == _folded(name)), None)


def _folded(name: str) -> str:
    return name.translate(_SEPARATORS).casefold()


def _transactions(session: Session) -> Iterator[Finding]:
    query = select(Transaction).options(joinedload(Transaction.tariff_version)).order_by(Transaction.id)
    until_id = looked_at(session)  # later sessions may still get their records
    gone_until = readings_gone_until(session)
    for batch in session.scalars(query.execution_options(yield_per=BATCH)).partitions():
        ids = [transaction.id for transaction in batch]
        readings = _readings(session, ids)
        booked = _booked(session, ids)
        recorded = _recorded(session, ids)
        for transaction in batch:
            has_readings = gone_until is None or transaction.start_received_at > gone_until
            its_readings = readings.get(transaction.id, []) if has_readings else None
            for what in (
                *_shape(transaction),
                *_energy(transaction, its_readings),
                *_bill(session, transaction, booked.get(transaction.id), has_readings=has_readings),
                *_record(transaction, recorded.get(transaction.id), until_id),
            ):
                yield f"Transaction {transaction.id}: {what}."


def _shape(transaction: Transaction) -> Iterator[Finding]:
    is_orphan = transaction.state is TransactionState.ORPHAN
    is_odd = bool({Flag.REPAIRED, Flag.SALVAGED} & set(transaction.flags))
    if transaction.connector_id is None and not is_orphan and not is_odd:
        yield "it has no connector"
    if transaction.ended_at is None:
        if not transaction.is_active:
            yield "it is over and has no end"
    elif transaction.is_active:
        yield "it is active and has an end"
    elif transaction.ended_at < transaction.started_at and Flag.CLOCK_SUSPECT not in transaction.flags:
        yield "it ends before it begins"
    if transaction.energy_wh is not None and transaction.energy_wh < 0:
        yield f"its energy is negative, {transaction.energy_wh} Wh"
    is_unsure = bool(UNSURE & set(transaction.flags))
    if transaction.energy_wh is None and transaction.state is TransactionState.ENDED and not is_unsure:
        yield "it has no energy, and no flag says why"


def _energy(transaction: Transaction, readings: Sequence[Reading] | None) -> Iterator[Finding]:
    """The readings, counted again, give the energy of a transaction that nothing speaks against.

    None: they have been let go of.
    """
    state = transaction.state
    if readings is None:
        return
    if state in (TransactionState.ORPHAN, TransactionState.ENDED_UNKNOWN) or UNSURE & set(transaction.flags):
        return
    start_wh = transaction.meter_start_wh
    meter = Meter(start_wh, transaction.started_at if start_wh is not None else None, 0)
    for reading in readings:
        if not _came_after(transaction, reading):
            is_timed = reading.measured_at != reading.received_at
            meter = read(meter, _summary(reading), reading.measured_at, is_timed=is_timed)
    counted_wh: int | None = meter.energy_wh
    if transaction.ended_at is not None:
        counted_wh, _ = final(meter, start_wh, transaction.meter_stop_wh, transaction.ended_at)
    if counted_wh != transaction.energy_wh:
        yield f"its meter gives {counted_wh} Wh, and it says {transaction.energy_wh} Wh"


def _came_after(transaction: Transaction, reading: Reading) -> bool:
    """Was a reading kept that had no say any more: received after the end, or taken after it?"""
    if transaction.end_received_at is None or transaction.ended_at is None:
        return False
    if reading.received_at == transaction.end_received_at:
        return reading.measured_at > transaction.ended_at
    return reading.received_at > transaction.end_received_at


def _summary(reading: Reading) -> Summary:
    if reading.energy_wh is None and "Interval" in reading.samples:
        return summarise([Sample(**sample) for sample in orjson.loads(reading.samples)])
    return Summary(energy_wh=reading.energy_wh)


def _bill(
    session: Session, transaction: Transaction, booked_cents: int | None, *, has_readings: bool
) -> Iterator[Finding]:
    """An ended transaction is billed once, by its own figures and prices, and the bill is booked."""
    is_settled = transaction.bill is not None and (
        transaction.state is TransactionState.ENDED_UNKNOWN or transaction.is_free
    )
    if not is_settled and (transaction.state is not TransactionState.ENDED or transaction.energy_wh is None):
        if transaction.bill is not None or booked_cents:
            yield "it was billed without energy that can be believed"
        return
    if transaction.bill is None or transaction.ended_at is None:
        yield "it has ended and was not billed"
        return
    if sum(row["cents"] for row in transaction.bill) != transaction.cost_cents:
        yield f"the lines of its bill do not come to its cost of {transaction.cost_cents} cents"
    if transaction.account_id is not None and (booked_cents or 0) != -(transaction.cost_cents or 0):
        yield f"it cost {transaction.cost_cents} cents, and {-(booked_cents or 0)} cents were booked"
    terms = terms_of(transaction)
    if not UNSURE & set(transaction.flags) and (has_readings or not terms.is_restricted):
        expected = priced(session, transaction, terms, transaction.ended_at)
        billed = [Line.of_row(row).essence for row in transaction.bill if row["kind"] not in AFTERWARDS]
        if billed != [line.essence for line in expected.lines]:
            yield "its bill is not what its tariff makes of its figures"


def _readings(session: Session, ids: Sequence[int]) -> dict[int, list[Reading]]:
    """The readings of transactions, in the order in which they came."""
    found: dict[int, list[Reading]] = {}
    query = (
        select(Reading).where(Reading.transaction_id.in_(ids)).order_by(Reading.transaction_id, Reading.id)
    )
    for reading in session.scalars(query.execution_options(yield_per=BATCH)):
        found.setdefault(reading.transaction_id or 0, []).append(reading)
    return found


def _booked(session: Session, ids: Sequence[int]) -> dict[int | None, int]:
    query = (
        select(LedgerEntry.transaction_id, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.transaction_id.in_(ids), LedgerEntry.kind.in_(OF_SESSIONS))
        .group_by(LedgerEntry.transaction_id)
    )
    return {transaction_id: int(cents) for transaction_id, cents in session.execute(query)}


def _record(transaction: Transaction, recorded_cents: int | None, until_id: int | None) -> Iterator[Finding]:
    """A session that is billed has charge records, and credits taken off they come to its cost.

    One that is over and not billed waits for a person: it is listed beside the records for as long as it does.
    """
    if recorded_cents is None:
        if transaction.cost_cents is not None and (until_id is None or transaction.id <= until_id):
            yield "it is billed, and has no charge record"
    elif recorded_cents != (transaction.cost_cents or 0):
        yield f"it cost {transaction.cost_cents} cents, and its charge records come to {recorded_cents}"


def _recorded(session: Session, ids: Sequence[int]) -> dict[int, int]:
    query = select(Cdr.transaction_id, func.sum(Cdr.total_cents)).where(Cdr.transaction_id.in_(ids))
    return {x: int(cents) for x, cents in session.execute(query.group_by(Cdr.transaction_id))}


def _connectors(session: Session) -> Iterator[Finding]:
    query = (
        select(Transaction.connector_id, func.count())
        .where(Transaction.state == TransactionState.ACTIVE, Transaction.connector_id.is_not(None))
        .group_by(Transaction.connector_id)
        .having(func.count() > 1)
    )
    for connector_id, count in session.execute(query):
        yield f"Connector {connector_id}: {count} transactions are active at once."


def _accounts(session: Session) -> Iterator[Finding]:
    cents, energy_wh = func.sum(LedgerEntry.amount_cents), func.sum(LedgerEntry.energy_wh)
    query = (
        select(Account.id, Account.balance_cents, Account.balance_wh, cents, energy_wh)
        .join(LedgerEntry, LedgerEntry.account_id == Account.id, isouter=True)
        .group_by(Account.id, Account.balance_cents, Account.balance_wh)
    )
    for account_id, balance_cents, balance_wh, booked_cents, booked_wh in session.execute(query):
        if (balance_cents, balance_wh) != (int(booked_cents or 0), int(booked_wh or 0)):
            yield f"Account {account_id}: its balance is not the sum of its ledger."


def _commands(session: Session, at: datetime) -> Iterator[Finding]:
    query = select(Command.id).where(Command.state == CommandState.SENT, Command.answer_by < at - OVERDUE)
    for command_id in session.scalars(query):
        yield f"Command {command_id}: it was sent, is long overdue, and nobody has given it up."


def _reservations(session: Session, at: datetime) -> Iterator[Finding]:
    """A used reservation names a transaction of its charger; one that is over is kept no longer."""
    is_its = and_(
        Transaction.id == Reservation.transaction_id, Transaction.charger_id == Reservation.charger_id
    )
    used = select(Reservation.id).outerjoin(Transaction, is_its)
    used = used.where(Reservation.state == ReservationState.USED, Transaction.id.is_(None))
    for reservation_id in session.scalars(used):
        yield f"Reservation {reservation_id}: it was used, and there is no session that has used it."
    kept = select(Reservation.id).where(
        Reservation.state == ReservationState.RESERVED, Reservation.expires_at < at - GRACE - OVERDUE
    )
    for reservation_id in session.scalars(kept):
        yield f"Reservation {reservation_id}: its time is over, and nobody has ended it."
