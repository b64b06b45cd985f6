"""The pages of payment providers: the test provider's checkout, and where providers send their messages."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, redirect, render_template, request
from flask_babel import lazy_gettext
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain.base import NotFound, Refused
from csms.domain.payments import Outcome, checkout, news
from csms.extensions import csrf, db
from csms.payments import Forged, Unavailable, provider_named
from csms.web import landing
from csms.web.station_view import frame
from csms.work import StorageFailed, atomic

log = logging.getLogger(__name__)

blueprint = Blueprint("checkout", __name__, url_prefix="/pay")

Answer = str | WerkzeugResponse | tuple[str, int]

CHOICES = (
    (Outcome.PAYS, lazy_gettext("Pay"), "wallet"),
    (Outcome.DECLINES, lazy_gettext("The bank declines"), "ban"),
    (Outcome.SLOW, lazy_gettext("Pay, and the bank is slow"), "timer"),
    (Outcome.LATE, lazy_gettext("Pay, and the browser is closed"), "cloud-off"),
    (Outcome.TWICE, lazy_gettext("Pay, and the news come twice"), "copy"),
)


@blueprint.get("/test/<reference>")
@landing.READS
def show(reference: str) -> Answer:
    """Where a payment of the test provider is made."""
    found = checkout.checkout(db.session(), reference)
    is_over = found.outcome is not None or found.released_at is not None or clock.now() >= found.expires_at
    return render_template("checkout/show.html", checkout=found, choices=CHOICES, is_over=is_over, **frame())


@blueprint.post("/test/<reference>")
@landing.READS
def choose(reference: str) -> Answer:
    """What the test card does."""
    try:
        outcome = Outcome(request.form.get("outcome", ""))
    except ValueError:
        raise NotFound("There is no such choice.") from None
    try:
        with atomic() as session:
            found = checkout.checkout(session, reference)
            checkout.choose(found, outcome, at=clock.now())
            return_url = found.return_url
    except Refused:
        return redirect(request.url, 303)
    if outcome is Outcome.LATE:
        return render_template("checkout/left.html", **frame())
    return redirect(f"{return_url}?back=1", 303)


@blueprint.post("/news/<provider>")
def take_news(provider: str) -> Response:
    """What a provider tells: believed if it is signed, kept once, and answered at once. 503: tell us again."""
    if provider != "stripe":
        raise NotFound("There is no such provider.")
    try:
        told = provider_named(provider).read(dict(request.headers), request.get_data())
        with atomic() as session:
            is_new = news.take(
                session,
                provider=provider,
                event_id=told.event_id,
                kind=told.kind,
                names=told.names,
                at=clock.now(),
            )
    except Forged as error:
        log.warning("payment_news_refused", extra={"error": str(error), "address": request.remote_addr})
        return Response(str(error), 400, mimetype="text/plain")
    except (Unavailable, StorageFailed) as error:
        return Response(str(error), 503, {"Retry-After": "30"}, mimetype="text/plain")
    return Response("thank you" if is_new else "known", 200, mimetype="text/plain")


csrf.exempt(take_news)  # it has a signature instead


@blueprint.errorhandler(NotFound)
def unknown(error: NotFound) -> landing.Answer:
    return landing.unknown(error)


@blueprint.errorhandler(429)
def too_often(error: HTTPException) -> landing.Answer:
    return landing.too_often(error)
