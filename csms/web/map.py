"""The map: where chargers stand and how they are, and the same as a list for those who do not see maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson
from flask import Blueprint, Response, abort, current_app, render_template, request, url_for

from csms import clock
from csms.domain.chargers import places
from csms.domain.chargers.places import Spot
from csms.extensions import db
from csms.web.addresses import with_query

blueprint = Blueprint("map", __name__, url_prefix="/map")

MOST_LISTED = 100  # beside the map; the list of chargers shows them all

# Every word a charger can be in, in the order of the choices above the list: what needs somebody comes first.
STATUSES = ("Faulted", "Offline", *(x.value for x in places.PRECEDENCE[1:]))


@blueprint.get("")
def show() -> str:
    settings = current_app.extensions["settings"]
    return render_template(
        "map/show.html",
        live_url=url_for("live.stream", topics="fleet"),
        points_url=with_query(".points", request.args),
        list_url=with_query(".listed", request.args),
        center=f"{settings.map_center.latitude},{settings.map_center.longitude}",
        tile_url=settings.tile_url,
        tile_host=urlsplit(settings.tile_url).netloc.replace("{s}.", ""),
        statuses=STATUSES,
        **_list(),
    )


@blueprint.get("/list")
def listed() -> str:
    """The list beside the map, for its live region."""
    return render_template("map/_list.html", **_list())


@blueprint.get("/points")
def points() -> Response:
    """What the map draws: [id, latitude, longitude, status, title, place] of each charger that has been placed.

    Small, because it is read again at every change; unchanged, it costs the browser an empty answer.
    """
    found = [
        (x.charger_id, x.latitude, x.longitude, x.status, x.title, x.location)
        for x in _wanted(_spots())
        if x.latitude is not None
    ]
    response = Response(orjson.dumps(found), mimetype="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


def _spots() -> Sequence[Spot]:
    return places.spots(db.session(), at=clock.now())


def _wanted(spots: Sequence[Spot]) -> list[Spot]:
    """Those in the status that the address asks for. 404 for a status that there is not."""
    status = request.args.get("status", "")
    if status and status not in STATUSES:
        abort(404)
    return [x for x in spots if status in ("", x.status)]


def _list() -> dict[str, Any]:
    spots = _spots()
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
        "choices": _choices(spots, status),
    }


def _choices(spots: Sequence[Spot], status: str) -> list[tuple[str, str, int]]:
    """(status, address, count) of each status that any charger is in."""
    counted = Counter(x.status for x in spots)
    return [
        (word, url_for(".show", status=word), counted[word])
        for word in STATUSES
        if counted[word] or word == status
    ]
