"""Tariffs: what charging costs, in versions that are never edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy import Select, func, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import tariffs
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Admission, Charger
from csms.domain.tariffs import Tariff, Terms, Usage
from csms.extensions import db
from csms.web import stations, tariff_forms, tariff_validity, tariff_words
from csms.web.bills import bill_lines
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("tariffs", __name__, url_prefix="/tariffs")

Page = str | Response | tuple[str, int]
PRICES = ("price_per_kwh", "price_per_minute", "price_per_start", "price_per_idle_minute", "vat_percent")
SHOWN_UNPRICED = 8
WHAT_IF = {"energy": "30", "hours": "2", "idle": "0"}


@blueprint.get("")
def index() -> str:
    session = db.session()
    own = session.execute(select(Charger.tariff_id).where(Charger.tariff_id.is_not(None))).scalars().all()
    counts = {x: own.count(x) for x in set(own)}
    at = clock.now()
    shown = [(x, x.in_force(at) or x.current) for x in tariffs.listed(session)]
    listed = [(x, stations.prices_of(version.terms), counts.get(x.id, 0)) for x, version in shown]
    has_default = any(x.is_default and x.in_force(at) for x, _, _ in listed)
    unpriced = [] if has_default or not listed else session.scalars(_unpriced().limit(SHOWN_UNPRICED)).all()
    return render_template(
        "tariffs/index.html",
        listed=listed,
        has_default=has_default,
        unpriced=unpriced,
        unpriced_count=session.scalar(_unpriced().with_only_columns(func.count()).order_by(None))
        if unpriced
        else 0,
    )


def _unpriced() -> Select[Charger]:
    """The chargers that have no tariff of their own."""
    is_bare = (Charger.tariff_id.is_(None), Charger.admission == Admission.ACCEPTED)
    return select(Charger).where(*is_bare).order_by(Charger.sorting_name, Charger.id)


@blueprint.get("/new")
@requires("money")
def new() -> str:
    if request.args.get("shape") == "elements":
        return _elements_form(None, MultiDict({"vat_percent": "0"}))
    return _form(None, {"currency": _currency(), "vat_percent": "0"})


@blueprint.post("/new")
@requires("money")
def add() -> Page:
    at, given = clock.now(), request.form
    if "more" in given:
        return _one_more(None, given)
    try:
        name, terms = _name(given), _asked_terms(given, _currency())
        about = tariff_validity.about_of(given, _house_zone())
        with atomic() as session:
            tariff = tariffs.create(
                session, name, terms, at=at, is_default="is_default" in given, about=about
            )
            _audit("tariff.add", tariff)
    except Invalid as error:
        return _again(None, given, error), 422
    words = gettext(
        "The tariff %(name)s is there. Sessions that begin from now on use it where it is assigned.",
        name=tariff.name,
    )
    flash(words, "success")
    return redirect(url_for(".show", tariff_id=tariff.id))


@blueprint.get("/<int:tariff_id>")
def show(tariff_id: int) -> str:
    tariff = tariffs.get(db.session(), tariff_id)
    usual = clock.now().astimezone(ZoneInfo(_house_zone())).strftime("%Y-%m-%dT%H:%M")
    asked = {x: request.args.get(x, y) for x, y in (WHAT_IF | {"starts": usual}).items()}
    try:
        usage, problem = _usage(asked), None
    except Invalid as error:
        usage, problem = _usage(WHAT_IF | {"starts": usual}), said(error)
    terms = tariff.current.terms
    bill = tariffs.price(terms, usage)
    title = func.coalesce(Charger.name, Charger.identity).label("title")
    query = (
        select(Charger.id, Charger.tariff_id, title).order_by(Charger.sorting_name, Charger.id).limit(1000)
    )
    return render_template(
        "tariffs/show.html",
        tariff=tariff,
        prices=stations.prices_of(terms),
        driver_prices=stations.prices_of(terms, clock.now()),
        asked=asked,
        problem=problem,
        bill=bill,
        bill_lines=bill_lines(bill, terms.currency, _house_zone(), tariff.current),
        in_force=tariff.in_force(clock.now()),
        words=tariff_validity.words_of(tariff.current),
        versions=[(x, _in_short(x.terms)) for x in reversed(tariff.versions)],
        chargers=db.session().execute(query).all(),
        zone=zone(),
    )


@blueprint.get("/<int:tariff_id>/versions/new")
@requires("money")
def revise(tariff_id: int) -> str:
    tariff = tariffs.get(db.session(), tariff_id)
    terms = tariff.current.terms
    plain = terms.plain
    if plain is None or request.args.get("shape") == "elements":
        given = tariff_forms.given_of(terms)
        given.update(tariff_validity.given_of(tariff.current.about))
        return _elements_form(tariff, given)
    prices = {name: _written(getattr(plain, name)) for name in PRICES}
    prices |= {"idle_grace_minutes": str(terms.idle_grace_minutes), "currency": terms.currency}
    return _form(tariff, prices | tariff_validity.given_of(tariff.current.about))


@blueprint.post("/<int:tariff_id>/versions/new")
@requires("money")
def add_version(tariff_id: int) -> Page:
    """A new version; sessions that run keep the prices that they began with."""
    at, given = clock.now(), request.form
    tariff = tariffs.get(db.session(), tariff_id)
    if "more" in given:
        return _one_more(tariff, given)
    try:
        with atomic() as session:
            tariff = tariffs.get(session, tariff_id)
            about = tariff_validity.about_of(given, _house_zone(), tariff.current.about)
            terms = _asked_terms(given, tariff.current.currency)
            tariffs.revise(session, tariff, terms, at=at, about=about)
            _audit("tariff.revise", tariff)
    except Invalid as error:
        return _again(tariffs.get(db.session(), tariff_id), given, error), 422
    number = tariff.current.number
    if about.starts_at:
        words = gettext("Version %(number)s is in force for sessions that begin from then on.", number=number)
    else:
        words = gettext("Version %(number)s is in force for sessions that begin from now on.", number=number)
    flash(words, "success")
    return redirect(url_for(".show", tariff_id=tariff_id))


@blueprint.post("/<int:tariff_id>/default")
@requires("money")
def make_default(tariff_id: int) -> Response:
    with atomic() as session:
        tariff = tariffs.get(session, tariff_id)
        tariffs.make_default(session, tariff)
        _audit("tariff.default", tariff)
    words = gettext("%(name)s is the tariff of every charger that has none of its own.", name=tariff.name)
    flash(words, "success")
    return redirect(url_for(".show", tariff_id=tariff_id))


@blueprint.post("/<int:tariff_id>/remove")
@requires("money")
def remove(tariff_id: int) -> Response:
    """Let nobody choose it any more; sessions keep what they began with."""
    try:
        with atomic() as session:
            tariff = tariffs.get(session, tariff_id)
            tariffs.remove(session, tariff, at=clock.now())
            _audit("tariff.remove", tariff)
    except Refused as error:
        flash(said(error), "error")
        return redirect(url_for(".show", tariff_id=tariff_id))
    flash(gettext("%(name)s is removed.", name=tariff.name), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:tariff_id>/chargers")
@requires("money")
def assign(tariff_id: int) -> Response:
    chosen = {int(x) for x in request.form.getlist("charger") if x.isdigit()}
    with atomic() as session:
        tariff = tariffs.get(session, tariff_id)
        tariffs.assign(session, tariff, chosen)
        _audit("tariff.assign", tariff, f"{len(chosen)} chargers")
    words = ngettext(
        "%(name)s is the tariff of %(num)s charger.",
        "%(name)s is the tariff of %(num)s chargers.",
        len(chosen),
        name=tariff.name,
    )
    flash(words, "success")
    return redirect(url_for(".show", tariff_id=tariff_id))


def terms_of(given: Mapping[str, str], currency: str) -> Terms:
    """The terms that the simple form asks for. Raises Invalid."""
    prices = {name: _price(given.get(name, ""), name) for name in PRICES}
    _below_all(prices["vat_percent"])
    return tariffs.simple(currency, idle_grace_minutes=_grace(given), **prices)


def _asked_terms(given: MultiDict[str, str], currency: str) -> Terms:
    """The terms of either form. Raises Invalid."""
    if given.get("shape") != "elements":
        return terms_of(given, currency)
    vat = _price(given.get("vat_percent", ""), "vat_percent")
    _below_all(vat)
    bounds = {
        x: _price(given[x], x) if given.get(x, "").strip() else None for x in ("min_price", "max_price")
    }
    return Terms(
        currency,
        tariffs.from_json(tariff_forms.elements_of(given)),
        vat_percent=vat,
        idle_grace_minutes=_grace(given),
        time_zone=_house_zone(),
        is_time_plugged_in="is_time_plugged_in" in given,
        **bounds,
    )


def _below_all(vat: Decimal) -> None:
    if vat >= 100:
        raise Invalid("VAT is below 100 %.", "vat_percent")


def _grace(given: Mapping[str, str]) -> int:
    grace = given.get("idle_grace_minutes", "").strip() or "0"
    if not grace.isdigit() or int(grace) > 1440:
        raise Invalid("Write whole minutes, at most 1440.", "idle_grace_minutes")
    return int(grace)


def _price(text: str, field: str) -> Decimal:
    try:
        price = Decimal(text.strip().replace(",", ".") or "0")
    except InvalidOperation as error:
        raise Invalid("Write a number such as 0.49.", field) from error
    if not price.is_finite() or not 0 <= price <= 10_000 or int(price.as_tuple().exponent) < -6:
        raise Invalid("Write a number between 0 and 10000, with six decimals at most.", field)
    return price


def _usage(asked: Mapping[str, str]) -> Usage:
    """What if: kWh, hours plugged in, minutes of them idle, from when on. Raises Invalid."""
    values = {name: _price(asked[name], name) for name in WHAT_IF}
    try:
        begins_at = datetime.fromisoformat(asked["starts"]).replace(tzinfo=ZoneInfo(_house_zone()))
    except ValueError as error:
        raise Invalid("Write a day and a time.", "starts") from error
    usage = Usage(
        round(values["energy"] * 1000),
        round(values["hours"] * 3600),
        round(values["idle"] * 60),
        begins_at.astimezone(UTC),
    )
    return replace(usage, course=usage.periods)


def _in_short(terms: Terms) -> list[str]:
    """A version in few words, an element a line."""
    parts = tariff_words.parts_of(terms)
    told = [
        "; ".join(f"{x.words} {x.amount}/{x.per}" for x in part.lines) or gettext("free") for part in parts
    ]
    return told if not terms.is_restricted else [f"{x.when}: {y}" for x, y in zip(parts, told, strict=True)]


def _name(given: Mapping[str, str]) -> str:
    name = given.get("name", "").strip()
    if not 0 < len(name) <= 80:
        raise Invalid("Give the tariff a name of at most 80 characters.", "name")
    return name


def _written(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _form(tariff: Tariff | None, given: Any, error: Invalid | None = None) -> str:
    problems = {error.field: said(error)} if error else {}
    unit = tariff.current.currency if tariff else _currency()
    return render_template(
        "tariffs/form.html",
        tariff=tariff,
        given=given,
        problems=problems,
        currency=unit,
        types=tariff_validity.TYPES,
    )


def _elements_form(
    tariff: Tariff | None, given: MultiDict[str, str], error: Invalid | None = None, more: int = 0
) -> str:
    known = (
        *("name", "vat_percent", "idle_grace_minutes", "min_price", "max_price"),
        *("type", "starts_at", "ends_at"),
    )
    field = error.field if error and error.field in known else "elements"
    return render_template(
        "tariffs/elements.html",
        tariff=tariff,
        given=given,
        problems={field: said(error)} if error else {},
        currency=tariff.current.currency if tariff else _currency(),
        count=min(tariff_forms.MOST, tariff_forms.count_of(given) + more),
        days=tariff_words.DAYS,
        clock=tariff_forms.CLOCK,
        bounds=tariff_forms.BOUNDS,
        zone=_house_zone(),
        types=tariff_validity.TYPES,
    )


def _one_more(tariff: Tariff | None, given: MultiDict[str, str]) -> str:
    return _elements_form(tariff, given, more=1)


def _again(tariff: Tariff | None, given: MultiDict[str, str], error: Invalid) -> str:
    if given.get("shape") == "elements":
        return _elements_form(tariff, given, error)
    return _form(tariff, given, error)


def _house_zone() -> str:
    return str(current_app.extensions["settings"].time_zone.key)


def _currency() -> str:
    return str(current_app.extensions["settings"].currency)


def _audit(action: str, tariff: Tariff, detail: str | None = None) -> None:
    put_on_record(db.session(), action, tariff.name, detail or f"version {tariff.current.number}")
