"""Sessions that an account's credit pays: what will be left of it, and their end when nothing is.

Credit is asked for where a charger wants it, and of a voucher that stands for itself everywhere: nobody else would pay.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain import transactions
from csms.domain.accounts import Account, Voucher
from csms.domain.base import Refused
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.commands import Kind
from csms.domain.payments import rules
from csms.domain.transactions import Transaction, TransactionState, queries

BY = "credit"  # who orders the end
STOP_AGAIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of an account's credit when all that charges on it has been paid; `had_cents`: before that."""

    had_cents: int
    cents: int
    energy_wh: int

    @property
    def is_used_up(self) -> bool:
        """Is it time to stop, so that the cost stays within the credit?"""
        return self.energy_wh <= 0 and rules.is_used_up(self.had_cents - self.cents, max(0, self.had_cents))


def left_of(session: Session, account: Account, at: datetime) -> Left:
    """As it stands at `at`, with every session that runs on the account."""
    return _left(account, session.scalars(_running().where(Transaction.account_id == account.id)), at)


def _left(account: Account, running: Iterable[Transaction], at: datetime) -> Left:
    cents, energy_wh = account.balance_cents, account.balance_wh
    for transaction in running:
        bill, terms = transactions.bill_of(transaction, at), transactions.terms_of(transaction)
        bill, covered_wh = transactions.paid_in_kwh(bill, terms, transaction.energy_wh or 0, energy_wh)
        cents, energy_wh = cents - bill.total_cents, energy_wh - covered_wh
    return Left(account.balance_cents, cents, energy_wh)


def needs_credit(session: Session, transaction: Transaction) -> bool:
    """Does it end when the credit of its account is used up?"""
    account = transaction.account
    if account is None or account.is_service:
        return False
    if transaction.charger.policy is AuthorizationPolicy.CREDIT:
        return True
    return session.scalar(_stand_alone().where(Voucher.account_id == account.id).limit(1)) is not None


def was_used_up(session: Session, transaction: Transaction, at: datetime) -> bool:
    """Has its end been asked for because nothing was left?"""
    orders = queries.orders(session, transaction, at)
    return any(x.kind is Kind.STOP and x.requested_by == BY for x in orders)


def stop_spent(session: Session, at: datetime) -> int:
    """End the sessions of accounts whose credit is used up; how many were asked to.

    Two queries, however many charge: those that would end, and all that run on their accounts.
    """
    ending = _ending()
    found = session.scalars(
        ending.options(joinedload(Transaction.charger), joinedload(Transaction.account))
    ).all()
    its_account = ending.with_only_columns(Transaction.account_id)
    running: dict[Account, list[Transaction]] = {}
    for transaction in (
        session.scalars(_running().where(Transaction.account_id.in_(its_account))) if found else ()
    ):
        if transaction.account is not None:
            running.setdefault(transaction.account, []).append(transaction)
    spent = {account for account, its in running.items() if _left(account, its, at).is_used_up}
    return sum(_stop(session, x, at) for x in found if x.account in spent)


def _ending() -> Select[Transaction]:
    """Sessions that end when the credit of their account is used up."""
    return (
        _running()
        .join(Transaction.charger)
        .join(Transaction.account)
        .where(
            Account.is_service.is_(False),
            or_(Charger.policy == AuthorizationPolicy.CREDIT, Account.id.in_(_stand_alone())),
        )
    )


def _running() -> Select[Transaction]:
    return select(Transaction).where(Transaction.state == TransactionState.ACTIVE)


def _stop(session: Session, transaction: Transaction, at: datetime) -> bool:
    orders = queries.orders(session, transaction, at)
    if any(x.kind is Kind.STOP and at - x.requested_at < STOP_AGAIN for x in orders):
        return False
    try:
        transactions.request_stop(session, transaction, by=BY, at=at)
    except Refused:  # it is offline: it will be asked when it is back
        return False
    return True


def _stand_alone() -> Select[int | None]:
    """Accounts of vouchers that somebody without an account charges with."""
    return select(Voucher.account_id).where(Voucher.is_bearer)
