"""What people, and programs of theirs, may order of a payment."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import transactions
from csms.domain.base import Invalid, Refused
from csms.domain.payments import service, top_ups
from csms.domain.payments.models import Payment, PaymentState
from csms.sentences import gettext_noop


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which of the orders make sense now."""

    capture: bool
    release: bool
    refund: bool


def allowed(payment: Payment) -> Allowed:
    """What may be ordered of it now."""
    is_charging = payment.transaction is not None and payment.transaction.is_active
    is_held = payment.state is PaymentState.HELD and not is_charging
    is_waiting = payment.state is PaymentState.REQUESTED
    return Allowed(
        capture=is_held and payment.transaction is not None,
        release=(is_held or is_waiting) and payment.wanted is None,
        refund=payment.state is PaymentState.CAPTURED and payment.wanted is None,
    )


def capture(session: Session, payment: Payment, cents: int, *, by: str, at: datetime) -> None:
    """Take `cents` where no bill says how much. Raises Refused while the car charges, or where none has charged."""
    _refuse_charging(payment)
    if payment.state is PaymentState.HELD and payment.transaction is None:
        raise Refused("No car has charged on this payment: release it.")
    service.want_capture(session, payment, cents, at=at, by=by)


def release(session: Session, payment: Payment, *, by: str, at: datetime) -> None:
    """Let go of everything. Raises Refused while the car charges."""
    _refuse_charging(payment)
    service.want_release(session, payment, gettext_noop("The operator has let it go."), at=at, by=by)


def refund(
    session: Session, payment: Payment, cents: int | None, *, reason: str, by: str, at: datetime
) -> None:
    """Give back `cents`, None: all. Where there is a bill, it is corrected, and what it does not ask for goes back.

    Of a top-up no more goes back than is left of the credit. Raises Refused, Invalid.
    """
    if not reason.strip():
        raise Invalid("Say why.", "reason")
    if payment.wanted is not None:
        raise Refused("Something else is being done with this payment: wait a moment.")
    amount = payment.net_cents if cents is None else cents
    if payment.credited_account is not None:
        top_ups.refuse_spent(session, payment.credited_account, amount, at=at)
    transaction = payment.transaction
    if transaction is not None and transaction.bill is not None and transaction.cost_cents:
        missing = max(0, transaction.cost_cents - payment.net_cents)  # never paid, so never to be given back
        if payment.state is PaymentState.CAPTURED and 0 < amount <= payment.net_cents:
            corrected = min(transaction.cost_cents, amount + (missing if cents is None else 0))
            transactions.refund(session, transaction, cents=corrected, reason=reason, by=by, at=at)
    service.want_refund(session, payment, amount, at=at, by=by, words=reason)


def _refuse_charging(payment: Payment) -> None:
    if payment.transaction is not None and payment.transaction.is_active:
        raise Refused("The car still charges: stop the session first.")
