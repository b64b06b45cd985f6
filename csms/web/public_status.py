"""The status of a station for anybody, on one page; and the addresses of older labels. Views of `landing`.

It tells what a passer-by could read from the station: never who charges, nor with which card.
"""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, render_template, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import chargers
from csms.domain.base import NotFound
from csms.domain.chargers import Charger, Connector
from csms.domain.transactions import queries
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.web import stations
from csms.web.landing import FRAGMENTS, READS
from csms.web.station_start import blueprint as blueprint
from csms.web.station_view import frame

Answer = str | Response | WerkzeugResponse


@blueprint.get("/ocpp/c/<identity>/", strict_slashes=False)
@READS
def labelled(identity: str) -> Answer:
    """The address that older labels carry: it leads to the one that does not tell the identity."""
    return redirect(url_for(".show", slug=_charger(identity).slug))


@blueprint.get("/ocpp/c/<identity>/status/", strict_slashes=False)
@READS
def labelled_status(identity: str) -> Answer:
    return redirect(url_for(".status", slug=_charger(identity).slug))


@blueprint.get("/<code:code>")
@READS
def typed(code: str) -> Answer:
    """The short code on a label, typed by somebody who cannot scan it."""
    return redirect(url_for(".show", slug=chargers.by_code(db.session(), code).slug))


@blueprint.get("/c/<slug>/status", strict_slashes=False)
@READS
def status(slug: str) -> Answer:
    """What each connector does now, and how far its session is."""
    return render_template("landing/status.html", live_url=url_for(".news", slug=slug), **_status(slug))


@blueprint.get("/c/<slug>/status/now")
@FRAGMENTS
def status_now(slug: str) -> Answer:
    """What of the page changes by itself."""
    return render_template("landing/_status.html", **_status(slug))


def _status(slug: str) -> dict[str, Any]:
    found = queries.place(db.session(), slug)
    charger = found if isinstance(found, Charger) else found.charger
    shown = charger.connectors if isinstance(found, Charger) else [found]
    at, session = clock.now(), db.session()
    running = {x.connector_id: x for x in queries.active(session, Wanted(charger_id=charger.id))}

    def row(connector: Connector) -> tuple[Connector, str, Any]:
        its = running.get(connector.id)
        return connector, stations.status_of(charger, connector, its, at), its

    return {"charger": charger, "slug": slug, "places": [row(x) for x in shown], **frame(charger.id)}


def _charger(identity: str) -> Charger:
    charger = chargers.find(db.session(), identity)
    if charger is None:
        raise NotFound("There is no such station.")
    return charger
