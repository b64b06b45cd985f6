"""A driver's own session by its unguessable address: live, its end, and the receipt."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import tariffs, transactions
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import ConnectorStatus
from csms.domain.commands import Kind
from csms.domain.payments import credit
from csms.domain.payments import queries as payments
from csms.domain.tariffs import Dimension
from csms.domain.transactions import Flag, Transaction, curves, notices, queries
from csms.domain.transactions.signed import signed_values
from csms.extensions import db, limiter
from csms.web import distances, landing, languages, public_live, receipt_files, signed_data, visitors
from csms.web.bills import bill_lines, credit_kwh, credit_words
from csms.web.languages import said
from csms.web.receipts import receipt_of
from csms.web.session_rows import currency_of
from csms.web.shell import zone
from csms.web.station_view import frame
from csms.work import atomic

blueprint = Blueprint("driving", __name__, url_prefix="/s/<secret>")

EVERY_S = 10  # figures that change more often are not read better
DONE_CHARGING = (ConnectorStatus.FINISHING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)
STALE = timedelta(seconds=60)

Answer = str | WerkzeugResponse | tuple[str, int]


def _counts(response: Response) -> bool:
    del response
    return bool(g.get("counts", False))


NOTICES = limiter.limit("10 per hour")
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
        wrong = gettext("This is not the card that the session began with.")
        words = wrong if card else gettext("Enter the number of your card.")
        return render_template("driving/stop.html", **_view(transaction), problem=words), 403
    problem = None
    try:
        with atomic() as session:
            found = queries.by_secret(session, secret)
            if not _is_stopping(found):
                transactions.request_stop(session, found, by=visitors.DRIVER, at=clock.now())
    except Refused as error:
        problem = said(error)
    if problem:
        return render_template("driving/stop.html", **_view(transaction), problem=problem), 409
    response = redirect(url_for(".show", secret=secret), 303)
    visitors.remember(response, transaction.secret)
    return response


@blueprint.post("/notify")
@NOTICES
def notify(secret: str) -> Answer:
    """Write an e-mail when the car pauses and when charging ends: only for whoever started it."""
    transaction = queries.by_secret(db.session(), secret)
    if not _has_mail() or not visitors.may_stop(transaction):
        raise NotFound("There is no such page.")
    email = request.form.get("email", "")
    try:
        with atomic() as session:
            found = queries.by_secret(session, secret)
            notices.ask(session, found, email, language=languages.current(), at=clock.now())
    except (Invalid, Refused) as error:
        given = _view(queries.by_secret(db.session(), secret)) | {
            "notify_problem": said(error),
            "email": email,
        }
        return render_template("driving/show.html", **given, live_url=url_for(".news", secret=secret)), 422
    return redirect(url_for(".show", secret=secret), 303)


@blueprint.get("/receipt")
@landing.READS
def receipt(secret: str) -> Answer:
    transaction = queries.by_secret(db.session(), secret)
    if transaction.is_active:
        return redirect(url_for(".show", secret=secret))
    return render_template("driving/receipt.html", **_receipt_view(transaction))


@blueprint.get("/receipt.pdf")
@landing.READS
def receipt_file(secret: str) -> Answer:
    """The receipt as a file to keep."""
    transaction = queries.by_secret(db.session(), secret)
    if transaction.is_active:
        return redirect(url_for(".show", secret=secret))
    return receipt_files.shown(transaction, clock.now())


@blueprint.get("/signed.xml")
@landing.READS
def signed_file(secret: str) -> Answer:
    """The signed meter data of a session that is over."""
    transaction = queries.by_secret(db.session(), secret)
    if transaction.is_active:
        return redirect(url_for(".show", secret=secret))
    return signed_data.file_of(transaction)


@blueprint.post("/receipt")
@NOTICES
def send_receipt(secret: str) -> Answer:
    """The receipt by e-mail: only for whoever started the session."""
    transaction = queries.by_secret(db.session(), secret)
    if not _may_have_it_sent(transaction):
        raise NotFound("There is no such page.")
    email = request.form.get("email", "").strip()
    try:
        receipt_files.send(transaction.id, email, language=languages.current(), at=clock.now())
    except (Invalid, Refused) as error:
        given = _receipt_view(queries.by_secret(db.session(), secret))
        given |= {"email": email, "problem": said(error)}
        return render_template("driving/receipt.html", **given), 422
    return redirect(url_for(".receipt", secret=secret, sent="1"), 303)


def _may_have_it_sent(transaction: Transaction) -> bool:
    is_billed = transaction.bill is not None and not transaction.is_active
    return is_billed and _has_mail() and visitors.may_stop(transaction)


def _receipt_view(transaction: Transaction) -> dict[str, Any]:
    may_send = _may_have_it_sent(transaction)
    is_signed = bool(signed_values(db.session(), transaction.id))
    return frame(transaction.charger_id) | {
        "receipt": receipt_of(transaction, clock.now()),
        "here": url_for(".receipt", secret=transaction.secret),
        "pdf_url": url_for(".receipt_file", secret=transaction.secret),
        "signed_url": url_for(".signed_file", secret=transaction.secret) if is_signed else None,
        "send_url": url_for(".send_receipt", secret=transaction.secret) if may_send else None,
        "is_sent": "sent" in request.args,
        "email": current_user.email or "" if current_user.is_authenticated else "",
        "problem": None,
    }


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
        "here": url_for(".show", secret=transaction.secret),
        "every_s": EVERY_S,
        "charger": transaction.charger,
        "connector": transaction.connector,
        "is_plugged": _is_plugged(transaction),
        "status": _status(transaction, at),
        "grace_ends_at": _grace_ends_at(transaction, at),
        "idle_cents": sum(x.cents for x in bill.lines if x.kind == "idle"),
        "distance": distances.driven_by(transaction.energy_wh),
        "is_old": transaction.meter_last_at is None or at - transaction.meter_last_at > STALE,
        "powers": [x.power_w for x in curve],
        "bill": bill,
        "bill_lines": bill_lines(bill, currency, zone(transaction.charger_id), transaction.tariff_version),
        "idle_price": _idle_price(transaction, at),
        "credit_kwh": credit_kwh(bill),
        "is_billed": transaction.bill is not None,
        "is_estimated": Flag.ESTIMATED in transaction.flags,
        "currency": currency,
        "payment": payments.of_transaction(db.session(), transaction),
        **_credit(transaction, at),
        "until": until,
        "may_stop": visitors.may_stop(transaction),
        "is_stopping": transaction.is_active and _is_stopping(transaction),
        "may_notify": transaction.is_active and _has_mail() and visitors.may_stop(transaction),
        "notices": notices.asked(db.session(), transaction.id) if transaction.is_active else 0,
        "notify_problem": None,
        "email": current_user.email if current_user.is_authenticated else None,
        **frame(transaction.charger_id),
    }


def _credit(transaction: Transaction, at: datetime) -> dict[str, Any]:
    """What is left of the credit that it ends with, for whoever started it, and whether it was used up."""
    account, session = transaction.account, db.session()
    if account is None or not visitors.is_own(transaction) or not credit.needs_credit(session, transaction):
        return {"credit_left": None, "is_spent": False}
    left = credit.left_of(session, account, at)
    words = credit_words(left.cents, left.energy_wh, currency_of(transaction))
    return {"credit_left": words, "is_spent": credit.was_used_up(session, transaction, at)}


def _idle_price(transaction: Transaction, at: datetime) -> Decimal | None:
    """What a minute of staying costs now; None: nothing."""
    terms = transactions.terms_of(transaction)
    price = tariffs.prices_at(terms, at).get(Dimension.PARKING_TIME)
    return price.price / 60 if price is not None and price.price else None


def _grace_ends_at(transaction: Transaction, at: datetime) -> datetime:
    """From when on staying costs something; past, when it does already."""
    version = transaction.tariff_version
    grace = timedelta(minutes=version.idle_grace_minutes if version else 0)
    return at + grace - timedelta(seconds=transactions.usage_of(transaction, at).idle_s)


def _is_plugged(transaction: Transaction) -> bool:
    """Is the car of a session that is over still there? A station may tell of the end first, then of its connector."""
    connector, ended_at = transaction.connector, transaction.ended_at
    if connector is None or ended_at is None:
        return False
    if connector.status is ConnectorStatus.CHARGING:
        return connector.status_at is None or connector.status_at <= ended_at
    return connector.status in DONE_CHARGING


def _has_mail() -> bool:
    return current_app.extensions["settings"].mail_server is not None


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
