"""Sessions: those that run, those that were, and all that is known of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import gevent
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, masks, quantities, sight
from csms.domain import chargers, transactions
from csms.domain.base import DomainError, Invalid, Refused
from csms.domain.chargers import Charger, ConnectorStatus
from csms.domain.payments import queries as payments
from csms.domain.reservations import queries as reservation_queries
from csms.domain.transactions import Flag, Transaction, TransactionState, curves, queries, repair
from csms.domain.transactions.queries import Cursor, Wanted
from csms.extensions import db
from csms.web import exports, filters, journal, repairs, stories
from csms.web.addresses import with_query
from csms.web.amounts import amount_of
from csms.web.bills import bill_lines, credit_kwh, vat_lines
from csms.web.payment_words import STATES
from csms.web.security import actor, can, card_number, put_on_record, requires
from csms.web.shell import zone
from csms.web.tokens import hints_for
from csms.work import atomic

blueprint = Blueprint("transactions", __name__, url_prefix="/sessions")

HEADINGS = (
    "session", "charger", "identity", "connector", "card", "account", "state", "started_at", "ended_at",
    "duration_s", "energy_wh", "meter_start_wh", "meter_stop_wh", "cost", "currency", "stop_reason", "flags",
)  # fmt: skip
FEWEST_STEPS, MOST_STEPS = 60, 1000  # of a curve that zooms; about as many as there are readings
RUNNING = (
    ConnectorStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
    ConnectorStatus.FINISHING,
    ConnectorStatus.FAULTED,
)


@dataclass(frozen=True)
class Row:
    """A session and what it costs, now or in the end."""

    transaction: Transaction
    status: str
    cost_cents: int | None
    currency: str


@blueprint.get("")
@requires("host")
def index() -> str:
    wanted, after = asked(), _cursor()
    filtered = {name: value for name, value in request.args.items() if name != "after" and value}
    at = clock.now()
    past, following = queries.history(db.session(), wanted, after=after)
    running = [] if after or wanted.state else queries.active(db.session(), wanted)
    chosen = db.session.get(Charger, wanted.charger_id) if wanted.charger_id else None
    return render_template(
        "transactions/index.html",
        running=[row(x, at) for x in running],
        past=[row(x, at) for x in past],
        chosen=chosen,
        wanted=wanted,
        is_first=after is None,
        next_url=_page_url(following),
        filters=filtered,
        first_url=with_query(".index", filtered),
        active_url=with_query(".active", filtered),
        export_url=with_query(".export", filtered),
        workbook_url=with_query(".as_workbook", filtered),
        now=at,
        zone=zone(),
    )


@blueprint.get("/active")
@requires("host")
def active() -> str:
    """The list of those that run, for its live region."""
    at = clock.now()
    running = [row(x, at) for x in queries.active(db.session(), asked())]
    return render_template("transactions/_active.html", running=running, now=at, zone=zone())


@blueprint.get("/export.csv")
@requires("host")
def export() -> Response:
    """What the list shows, all of it."""
    wanted = asked()
    # Asked now: the request is over when the text is made.
    with_cards, limits = can("operate"), sight.limits()
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]

    def chunks() -> Iterator[str]:
        yield exports.csv_text([HEADINGS])
        with app.app_context(), db.session() as session:
            sight.limit_to(limits)
            for page in queries.exported(session, wanted):
                text = exports.csv_text(export_row(x, with_cards) for x in page)
                session.close()  # a slow reader must not hold a snapshot of the database; the next page begins anew
                yield text
                gevent.sleep(0)

    return exports.download(chunks(), f"sessions-{clock.now():%Y-%m-%d}.csv")


@blueprint.get("/<int:transaction_id>")
@requires("host")
def show(transaction_id: int) -> str:
    transaction = queries.get(db.session(), transaction_id)
    return render_template("transactions/show.html", **_page(transaction))


@blueprint.get("/<int:transaction_id>/live")
@requires("host")
def live(transaction_id: int) -> str:
    """All that changes while it runs, for its live region."""
    transaction = queries.get(db.session(), transaction_id)
    return render_template("transactions/_live.html", **_page(transaction))


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
        readings, transaction.started_at, until, start_wh=transaction.meter_start_wh, steps=count
    )
    return jsonify(
        at=[round(x.at.timestamp()) for x in steps],
        power_w=[x.power_w for x in steps],
        energy_wh=[x.energy_wh for x in steps],
        soc_percent=[x.soc_percent for x in steps],
    )


@blueprint.get("/<int:transaction_id>/readings.csv")
@requires("host")
def readings(transaction_id: int) -> Response:
    """What the meter said, all of it, in the units that it is kept in."""
    transaction = queries.get(db.session(), transaction_id)
    rows = [
        (
            filters.iso(x.measured_at),
            x.energy_wh,
            x.power_w,
            x.current_a,
            x.voltage_v,
            x.soc_percent,
            x.context,
        )
        for x in queries.readings(db.session(), transaction.id, limit=200_000)
    ]
    heads = ("measured_at", "energy_wh", "power_w", "current_a", "voltage_v", "soc_percent", "context")
    return exports.download(
        iter([exports.csv_text([heads, *rows])]), f"session-{transaction.id}-readings.csv"
    )


@blueprint.post("/<int:transaction_id>/stop")
@requires("operate")
def stop(transaction_id: int) -> str | WerkzeugResponse:
    try:
        with atomic() as session:
            transaction = queries.get(session, transaction_id)
            command = transactions.request_stop(session, transaction, by=actor(), at=clock.now())
            put_on_record(session, f"command.{command.kind}", transaction.charger.identity)
    except DomainError as error:
        if "HX-Request" in request.headers:
            raise
        flash(str(error), "error")
        return redirect(url_for(".show", transaction_id=transaction_id))
    if "HX-Request" in request.headers:
        return render_template("commands/_command.html", command=command)
    return redirect(url_for(".show", transaction_id=transaction_id))


@blueprint.post("/<int:transaction_id>/close")
@requires("operate")
def close(transaction_id: int) -> str | WerkzeugResponse:
    """Close a session whose stop will not come. The station is not told, and may go on charging."""
    at = clock.now()
    with atomic() as session:
        transaction = queries.get(session, transaction_id)
        if transaction.is_active:
            repair.close_by_hand(session, transaction, by=actor(), at=at)
            put_on_record(session, "session.close", str(transaction_id))
    flash("The session is closed here. The station was not told.", "success")
    return redirect(url_for(".show", transaction_id=transaction_id))


@blueprint.post("/<int:transaction_id>/refund")
@requires("money")
def refund(transaction_id: int) -> WerkzeugResponse:
    """Give back what a session cost, or part of it."""
    given = request.form
    try:
        is_whole = given.get("how") != "part"
        cents = None if is_whole else quantities.cents(amount_of(given.get("amount", "")))
        with atomic() as session:
            transaction, reason = queries.get(session, transaction_id), given.get("reason", "")
            transactions.refund(session, transaction, cents=cents, reason=reason, by=actor(), at=clock.now())
            amount = "all" if is_whole else given.get("amount", "")
            put_on_record(session, "session.refund", str(transaction_id), f"{amount}: {reason}")
    except (Invalid, Refused) as error:
        flash(str(error), "error")
    else:
        flash("Given back. The bill, the account and the charge record say so.", "success")
    return redirect(url_for(".show", transaction_id=transaction_id))


def row(transaction: Transaction, at: datetime) -> Row:
    """A session as a line of a list."""
    return Row(transaction, status_of(transaction, at), cost_of(transaction, at), currency_of(transaction))


def status_of(transaction: Transaction, at: datetime) -> str:
    """OCPP's word for a running session, "Offline", or the session's own state."""
    if not transaction.is_active:
        return transaction.state.value
    lease = transaction.charger.lease
    if lease is None or not lease.is_online(at):
        return "Offline"
    status = transaction.connector.status if transaction.connector else ConnectorStatus.CHARGING
    return (status if status in RUNNING else ConnectorStatus.CHARGING).value


def cost_of(transaction: Transaction, at: datetime) -> int | None:
    """What it costs, in cents: fixed at its end, reckoned while it runs, None where nothing is booked."""
    if transaction.is_active:
        return transactions.bill_of(transaction, at).total_cents
    return transaction.cost_cents


def currency_of(transaction: Transaction) -> str:
    version = transaction.tariff_version
    return version.currency if version else str(current_app.extensions["settings"].currency)


def _page(transaction: Transaction) -> dict[str, Any]:
    """What the page of one session shows."""
    at, session, here = clock.now(), db.session(), zone(transaction.charger_id)
    until = transaction.ended_at or at
    readings = queries.readings(session, transaction.id)
    silences = curves.gaps([x.measured_at for x in readings], transaction.started_at, until)
    orders = queries.orders(session, transaction, at)
    bill = transactions.bill_of(transaction, at)
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
        "curve": curves.curve(readings, transaction.started_at, until, start_wh=transaction.meter_start_wh),
        "readings": readings,
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
        "credit_kwh": credit_kwh(bill),
        "is_booked": transaction.bill is not None,
        "is_estimated": Flag.ESTIMATED in transaction.flags,
        "repairs": repairs.told(session, transaction),
        "reservation": reservation,
        "currency": currency,
        "notes": transactions.notes_of(session, transaction),
        "bookings": queries.bookings(session, transaction.id),
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


def asked() -> Wanted:
    """The filters in the address. Raises 404 for what makes no sense."""
    given = request.args
    charger_id: int | None = None
    if word := given.get("charger", "").strip():
        found = chargers.find(db.session(), word)
        charger_id = found.id if found else -1
    try:
        state = TransactionState(given["state"]) if given.get("state") else None
        since, until = (_moment(given.get(x, "")) for x in ("since", "until"))
    except ValueError:
        abort(404)
    if until is not None and len(given["until"]) <= len("2027-12-31"):
        until += timedelta(days=1)  # a day is meant with all of its hours
    words = (
        given.get("q", "").strip()[:80] if can("operate") else ""
    )  # numbers of cards are not to be found by trying
    return Wanted(charger_id=charger_id, state=state, since=since, until=until, words=words or None)


def _moment(text: str) -> datetime | None:
    """A day or a moment on the reader's clocks. Raises ValueError."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or ZoneInfo(zone())).astimezone(UTC)


def _cursor() -> Cursor | None:
    """`?after=<µs since 1970>-<id>`."""
    moment, _, number = request.args.get("after", "").partition("-")
    if not (moment.isdigit() and number.isdigit()):
        return None
    try:
        seconds, micros = divmod(int(moment), 1_000_000)
        return Cursor(datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros), int(number))
    except (ValueError, OverflowError, OSError):
        return None


def _page_url(cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    seconds = int(cursor.started_at.timestamp())
    after = f"{seconds * 1_000_000 + cursor.started_at.microsecond}-{cursor.id}"
    return with_query(".index", request.args.to_dict() | {"after": after})


def export_row(transaction: Transaction, with_cards: bool) -> tuple[object, ...]:
    connector, account, card = transaction.connector, transaction.account, transaction.id_tag
    ended = transaction.ended_at
    cost = transaction.cost_cents
    return (
        transaction.id,
        transaction.charger.title,
        transaction.charger.identity,
        connector.evse_number if connector else None,
        card if with_cards or card is None else masks.card(card),
        account.name if account else None,
        transaction.state.value,
        filters.iso(transaction.started_at),
        filters.iso(ended),
        round((ended - transaction.started_at).total_seconds()) if ended else None,
        transaction.energy_wh,
        transaction.meter_start_wh,
        transaction.meter_stop_wh,
        None if cost is None else Decimal(cost) / 100,
        currency_of(transaction),
        transaction.stop_reason,
        " ".join(transaction.flags),
    )


def _unknown_card(transaction: Transaction) -> str | None:
    """The number of a card that nobody knew when it was shown."""
    return transaction.id_tag if transaction.id_token_id is None else None


def _reason(transaction: Transaction) -> str | None:
    """Why it ended, in words; None while it runs, and of readings without a stop."""
    is_told = transaction.ended_at is not None and not (
        transaction.is_stray and transaction.stop_reason is None
    )
    return stories.reason_words(transaction.stop_reason) if is_told else None
