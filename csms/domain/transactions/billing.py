"""From a transaction to its bill, and from the bill to the account. The same function prices live and at the end."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from csms.domain import tariffs
from csms.domain.accounts import Account, LedgerKind, book
from csms.domain.tariffs import Bill, Line, Terms, Usage
from csms.domain.transactions.models import Transaction
from csms.quantities import cents, kwh

FREE = Terms(currency="")


def usage_of(transaction: Transaction, at: datetime) -> Usage:
    """What a transaction has used up to `at`, or up to its end."""
    until = transaction.ended_at or at
    idle_s = transaction.idle_s
    if transaction.idle_since is not None:
        idle_s += max(0, round((until - transaction.idle_since).total_seconds()))
    return Usage(
        energy_wh=transaction.energy_wh or 0,
        duration_s=max(0, round((until - transaction.started_at).total_seconds())),
        idle_s=idle_s,
    )


def terms_of(transaction: Transaction) -> Terms:
    """What was agreed when it began."""
    if transaction.is_free or transaction.tariff_version is None:
        return FREE
    return transaction.tariff_version.terms


def bill_of(transaction: Transaction, at: datetime) -> Bill:
    """The bill as it stands at `at`; once the transaction has been billed, the very bill that it got."""
    terms = terms_of(transaction)
    if transaction.bill is None:
        return tariffs.price(terms, usage_of(transaction, at))
    lines = tuple(
        Line(x["kind"], Decimal(x["quantity"]), x["unit"], Decimal(x["price"]), x["cents"])
        for x in transaction.bill
    )
    total = sum(line.cents for line in lines)
    vat = cents(Decimal(total) / 100 * terms.vat_percent / (100 + terms.vat_percent))
    return Bill(terms.currency, lines, total, terms.vat_percent, vat)


def charge(session: Session, transaction: Transaction, *, at: datetime) -> None:
    """Fix the bill of an ended transaction and book it: kWh of credit first, in kWh, and money for the rest.

    Without energy that can be believed (None) nothing is billed: a person decides.
    """
    if transaction.energy_wh is None:
        return
    bill = tariffs.price(terms_of(transaction), usage_of(transaction, at))
    account = None if transaction.is_free else transaction.account
    covered_wh = _covered(account, transaction.energy_wh, has_price=bool(bill.lines))
    rows = bill.as_rows()
    total = bill.total_cents
    if covered_wh:
        price = terms_of(transaction).price_per_kwh
        saved = cents(kwh(covered_wh) * price)
        total -= saved
        rows.append(
            {
                "kind": "credit",
                "quantity": str(kwh(covered_wh)),
                "unit": "kWh",
                "price": str(-price),
                "cents": -saved,
            }
        )
    transaction.bill = rows
    transaction.cost_cents = total
    if transaction.account is not None and (covered_wh or total):
        book(
            session,
            transaction.account,
            LedgerKind.SESSION,
            at=at,
            amount_cents=-total,
            energy_wh=-covered_wh,
            transaction_id=transaction.id,
        )


def _covered(account: Account | None, energy_wh: int, *, has_price: bool) -> int:
    """How much of `energy_wh` an account's kWh credit pays. Where kWh have no price, credit in kWh is all there is."""
    if account is None or account.balance_wh <= 0:
        return 0
    return min(energy_wh, account.balance_wh) if has_price else energy_wh
