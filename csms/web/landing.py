"""What a driver comes to by scanning a label: state, price, and the ways to start.

Public, so it tells nothing that a passer-by could not see, and starts nothing for somebody who is not there.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from flask import Blueprint, Response, g, render_template, request
from flask_babel import gettext
from werkzeug.exceptions import HTTPException, TooManyRequests
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain.base import NotFound
from csms.domain.chargers import Charger, Connector
from csms.domain.transactions import queries
from csms.extensions import db, limiter
from csms.web import filters, public_live
from csms.web.languages import said
from csms.web.station_view import connector_of, frame, numbered_connector, picker, station, view

blueprint = Blueprint("landing", __name__)

Answer = str | Response | WerkzeugResponse | tuple[str, int]

READS = limiter.limit("30 per minute")
FRAGMENTS = limiter.limit("120 per minute")


def _counts(response: Response) -> bool:
    """What says nothing to a guesser is free, such as a start that is refused for want of a car."""
    del response
    return bool(g.get("counts", True))


GUESSES = limiter.limit("10 per 10 minutes", deduct_when=_counts)


@blueprint.get("/c/<slug>")
@READS
def show(slug: str) -> Answer:
    """The page behind a label. A charger with several connectors asks which."""
    found = queries.place(db.session(), slug)
    if isinstance(found, Connector):
        return station(found)
    if len(found.connectors) == 1:
        return station(found.connectors[0])
    return picker(found)


@blueprint.get("/c/<slug>/<int:number>")
@READS
def numbered(slug: str, number: int) -> Answer:
    """`/c/<a charger's slug>/2`: for labels that are printed before the connectors are known."""
    found = queries.place(db.session(), slug)
    charger = found if isinstance(found, Charger) else found.charger
    return station(numbered_connector(charger, number))


@blueprint.get("/c/<slug>/state")
@FRAGMENTS
def state(slug: str) -> str:
    """What of the page changes by itself."""
    return render_template("landing/_state.html", **view(connector_of(slug)))


@blueprint.get("/c/<slug>/live")
@READS
def news(slug: str) -> Response:
    """An event whenever the station changes; it says nothing but that."""
    found = queries.place(db.session(), slug)
    charger = found if isinstance(found, Charger) else found.charger
    return public_live.stream([charger.topic])


@blueprint.errorhandler(NotFound)
def unknown(error: NotFound) -> tuple[str, int]:
    """An address that leads nowhere, in a driver's words."""
    return render_template(
        "landing/error.html", title=gettext("No such station"), words=said(error), **frame()
    ), 404


@blueprint.errorhandler(429)
def too_often(error: HTTPException) -> Answer:
    """Somebody tries too often, or many at one address. It is told until when, and led back to the station."""
    wait_s = _wait_s(error)
    words = gettext(
        "There were too many tries in a short time. Try again in %(time)s.",
        time=filters.duration_words(wait_s),
    )
    title, slug = gettext("One moment"), (request.view_args or {}).get("slug")
    page = render_template("landing/error.html", title=title, words=words, slug=slug, **frame())
    return Response(page, 429, {"Retry-After": str(wait_s)})


def _wait_s(error: HTTPException) -> int:
    """In how many seconds it may be tried again, in whole minutes."""
    resets_at = error.retry_after if isinstance(error, TooManyRequests) else None
    if not isinstance(resets_at, datetime):
        breached = limiter.current_limit
        resets_at = clock.now() if breached is None else datetime.fromtimestamp(breached.reset_at, UTC)
    return 60 * max(1, math.ceil((resets_at - clock.now()).total_seconds() / 60))
