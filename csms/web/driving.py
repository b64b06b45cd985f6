"""A driver's own session by its unguessable address: live, its end, and the receipt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import transactions
from csms.domain.base import NotFound, Refused
from csms.domain.chargers import ConnectorStatus
from csms.domain.commands import Kind
from csms.domain.transactions import Transaction, curves, queries
from csms.extensions import db, limiter
from csms.web import landing, public_live, visitors
from csms.web.bills import bill_lines, credit_kwh
from csms.web.transactions import currency_of
from csms.work import atomic

blueprint = Blueprint("driving", __name__, url_prefix="/s/<secret>")

Answer = str | WerkzeugResponse | tuple[str, int]


def _counts(response: Response) -> bool:
    del response
    return bool(g.get("counts", False))


GUESSES = limiter.limit("10 per 10 minutes", deduct_when=_counts)


@blueprint.get("")
@landing.READS
def show(secret: str) -> Answer:
    transaction = queries.by_secret(db.session(), secret)
    live_url = url_for(".news", secret=secret) if transaction.is_active else None
    return render_template("driving/show.html", **_view(transaction), live_url=live_url)


@blueprint.get("/state")
@landing.FRAGMENTS
def state(secret: str) -> str:
    """All that changes while it runs."""
    return render_template("driving/_state.html", **_view(queries.by_secret(db.session(), secret)))


@blueprint.get("/live")
@landing.READS
def news(secret: str) -> Response:
    """An event whenever the session changes; it says nothing but that."""
    transaction = queries.by_secret(db.session(), secret)
    return public_live.stream([transaction.topic, transaction.charger.topic])


@blueprint.get("/stop")
@landing.READS
def ask(secret: str) -> Answer:
    """The question before the stop, for browsers without scripts."""
    return render_template(
        "driving/stop.html", **_view(queries.by_secret(db.session(), secret)), problem=None
    )


@blueprint.post("/stop")
@GUESSES
def stop(secret: str) -> Answer:
    """Only for whoever started it: by this browser, by their log-in, or with the card that it began with."""
    transaction = queries.by_secret(db.session(), secret)
    card = request.form.get("card", "")
    if not (visitors.may_stop(transaction) or visitors.is_card_of(transaction, card)):
        g.counts = True
        words = (
            "This is not the card that the session began with." if card else "Enter the number of your card."
        )
        return render_template("driving/stop.html", **_view(transaction), problem=words), 403
    problem = None
    try:
        with atomic() as session:
            found = queries.by_secret(session, secret)
            if not _is_stopping(found):
                transactions.request_stop(session, found, by="driver", at=clock.now())
    except Refused as error:
        problem = str(error)
    if problem:
        return render_template("driving/stop.html", **_view(transaction), problem=problem), 409
    response = redirect(url_for(".show", secret=secret), 303)
    visitors.remember(response, transaction.secret)
    return response


@blueprint.get("/receipt")
@landing.READS
def receipt(secret: str) -> Answer:
    transaction = queries.by_secret(db.session(), secret)
    if transaction.is_active:
        return redirect(url_for(".show", secret=secret))
    return render_template("driving/receipt.html", **_view(transaction))


def _is_stopping(transaction: Transaction) -> bool:
    orders = queries.orders(db.session(), transaction, clock.now())
    return any(x.kind is Kind.STOP and x.is_waiting for x in orders)


def _view(transaction: Transaction) -> dict[str, Any]:
    """What the driver's pages show of a session."""
    at = clock.now()
    until = transaction.ended_at or at
    bill = transactions.bill_of(transaction, at)
    currency = currency_of(transaction)
    readings = queries.readings(db.session(), transaction.id) if transaction.is_active else ()
    start_wh = transaction.meter_start_wh
    curve = curves.curve(readings, transaction.started_at, until, start_wh=start_wh, steps=60)
    return {
        "transaction": transaction,
        "charger": transaction.charger,
        "connector": transaction.connector,
        "status": _status(transaction, at),
        "idle_s": transactions.usage_of(transaction, at).idle_s,
        "grace_s": 60 * transaction.tariff_version.idle_grace_minutes if transaction.tariff_version else 0,
        "powers": [x.power_w for x in curve],
        "bill": bill,
        "bill_lines": bill_lines(bill, currency),
        "net_cents": bill.total_cents - bill.vat_cents,
        "credit_kwh": credit_kwh(bill),
        "is_billed": transaction.bill is not None,
        "currency": currency,
        "until": until,
        "may_stop": visitors.may_stop(transaction),
        "is_stopping": transaction.is_active and _is_stopping(transaction),
        "is_signed_in": current_user.is_authenticated,
        **landing.frame(),
    }


def _status(transaction: Transaction, at: datetime) -> str:
    """OCPP's word for the driver's own session; "Offline" when the station cannot be heard."""
    lease = transaction.charger.lease
    if not transaction.is_active:
        return "Finishing"
    if lease is None or not lease.is_online(at):
        return "Offline"
    status = transaction.connector.status if transaction.connector else ConnectorStatus.CHARGING
    shown = (ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.FAULTED)
    return status.value if status in shown else ConnectorStatus.CHARGING.value


@blueprint.errorhandler(NotFound)
def unknown(error: NotFound) -> tuple[str, int]:
    return landing.unknown(error)


@blueprint.errorhandler(429)
def too_often(error: HTTPException) -> landing.Answer:
    return landing.too_often(error)
