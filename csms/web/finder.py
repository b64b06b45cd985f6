"""Free connectors for anybody: a list first, and a map for whoever wants one.

It shows what operators have chosen to show, by name and place, and never a charger's identity. Where the driver is,
is known only when they say so, and goes into no record.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import orjson
from flask import Blueprint, render_template, request, url_for

from csms import clock
from csms.domain import finder
from csms.domain.finder import Position, Wanted
from csms.extensions import db
from csms.web import nearby
from csms.web.basemap import basemap
from csms.web.landing import READS
from csms.web.nearby import Row
from csms.web.station_view import frame

blueprint = Blueprint("finder", __name__)

MOST_SHOWN = 30
POWERS_KW = (11, 22, 50, 150)


@blueprint.get("/find")
@READS
def show() -> str:
    wanted = _wanted()
    found = finder.look(db.session(), wanted, at=clock.now(), limit=MOST_SHOWN + 1)
    rows = nearby.priced(found[:MOST_SHOWN])
    return render_template(
        "finder/show.html",
        rows=rows,
        are_more=len(found) > MOST_SHOWN,
        wanted=wanted,
        near=request.args.get("near", "") if wanted.near else "",
        kinds=finder.kinds(db.session()),
        powers=POWERS_KW,
        power=round(wanted.least_w / 1000) if wanted.least_w else "",
        points=orjson.dumps(_points(rows)).decode(),
        **basemap(),
        **frame(),
    )


def _points(rows: Sequence[Row]) -> list[tuple[float, float, str, str, str]]:
    """What the map draws: north, east, title, status, address."""
    return [
        (*x.position, x.title, x.status, url_for("landing.show", slug=x.slug))
        for x in rows
        if x.position is not None
    ]


def _wanted() -> Wanted:
    """What the address asks for; what makes no sense is not asked for."""
    given = request.args
    power_kw = given.get("power", type=int)
    return Wanted(
        words=given.get("q", "").strip()[:80],
        kind=given.get("type", "").strip()[:24] or None,
        least_w=power_kw * 1000 if power_kw in POWERS_KW else None,
        near=_position(given.get("near", "")),
        is_free="all" not in given,
    )


def _position(text: str) -> Position | None:
    """ "25.670,-100.310" as degrees."""
    try:
        north, east = (float(x) for x in text.split(","))
    except ValueError:
        return None
    is_there = math.isfinite(north) and math.isfinite(east) and abs(north) <= 90 and abs(east) <= 180
    return (north, east) if is_there else None
