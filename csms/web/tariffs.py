"""Tariffs: what charging costs, in versions that are never edited."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import tariffs
from csms.domain.base import Invalid
from csms.domain.chargers import Charger
from csms.domain.tariffs import Tariff, Terms, Usage
from csms.extensions import db
from csms.web import stations
from csms.web.bills import bill_lines
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("tariffs", __name__, url_prefix="/tariffs")

Page = str | Response | tuple[str, int]
PRICES = ("price_per_kwh", "price_per_minute", "price_per_start", "price_per_idle_minute", "vat_percent")
WHAT_IF = {"energy": "30", "hours": "2", "idle": "0"}


@blueprint.get("")
def index() -> str:
    session = db.session()
    own = session.execute(select(Charger.tariff_id).where(Charger.tariff_id.is_not(None))).scalars().all()
    counts = {x: own.count(x) for x in set(own)}
    listed = [(x, stations.prices_of(x.current.terms), counts.get(x.id, 0)) for x in tariffs.listed(session)]
    return render_template(
        "tariffs/index.html", listed=listed, has_default=any(x.is_default for x, _, _ in listed)
    )


@blueprint.get("/new")
@requires("money")
def new() -> str:
    return _form(None, {"currency": _currency(), "vat_percent": "0"})


@blueprint.post("/new")
@requires("money")
def add() -> Page:
    at, given = clock.now(), request.form
    try:
        name, terms = _name(given), terms_of(given, _currency())
        with atomic() as session:
            tariff = tariffs.create(session, name, terms, at=at, is_default="is_default" in given)
            _audit("tariff.add", tariff)
    except Invalid as error:
        return _form(None, given, error), 422
    flash(
        f"The tariff {tariff.name} is there. Sessions that begin from now on use it where it is assigned.",
        "success",
    )
    return redirect(url_for(".show", tariff_id=tariff.id))


@blueprint.get("/<int:tariff_id>")
def show(tariff_id: int) -> str:
    tariff = tariffs.get(db.session(), tariff_id)
    asked = {name: request.args.get(name, usual) for name, usual in WHAT_IF.items()}
    try:
        usage, problem = _usage(asked), None
    except Invalid as error:
        usage, problem = _usage(WHAT_IF), str(error)
    terms = tariff.current.terms
    bill = tariffs.price(terms, usage)
    query = select(Charger).order_by(Charger.identity).limit(1000)
    return render_template(
        "tariffs/show.html",
        tariff=tariff,
        prices=stations.prices_of(terms),
        asked=asked,
        problem=problem,
        bill=bill,
        bill_lines=bill_lines(bill, terms.currency),
        chargers=db.session().scalars(query).all(),
        zone=zone(),
    )


@blueprint.get("/<int:tariff_id>/versions/new")
@requires("money")
def revise(tariff_id: int) -> str:
    tariff = tariffs.get(db.session(), tariff_id)
    terms = tariff.current.terms
    given = {name: _written(getattr(terms, name)) for name in PRICES}
    return _form(
        tariff, given | {"idle_grace_minutes": str(terms.idle_grace_minutes), "currency": terms.currency}
    )


@blueprint.post("/<int:tariff_id>/versions/new")
@requires("money")
def add_version(tariff_id: int) -> Page:
    """A new version; sessions that run keep the prices that they began with."""
    at, given = clock.now(), request.form
    tariff = tariffs.get(db.session(), tariff_id)
    try:
        with atomic() as session:
            tariff = tariffs.get(session, tariff_id)
            tariffs.revise(session, tariff, terms_of(given, tariff.current.currency), at=at)
            _audit("tariff.revise", tariff)
    except Invalid as error:
        return _form(tariffs.get(db.session(), tariff_id), given, error), 422
    flash(f"Version {tariff.current.number} is in force for sessions that begin from now on.", "success")
    return redirect(url_for(".show", tariff_id=tariff_id))


@blueprint.post("/<int:tariff_id>/default")
@requires("money")
def make_default(tariff_id: int) -> Response:
    with atomic() as session:
        tariff = tariffs.get(session, tariff_id)
        tariffs.make_default(session, tariff)
        _audit("tariff.default", tariff)
    flash(f"{tariff.name} is the tariff of every charger that has none of its own.", "success")
    return redirect(url_for(".show", tariff_id=tariff_id))


@blueprint.post("/<int:tariff_id>/chargers")
@requires("money")
def assign(tariff_id: int) -> Response:
    chosen = {int(x) for x in request.form.getlist("charger") if x.isdigit()}
    with atomic() as session:
        tariff = tariffs.get(session, tariff_id)
        tariffs.assign(session, tariff, chosen)
        _audit("tariff.assign", tariff, f"{len(chosen)} chargers")
    flash(f"{tariff.name} is the tariff of {len(chosen)} chargers.", "success")
    return redirect(url_for(".show", tariff_id=tariff_id))


def terms_of(given: Mapping[str, str], currency: str) -> Terms:
    """The terms that a form asks for. Raises Invalid."""
    prices = {name: _price(given.get(name, ""), name) for name in PRICES}
    if prices["vat_percent"] >= 100:
        raise Invalid("VAT is below 100 %.", "vat_percent")
    grace = given.get("idle_grace_minutes", "").strip() or "0"
    if not grace.isdigit() or int(grace) > 1440:
        raise Invalid("Write whole minutes, at most 1440.", "idle_grace_minutes")
    return Terms(currency=currency, idle_grace_minutes=int(grace), **prices)


def _price(text: str, field: str) -> Decimal:
    try:
        price = Decimal(text.strip().replace(",", ".") or "0")
    except InvalidOperation as error:
        raise Invalid("Write a number such as 0.49.", field) from error
    if not price.is_finite() or not 0 <= price <= 10_000 or int(price.as_tuple().exponent) < -6:
        raise Invalid("Write a number between 0 and 10000, with six decimals at most.", field)
    return price


def _usage(asked: Mapping[str, str]) -> Usage:
    """What if: kWh, hours plugged in, minutes of them idle. Raises Invalid."""
    values = {name: _price(asked[name], name) for name in WHAT_IF}
    return Usage(round(values["energy"] * 1000), round(values["hours"] * 3600), round(values["idle"] * 60))


def _name(given: Mapping[str, str]) -> str:
    name = given.get("name", "").strip()
    if not 0 < len(name) <= 80:
        raise Invalid("Give the tariff a name of at most 80 characters.", "name")
    return name


def _written(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _form(tariff: Tariff | None, given: Any, error: Invalid | None = None) -> str:
    problems = {error.field: str(error)} if error else {}
    unit = tariff.current.currency if tariff else _currency()
    return render_template("tariffs/form.html", tariff=tariff, given=given, problems=problems, currency=unit)


def _currency() -> str:
    return str(current_app.extensions["settings"].currency)


def _audit(action: str, tariff: Tariff, detail: str | None = None) -> None:
    put_on_record(db.session(), action, tariff.name, detail or f"version {tariff.current.number}")
