"""From a transaction to its bill, and from the bill to the account. The same function prices live and at the end."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, object_session

from csms.domain import cdrs, tariffs
from csms.domain.accounts import Account, LedgerEntry, LedgerKind, book, who_pays
from csms.domain.base import amend
from csms.domain.tariffs import Bill, Line, Terms, Usage
from csms.domain.transactions.course import course_of
from csms.domain.transactions.models import Flag, Source, Transaction, TransactionState
from csms.domain.transactions.progress import Progress
from csms.quantities import cents, kwh
from csms.sentences import told

FREE = Terms(currency="")
MICRO = Decimal("0.000001")
# What may be booked for a session, and taken back.
OF_SESSIONS = (LedgerKind.SESSION, LedgerKind.CORRECTION, LedgerKind.REFUND)
AFTERWARDS = ("credit", "refund", "refund_kwh")  # lines of a bill that no tariff gives


def usage_of(transaction: Transaction | Progress, at: datetime) -> Usage:
    """What a transaction has used up to `at`, or up to its end."""
    until = transaction.ended_at or at
    idle_s = transaction.idle_s
    if transaction.idle_since is not None:
        idle_s += max(0, round((until - transaction.idle_since).total_seconds()))
    return Usage(
        energy_wh=transaction.energy_wh or 0,
        duration_s=max(0, round((until - transaction.started_at).total_seconds())),
        idle_s=idle_s,
        begins_at=transaction.started_at,
        register_wh=None if Flag.METER_RESET in transaction.flags else transaction.meter_start_wh,
    )


def priced(session: Session, transaction: Transaction | Progress, terms: Terms, at: datetime) -> Bill:
    """What the terms make of a transaction. Its readings are read only where it matters when the energy came."""
    return tariffs.price(terms, _usage_under(session, transaction, terms, at))


def _usage_under(session: Session, transaction: Transaction | Progress, terms: Terms, at: datetime) -> Usage:
    usage = usage_of(transaction, at)
    if not terms.is_restricted:
        return usage
    return replace(usage, course=course_of(session, transaction, transaction.ended_at or at))


def terms_of(transaction: Transaction) -> Terms:
    """What was agreed when it began."""
    if transaction.is_free or transaction.tariff_version is None:
        return FREE
    return transaction.tariff_version.terms


def bill_of(transaction: Transaction, at: datetime) -> Bill:
    """The bill as it stands at `at`; once the transaction has been billed, the very bill that it got."""
    terms = terms_of(transaction)
    if transaction.bill is not None:
        return tariffs.bill_with(terms, [Line.of_row(x) for x in transaction.bill])
    return priced(session_of(transaction), transaction, terms, at)


def session_of(transaction: Transaction) -> Session:
    session = object_session(transaction)
    if session is None:
        raise LookupError("a transaction is priced in the session that read it")
    return session


def charge(
    session: Session, transaction: Transaction | Progress, *, at: datetime, is_anew: bool = False
) -> None:
    """Fix the bill of an ended transaction and book it: kWh of credit first, in kWh, and money for the rest.

    Without energy that can be believed (None) nothing is billed: a person decides. `is_anew`: it may have had a bill
    before, and what people have given back of that stays given back.
    """
    if transaction.energy_wh is None:
        return
    is_priced = not transaction.is_free
    terms = tariffs.terms_of(session, transaction.tariff_version_id) if is_priced else None
    terms = terms or FREE
    usage = _usage_under(session, transaction, terms, at)
    bill = tariffs.price(terms, usage)
    account = _payer(session, transaction)
    balance_wh = account.balance_wh if account is not None and is_priced else 0
    bill, covered_wh = paid_in_kwh(bill, terms, transaction.energy_wh, balance_wh)
    returned_cents, returned_wh = _returned(session, transaction.id) if is_anew else (0, 0)
    returned_cents, returned_wh = min(returned_cents, max(0, bill.total_cents)), min(returned_wh, covered_wh)
    rows = given_back(bill, returned_cents, returned_wh)
    bill = tariffs.bill_with(terms, [*bill.lines, *(Line.of_row(x) for x in rows)])
    total, spent_wh = bill.total_cents, covered_wh - returned_wh
    transaction.bill, transaction.cost_cents = bill.as_rows(), total
    put_on_record(session, transaction, terms, at=at, reckoned=(usage, bill))
    if account is not None and (spent_wh or total):
        book(
            session,
            account,
            LedgerKind.SESSION,
            at=at,
            amount_cents=-total,
            energy_wh=-spent_wh,
            transaction_id=transaction.id,
        )


def _payer(session: Session, transaction: Transaction | Progress) -> Account | None:
    """Whose account it is on. One that was merged with another while the session began has left it behind."""
    if transaction.account_id is None:
        return None
    account = who_pays(session, transaction.account_id)
    if account.id != transaction.account_id:
        transaction.account_id = account.id
        amend(session, Transaction, {"id": transaction.id}, {"account_id": account.id})
    return account


def _returned(session: Session, transaction_id: int) -> tuple[int, int]:
    """(cents, Wh of credit) that people have given back for it, whatever became of the bill since."""
    query = select(
        func.coalesce(func.sum(LedgerEntry.amount_cents), 0),
        func.coalesce(func.sum(LedgerEntry.energy_wh), 0),
    ).where(LedgerEntry.transaction_id == transaction_id, LedgerEntry.kind == LedgerKind.REFUND)
    amount_cents, energy_wh = session.execute(query).one()
    return int(amount_cents), int(energy_wh)


def given_back(bill: Bill, cents: int, energy_wh: int) -> list[dict[str, Any]]:
    """Lines of what is given back: of each rate of VAT its share, and of kWh."""
    rows, left, of = [], cents, bill.total_cents
    for part in bill.vat:
        share = left if part is bill.vat[-1] else cents * part.cents // of if of else 0
        left -= share
        if share:
            price = -Decimal(share) / 100
            rows.append(_row("refund", "1", "session", price, -share) | {"vat_percent": str(part.percent)})
    if energy_wh:
        rows.append(_row("refund_kwh", str(kwh(energy_wh)), "kWh", Decimal(0), 0))
    return rows


def _row(kind: str, quantity: str, unit: str, price: Decimal, cents: int) -> dict[str, Any]:
    return {"kind": kind, "quantity": quantity, "unit": unit, "price": str(price), "cents": cents}


def paid_in_kwh(bill: Bill, terms: Terms, energy_wh: int, balance_wh: int) -> tuple[Bill, int]:
    """(what is left of the bill when `balance_wh` of credit has paid its part, how many Wh that were)."""
    covered_wh = _covered(balance_wh, energy_wh, has_price=bool(bill.lines))
    if not covered_wh:
        return bill, 0
    saved, price = _saved(bill, covered_wh)
    credit = Line("credit", kwh(covered_wh), "kWh", -price, -saved)
    return tariffs.bill_with(terms, [*bill.lines, credit]), covered_wh


def put_on_record(
    session: Session,
    transaction: Transaction | Progress,
    terms: Terms,
    *,
    at: datetime,
    reckoned: tuple[Usage, Bill] | None = None,
    remark: str | None = None,
    is_past: bool = False,
) -> None:
    """Make the charge record of a bill as it stands. `reckoned`: where both are at hand. `is_past`: it is no news."""
    usage, bill = reckoned or (
        _usage_under(session, transaction, terms, at),
        tariffs.bill_with(terms, [Line.of_row(x) for x in transaction.bill or ()]),
    )
    periods = usage.periods
    if transaction.idle_spans and not usage.course:
        periods = course_of(session, transaction, transaction.ended_at or at)
    facts = cdrs.Facts(
        transaction_id=transaction.id,
        charger_id=transaction.charger_id,
        account_id=transaction.account_id,
        tariff_version_id=None if terms is FREE else transaction.tariff_version_id,
        id_tag=transaction.id_tag,
        is_remote=transaction.source is Source.REMOTE,
        started_at=transaction.started_at,
        ended_at=transaction.ended_at or at,
        energy_wh=transaction.energy_wh or 0,
        idle_s=usage.idle_s,
        place=cdrs.place_of(session, transaction.charger_id, transaction.connector_id),
        terms=terms,
        bill=bill,
        periods=periods,
    )
    remarks = [remark] if remark else []
    cdrs.issue(session, facts, at=at, remark="; ".join(remarks + doubts(transaction)), is_past=is_past)


def doubts(transaction: Transaction | Progress) -> list[str]:
    """What a reader of its charge record should know of its figures."""
    found = []
    if transaction.is_free and Flag.TAKEN_OVER in transaction.flags:
        found.append(told("another system kept this session, and was paid for it"))
    if transaction.state is TransactionState.ENDED_UNKNOWN:
        found.append(told("its end was never told, so this is an estimate"))
    if transaction.energy_wh is None:
        found.append(told("nobody knows its energy"))
    return found


def unbill(session: Session, transaction: Transaction | Progress, *, note: str, at: datetime) -> None:
    """Take a bill back. What was booked is reversed by a new entry: none is ever changed."""
    if transaction.bill is None:
        return
    cdrs.credit(session, transaction.id, remark=note, at=at)
    booked = select(
        func.coalesce(func.sum(LedgerEntry.amount_cents), 0),
        func.coalesce(func.sum(LedgerEntry.energy_wh), 0),
    ).where(LedgerEntry.transaction_id == transaction.id, LedgerEntry.kind.in_(OF_SESSIONS))
    amount_cents, energy_wh = (int(x) for x in session.execute(booked).one())
    if transaction.account_id is not None and (amount_cents or energy_wh):
        book(
            session,
            who_pays(session, transaction.account_id),
            LedgerKind.CORRECTION,
            at=at,
            amount_cents=-amount_cents,
            energy_wh=-energy_wh,
            transaction_id=transaction.id,
            note=note,
        )
    transaction.bill = transaction.cost_cents = None


def _saved(bill: Bill, covered_wh: int) -> tuple[int, Decimal]:
    """(what energy paid in kWh would have cost in cents, its price per kWh): the first kWh of the bill are covered."""
    saved, left, prices = 0, kwh(covered_wh), []
    for line in bill.lines:
        if line.kind == "energy" and left > 0:
            part = min(left, line.quantity)
            saved += line.cents if part == line.quantity else cents(part * line.price)
            left -= part
            prices.append(line.price)
    if not prices:
        return 0, Decimal(0)
    price = prices[0] if len(prices) == 1 else (Decimal(saved) / 100 / kwh(covered_wh)).quantize(MICRO)
    return min(saved, max(0, bill.total_cents)), price


def _covered(balance_wh: int, energy_wh: int, *, has_price: bool) -> int:
    """How much of `energy_wh` an account's kWh credit pays. Where kWh have no price, credit in kWh is all there is."""
    if balance_wh <= 0:
        return 0
    return min(energy_wh, balance_wh) if has_price else energy_wh
