"""The map: where chargers stand and how they are, and the same as a list for those who do not see maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from flask import Blueprint, Response, abort, render_template, request, url_for

from csms import clock
from csms.domain import chargers
from csms.domain.base import Invalid
from csms.domain.chargers import places
from csms.domain.chargers.places import Spot
from csms.domain.sites import Site
from csms.extensions import db
from csms.web import languages
from csms.web.addresses import with_query
from csms.web.basemap import basemap
from csms.web.compression import squeeze
from csms.web.degrees import degrees_of
from csms.web.security import put_on_record, requires
from csms.web.sites import site_given
from csms.work import atomic

blueprint = Blueprint("map", __name__, url_prefix="/map")

MOST_LISTED = 60  # beside the map; the list of chargers shows them all

# Every word a charger can be in, in the order of the choices above the list: what needs somebody comes first.
STATUSES = ("Faulted", "Offline", *(x.value for x in places.PRECEDENCE[1:]))


@blueprint.get("")
def show() -> str:
    return render_template(
        "map/show.html",
        live_url=url_for("live.stream", topics="fleet"),
        points_url=with_query(".points", request.args),
        list_url=with_query(".listed", request.args),
        statuses=STATUSES,
        **basemap(),
        **_list(),
    )


@blueprint.get("/list")
def listed() -> str:
    """The list beside the map, for its live region."""
    return render_template("map/_list.html", **_list())


@blueprint.get("/points")
def points() -> Response:
    """What the map draws: [id, latitude, longitude, status, title, place, whether the coordinates are its own].

    Small, because it is read again at every change; unchanged, it costs the browser an empty answer.
    """
    found = [
        (x.charger_id, x.latitude, x.longitude, x.status, x.title, x.location, x.is_own)
        for x in _wanted(_spots(site_given()))
        if x.latitude is not None
    ]
    response = squeeze(Response(orjson.dumps(found), mimetype="application/json"))
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


@blueprint.post("/place")
@requires("edit")
def place() -> tuple[str, int]:
    """Put a charger where somebody has dropped its pin, or back: without degrees it is where its site is."""
    charger_id = request.form.get("charger", 0, type=int)
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            latitude, longitude = (degrees_of(request.form, x) for x in ("latitude", "longitude"))
            chargers.place(session, charger, latitude, longitude)
            put_on_record(session, "charger.place", charger.identity, f"{latitude}, {longitude}")
    except Invalid as error:
        return languages.said(error), 422
    return "", 204


def _spots(site: Site | None) -> Sequence[Spot]:
    return places.spots(db.session(), at=clock.now(), site_ids=[site.id] if site else None)


def _wanted(spots: Sequence[Spot]) -> list[Spot]:
    """Those in the status that the address asks for. 404 for a status that there is not."""
    status = request.args.get("status", "")
    if status and status not in STATUSES:
        abort(404)
    return [x for x in spots if status in ("", x.status)]


def _list() -> dict[str, Any]:
    site = site_given()
    spots = _spots(site)
    wanted = _wanted(spots)
    placed = [x for x in wanted if x.latitude is not None]
    homeless = [x for x in wanted if x.latitude is None]
    status = request.args.get("status", "")
    return {
        "spots": placed[:MOST_LISTED],
        "spot_total": len(placed),
        "homeless": homeless[:MOST_LISTED],
        "homeless_total": len(homeless),
        "charger_total": len(spots),
        "status": status,
        "site": site,
        "choices": _choices(spots, status, site),
    }


def _choices(spots: Sequence[Spot], status: str, site: Site | None) -> list[tuple[str, str, int]]:
    """(status, address, count) of each status that any charger is in."""
    counted = Counter(x.status for x in spots)
    return [
        (word, url_for(".show", status=word, site=site.id if site else None), counted[word])
        for word in STATUSES
        if counted[word] or word == status
    ]
