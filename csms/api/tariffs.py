"""Tariffs and their versions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from flask import url_for
from pydantic import Field, PlainSerializer

from csms import clock
from csms.api import guard, queries
from csms.api.accounts import currency
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import tariffs
from csms.domain.tariffs import Tariff, TariffVersion, Terms
from csms.extensions import db

Price = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=6)]
PriceOut = Annotated[Decimal, PlainSerializer(lambda x: format(x, "f"), return_type=str)]


class NewVersion(In):
    """Prices as text, VAT included. What is not given costs nothing. Without a currency: the installation's."""

    currency: str | None = Field(None, pattern="^[A-Z]{3}$")
    price_per_kwh: Price = Field(Decimal(0), examples=["0.49"])
    price_per_minute: Price = Decimal(0)
    price_per_idle_minute: Price = Decimal(0)
    idle_grace_minutes: int = Field(0, ge=0, le=1440)
    price_per_start: Price = Decimal(0)
    vat_percent: Decimal = Field(Decimal(0), ge=0, le=100, decimal_places=2)


class NewTariff(NewVersion):
    name: str = Field(min_length=1, max_length=80)
    is_default: bool = Field(False, description="of all chargers that have no tariff of their own")


class VersionOut(Out):
    number: int
    currency: str
    price_per_kwh: PriceOut
    price_per_minute: PriceOut
    price_per_idle_minute: PriceOut
    idle_grace_minutes: int
    price_per_start: PriceOut
    vat_percent: PriceOut
    created_at: datetime


class TariffOut(Out):
    """`current` is what a transaction begins with now; those that run keep the version they began with."""

    id: int
    name: str
    is_default: bool
    created_at: datetime
    current: VersionOut
    versions: list[VersionOut]


class TariffList(Out):
    data: list[TariffOut]
    next_cursor: str | None


def _version_out(version: TariffVersion) -> VersionOut:
    return VersionOut.of(version)


def _out(tariff: Tariff) -> TariffOut:
    return TariffOut(
        id=tariff.id,
        name=tariff.name,
        is_default=tariff.is_default,
        created_at=tariff.created_at,
        current=_version_out(tariff.current),
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
        tariff = tariffs.create(session, json.name, terms, at=clock.now(), is_default=json.is_default)
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
        version = tariffs.revise(session, tariff, _terms(json), at=clock.now())
        guard.audit(session, "tariff.revised", f"tariff {tariff.id}", f"version {version.number}")
        return _out(tariff), 201


def _terms(json: NewVersion) -> Terms:
    given = json.model_dump(include=set(NewVersion.model_fields))
    return Terms(**given | {"currency": json.currency or currency()})
