"""Sites: the places where chargers stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, sites, tariffs
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import places
from csms.domain.sites import Details, ParkingType, Site
from csms.extensions import db
from csms.web import exports, filters, languages
from csms.web.addresses import with_query
from csms.web.basemap import basemap
from csms.web.degrees import degrees_of
from csms.web.security import put_on_record, requires
from csms.web.site_power import power_at
from csms.work import atomic

blueprint = Blueprint("sites", __name__, url_prefix="/sites")

MOST_SITES = 50  # on a page

Page = str | Response | tuple[str, int]

PARKING_WORDS = {
    ParkingType.ALONG_MOTORWAY: lazy_gettext("Along a motorway"),
    ParkingType.PARKING_GARAGE: lazy_gettext("Multi-storey car park"),
    ParkingType.PARKING_LOT: lazy_gettext("Car park"),
    ParkingType.ON_DRIVEWAY: lazy_gettext("On a driveway"),
    ParkingType.ON_STREET: lazy_gettext("On the street"),
    ParkingType.UNDERGROUND_GARAGE: lazy_gettext("Underground car park"),
}
_FIELDS = tuple(field.name for field in fields(Details))


@blueprint.get("")
def index() -> str:
    return render_template(
        "sites/index.html", live_url=url_for("live.stream", topics="fleet"), words=_words(), **_list()
    )


@blueprint.get("/list")
def listed() -> str:
    """The list, for its live region."""
    return render_template("sites/_list.html", words=_words(), **_list())


@blueprint.get("/export.csv")
def export() -> Response:
    """Every site that the words of the address choose, as CSV."""
    counted = chargers.counts_by_site(db.session())
    rows: list[list[object]] = [[*_FIELDS, "uuid", "chargers"]]
    rows += [
        [*(getattr(x, name) for name in _FIELDS), x.uuid, counted.get(x.id, 0)]
        for x in sites.listed(db.session(), _words())
    ]
    return exports.download(iter([exports.csv_text(rows)]), "sites.csv")


@blueprint.get("/<int:site_id>")
def show(site_id: int) -> str:
    site = sites.get(db.session(), site_id)
    return render_template(
        "sites/show.html",
        site=site,
        zone_name=site.time_zone or _house_zone(),
        parking=PARKING_WORDS[site.parking_type] if site.parking_type else None,
        live_url=url_for("live.stream", topics="fleet"),
        chart=power_at(site, clock.now()),
        prices_there=tariffs.names_at(db.session(), site.id, at=clock.now()),
        **_standing(site),
    )


@blueprint.get("/<int:site_id>/chargers")
def standing(site_id: int) -> str:
    """The chargers of a site, for their live region."""
    site = sites.get(db.session(), site_id)
    return render_template("sites/_chargers.html", site=site, **_standing(site))


@blueprint.get("/new")
@requires("edit")
def new() -> Page:
    return _form(None, {}, {})


@blueprint.post("/new")
@requires("edit")
def add() -> Page:
    try:
        with atomic() as session:
            site = sites.add(session, _details(request.form), at=clock.now())
            put_on_record(session, "site.added", site.name)
    except (Invalid, Refused) as error:
        return _form(None, request.form, _problem(error)), 422
    return redirect(url_for(".show", site_id=site.id))


@blueprint.get("/<int:site_id>/edit")
@requires("edit")
def edit(site_id: int) -> Page:
    site = sites.get(db.session(), site_id)
    return _form(site, {name: getattr(site, name) or "" for name in _FIELDS} | _numbers(site), {})


@blueprint.post("/<int:site_id>/edit")
@requires("edit")
def save(site_id: int) -> Page:
    try:
        with atomic() as session:
            site = sites.get(session, site_id)
            sites.change(session, site, _details(request.form), at=clock.now())
            put_on_record(session, "site.changed", site.name)
    except (Invalid, Refused) as error:
        return _form(sites.get(db.session(), site_id), request.form, _problem(error)), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".show", site_id=site_id))


@blueprint.post("/<int:site_id>/delete")
@requires("edit")
def remove(site_id: int) -> Page:
    try:
        with atomic() as session:
            site = sites.get(session, site_id)
            name = site.name
            put_on_record(session, "site.removed", name)
            chargers.remove_site(session, site)
    except Refused as error:
        flash(languages.said(error), "error")
        return redirect(url_for(".show", site_id=site_id))
    flash(gettext("%(name)s is gone.", name=name), "success")
    return redirect(url_for(".index"))


def site_given() -> Site | None:
    """The site that the address asks for, None for all. 404 for one that there is not."""
    site_id = request.args.get("site", "")
    if not site_id:
        return None
    if not (site_id.isascii() and site_id.isdigit() and len(site_id) < 19):
        abort(404)
    return sites.get(db.session(), int(site_id))


def _words() -> str:
    return request.args.get("q", "").strip()[:80]


def _list() -> dict[str, Any]:
    """Some sites by name with how many of their chargers are in which state: three queries."""
    at, session, after = clock.now(), db.session(), request.args.get("after")
    found = sites.listed(session, _words(), after=after, limit=MOST_SITES + 1)
    shown = found[:MOST_SITES]
    states: dict[int | None, Counter[str]] = {}
    for spot in places.spots(session, at=at, site_ids=[x.id for x in shown]):
        states.setdefault(spot.site_id, Counter())[spot.status] += 1
    query = {"q": _words()}
    following = {**query, "after": shown[-1].name} if len(found) > MOST_SITES else None
    return {
        "rows": [(x, states.get(x.id, Counter())) for x in shown],
        "without": places.number_without_site(session),
        "next_url": with_query(".index", following) if following else None,
        "first_url": with_query(".index", query) if after else None,
        "house_zone": _house_zone(),
    }


def _standing(site: Site) -> dict[str, Any]:
    session = db.session()
    return {
        "spots": places.spots(session, at=clock.now(), site_ids=[site.id]),
        "standing_total": chargers.counts_by_site(session, [site.id]).get(site.id, 0),
    }


def _details(form: Mapping[str, str]) -> Details:
    """What the form says. Raises Invalid."""
    given: dict[str, Any] = {name: form.get(name, "").strip() or None for name in _FIELDS}
    given |= {name: degrees_of(form, name) for name in ("latitude", "longitude")}
    given["grid_limit_w"] = _watts(given["grid_limit_w"])
    given["is_public"] = "is_public" in form
    try:
        given["parking_type"] = ParkingType(given["parking_type"]) if given["parking_type"] else None
    except ValueError:
        raise Invalid("Choose one of the list.", "parking_type") from None
    return Details(**given | {"name": given["name"] or ""})


def _watts(text: str | None) -> int | None:
    """W of what the form says in kW. Raises Invalid."""
    if text is None:
        return None
    try:
        return round(Decimal(text.replace(",", ".")) * 1000)
    except (InvalidOperation, ValueError, OverflowError):
        raise Invalid("Write kilowatts, such as 120 or 43.5.", "grid_limit_w") from None


def _problem(error: Invalid | Refused) -> dict[str, str]:
    field = error.field if isinstance(error, Invalid) else None
    return {field or "name": languages.said(error)}


def _numbers(site: Site) -> dict[str, object]:
    limit_w = site.grid_limit_w
    limit = {
        "grid_limit_w": ""
        if limit_w is None
        else filters.number(Decimal(limit_w) / 1000, 1).replace(filters.THIN, "")
    }
    return limit | {
        x: "" if getattr(site, x) is None else getattr(site, x) for x in ("latitude", "longitude")
    }


def _form(site: Site | None, given: Mapping[str, Any], problems: Mapping[str, str]) -> str:
    return render_template(
        "sites/form.html",
        site=site,
        given=given,
        problems=problems,
        parking_words=[("", gettext("Not said")), *((x.value, words) for x, words in PARKING_WORDS.items())],
        zones=sorted(available_timezones()),
        house_zone=_house_zone(),
        **basemap(),
    )


def _house_zone() -> str:
    return str(current_app.extensions["settings"].time_zone.key)
