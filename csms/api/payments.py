"""Payments by card, for sessions and for credit: what is held, taken and given back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Money, Out, answers
from csms.domain import payments
from csms.domain.payments import Payment, PaymentEvent, PaymentKind, PaymentState, Wanted, ordering, queries
from csms.extensions import db
from csms.quantities import cents


class PaymentQuery(Listing):
    state: PaymentState | None = None
    kind: PaymentKind | None = None
    transaction_id: int | None = None
    since: Moment | None = Field(None, description="asked for at this moment or later")
    has_problem: bool = Field(False, description="only those that a person should look at")


class Capture(In):
    """How much of what is held is taken; the rest is let go."""

    amount: Decimal = Field(gt=0, le=1_000_000, decimal_places=2, examples=["5.25"])


class PaymentRefund(In):
    """How much goes back; null: all that was taken."""

    amount: Decimal | None = Field(None, gt=0, le=1_000_000, decimal_places=2)
    reason: str = Field(min_length=1, max_length=150)


class PaymentOut(Out):
    """`wanted`: what is being done at the provider now. `problem`: what a person should look at."""

    id: str
    kind: PaymentKind
    provider: str
    provider_reference: str | None = Field(description="under which the provider's own pages find it")
    state: PaymentState
    wanted: Wanted | None
    asked: Money
    held: Money
    captured: Money
    refunded: Money
    charger: str | None = Field(description="null: it tops up an account")
    evse: int | None
    transaction_id: int | None
    account_id: int | None = Field(
        description="whose driver was logged in; a top-up is booked there, a session is not"
    )
    reason: str | None
    problem: str | None
    requested_at: datetime
    held_at: datetime | None
    held_until: datetime | None
    settled_at: datetime | None


class PaymentStepOut(Out):
    """One step, in the books for ever."""

    at: datetime
    state: PaymentState
    what: str
    amount: Money | None
    note: str | None
    by: str | None


class PaymentDetail(PaymentOut):
    """With all its steps, the first first."""

    steps: list[PaymentStepOut]


class PaymentList(Out):
    data: list[PaymentOut]
    next_cursor: str | None


def _fields(one: Payment) -> dict[str, Any]:
    return {
        "provider_reference": one.intent,
        "asked": Money.of_cents(one.asked_cents, one.currency),
        "held": Money.of_cents(one.held_cents, one.currency),
        "captured": Money.of_cents(one.captured_cents, one.currency),
        "refunded": Money.of_cents(one.refunded_cents, one.currency),
        "charger": one.charger.identity if one.charger else None,
        "evse": one.connector.evse_number if one.connector else None,
        "account_id": one.payer_id,
    }


def _detail(one: Payment) -> PaymentDetail:
    def step(event: PaymentEvent) -> PaymentStepOut:
        amount = None if event.cents is None else Money.of_cents(event.cents, one.currency)
        return PaymentStepOut.of(event, amount=amount)

    steps = [step(x) for x in queries.events(db.session(), one.id)]
    return PaymentDetail.of(one, steps=steps, **_fields(one))


@blueprint.get("/payments")
@spec.validate(resp=answers(200, PaymentList), tags=["payments"], operation_id="listPayments")
@needs(Scope.MONEY)
def list_payments(query: PaymentQuery) -> Any:
    """Payments by card, the newest first."""
    wanted = select(Payment).options(joinedload(Payment.charger), joinedload(Payment.connector))
    if query.state is not None:
        wanted = wanted.where(Payment.state == query.state)
    if query.kind is not None:
        is_top_up = Payment.credited_account_id.is_not(None)
        wanted = wanted.where(is_top_up if query.kind is PaymentKind.TOP_UP else ~is_top_up)
    if query.transaction_id is not None:
        wanted = wanted.where(Payment.transaction_id == query.transaction_id)
    if query.since is not None:
        wanted = wanted.where(Payment.requested_at >= query.since)
    if query.has_problem:
        wanted = wanted.where(Payment.problem_at.is_not(None))
    key = (Payment.requested_at, Payment.id)
    found = page(db.session(), wanted, key, query, newest_first=True)
    data = [PaymentOut.of(x, **_fields(x)) for x in found.rows]
    return PaymentList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.get("/payments/<payment_id>")
@spec.validate(resp=answers(200, PaymentDetail), tags=["payments"], operation_id="getPayment")
@needs(Scope.MONEY)
def show_payment(payment_id: str) -> PaymentDetail:
    """One payment with all its steps."""
    return _detail(payments.find(db.session(), payment_id))


@blueprint.post("/payments/<payment_id>/capture")
@spec.validate(resp=answers(202, PaymentDetail), tags=["payments"], operation_id="capturePayment")
@needs(Scope.MONEY)
def capture_payment(payment_id: str, json: Capture) -> Any:
    """Take a part of what is held, where no bill says how much. It is done soon after: `wanted` is null then."""
    by = guard.caller().username
    with unit() as session:
        found = payments.find(session, payment_id, to_change=True)
        ordering.capture(session, found, cents(json.amount), by=by, at=clock.now())
        guard.audit(session, "payment.captured", f"payment {payment_id}", str(json.amount))
    return _detail(payments.find(db.session(), payment_id)), 202


@blueprint.post("/payments/<payment_id>/release")
@spec.validate(resp=answers(202, PaymentDetail), tags=["payments"], operation_id="releasePayment")
@needs(Scope.MONEY)
def release_payment(payment_id: str) -> Any:
    """Let go of all that is held; 409 while the car charges. It is done soon after: `wanted` is null then."""
    with unit() as session:
        found = payments.find(session, payment_id, to_change=True)
        ordering.release(session, found, by=guard.caller().username, at=clock.now())
        guard.audit(session, "payment.released", f"payment {payment_id}")
    return _detail(payments.find(db.session(), payment_id)), 202


@blueprint.post("/payments/<payment_id>/refund")
@spec.validate(resp=answers(202, PaymentDetail), tags=["payments"], operation_id="refundPayment")
@needs(Scope.MONEY)
def refund_payment(payment_id: str, json: PaymentRefund) -> Any:
    """Give back what was taken, or part of it; the session's bill then tells it. Give an `Idempotency-Key`.

    409 where the credit that a top-up gave has been used.
    """
    by = guard.caller().username
    with unit() as session:
        found = payments.find(session, payment_id, to_change=True)
        amount = None if json.amount is None else cents(json.amount)
        ordering.refund(session, found, amount, reason=json.reason, by=by, at=clock.now())
        told = "all" if json.amount is None else str(json.amount)
        guard.audit(session, "payment.refunded", f"payment {payment_id}", f"{told}: {json.reason}")
    return _detail(payments.find(db.session(), payment_id)), 202
