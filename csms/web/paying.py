"""How far a payment at a station has come: explained, paid, checked, charging, or let go. Views of `landing`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import payments
from csms.domain.base import NotFound, Refused
from csms.domain.chargers import Connector
from csms.domain.commands import Command
from csms.domain.payments import Payment, PaymentState, Wanted
from csms.domain.transactions import queries
from csms.extensions import db
from csms.sentences import gettext_noop
from csms.web import public_live, visitors
from csms.web.landing import FRAGMENTS, READS
from csms.web.public_status import blueprint as blueprint
from csms.web.station_start import step_of
from csms.web.station_view import frame
from csms.work import atomic

Answer = str | Response | WerkzeugResponse

ASKED_AGAIN = timedelta(seconds=3)


@blueprint.get("/c/<slug>/pay/<payment_id>")
@FRAGMENTS
def paying(slug: str, payment_id: str) -> Answer:
    """What is held and why, and where to pay; then how far it is. Only for the browser that asked."""
    payment, connector = _own(slug, payment_id)
    if payment.state is PaymentState.REQUESTED and asks_now(payment):
        with atomic() as session:
            payment = payments.find(session, payment_id, to_change=True)
            payments.look_soon(session, payment, at=clock.now())
    if payment.transaction_id is not None:
        return _go_on(payment.transaction_id)
    given = _view(payment, connector)
    if "X-Fragment" in request.headers:
        return render_template("landing/_paying.html", **given)
    live_url = url_for(".payment_news", slug=slug, payment_id=payment_id)
    return render_template("landing/paying.html", **given, live_url=live_url)


@blueprint.get("/c/<slug>/pay/<payment_id>/live")
@READS
def payment_news(slug: str, payment_id: str) -> Response:
    """An event whenever the payment or the station changes; it says nothing but that."""
    payment, connector = _own(slug, payment_id)
    return public_live.stream([payment.topic, connector.charger.topic])


@blueprint.post("/c/<slug>/pay/<payment_id>/cancel")
@FRAGMENTS
def cancel_payment(slug: str, payment_id: str) -> Answer:
    """Rather not: whatever is held is let go, as long as the car does not charge."""
    _own(slug, payment_id)
    try:
        with atomic() as session:
            payment = payments.find(session, payment_id, to_change=True)
            if payment.state is PaymentState.REQUESTED:
                payments.want_release(session, payment, gettext_noop("You cancelled it."), at=clock.now())
    except Refused:  # it is over, and the page tells how
        pass
    return redirect(url_for(".paying", slug=slug, payment_id=payment_id), 303)


def _own(slug: str, payment_id: str) -> tuple[Payment, Connector]:
    """The payment, if this browser, or whoever is logged in, has asked for it here; with its place. Raises NotFound."""
    payment = payments.find(db.session(), payment_id)
    is_own = payment_id in visitors.claims() or visitors.is_payer(payment)
    found, connector = queries.place(db.session(), slug), payment.connector
    if connector is None or not is_own or found not in (connector, connector.charger):
        raise NotFound("There is no such payment.")
    return payment, connector


def asks_now(payment: Payment) -> bool:
    """Only whoever comes back from the provider makes us ask it at once, and not again and again."""
    asked_at = payment.asked_at
    return "back" in request.args and (asked_at is None or clock.now() - asked_at >= ASKED_AGAIN)


def checkout(payment: Payment) -> dict[str, Any]:
    """What every page tells of where a payment is made."""
    return {
        "payment": payment,
        "is_back": "back" in request.args or payment.intent is not None,
        "pay_at": urlsplit(payment.checkout_url or "").hostname or "",
        "is_test": payment.provider == "test",
    }


def _view(payment: Payment, connector: Connector) -> dict[str, Any]:
    given = checkout(payment)
    return given | {
        "connector": connector,
        "step": _step(payment, is_back=given["is_back"]),
        "absence": payments.absence(payment, connector, clock.now()),
        "station_step": _station_step(payment),
        "running": queries.on_connector(db.session(), connector),
        **frame(connector.charger_id),
    }


def _station_step(payment: Payment) -> int:
    """As `station_start.step_of`, where the first step is the payment."""
    command = db.session().get(Command, payment.command_id) if payment.command_id else None
    return 2 if command is None else max(2, step_of(command))


def _step(payment: Payment, *, is_back: bool) -> str:
    """The word of the page: pay, checking, starting, releasing, or over."""
    if payment.wanted is Wanted.RELEASE:
        return "releasing"
    match payment.state:
        case PaymentState.REQUESTED:
            return "checking" if is_back else "pay"
        case PaymentState.HELD:
            return "starting"
    return "over"


def _go_on(transaction_id: int) -> Answer:
    """To the session, which is this browser's from now on."""
    secret = queries.get(db.session(), transaction_id).secret
    target = url_for("driving.show", secret=secret)
    is_part = "X-Fragment" in request.headers
    response = Response("", 204, {"X-Go-To": target}) if is_part else redirect(target)
    visitors.remember(response, secret)
    return response
