"""Vouchers, what accounts were booked, and what was given back for sessions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from limits import RateLimitItemPerMinute
from pydantic import Field
from sqlalchemy import select

from csms import clock
from csms.api import guard, queries
from csms.api.accounts import AccountOut, account_out, currency, own_account_id
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Money, Out, answers
from csms.api.transactions import TransactionDetail, detail
from csms.domain import accounts, transactions
from csms.domain.accounts import LedgerEntry, LedgerKind, Voucher
from csms.extensions import db
from csms.quantities import cents

GUESSES = RateLimitItemPerMinute(10)  # by user


class VoucherQuery(Listing):
    label: str | None = Field(None, max_length=80, description="part of it")
    is_open: bool = Field(False, description="neither redeemed nor void")


class NewVouchers(In):
    """Of one worth: an amount of money, or energy."""

    count: int = Field(1, ge=1, le=1000)
    amount: Decimal = Field(Decimal(0), ge=0, le=100_000, decimal_places=2, examples=["20.00"])
    energy_wh: int = Field(0, ge=0, le=100_000_000)
    label: str | None = Field(None, max_length=80)
    expires_at: Moment | None = None


class VoucherChange(In):
    """What is left out stays; null takes it away. What a code is worth is printed, and stays."""

    label: str | None = Field(None, max_length=80)
    expires_at: Moment | None = None


class Code(In):
    code: str = Field(min_length=1, max_length=40, examples=["ABCD-EFGH-JKMN"])


class Refund(In):
    """How much is given back; null: all of it, also the kWh of credit that it took."""

    amount: Decimal | None = Field(None, gt=0, le=1_000_000, decimal_places=2)
    reason: str = Field(min_length=1, max_length=150)


class VoucherOut(Out):
    id: int
    code: str
    label: str | None
    amount: Money | None
    energy_wh: int
    state: str = Field(description="open, redeemed, void or expired")
    expires_at: datetime | None
    made_by: str
    made_at: datetime
    redeemed_at: datetime | None
    account_id: int | None
    voided_at: datetime | None
    voided_by: str | None


class VoucherList(Out):
    data: list[VoucherOut]
    next_cursor: str | None


class EntryOut(Out):
    """One change of an account's credit: by how much, why, and who did it; null: a session, or a job."""

    id: int
    kind: LedgerKind
    amount: Money
    energy_wh: int
    transaction_id: int | None
    note: str | None
    created_by: str | None
    created_at: datetime


class EntryList(Out):
    data: list[EntryOut]
    next_cursor: str | None


def _out(voucher: Voucher) -> VoucherOut:
    amount = Money.of_cents(voucher.amount_cents, currency()) if voucher.amount_cents else None
    return VoucherOut.of(voucher, code=voucher.written, amount=amount, state=voucher.state(clock.now()))


@blueprint.get("/vouchers")
@spec.validate(resp=answers(200, VoucherList), tags=["accounts"], operation_id="listVouchers")
@needs(Scope.MONEY)
def list_vouchers(query: VoucherQuery) -> Any:
    """Vouchers, the newest first."""
    wanted = accounts.vouchers(label=query.label, is_open=query.is_open)
    found = page(db.session(), wanted, (Voucher.id,), query, newest_first=True)
    return VoucherList(data=[_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.get("/vouchers/<int:voucher_id>")
@spec.validate(resp=answers(200, VoucherOut), tags=["accounts"], operation_id="getVoucher")
@needs(Scope.MONEY)
def show_voucher(voucher_id: int) -> VoucherOut:
    """One voucher."""
    return _out(accounts.voucher(db.session(), voucher_id))


@blueprint.post("/vouchers")
@spec.validate(resp=answers(201, VoucherList), tags=["accounts"], operation_id="makeVouchers")
@needs(Scope.MONEY)
def make_vouchers(json: NewVouchers) -> Any:
    """New codes, all of the same worth."""
    with unit() as session:
        made = accounts.make_vouchers(
            session,
            json.count,
            amount_cents=cents(json.amount),
            energy_wh=json.energy_wh,
            label=json.label,
            expires_at=json.expires_at,
            by=guard.caller().username,
            at=clock.now(),
        )
        worth = f"{json.amount} {currency()}" if json.amount else f"{json.energy_wh} Wh"
        guard.audit(session, "voucher.made", json.label, f"{json.count} of {worth}")
        return VoucherList(data=[_out(x) for x in made], next_cursor=None), 201


@blueprint.patch("/vouchers/<int:voucher_id>")
@spec.validate(resp=answers(200, VoucherOut), tags=["accounts"], operation_id="changeVoucher")
@needs(Scope.MONEY)
def change_voucher(voucher_id: int, json: VoucherChange) -> VoucherOut:
    """Another label, or another end; 409 for one that is redeemed or void."""
    given = {name: getattr(json, name) for name in json.model_fields_set}
    with unit() as session:
        found = accounts.voucher(session, voucher_id)
        as_it_is = {"label": found.label, "expires_at": found.expires_at}
        accounts.change_voucher(session, found, **as_it_is | given, at=clock.now())
        guard.audit(session, "voucher.changed", f"voucher {found.id}", found.label)
        return _out(found)


@blueprint.delete("/vouchers/<int:voucher_id>")
@spec.validate(resp=answers(204, None), tags=["accounts"], operation_id="voidVoucher")
@needs(Scope.MONEY)
def void_voucher(voucher_id: int) -> Any:
    """Let a code be worth nothing; 409 for one that is redeemed."""
    with unit() as session:
        found = accounts.voucher(session, voucher_id)
        accounts.void_voucher(session, found, by=guard.caller().username, at=clock.now())
        guard.audit(session, "voucher.voided", f"voucher {found.id}")
    return "", 204


@blueprint.post("/accounts/<int:account_id>/vouchers")
@spec.validate(resp=answers(201, AccountOut), tags=["accounts"], operation_id="redeemVoucher")
@needs(Scope.MONEY, Scope.SELF)
def redeem_voucher(account_id: int, json: Code) -> Any:
    """Book a code's worth to an account, once. Drivers redeem to their own."""
    by = guard.caller().username
    if not guard.hit(GUESSES, "voucher", by):
        raise guard.too_many(GUESSES, "voucher", by)
    own = own_account_id()
    with unit() as session:
        account = queries.account(session, account_id if own in (None, account_id) else 0, to_change=True)
        found = accounts.redeem_voucher(session, account, json.code, by=by, at=clock.now())
        guard.audit(session, "voucher.redeemed", f"account {account_id}", f"voucher {found.id}")
        session.flush()
        booked = account_out(account)
    return booked, 201


@blueprint.get("/accounts/<int:account_id>/ledger")
@spec.validate(resp=answers(200, EntryList), tags=["accounts"], operation_id="listLedger")
@needs(Scope.MONEY, Scope.SELF)
def list_ledger(account_id: int, query: Listing) -> Any:
    """All changes of an account's credit, the newest first. None is ever changed."""
    own = own_account_id()
    account = queries.account(db.session(), account_id if own in (None, account_id) else 0)
    wanted = select(LedgerEntry).where(LedgerEntry.account_id == account.id)
    found = page(db.session(), wanted, (LedgerEntry.id,), query, newest_first=True)
    data = [EntryOut.of(x, amount=Money.of_cents(x.amount_cents, currency())) for x in found.rows]
    return EntryList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/transactions/<int:transaction_id>/refund")
@spec.validate(resp=answers(201, TransactionDetail), tags=["transactions"], operation_id="refundTransaction")
@needs(Scope.MONEY)
def refund_transaction(transaction_id: int, json: Refund) -> Any:
    """Give back what a session cost, or part of it. Give an `Idempotency-Key`, so that a repetition gives nothing."""
    with unit() as session:
        transaction = queries.transaction(session, transaction_id, None)
        transactions.refund(
            session,
            transaction,
            cents=None if json.amount is None else cents(json.amount),
            reason=json.reason,
            by=guard.caller().username,
            at=clock.now(),
        )
        amount = "all" if json.amount is None else str(json.amount)
        guard.audit(session, "session.refunded", str(transaction_id), f"{amount}: {json.reason}")
        session.flush()
        told = detail(transaction)
    return told, 201
