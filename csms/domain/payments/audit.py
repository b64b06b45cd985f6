"""What must hold of payments whatever happened to the server: each breach is a sentence. Reads only."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import and_, func, literal, or_, select
from sqlalchemy.orm import Session

from csms.domain.accounts import Account, LedgerEntry, LedgerKind
from csms.domain.payments import rules
from csms.domain.payments.books import BOOKED_AS
from csms.domain.payments.following import REFUNDABLE_FOR
from csms.domain.payments.models import Payment, PaymentEvent, PaymentState
from csms.domain.transactions import Transaction, TransactionState

BATCH = 500
SETTLED_WITHIN = timedelta(minutes=1)  # of what jobs look at every few seconds
BEGUN_WITHIN = timedelta(minutes=15)  # longer than a start can be delivered, answered and waited for


# A step of the books that says why a session was not paid in full: it cost more than was held, or a person knows.
_SAYS_WHY = and_(
    PaymentEvent.payment_id == Payment.id,
    or_(PaymentEvent.what.in_(("not covered", "problem")), PaymentEvent.by.is_not(None)),
)
# The account that is meant by now: one of the same person, if they were merged.
_WHOSE = func.coalesce(Account.merged_into_id, Account.id)


def breaches(session: Session, at: datetime) -> Iterator[str]:
    """Never more taken than held, all of it booked to whom it is due, each session paid or before a person, no hold
    without an end.
    """
    booked = (
        select(
            LedgerEntry.note,
            func.sum(LedgerEntry.amount_cents).label("cents"),
            func.min(_WHOSE).label("first_id"),
            func.max(_WHOSE).label("last_id"),
        )
        .join(Account, Account.id == LedgerEntry.account_id)
        .where(LedgerEntry.kind == LedgerKind.PAYMENT)
        .group_by(LedgerEntry.note)
        .subquery()
    )
    query = (
        select(
            Payment,
            Transaction,
            booked.c.cents,
            booked.c.first_id,
            booked.c.last_id,
            select(PaymentEvent.id).where(_SAYS_WHY).exists(),
        )
        .outerjoin(Transaction, Transaction.id == Payment.transaction_id)
        .outerjoin(booked, booked.c.note == literal(BOOKED_AS) + Payment.id)
        .order_by(Payment.id)
    )
    for payment, transaction, cents, first_id, last_id, is_explained in session.execute(
        query.execution_options(yield_per=BATCH)
    ):
        found = [*_amounts(payment, int(cents or 0)), *_holds(payment, transaction, at)]
        credited_id = payment.credited_account_id
        if credited_id is not None and {first_id, last_id} - {None, credited_id}:
            found.append(
                f"it tops up account {credited_id}, and is booked to account {first_id} and {last_id}"
            )
        if transaction is not None and transaction.cost_cents is not None:
            found += _bill(session, payment, transaction.cost_cents, at, is_explained=is_explained)
        yield from (f"Payment {payment.id}: {what}." for what in found)


def _amounts(payment: Payment, booked_cents: int) -> Iterator[str]:
    if payment.captured_cents > min(payment.held_cents, payment.asked_cents):
        yield f"{payment.captured_cents} cents were taken, and {payment.held_cents} cents were held"
    if payment.refunded_cents > payment.captured_cents:
        yield f"{payment.refunded_cents} cents were given back, and {payment.captured_cents} cents were taken"
    if booked_cents != payment.net_cents:
        yield f"{payment.net_cents} cents were kept, and {booked_cents} cents of it are booked"


def _holds(payment: Payment, transaction: Transaction | None, at: datetime) -> Iterator[str]:
    """Whatever is held, or may be, is looked after by a job or stands before a person."""
    if payment.wanted is not None:
        if payment.due_at is None:
            yield f"a {payment.wanted} was ordered, and nobody asks the provider for it"
        return
    if payment.state is PaymentState.REQUESTED:
        if payment.expires_at < at - rules.FORGET_AFTER - SETTLED_WITHIN:
            yield "it could be paid long ago, and nobody has asked whether it was"
    elif payment.state is PaymentState.HELD and payment.problem_at is None:
        if transaction is None:
            if payment.is_top_up:
                yield "it tops up an account, and what is held is not being taken"
            elif payment.held_at is not None and payment.held_at < at - BEGUN_WITHIN:
                yield "no car has charged on it, and what is held was not let go"
        elif transaction.state is not TransactionState.ACTIVE and _is_past(transaction, at):
            yield "its session is over, and what is held was neither taken nor let go"


def _is_past(transaction: Transaction, at: datetime) -> bool:
    ended_at = transaction.end_received_at or transaction.ended_at
    return ended_at is None or ended_at < at - SETTLED_WITHIN


def _bill(
    session: Session, payment: Payment, cost_cents: int, at: datetime, *, is_explained: bool
) -> Iterator[str]:
    """What was kept is what the session costs, so that the account of all payments comes to nothing."""
    if payment.wanted is not None or payment.state in (PaymentState.REQUESTED, PaymentState.HELD):
        return
    if payment.net_cents < cost_cents and not is_explained:
        yield f"its session costs {cost_cents} cents, {payment.net_cents} cents were kept, and no step says why"
    is_correctable = payment.state is PaymentState.CAPTURED and payment.requested_at > at - REFUNDABLE_FOR
    if payment.net_cents > cost_cents and is_correctable and not _was_just_booked(session, payment, at):
        yield f"its session costs {cost_cents} cents, and {payment.net_cents} cents were kept"


def _was_just_booked(session: Session, payment: Payment, at: datetime) -> bool:
    """A correction of the bill is given back soon after."""
    query = select(func.max(LedgerEntry.created_at)).where(
        LedgerEntry.transaction_id == payment.transaction_id
    )
    booked_at = session.scalar(query)
    return booked_at is not None and booked_at > at - SETTLED_WITHIN
