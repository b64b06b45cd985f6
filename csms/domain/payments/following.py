"""What becomes of what is held: a session that begins, costs, ends and is corrected, or one that never begins."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain import transactions
from csms.domain.base import Refused
from csms.domain.commands import Command, CommandState
from csms.domain.payments import books, rules, service
from csms.domain.payments.models import Payment, PaymentState, Wanted
from csms.domain.transactions import Transaction, TransactionState
from csms.sentences import gettext_noop, told

STOP_AGAIN = timedelta(seconds=60)
REFUNDABLE_FOR = timedelta(days=180)  # providers give back no longer
LATE_STARTS_OF = timedelta(days=1)
UNBILLED = gettext_noop("The session is over and has no bill: take what it used, or let go.")


def follow(session: Session, at: datetime) -> int:
    """Look after everything that is held. How many were moved on."""
    held = select(Payment).where(Payment.state == PaymentState.HELD).with_for_update(skip_locked=True)
    return sum(_follow(session, payment, at) for payment in session.scalars(held).all())


def _follow(session: Session, payment: Payment, at: datetime) -> bool:
    if payment.transaction_id is None:
        # The order is read before the session is looked for: whatever has settled it is then there to be found.
        words = _why_not_started(session, payment)
        if not _find_session(session, payment, at):
            if payment.wanted is None and words:
                service.want_release(session, payment, words, at=at)
                return True
            return False
    if payment.wanted is not None or payment.transaction is None:
        return False
    if payment.transaction.is_active:
        return _stop_in_time(session, payment, payment.transaction, at)
    return _settle_bill(session, payment, payment.transaction, at)


def _find_session(session: Session, payment: Payment, at: datetime) -> bool:
    """Has the session begun? A release that was about to be ordered is then out of the question."""
    found = _of_token(session, payment)
    if found is None:
        return False
    payment.transaction = found
    session.flush()
    if payment.wanted is Wanted.RELEASE:
        payment.wanted, payment.due_at = None, payment.held_until
    books.note(session, payment, "charging", at=at)
    return True


def _of_token(session: Session, payment: Payment) -> Transaction | None:
    if payment.id_token_id is None:
        return None
    query = select(Transaction).where(
        Transaction.id_token_id == payment.id_token_id, Transaction.state != TransactionState.ORPHAN
    )
    return session.scalar(query.order_by(Transaction.started_at).limit(1))


def _why_not_started(session: Session, payment: Payment) -> str | None:
    """In a driver's words; None while the car may yet charge."""
    command = session.get(Command, payment.command_id) if payment.command_id else None
    if command is None:
        return gettext_noop("The station could not be asked.")
    if command.state in (CommandState.QUEUED, CommandState.SENT) or command.awaits is not None:
        is_broken = payment.connector is not None and transactions.is_out_of_service(payment.connector)
        return gettext_noop("The station has reported a fault.") if is_broken else None
    match command.state:
        case CommandState.ACCEPTED:
            return gettext_noop("The station said yes, but charging did not begin.")
        case CommandState.REJECTED:
            return gettext_noop("The station said no.")
        case CommandState.TIMEOUT | CommandState.EXPIRED | CommandState.UNKNOWN:
            return gettext_noop("The station did not answer.")
    return gettext_noop("The station could not do it.")


def _stop_in_time(session: Session, payment: Payment, transaction: Transaction, at: datetime) -> bool:
    """End a session before it costs more than is held, or outlasts the hold."""
    cost = transactions.bill_of(transaction, at).total_cents
    lapses = payment.held_until is not None and at > payment.held_until - rules.BEFORE_THE_END
    if not lapses and not rules.is_used_up(cost, payment.held_cents):
        return False
    if payment.stop_asked_at is not None and at - payment.stop_asked_at < STOP_AGAIN:
        return False
    try:
        transactions.request_stop(session, transaction, by=service.BY, at=at)
    except Refused:  # it is offline: it will be asked when it is back
        return False
    if payment.stop_asked_at is None:
        words = told("The hold is about to end.") if lapses else told("What is held is used up.")
        books.note(session, payment, "stop asked", at=at, cents=cost, words=words)
    payment.stop_asked_at = at
    return True


def _settle_bill(session: Session, payment: Payment, transaction: Transaction, at: datetime) -> bool:
    """Order what the bill asks for. Without a bill a person decides, and the money is held until then."""
    if transaction.cost_cents is None:
        if payment.problem_at is None:
            service.tell_of(session, payment, UNBILLED, at=at)
        return False
    if transaction.cost_cents <= 0:
        service.want_release(session, payment, gettext_noop("The session cost nothing."), at=at)
        return True
    cents = min(transaction.cost_cents, payment.held_cents)
    service.want_capture(session, payment, cents, at=at)
    if cents < transaction.cost_cents:
        missing = transaction.cost_cents - cents
        books.note(session, payment, "not covered", at=at, cents=missing)
    return True


def correct(session: Session, at: datetime) -> int:
    """Give back what a corrected bill does not ask for any more, and tell of cars that charged after a release."""
    return _refund_corrected(session, at) + _tell_of_late_starts(session, at)


def _refund_corrected(session: Session, at: datetime) -> int:
    query = (
        select(Payment, Transaction.cost_cents)
        .join(Payment.transaction)
        .where(
            Payment.state == PaymentState.CAPTURED,
            Payment.wanted.is_(None),
            Payment.requested_at > at - REFUNDABLE_FOR,
            Transaction.cost_cents < Payment.captured_cents - Payment.refunded_cents,
        )
        .with_for_update(of=Payment, skip_locked=True)
    )
    found = session.execute(query).all()
    for payment, cost_cents in found:
        service.want_refund(session, payment, payment.net_cents - max(0, cost_cents or 0), at=at)
    return len(found)


def _tell_of_late_starts(session: Session, at: datetime) -> int:
    query = (
        select(Payment)
        .join(Transaction, Transaction.id_token_id == Payment.id_token_id)
        .where(
            Payment.state.in_((PaymentState.RELEASED, PaymentState.EXPIRED)),
            Payment.transaction_id.is_(None),
            Payment.requested_at > at - LATE_STARTS_OF,
        )
        .with_for_update(of=Payment, skip_locked=True)
    )
    late: Sequence[Payment] = session.scalars(query).all()
    for payment in late:
        payment.transaction = _of_token(session, payment)
        session.flush()
        service.tell_of(session, payment, told("The car charged after the hold had been released."), at=at)
    return len(late)


def problems(session: Session) -> int:
    """How many payments a person should look at."""
    query = select(func.count(Payment.id)).where(Payment.problem_at.is_not(None))
    return session.scalar(query) or 0
