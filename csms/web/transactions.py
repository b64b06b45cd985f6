"""Sessions: those that run, those that were, and all that is known of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from csms import clock, receipt_links
from csms.domain import transactions
from csms.domain.chargers import Charger
from csms.domain.payments import queries as payments
from csms.domain.reservations import queries as reservation_queries
from csms.domain.transactions import Flag, Reading, Transaction, TransactionState, curves, queries
from csms.domain.transactions.signed import SignedValue, begin_and_end, signed_among, signed_values
from csms.extensions import db
from csms.web import filters, journal, repairs, stories
from csms.web.addresses import with_query
from csms.web.bills import bill_lines, tariff_name, vat_lines
from csms.web.payment_words import STATES
from csms.web.security import can, card_number, requires
from csms.web.session_filters import asked, cursor, page_url
from csms.web.session_rows import currency_of, row, status_of
from csms.web.shell import zone
from csms.web.tokens import hints_for

blueprint = Blueprint("transactions", __name__, url_prefix="/sessions")

MOST_RUNNING = 20  # above the history; more are a list of their own
FEWEST_STEPS, MOST_STEPS = 60, 1000  # of a curve that zooms; about as many as there are readings


@blueprint.get("")
@requires("host")
def index() -> str:
    wanted, after = asked(), cursor()
    filtered = {name: value for name, value in request.args.items() if name != "after" and value}
    at = clock.now()
    past, following = queries.history(db.session(), wanted, after=after)
    chosen = db.session.get(Charger, wanted.charger_id) if wanted.charger_id else None
    return render_template(
        "transactions/index.html",
        past=[row(x, at) for x in past],
        chosen=chosen,
        wanted=wanted,
        is_first=after is None,
        **({} if after or wanted.state else _running(wanted, at)),
        next_url=page_url(following),
        filters=filtered,
        first_url=with_query(".index", filtered),
        active_url=with_query(".active", filtered),
        export_url=with_query(".export", filtered),
        workbook_url=with_query(".as_workbook", filtered),
        now=at,
        zone=zone(),
    )


def _running(wanted: queries.Wanted, at: datetime) -> dict[str, Any]:
    """The newest of those that run, and where all of them are listed if there are more."""
    found = queries.active(db.session(), wanted, limit=MOST_RUNNING + 1)
    every = with_query(".index", {**request.args, "state": TransactionState.ACTIVE.value})
    return {
        "running": [row(x, at) for x in found[:MOST_RUNNING]],
        "all_running_url": every if len(found) > MOST_RUNNING else None,
    }


@blueprint.get("/active")
@requires("host")
def active() -> str:
    """The list of those that run, for its live region."""
    at = clock.now()
    return render_template("transactions/_active.html", **_running(asked(), at), now=at, zone=zone())


@blueprint.get("/<int:transaction_id>")
@requires("host")
def show(transaction_id: int) -> str:
    return page(transaction_id)


def page(transaction_id: int, problems: Mapping[str, str] | None = None) -> str:
    """`problems`: what is wrong with what was typed, by field; its form is open again."""
    told = _page(queries.told(db.session(), transaction_id))
    given = request.form if problems else {}
    return render_template("transactions/show.html", **told, given=given, problems=problems or {})


@blueprint.get("/<int:transaction_id>/live")
@requires("host")
def live(transaction_id: int) -> str:
    """All that changes while it runs, for its live region."""
    return render_template("transactions/_live.html", **_page(queries.told(db.session(), transaction_id)))


@blueprint.get("/<int:transaction_id>/curve.json")
@requires("host")
def curve(transaction_id: int) -> Response:
    """Its curve for a chart that zooms: lists of the same length, seconds since 1970 and what was measured then.

    In W, Wh and per cent; null where nobody knows.
    """
    transaction = queries.get(db.session(), transaction_id)
    until = transaction.ended_at or clock.now()
    readings = queries.readings(db.session(), transaction.id)
    count = max(FEWEST_STEPS, min(MOST_STEPS, len(readings)))
    steps = curves.curve(
        readings,
        transaction.started_at,
        until,
        start_wh=transaction.meter_start_wh,
        steps=count,
        interval=transaction.charger.reporting_interval,
    )
    return jsonify(
        at=[round(x.at.timestamp()) for x in steps],
        power_w=[x.power_w for x in steps],
        energy_wh=[x.energy_wh for x in steps],
        soc_percent=[x.soc_percent for x in steps],
    )


def _page(transaction: Transaction) -> dict[str, Any]:
    """What the page of one session shows."""
    at, session, here = clock.now(), db.session(), zone(transaction.charger_id)
    until = transaction.ended_at or at
    readings = queries.readings(session, transaction.id)
    interval = transaction.charger.reporting_interval
    moments = [x.measured_at for x in readings]
    silences = []
    if not transaction.are_readings_gone:
        silences = curves.gaps(moments, transaction.started_at, until, interval)
    orders = queries.orders(session, transaction, at)
    bill, bookings = transactions.bill_of(transaction, at), queries.bookings(session, transaction.id)
    currency = currency_of(transaction)
    first_cents = sum(x.cents for x in bill.lines if x.kind != "refund")
    billed = None if transaction.bill is None else filters.money(first_cents, currency)
    statuses = queries.status_changes(session, transaction, at)
    payment = payments.of_transaction(session, transaction)
    # A place that is kept for somebody is for their card alone.
    reservation = None if payment else reservation_queries.of_transaction(session, transaction.id)
    return {
        "transaction": transaction,
        "status": status_of(transaction, at),
        "curve": curves.curve(
            readings,
            transaction.started_at,
            until,
            start_wh=transaction.meter_start_wh,
            interval=interval,
        ),
        "readings": readings,
        "signed": begin_and_end(_signed(transaction, readings)),
        "silences": silences,
        "story": stories.timeline(
            transaction, statuses, orders, silences, billed=billed, card=card_number(transaction.id_tag)
        ),
        "sentences": stories.flag_sentences(transaction.flags),
        "reason": _reason(transaction),
        "hint": hints_for([_unknown_card(transaction)]).get(transaction.id_tag or ""),
        "bill": bill,
        "bill_lines": bill_lines(bill, currency, here, transaction.tariff_version),
        "vat_lines": vat_lines(bill, currency),
        "credit_left_wh": transactions.spent_wh(bookings),
        "tariff_name": tariff_name(transaction.tariff_version) if transaction.tariff_version else None,
        "is_booked": transaction.bill is not None,
        "receipt_url": receipt_links.path(transaction, is_whole=can("operate")),
        "is_estimated": Flag.ESTIMATED in transaction.flags,
        "repairs": repairs.told(transaction),
        "reservation": reservation,
        "currency": currency,
        "notes": transaction.notes,
        "bookings": bookings,
        "payment": payment,
        "payment_states": STATES,
        "command": next((x for x in reversed(orders) if x.is_waiting), None),
        "messages": [
            journal.told(x, with_cards=can("operate")) for x in queries.messages(session, transaction)
        ],
        "until": until,
        "now": at,
        "zone": here,
    }


def _signed(transaction: Transaction, readings: Sequence[Reading]) -> list[SignedValue]:
    """What its meter signed; asked for where the page has read no further than to its middle."""
    if len(readings) < queries.MOST_READINGS:
        return signed_among(readings)
    return signed_values(db.session(), transaction.id)


def _unknown_card(transaction: Transaction) -> str | None:
    """The number of a card that nobody knew when it was shown."""
    return transaction.id_tag if transaction.id_token_id is None else None


def _reason(transaction: Transaction) -> str | None:
    """Why it ended, in words; None while it runs, and of readings without a stop."""
    is_told = transaction.ended_at is not None and not (
        transaction.is_stray and transaction.stop_reason is None
    )
    return stories.reason_words(transaction.stop_reason) if is_told else None
