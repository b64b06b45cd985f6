"""Charging transactions, their meter readings and their bills."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from pydantic import Field

from csms import clock, masks
from csms.api import guard, queries
from csms.api.bills import BillOut, bill_out, currency_of
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.repairs import RepairOut, repair_out
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Moment, Money, Out, answers
from csms.domain import transactions
from csms.domain.tariffs import Bill
from csms.domain.transactions import Reading, Source, Transaction, TransactionState, repair
from csms.extensions import db


class TransactionQuery(Listing):
    charger: str | None = Field(None, description="identity")
    status: TransactionState | None = None
    since: Moment | None = Field(None, description="begun at this moment or later")


class ReadingQuery(Listing):
    limit: int = Field(200, ge=1, le=1000)


class TransactionOut(Out):
    """`cost` is that of now while the transaction runs, the bill's total when it has ended; null without a meter."""

    id: int
    charger: str
    evse: int | None
    state: TransactionState
    source: Source
    id_token: str | None
    account_id: int | None
    started_at: datetime
    ended_at: datetime | None
    stop_reason: str | None
    energy_wh: int | None
    power_w: int | None
    soc_percent: float | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    idle_s: int
    cost: Money | None
    flags: list[str]


class TransactionDetail(TransactionOut):
    """`repairs`: what was done because the charger did not tell how it ended, oldest first."""

    bill: BillOut
    repairs: list[RepairOut]


class TransactionList(Out):
    data: list[TransactionOut]
    next_cursor: str | None


class SampleOut(Out):
    """One value as the meter told it (`raw`), and in Wh, W, A, V, % or °C (`value`; null: it is no number).

    What is signed may name a card: `raw` is masked as cards are.
    """

    measurand: str
    value: float | None
    unit: str
    raw: str
    raw_unit: str | None
    phase: str | None
    location: str | None
    context: str | None
    format: str | None


class ReadingOut(Out):
    measured_at: datetime
    received_at: datetime
    context: str | None
    energy_wh: int | None
    power_w: int | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    temperature_c: float | None
    samples: list[SampleOut]


class ReadingList(Out):
    data: list[ReadingOut]
    next_cursor: str | None


def _sees_cards() -> bool:
    """Does the caller run chargers, or read their own alone?"""
    return guard.may(Scope.OPERATE) or not guard.may(Scope.READ)


def _fields(transaction: Transaction, bill: Bill) -> dict[str, Any]:
    """What is not the transaction's own attribute."""
    uid = transaction.id_tag
    cents = transaction.cost_cents if transaction.bill is not None else bill.total_cents
    has_cost = transaction.energy_wh is not None and cents is not None
    return {
        "charger": transaction.charger.identity,
        "evse": transaction.connector.evse_number if transaction.connector else None,
        "id_token": uid if uid is None or _sees_cards() else masks.card(uid),
        "cost": Money.of_cents(cents or 0, currency_of(bill)) if has_cost else None,
    }


@blueprint.get("/transactions")
@spec.validate(resp=answers(200, TransactionList), tags=["transactions"], operation_id="listTransactions")
@needs(Scope.READ, Scope.SELF, Scope.HOST)
def list_transactions(query: TransactionQuery) -> Any:
    """Transactions, the last begun first. Drivers see their own."""
    at = clock.now()
    wanted = queries.transactions(
        identity=query.charger,
        state=query.status,
        since=query.since,
        account_id=guard.own_account_only(),
    )
    key = (Transaction.started_at, Transaction.id)
    found = page(db.session(), wanted, key, query, newest_first=True)
    data = [TransactionOut.of(x, **_fields(x, transactions.bill_of(x, at))) for x in found.rows]
    return TransactionList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.get("/transactions/<int:transaction_id>")
@spec.validate(resp=answers(200, TransactionDetail), tags=["transactions"], operation_id="getTransaction")
@needs(Scope.READ, Scope.SELF, Scope.HOST)
def show_transaction(transaction_id: int) -> TransactionDetail:
    """One transaction with its bill: as it stands while it runs, final when it has ended."""
    return detail(queries.transaction(db.session(), transaction_id, guard.own_account_only()))


def detail(transaction: Transaction) -> TransactionDetail:
    """A transaction with its bill and repairs."""
    bill = transactions.bill_of(transaction, clock.now())
    made = [repair_out(x) for x in repair.of_transaction(db.session(), transaction.id)]
    told = bill_out(bill, transaction.tariff_version, is_final=transaction.bill is not None)
    return TransactionDetail.of(transaction, bill=told, repairs=made, **_fields(transaction, bill))


@blueprint.get("/transactions/<int:transaction_id>/readings")
@spec.validate(resp=answers(200, ReadingList), tags=["transactions"], operation_id="listReadings")
@needs(Scope.READ, Scope.SELF, Scope.HOST)
def list_readings(transaction_id: int, query: ReadingQuery) -> Any:
    """What the meter said, oldest first."""
    transaction = queries.transaction(db.session(), transaction_id, guard.own_account_only())
    key = (Reading.measured_at, Reading.id)
    found = page(db.session(), queries.readings(transaction.id), key, query)
    told = [orjson.loads(x.samples) for x in found.rows]
    samples = told if _sees_cards() else masks.cards(told)
    data = [ReadingOut.of(x, samples=its) for x, its in zip(found.rows, samples, strict=True)]
    return ReadingList(data=data, next_cursor=found.next_cursor), found.headers
