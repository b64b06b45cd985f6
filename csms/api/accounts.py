"""Accounts and their credit."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import current_app, url_for
from pydantic import Field

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Money, Out, answers
from csms.domain import accounts, merging, removal
from csms.domain.accounts import Account, LedgerKind
from csms.domain.accounts import queries as queries_of_accounts
from csms.domain.base import Invalid
from csms.extensions import db
from csms.quantities import cents, kwh

MOST = Decimal(1_000_000)


class CreditKind(enum.StrEnum):
    """Why a person changes credit."""

    TOP_UP = "top_up"
    REFUND = "refund"
    CORRECTION = "correction"


class AccountQuery(Listing):
    q: str | None = Field(None, max_length=80, description="part of the name or the e-mail address")


class NewAccount(In):
    name: str = Field(min_length=1, max_length=120)
    email: str | None = Field(None, max_length=254)
    is_service: bool = Field(False, description="charges without credit: staff, pool cars")


class Credit(In):
    """By how much credit changes: money, energy or both. Only a correction may take away.

    A refund or a correction needs a note.
    """

    kind: CreditKind = CreditKind.TOP_UP
    amount: Decimal = Field(Decimal(0), ge=-MOST, le=MOST, decimal_places=2, examples=["20.00"])
    energy_wh: int = Field(0, ge=-1_000_000_000, le=1_000_000_000)
    note: str | None = Field(None, max_length=200)


class Merger(In):
    account_id: int = Field(description="the other account, of which nothing but its ledger stays")


class AccountOut(Out):
    id: int
    name: str
    email: str | None
    is_service: bool
    balance: Money
    balance_wh: int
    credits_kwh: Decimal = Field(description="kWh that were bought or granted", examples=["120.000"])
    total_kwh_spent: Decimal = Field(description="kWh of them that sessions have taken")
    balance_kwh: Decimal = Field(description="what is left of them")
    merged_into_id: int | None = Field(description="the account of the same person that took it over")
    created_at: datetime


class AccountList(Out):
    data: list[AccountOut]
    next_cursor: str | None


def currency() -> str:
    """The installation's."""
    return str(current_app.extensions["settings"].currency)


def account_out(account: Account, spent: Mapping[int, int] | None = None) -> AccountOut:
    """`spent`: of many accounts, read with one query."""
    spent = queries_of_accounts.spent_wh(db.session(), [account.id]) if spent is None else spent
    spent_wh = spent.get(account.id, 0)
    return AccountOut.of(
        account,
        balance=Money.of_cents(account.balance_cents, currency()),
        credits_kwh=kwh(account.balance_wh + spent_wh),
        total_kwh_spent=kwh(spent_wh),
        balance_kwh=kwh(account.balance_wh),
    )


@blueprint.get("/accounts")
@spec.validate(resp=answers(200, AccountList), tags=["accounts"], operation_id="listAccounts")
@needs(Scope.MONEY, Scope.SELF)
def list_accounts(query: AccountQuery) -> Any:
    """Accounts in the order in which they were opened. Whoever may not see money sees their own."""
    wanted = queries.accounts(account_id=own_account_id(), words=query.q)
    found = page(db.session(), wanted, (Account.id,), query)
    spent = queries_of_accounts.spent_wh(db.session(), [x.id for x in found.rows])
    data = [account_out(x, spent) for x in found.rows]
    return AccountList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.get("/accounts/<int:account_id>")
@spec.validate(resp=answers(200, AccountOut), tags=["accounts"], operation_id="getAccount")
@needs(Scope.MONEY, Scope.SELF)
def show_account(account_id: int) -> AccountOut:
    """One account with its credit."""
    own = own_account_id()
    found = queries.account(db.session(), account_id if own in (None, account_id) else 0)
    return account_out(found)


@blueprint.delete("/accounts/<int:account_id>")
@spec.validate(resp=answers(204, None), tags=["accounts"], operation_id="removeAccount")
@needs(Scope.MONEY)
def remove_account(account_id: int) -> tuple[str, int]:
    """Remove an account that was entered by mistake. One with cards, users, sessions or bookings stays: 409."""
    with unit() as session:
        removal.remove_driver(session, queries.account(session, account_id, to_change=True))
        guard.audit(session, "account.removed", f"account {account_id}")
    return "", 204


@blueprint.post("/accounts")
@spec.validate(resp=answers(201, AccountOut), tags=["accounts"], operation_id="openAccount")
@needs(Scope.MONEY)
def open_account(json: NewAccount) -> Any:
    """Open an account."""
    with unit() as session:
        account = accounts.open_account(
            session, json.name, at=clock.now(), email=json.email, is_service=json.is_service
        )
        guard.audit(session, "account.opened", f"account {account.id}")
        opened = account_out(account)
    return opened, 201, {"Location": url_for("api.show_account", account_id=opened.id)}


@blueprint.post("/accounts/<int:account_id>/credit")
@spec.validate(resp=answers(201, AccountOut), tags=["accounts"], operation_id="creditAccount")
@needs(Scope.MONEY)
def credit_account(account_id: int, json: Credit) -> Any:
    """Change an account's credit, and say why. Give an `Idempotency-Key`, so that a repetition books nothing."""
    _check(json)
    with unit() as session:
        account = queries.account(session, account_id, to_change=True)
        accounts.book(
            session,
            account,
            LedgerKind(json.kind),
            at=clock.now(),
            amount_cents=cents(json.amount),
            energy_wh=json.energy_wh,
            note=json.note,
            by=guard.caller().username,
        )
        guard.audit(session, "account.credit", f"account {account_id}", f"{json.amount} {json.energy_wh} Wh")
        booked = account_out(account)
    return booked, 201


@blueprint.post("/accounts/<int:account_id>/merge")
@spec.validate(resp=answers(200, AccountOut), tags=["accounts"], operation_id="mergeAccounts")
@needs(Scope.ADMIN)
def merge_accounts(account_id: int, json: Merger) -> Any:
    """Take over another account of the same person: its cards, vehicles, sessions, payments, credit and users.

    409 while a session of it runs or a payment of it is not settled.
    """
    with unit() as session:
        account, other = (queries.account(session, x) for x in (account_id, json.account_id))
        merging.merge(session, account, other, by=guard.caller().username, at=clock.now())
        guard.audit(session, "account.merged", f"account {account_id}", f"account {json.account_id}")
        merged = account_out(account)
    return merged, 200


def _check(credit: Credit) -> None:
    if not credit.amount and not credit.energy_wh:
        raise Invalid("Say by how much: amount, energy_wh or both.", "amount")
    if credit.kind is not CreditKind.TOP_UP and not credit.note:
        raise Invalid("Say why, in a note.", "note")
    if credit.kind is not CreditKind.CORRECTION and (credit.amount < 0 or credit.energy_wh < 0):
        raise Invalid("Only a correction takes away.", "amount")


def own_account_id() -> int | None:
    """The only account that the caller may see; None: all."""
    return None if guard.may(Scope.MONEY) else guard.caller().account_id or 0
