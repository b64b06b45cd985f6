"""Money and kWh given back for a session: its bill tells it, the ledger gets an entry, and the record a credit."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import cdrs
from csms.domain.accounts import LedgerEntry, LedgerKind, book, who_pays
from csms.domain.base import Invalid, Refused, printable
from csms.domain.transactions import billing, queries, repair
from csms.domain.transactions.models import Transaction


def refund(
    session: Session,
    transaction: Transaction,
    *,
    cents: int | None,
    reason: str,
    by: str,
    at: datetime,
) -> None:
    """Give back `cents` of what a session cost; None: all of it, with the kWh of credit that it took.

    Raises Refused for one that is not billed, or that costs nothing (any more), Invalid for more than it cost.
    """
    repair.lock(session, transaction)
    reason = printable(reason.strip(), 150) or ""
    if not reason:
        raise Invalid("Say why.", "reason")
    if transaction.bill is None or transaction.cost_cents is None:
        raise Refused("This session is not billed, so there is nothing to give back.")
    energy_wh = spent_wh(queries.bookings(session, transaction.id)) if cents is None else 0
    left, whole = transaction.cost_cents, cents is None
    if not left and not energy_wh:
        raise Refused("This session costs nothing, so there is nothing to give back.")
    amount = left if cents is None else cents
    if not 0 <= amount <= left or not (amount or energy_wh):
        raise Invalid("Give back more than nothing, and at most what it cost.", "amount")
    bill = billing.bill_of(transaction, at)
    transaction.bill = [*transaction.bill, *billing.given_back(bill, amount, energy_wh)]
    transaction.cost_cents = left - amount
    remark = f"refund: {reason}"
    cdrs.credit(session, transaction.id, remark=remark, at=at)
    if not whole and transaction.cost_cents:
        billing.put_on_record(session, transaction, billing.terms_of(transaction), at=at, remark=remark)
    if transaction.account_id is not None:
        account = who_pays(session, transaction.account_id)
        book(
            session,
            account,
            LedgerKind.REFUND,
            at=at,
            amount_cents=amount,
            energy_wh=energy_wh,
            transaction_id=transaction.id,
            note=reason,
            by=by,
        )
    repair.told(session, transaction)


def spent_wh(bookings: Iterable[LedgerEntry]) -> int:
    """kWh of credit that a session took by its bookings, less what was given back."""
    return max(0, sum(-(x.energy_wh or 0) for x in bookings if x.kind in billing.OF_SESSIONS))
