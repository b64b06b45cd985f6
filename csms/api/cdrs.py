"""Charge records, in OCPI's shape."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from csms import clock, masks
from csms.api import guard
from csms.api.accounts import currency
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Moment, Out, answers
from csms.domain import cdrs
from csms.domain.cdrs import Cdr
from csms.domain.transactions import Transaction, TransactionState, unrecorded
from csms.domain.transactions.unrecorded import Wait
from csms.extensions import db


class CdrQuery(Listing):
    charger: str | None = Field(None, description="identity")
    session_id: int | None = Field(None, description="of the transaction")
    cdr_token: str | None = Field(None, max_length=255, description="the card's number, exactly")
    date_from: Moment | None = Field(None, description="made at this moment or later")
    date_to: Moment | None = Field(None, description="made before this moment")


class Price(Out):
    excl_vat: Decimal = Field(examples=["7.53"])
    incl_vat: Decimal = Field(examples=["9.03"])


class Dimension(Out):
    type: str = Field(description="ENERGY in kWh; TIME and PARKING_TIME in hours")
    volume: Decimal


class ChargingPeriod(Out):
    start_date_time: str
    dimensions: list[Dimension]
    tariff_id: str | None


class CdrToken(Out):
    uid: str
    type: str
    contract_id: str


class CdrOut(Out):
    """OCPI 2.2.1 §10.3.1, numbers as text. A credit has negative costs and names the record that it takes back."""

    country_code: str | None
    party_id: str | None
    id: str
    start_date_time: str
    end_date_time: str
    session_id: str
    cdr_token: CdrToken | None
    auth_method: str
    cdr_location: dict[str, Any]
    currency: str
    tariffs: list[dict[str, Any]]
    charging_periods: list[ChargingPeriod]
    total_cost: Price
    total_fixed_cost: Price | None
    total_energy: Decimal = Field(description="kWh")
    total_energy_cost: Price | None
    total_time: Decimal = Field(description="hours, parking included")
    total_time_cost: Price | None
    total_parking_time: Decimal = Field(description="hours")
    total_parking_cost: Price | None
    remark: str | None
    credit: bool
    credit_reference_id: str | None
    last_updated: str


class CdrList(Out):
    data: list[CdrOut]
    next_cursor: str | None


class WaitingOut(Out):
    """A session that is over and has no record. `reason`: an `estimate` is billed or waived, one with `no_energy` is
    waived, and a stop or readings of `no_session` are matched or dismissed.
    """

    transaction_id: int
    charger: str
    state: TransactionState
    reason: Wait
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None


class WaitingList(Out):
    """`is_catching_up`: records of sessions from before there were records are still being made."""

    data: list[WaitingOut]
    next_cursor: str | None
    is_catching_up: bool


def shown(cdr: Cdr) -> dict[str, Any]:
    """A record as the caller may see it: card numbers masked for those who do not run chargers."""
    told = cdrs.document(cdr, currency())
    token = told["cdr_token"]
    if token and guard.may(Scope.READ) and not guard.may(Scope.OPERATE):
        masked = masks.card(token["uid"])
        contract = masked if token["contract_id"] == token["uid"] else token["contract_id"]
        told["cdr_token"] = token | {"uid": masked, "contract_id": contract}
    return told


@blueprint.get("/cdrs")
@spec.validate(resp=answers(200, CdrList), tags=["cdrs"], operation_id="listCdrs")
@needs(Scope.READ, Scope.SELF)
def list_cdrs(query: CdrQuery) -> Any:
    """Charge records, the newest first. Drivers see their own. A search for a card's number needs to see numbers."""
    if query.cdr_token and guard.may(Scope.READ) and not guard.may(Scope.OPERATE):
        raise Problem(403, "Your role may not look for card numbers.", "forbidden")
    wanted = cdrs.listed(
        identity=query.charger,
        account_id=guard.own_account_only(),
        transaction_id=query.session_id,
        id_tag=query.cdr_token,
        since=query.date_from,
        until=query.date_to,
    )
    found = page(db.session(), wanted, (Cdr.id,), query, newest_first=True)
    data = [CdrOut(**shown(x)) for x in found.rows]
    return CdrList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.get("/cdrs/waiting")
@spec.validate(resp=answers(200, WaitingList), tags=["cdrs"], operation_id="listWithoutCdr")
@needs(Scope.READ)
def list_without_cdr(query: Listing) -> Any:
    """What is over and has no charge record until a person decides, the newest first."""
    key = (Transaction.started_at, Transaction.id)
    found = page(db.session(), unrecorded.waiting(), key, query, newest_first=True)
    data = [
        WaitingOut.of(x, transaction_id=x.id, charger=x.charger.identity, reason=unrecorded.wait_of(x))
        for x in found.rows
    ]
    is_catching_up = unrecorded.looked_at(db.session()) is not None
    told = WaitingList(data=data, next_cursor=found.next_cursor, is_catching_up=is_catching_up)
    return told, found.headers


@blueprint.get("/cdrs/<cdr_id>")
@spec.validate(resp=answers(200, CdrOut), tags=["cdrs"], operation_id="getCdr")
@needs(Scope.READ, Scope.SELF)
def show_cdr(cdr_id: str) -> CdrOut:
    """One charge record."""
    return CdrOut(**shown(cdrs.get(db.session(), cdr_id, account_id=guard.own_account_only())))


@blueprint.delete("/cdrs/<cdr_id>")
@spec.validate(resp=answers(204, None), tags=["cdrs"], operation_id="deleteCdr")
@needs(Scope.ADMIN)
def remove_cdr(cdr_id: str) -> Any:
    """Tell a record no more: a credit, one that was credited, or one of nothing. 409 for one that was paid by."""
    with unit() as session:
        cdr = cdrs.get(session, cdr_id)
        cdrs.withdraw(session, cdr, at=clock.now())
        guard.audit(session, "cdr.removed", f"session {cdr.transaction_id}", cdr.uuid)
    return "", 204
