"""Tariffs and their versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from flask import current_app, url_for
from pydantic import Field, PlainSerializer, model_validator

from csms import clock
from csms.api import guard, queries
from csms.api.accounts import currency
from csms.api.bills import BillOut, bill_out
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Out, answers
from csms.domain import tariffs
from csms.domain.tariffs import About, Dimension, Tariff, TariffType, TariffVersion, Terms, Usage
from csms.extensions import db

Price = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=6)]
PriceOut = Annotated[Decimal, PlainSerializer(lambda x: format(x, "f"), return_type=str)]


class ComponentIn(In):
    """A price, VAT included: of a kWh, of an hour (TIME, PARKING_TIME), or of a session (FLAT)."""

    type: Dimension
    price: Price = Field(examples=["0.49"])
    vat: Decimal | None = Field(None, ge=0, le=100, decimal_places=2, description="null: the tariff's")
    step_size: int = Field(1, ge=1, le=1_000_000, description="Wh or s that are billed as a whole")


class RestrictionsIn(In):
    """As in OCPI 2.2.1: local times and dates, kWh, A, kW, s; from the minimum on, until before the maximum."""

    start_time: time | None = None
    end_time: time | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Price | None = None
    max_kwh: Price | None = None
    min_current: Price | None = None
    max_current: Price | None = None
    min_power: Price | None = None
    max_power: Price | None = None
    min_duration: int | None = Field(None, ge=0, le=10_000_000)
    max_duration: int | None = Field(None, ge=0, le=10_000_000)
    day_of_week: list[str] = Field(default_factory=list, examples=[["SATURDAY", "SUNDAY"]])
    reservation: str | None = None


class ElementIn(In):
    price_components: list[ComponentIn] = Field(min_length=1)
    restrictions: RestrictionsIn | None = None


class Words(In):
    language: str = Field(min_length=2, max_length=2, examples=["en"])
    text: str = Field(min_length=1, max_length=512)


class NewVersion(In):
    """Prices as text, VAT included. What is not given costs nothing. Without a currency: the installation's.

    Either a handful of prices, or `elements` as OCPI 2.2.1 has them: the first that holds gives a dimension's price.
    """

    currency: str | None = Field(None, pattern="^[A-Z]{3}$")
    price_per_kwh: Price = Field(Decimal(0), examples=["0.49"])
    price_per_minute: Price = Decimal(0)
    price_per_idle_minute: Price = Decimal(0)
    idle_grace_minutes: int = Field(0, ge=0, le=1440)
    price_per_start: Price = Decimal(0)
    vat_percent: Decimal = Field(Decimal(0), ge=0, le=100, decimal_places=2)
    elements: list[ElementIn] | None = Field(None, max_length=40)
    min_price: Price | None = Field(None, description="of a session; with elements")
    max_price: Price | None = Field(None, description="of a session; with elements")
    time_zone: str | None = Field(
        None,
        max_length=64,
        description="of the windows, at chargers whose site has none; null: the installation's",
    )
    is_time_plugged_in: bool = Field(False, description="TIME runs on while the car takes nothing")
    type: TariffType | None = None
    alt_text: list[Words] = Field([], max_length=20, description="in words for drivers")
    starts_at: Moment | None = Field(None, description="in force from then on; until then the version before")
    ends_at: Moment | None = Field(None, description="in force until before then")

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        given = self.model_fields_set
        of_elements = {"elements", "min_price", "max_price", "time_zone", "is_time_plugged_in"}
        of_prices = {"price_per_kwh", "price_per_minute", "price_per_idle_minute", "price_per_start"}
        if given & (of_prices if self.elements is not None else of_elements - {"elements"}):
            raise ValueError("give prices, or elements with what belongs to them, not both")
        return self


_PRICES = ("price_per_kwh", "price_per_minute", "price_per_idle_minute", "price_per_start")


class NewTariff(NewVersion):
    name: str = Field(min_length=1, max_length=80)
    is_default: bool = Field(False, description="of all chargers that have no tariff of their own")


class TariffChange(In):
    """`chargers`: those, and no others, that have this tariff of their own."""

    name: str | None = Field(None, min_length=1, max_length=80)
    is_default: Literal[True] | None = Field(None, description="takes the place of the default there is")
    chargers: list[str] | None = Field(None, max_length=10_000, description="identities")


class VersionOut(Out):
    """The prices are null where a tariff is more than a handful of them; `elements` always tell all."""

    number: int
    currency: str
    price_per_kwh: PriceOut | None
    price_per_minute: PriceOut | None
    price_per_idle_minute: PriceOut | None
    idle_grace_minutes: int
    price_per_start: PriceOut | None
    vat_percent: PriceOut
    elements: list[dict[str, Any]]
    min_price: PriceOut | None
    max_price: PriceOut | None
    time_zone: str
    is_time_plugged_in: bool
    type: TariffType | None
    alt_text: list[dict[str, str]]
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime


class TariffOut(Out):
    """`current` is what a transaction begins with now, null where none is in force; those that run keep theirs."""

    id: int
    name: str
    is_default: bool
    created_at: datetime
    current: VersionOut | None
    versions: list[VersionOut]


class TariffList(Out):
    data: list[TariffOut]
    next_cursor: str | None


def _version_out(version: TariffVersion) -> VersionOut:
    plain = version.terms.plain
    prices = {name: getattr(plain, name) if plain else None for name in _PRICES}
    words = [{"language": x, "text": y} for x, y in version.about.alt_text]
    return VersionOut.of(version, alt_text=words, **prices)


def _out(tariff: Tariff) -> TariffOut:
    now = tariff.in_force(clock.now())
    return TariffOut(
        id=tariff.id,
        name=tariff.name,
        is_default=tariff.is_default,
        created_at=tariff.created_at,
        current=_version_out(now) if now else None,
        versions=[_version_out(x) for x in tariff.versions],
    )


@blueprint.get("/tariffs")
@spec.validate(resp=answers(200, TariffList), tags=["tariffs"], operation_id="listTariffs")
@needs(Scope.READ)
def list_tariffs(query: Listing) -> Any:
    """Tariffs with all their versions."""
    found = page(db.session(), queries.tariffs(), (Tariff.id,), query)
    return TariffList(data=[_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.get("/tariffs/<int:tariff_id>")
@spec.validate(resp=answers(200, TariffOut), tags=["tariffs"], operation_id="getTariff")
@needs(Scope.READ)
def show_tariff(tariff_id: int) -> TariffOut:
    """One tariff."""
    return _out(queries.tariff(db.session(), tariff_id))


@blueprint.post("/tariffs")
@spec.validate(resp=answers(201, TariffOut), tags=["tariffs"], operation_id="addTariff")
@needs(Scope.ADMIN)
def add_tariff(json: NewTariff) -> Any:
    """A new tariff with its first version."""
    with unit() as session:
        terms = _terms(json)
        tariff = tariffs.create(
            session, json.name, terms, at=clock.now(), is_default=json.is_default, about=_about(json)
        )
        session.flush()
        guard.audit(session, "tariff.added", f"tariff {tariff.id}", tariff.name)
        added = _out(tariff)
    return added, 201, {"Location": url_for("api.show_tariff", tariff_id=added.id)}


@blueprint.post("/tariffs/<int:tariff_id>/versions")
@spec.validate(resp=answers(201, TariffOut), tags=["tariffs"], operation_id="reviseTariff")
@needs(Scope.ADMIN)
def revise_tariff(tariff_id: int, json: NewVersion) -> Any:
    """New prices from now on; transactions that run keep theirs."""
    with unit() as session:
        tariff = queries.tariff(session, tariff_id)
        version = tariffs.revise(session, tariff, _terms(json), at=clock.now(), about=_about(json))
        guard.audit(session, "tariff.revised", f"tariff {tariff.id}", f"version {version.number}")
        return _out(tariff), 201


@blueprint.patch("/tariffs/<int:tariff_id>")
@spec.validate(resp=answers(200, TariffOut), tags=["tariffs"], operation_id="changeTariff")
@needs(Scope.ADMIN)
def change_tariff(tariff_id: int, json: TariffChange) -> TariffOut:
    """What a tariff is called and where it counts. Its prices change by a new version alone."""
    with unit() as session:
        tariff = queries.tariff(session, tariff_id)
        if json.name is not None:
            tariff.name = json.name
        if json.is_default:
            tariffs.make_default(session, tariff)
        if json.chargers is not None:
            found = [queries.charger(session, x, with_connectors=False).id for x in json.chargers]
            tariffs.assign(session, tariff, found)
        guard.audit(
            session, "tariff.changed", f"tariff {tariff.id}", ", ".join(sorted(json.model_fields_set))
        )
        return _out(tariff)


@blueprint.delete("/tariffs/<int:tariff_id>")
@spec.validate(resp=answers(204, None), tags=["tariffs"], operation_id="removeTariff")
@needs(Scope.ADMIN)
def remove_tariff(tariff_id: int) -> Any:
    """Let nobody choose it any more; bills keep it. 409 for the default, and while chargers have it."""
    with unit() as session:
        tariff = queries.tariff(session, tariff_id)
        tariffs.remove(session, tariff, at=clock.now())
        guard.audit(session, "tariff.removed", f"tariff {tariff.id}", tariff.name)
    return "", 204


def _about(json: NewVersion) -> About:
    words = tuple((x.language, x.text) for x in json.alt_text)
    return About(json.type, words, json.starts_at, json.ends_at)


def _terms(json: NewVersion) -> Terms:
    """Raises Invalid."""
    unit = json.currency or currency()
    if json.elements is None:
        names = (*_PRICES, "idle_grace_minutes", "vat_percent")
        return tariffs.simple(unit, **{name: getattr(json, name) for name in names})
    told = [x.model_dump(mode="json", exclude_none=True) for x in json.elements]
    return Terms(
        unit,
        tariffs.from_json(told),
        vat_percent=json.vat_percent,
        idle_grace_minutes=json.idle_grace_minutes,
        min_price=json.min_price,
        max_price=json.max_price,
        time_zone=json.time_zone or current_app.extensions["settings"].time_zone.key,
        is_time_plugged_in=json.is_time_plugged_in,
    )


class WhatIf(In):
    """A session that charges evenly, and idles at its end. `starts_at`: null is now."""

    energy_wh: int = Field(0, ge=0, le=10_000_000)
    duration_s: int = Field(0, ge=0, le=10_000_000)
    idle_s: int = Field(0, ge=0, le=10_000_000)
    starts_at: Moment | None = None


@blueprint.get("/tariffs/<int:tariff_id>/price")
@spec.validate(resp=answers(200, BillOut), tags=["tariffs"], operation_id="priceTariff")
@needs(Scope.READ)
def price_tariff(tariff_id: int, query: WhatIf) -> BillOut:
    """What a session would cost, by lines."""
    begins_at = query.starts_at or clock.now()
    tariff = queries.tariff(db.session(), tariff_id)
    version = tariff.in_force(begins_at) or tariff.current
    usage = Usage(query.energy_wh, query.duration_s, min(query.idle_s, query.duration_s), begins_at)
    bill = tariffs.price(version.terms, replace(usage, course=usage.periods))
    return bill_out(bill, version, is_final=False)
