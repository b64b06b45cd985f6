"""Two drivers who are one person become one. What names the one names the other from then on; only the ledger
stays as it was written, and what is left of the credit is booked over, so that both add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from csms.domain import accounts
from csms.domain.accounts import Account, IdToken, LedgerEntry, LedgerKind, User, Vehicle, Voucher
from csms.domain.base import Base, Refused, announce
from csms.domain.payments import Payment, PaymentState, books
from csms.domain.reservations import Reservation
from csms.domain.roaming import Peer
from csms.domain.subscriptions import Subscription
from csms.domain.transactions import Transaction, TransactionState
from csms.sentences import told

# What a person is told of by name; the other tables move as well.
COUNTED = (IdToken, Vehicle, Transaction, Payment, Reservation, Subscription, Voucher, User)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would move. `counts`: rows by table; `problem`: why nothing can, as Refused says it."""

    counts: Mapping[type[Any], int]
    balance_cents: int
    balance_wh: int
    problem: Refused | None


def preview(session: Session, account: Account, other: Account) -> Preview:
    """What merging `other` into `account` would move."""
    columns = {x.table.name: x for x in _naming()}
    counts = {
        model: session.scalar(select(func.count()).where(columns[model.__tablename__] == other.id)) or 0
        for model in COUNTED
    }
    problem = _problem(session, account, other)
    return Preview(counts, other.balance_cents, other.balance_wh, problem)


def merge(session: Session, account: Account, other: Account, *, by: str, at: datetime) -> None:
    """Make `other` one with `account`, which keeps its name. Raises Refused."""
    for account_id in sorted((account.id, other.id)):  # two who merge at once wait in the same order
        session.get_one(Account, account_id, with_for_update=True, populate_existing=True)
    if problem := _problem(session, account, other):
        raise problem
    _book_over(session, account, other, by, at)
    session.flush()
    for column in _naming():
        session.execute(update(column.table).where(column == other.id).values({column.name: account.id}))
    session.execute(update(Payment).where(Payment.payer_id == other.id).values(payer_id=account.id))
    other.merged_into_id = account.id
    session.flush()
    session.expire_all()
    announce(session, f"account:{account.id}", f"account:{other.id}", "transactions")


def _naming() -> Iterator[Column[int]]:
    """Every column that names an account, whatever comes to be one, but the ledger's."""
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is Account.__table__ and table is not LedgerEntry.__table__:
                yield key.parent


def _book_over(session: Session, account: Account, other: Account, by: str, at: datetime) -> None:
    cents, energy_wh = other.balance_cents, other.balance_wh
    if not cents and not energy_wh:
        return
    for one, sign, note in (
        (other, -1, told("Over to account %(id)s, with which this one is merged", id=account.id)),
        (account, 1, told("From account %(id)s, which is merged with this one", id=other.id)),
    ):
        amounts = {"amount_cents": sign * cents, "energy_wh": sign * energy_wh}
        accounts.book(session, one, LedgerKind.CORRECTION, at=at, note=note, by=by, **amounts)


def _problem(session: Session, account: Account, other: Account) -> Refused | None:
    if account.id == other.id:
        return Refused("These are one and the same driver.")
    if account.merged_into_id is not None or other.merged_into_id is not None:
        return Refused("One of them is merged with another driver already.")
    if any(books.is_kept_on(session, x) or _is_apart(session, x) for x in (account, other)):
        return Refused("One of them is no person's account, and stays by itself.")
    running = select(Transaction.id).where(
        Transaction.account_id == other.id, Transaction.state == TransactionState.ACTIVE
    )
    if session.scalar(running.limit(1)) is not None:
        return Refused("A session of %(name)s is running: merge them when it has ended.", name=other.name)
    moving = select(Payment.id).where(
        or_(Payment.payer_id == other.id, Payment.credited_account_id == other.id),
        or_(Payment.state.in_((PaymentState.REQUESTED, PaymentState.HELD)), Payment.wanted.is_not(None)),
    )
    if session.scalar(moving.limit(1)) is not None:
        return Refused("A payment of %(name)s is not settled yet: merge them when it is.", name=other.name)
    if session.scalar(_twice(account, other)) is not None:
        return Refused("Both have a subscription to the same product: cancel one of them first.")
    return None


def _is_apart(session: Session, account: Account) -> bool:
    """Is it another company's, or that of a voucher which nobody known has redeemed?"""
    peers = select(Peer.id).where(Peer.account_id == account.id)
    bearers = select(Voucher.id).where(Voucher.account_id == account.id, Voucher.is_bearer)
    return any(session.scalar(x.limit(1)) is not None for x in (peers, bearers))


def _twice(account: Account, other: Account) -> Select[int]:
    mine, theirs = aliased(Subscription), aliased(Subscription)
    return (
        select(mine.id)
        .join(theirs, theirs.product_id == mine.product_id)
        .where(mine.account_id == account.id, theirs.account_id == other.id)
        .where(mine.ended_at.is_(None), theirs.ended_at.is_(None))
        .limit(1)
    )
