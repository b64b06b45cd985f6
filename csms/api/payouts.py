"""Payouts: what the payment provider transfers to the bank, and what each transfer is made of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Money, Out, answers
from csms.domain.payments import LineKind, Payout, PayoutLine, PayoutState, payouts
from csms.domain.payments.payouts import Parts
from csms.extensions import db


class PayoutQuery(Listing):
    state: PayoutState | None = None
    currency: str | None = Field(None, min_length=3, max_length=3, examples=["EUR"])
    since: date | None = Field(None, description="at the bank on this day or later", examples=["2026-03-01"])
    until: date | None = Field(None, description="at the bank on this day or before", examples=["2026-03-31"])


class PayoutOut(Out):
    """`captured`, `refunded`, `fees` and `other` add up to `amount` once all lines were told: those that lessen it are
    negative. `is_complete`: they were; `is_itemised` false: the provider never tells what this one is made of.
    """

    id: int
    provider: str
    reference: str = Field(description="the provider's name for it")
    state: PayoutState
    reason: str | None = Field(description="why the bank did not take it")
    amount: Money
    captured: Money
    refunded: Money
    fees: Money
    other: Money = Field(description="disputes, corrections, and whatever else the provider settles")
    lines: int
    unknown_lines: int = Field(description="captures and refunds of payments that are not known here")
    made_at: datetime
    arrives_on: date
    is_itemised: bool
    is_complete: bool


class PayoutList(Out):
    data: list[PayoutOut]
    next_cursor: str | None


class PayoutLineOut(Out):
    """`net` is `amount` less `fee`: what of it is in the transfer."""

    id: int
    reference: str = Field(description="the provider's name for the line")
    kind: LineKind
    at: datetime
    amount: Money
    fee: Money
    net: Money
    payment_id: str | None = Field(description="null: it is about none that is known here")
    transaction_id: int | None
    provider_reference: str | None = Field(description="the provider's name for the payment")
    note: str | None


class PayoutLineList(Out):
    data: list[PayoutLineOut]
    next_cursor: str | None


@blueprint.get("/payouts")
@spec.validate(resp=answers(200, PayoutList), tags=["payments"], operation_id="listPayouts")
@needs(Scope.MONEY)
def list_payouts(query: PayoutQuery) -> Any:
    """Transfers to the bank with their sums, those that arrive last first."""
    wanted = select(Payout)
    if query.state is not None:
        wanted = wanted.where(Payout.state == query.state)
    if query.currency is not None:
        wanted = wanted.where(Payout.currency == query.currency.upper())
    if query.since is not None:
        wanted = wanted.where(Payout.arrives_on >= query.since)
    if query.until is not None:
        wanted = wanted.where(Payout.arrives_on <= query.until)
    found = page(db.session(), wanted, (Payout.arrives_on, Payout.id), query, newest_first=True)
    parts = payouts.parts(db.session(), [x.id for x in found.rows])
    data = [_payout(x, parts.get(x.id, Parts())) for x in found.rows]
    return PayoutList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.get("/payouts/<int:payout_id>")
@spec.validate(resp=answers(200, PayoutOut), tags=["payments"], operation_id="getPayout")
@needs(Scope.MONEY)
def show_payout(payout_id: int) -> PayoutOut:
    """One transfer with its sums."""
    session = db.session()
    return _payout(
        payouts.get(session, payout_id), payouts.parts(session, [payout_id]).get(payout_id, Parts())
    )


@blueprint.get("/payouts/<int:payout_id>/lines")
@spec.validate(resp=answers(200, PayoutLineList), tags=["payments"], operation_id="listPayoutLines")
@needs(Scope.MONEY)
def list_payout_lines(payout_id: int, query: Listing) -> Any:
    """What it is made of, as the provider told it: captures, refunds and fees beside their transactions."""
    payout = payouts.get(db.session(), payout_id)
    wanted = (
        select(PayoutLine).where(PayoutLine.payout_id == payout_id).options(joinedload(PayoutLine.payment))
    )
    found = page(db.session(), wanted, (PayoutLine.id,), query)
    data = [_line(x, payout.currency) for x in found.rows]
    return PayoutLineList(data=data, next_cursor=found.next_cursor), found.headers


def _payout(one: Payout, parts: Parts) -> PayoutOut:
    def money(cents: int) -> Money:
        return Money.of_cents(cents, one.currency)

    return PayoutOut.of(
        one,
        amount=money(one.amount_cents),
        captured=money(parts.captured),
        refunded=money(parts.refunded),
        fees=money(parts.fees),
        other=money(parts.other),
        lines=parts.lines,
        unknown_lines=parts.unknown,
        is_complete=one.lines_at is not None,
    )


def _line(one: PayoutLine, currency: str) -> PayoutLineOut:
    return PayoutLineOut.of(
        one,
        amount=Money.of_cents(one.amount_cents, currency),
        fee=Money.of_cents(one.fee_cents, currency),
        net=Money.of_cents(one.net_cents, currency),
        transaction_id=one.payment.transaction_id if one.payment else None,
        provider_reference=one.intent,
    )
