"""Signals of grid operators: prices and limits for the sites that a substation feeds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import current_app, request, url_for
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard
from csms.api.accounts import currency
from csms.api.blueprint import blueprint
from csms.api.commands import preference
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Out, answers
from csms.api.tariffs import Price, PriceOut
from csms.api.waiting import Watch
from csms.domain import dso
from csms.domain.base import Invalid
from csms.domain.dso import DsoSignal, Fate, Notice, SignalKind, Window
from csms.domain.sites import Site
from csms.extensions import db


class SignalPeriodIn(In):
    """`price_per_kwh` (VAT included) of a signal of the kind tariff, `limit_w` of one of the kind capacity."""

    begins_at: Moment
    ends_at: Moment
    price_per_kwh: Price | None = None
    limit_w: int | None = Field(None, ge=0, le=100_000_000)


class NewSignal(In):
    kind: SignalKind
    substation_id: str = Field(min_length=1, max_length=80, examples=["TR-0042"])
    periods: list[SignalPeriodIn] = Field(min_length=1, max_length=2_000)
    number: int | None = Field(None, ge=0, le=2**62, description="the sender's; absent: the next")
    uuid: UUID | None = None
    location_name: str | None = Field(None, max_length=80)
    sent_at: Moment | None = Field(None, description="absent: now")


class SignalPeriodOut(Out):
    begins_at: datetime
    ends_at: datetime
    price_per_kwh: PriceOut | None
    limit_w: int | None


class SignalAt(Out):
    """What became of a signal at a charger. A price is `applied`: chargers need not know it."""

    charger: str
    state: Fate
    why: str


class SignalOut(Out):
    id: int
    number: int
    uuid: str
    kind: SignalKind
    substation_id: str
    location_name: str | None
    sites: list[str]
    sent_at: datetime
    begins_at: datetime
    ends_at: datetime
    periods: list[SignalPeriodOut]
    chargers: list[SignalAt]
    created_by: str | None
    created_at: datetime
    withdrawn_at: datetime | None


class SignalList(Out):
    data: list[SignalOut]
    next_cursor: str | None


class SignalQuery(Listing):
    active: bool = Field(False, description="only those that hold now, or will")


@blueprint.get("/dso-signals")
@spec.validate(resp=answers(200, SignalList), tags=["dso"], operation_id="listDsoSignals")
@needs(Scope.READ)
def list_dso_signals(query: SignalQuery) -> Any:
    """Signals, the last received first."""
    wanted = dso.listed(with_withdrawn=not query.active)
    if query.active:
        wanted = wanted.where(DsoSignal.ends_at > clock.now())
    found = page(db.session(), wanted, (DsoSignal.id,), query, newest_first=True)
    data = [_out(db.session(), x) for x in found.rows]
    return SignalList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.get("/dso-signals/<int:signal_id>")
@spec.validate(resp=answers(200, SignalOut), tags=["dso"], operation_id="getDsoSignal")
@needs(Scope.READ)
def show_dso_signal(signal_id: int) -> SignalOut:
    """One signal, with what became of it at each charger."""
    return _out(db.session(), dso.get(db.session(), signal_id))


@blueprint.post("/dso-signals")
@spec.validate(resp=answers(201, SignalOut), tags=["dso"], operation_id="addDsoSignal")
@needs(Scope.ADMIN)
def add_dso_signal(json: NewSignal) -> Any:
    """Receive a signal. `Prefer: wait=15` waits for the answers of the chargers that can be reached."""
    at = clock.now()
    notice = Notice(
        kind=json.kind,
        substation_id=json.substation_id,
        sent_at=json.sent_at or at,
        windows=[_window(json.kind, x) for x in json.periods],
        number=json.number,
        uuid=str(json.uuid) if json.uuid else None,
        location_name=json.location_name,
    )
    wait_s, _ = preference(request.headers.getlist("Prefer"))
    signal_id = received(notice, wait_s)
    headers = {"Location": url_for("api.show_dso_signal", signal_id=signal_id)}
    applied = {"Preference-Applied": f"wait={wait_s}"} if wait_s else {}
    return _out(db.session(), dso.get(db.session(), signal_id)), 201, headers | applied


@blueprint.delete("/dso-signals/<int:signal_id>")
@spec.validate(resp=answers(200, SignalOut), tags=["dso"], operation_id="withdrawDsoSignal")
@needs(Scope.ADMIN)
def withdraw_dso_signal(signal_id: int) -> SignalOut:
    """End what a signal has set. Sessions keep the price that they began with."""
    with unit() as session:
        signal = dso.get(session, signal_id)
        withdrawn(session, signal)
        return _out(session, signal)


def received(notice: Notice, wait_s: int) -> int:
    """Receive a signal in the caller's name, and wait for its chargers; its id. Raises what the domain raises."""
    with Watch(current_app.extensions["bus"]) as watch:
        with unit() as session:
            by = guard.caller().username
            signal = dso.receive(session, notice, currency=currency(), by=by, at=clock.now())
            guard.audit(session, "dso_signal.received", signal.substation_id, f"signal {signal.id}")
            signal_id = signal.id
            for each in dso.at_chargers(session, signal, clock.now()):
                watch.follow(each.charger.topic)
        if wait_s and not _is_settled(signal_id):
            watch.until(lambda: _is_settled(signal_id), wait_s)
    return signal_id


def withdrawn(session: Session, signal: DsoSignal) -> None:
    """Withdraw a signal in the caller's name."""
    dso.withdraw(session, signal, by=guard.caller().username, at=clock.now())
    guard.audit(session, "dso_signal.withdrawn", signal.substation_id, f"signal {signal.id}")


def zone_at(session: Session, substation_id: str) -> ZoneInfo:
    """On whose clocks a substation's times are: its site's, or the installation's."""
    query = select(Site.time_zone).where(Site.substation_id == substation_id, Site.time_zone.is_not(None))
    found = session.scalar(query.order_by(Site.id).limit(1))
    return ZoneInfo(found or current_app.extensions["settings"].time_zone.key)


def _is_settled(signal_id: int) -> bool:
    return dso.is_settled(db.session(), dso.get(db.session(), signal_id), clock.now())


def _window(kind: SignalKind, given: SignalPeriodIn) -> Window:
    is_price = kind is SignalKind.TARIFF
    value = given.price_per_kwh if is_price else given.limit_w
    other = given.limit_w if is_price else given.price_per_kwh
    if value is None or other is not None:
        needed = "price_per_kwh" if is_price else "limit_w"
        raise Invalid(
            "A period of a signal of the kind %(kind)s has %(needed)s.", "periods", kind=kind, needed=needed
        )
    return Window(given.begins_at, given.ends_at, Decimal(value))


def _out(session: Session, signal: DsoSignal) -> SignalOut:
    is_price = signal.kind is SignalKind.TARIFF
    return SignalOut.of(
        signal,
        sites=site_names(session, signal.substation_id),
        periods=[
            SignalPeriodOut(
                begins_at=begin,
                ends_at=end,
                price_per_kwh=value if is_price else None,
                limit_w=None if is_price else int(value),
            )
            for begin, end, value in signal.windows
        ],
        chargers=[
            SignalAt(charger=x.charger.identity, state=x.fate, why=x.why)
            for x in dso.at_chargers(session, signal, clock.now())
        ],
    )


def site_names(session: Session, substation_id: str) -> Sequence[str]:
    """The names of the sites that a substation feeds."""
    query = select(Site.name).where(Site.substation_id == substation_id)
    return list(session.scalars(query.order_by(Site.name_folded)))
