"""The start of a session by a driver at the station: what is asked before, and how far it has come.

Views of the blueprint `landing`. They start nothing for somebody who is not there.
"""

from __future__ import annotations

from datetime import datetime
from hmac import compare_digest

from flask import Response, g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy.orm import Session

from csms import clock, payments, signing_in
from csms.domain import accounts, commands, reservations, transactions
from csms.domain import payments as money
from csms.domain.accounts import Account, TokenStatus
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import AuthorizationPolicy, Charger, Connector
from csms.domain.commands import Command, CommandState
from csms.domain.payments import Payment, Settings
from csms.domain.payments import queries as paid
from csms.domain.reservations import Reservation
from csms.domain.transactions import queries
from csms.extensions import db
from csms.web import languages, stations, tries, visitors
from csms.web.landing import FRAGMENTS, GUESSES, Answer
from csms.web.landing import blueprint as blueprint
from csms.web.languages import said
from csms.web.station_view import connector_of, frame, own_account, station
from csms.work import atomic


@blueprint.post("/c/<slug>/start")
@GUESSES
def start(slug: str) -> Answer:
    """Ask the station to start. The press of the button is proof of nothing: the plug is."""
    method = request.form.get("method", "")
    g.counts = False
    if method == "payment":
        return _pay(slug)
    try:
        _prove_card()
        with atomic():
            connector = connector_of(slug)
            command = _request(connector, method, request.form.get("card", ""))
    except (Refused, Invalid) as error:
        return _refused(slug, error)
    response = redirect(url_for(".asked", slug=slug, command_id=command.id, method=method), 303)
    visitors.remember(response, command.id)
    return response


@blueprint.get("/c/<slug>/asked/<command_id>")
@FRAGMENTS
def asked(slug: str, command_id: str) -> Answer:
    """How far the start has come: asked, accepted, charging. Only for the browser that asked."""
    if command_id not in visitors.claims():
        raise NotFound("There is no such start.")
    command = commands.get(db.session(), command_id)
    connector = connector_of(slug)
    if command.charger_id != connector.charger_id:
        raise NotFound("There is no such start.")
    if command.transaction_id is not None:
        return _go_on(command.transaction_id)
    given = {
        "command": command,
        "failure": _failure(command, connector),
        "step": step_of(command),
        "method": request.args.get("method"),
        "connector": connector,
        **frame(connector.charger_id),
    }
    if "X-Fragment" in request.headers:
        return render_template("landing/_asked.html", **given)
    return render_template("landing/asked.html", **given, live_url=url_for(".news", slug=slug))


@blueprint.post("/c/<slug>/mine")
@GUESSES
def mine(slug: str) -> Answer:
    """Whoever knows the number of the card that charges here comes to its session."""
    running = queries.on_connector(db.session(), connector_of(slug))
    card = request.form.get("card", "").strip()
    if running is None or not visitors.is_card_of(running, card):
        words = gettext("This is not the card that charges here.")
        return station(connector_of(slug), problem=words, field="mine"), 422
    response = redirect(url_for("driving.show", secret=running.secret), 303)
    visitors.remember(response, running.secret)
    return response


def _refused(slug: str, error: Refused | Invalid) -> Answer:
    """The page once more, with what is the matter. What could be a guess is counted."""
    connector, field = connector_of(slug), error.field if isinstance(error, Invalid) else None
    if field is not None:
        g.counts = True
        tries.count_wrong(connector.slug, field)
    return station(connector, problem=said(error), field=field), 409 if field is None else 422


def _request(connector: Connector, method: str, card: str) -> Command:
    """The order to start, if all that stands against it has been asked. Raises Refused or Invalid."""
    at, session = clock.now(), db.session()
    if pending := _check_presence(connector, at):
        return pending
    kept = reservations.current(session, connector.charger_id, connector.evse_number, at)
    if method in ("card", "voucher"):
        tries.refuse_many_guesses(connector.slug, tries.NUMBERS)
    id_tag = _tag(connector.charger, method, card, kept)
    command = transactions.request_start(session, connector, id_tag=id_tag, by=visitors.DRIVER, at=at)
    tries.count_start(connector.slug)
    return command


def _check_presence(connector: Connector, at: datetime) -> Command | None:
    """The start that this browser has asked for already, if any. Raises Refused, and Invalid for the code of another
    connector, unless a start may be asked for."""
    session = db.session()
    pending = queries.pending_start(session, connector, at)
    if pending is not None:
        if pending.id in visitors.claims():
            return pending
        raise Refused("A start has just been asked for here. Wait a moment.")
    tries.refuse_many_starts(connector.slug)
    kept = reservations.current(session, connector.charger_id, connector.evse_number, at)
    # Where a place is kept, the card that it is kept for is the proof: the connector need not tell of a plug.
    if problem := None if kept else stations.presence_problem(connector, at):
        if queries.on_connector(session, connector) is not None:
            raise Refused("Another driver is charging here.")
        _prove_presence(connector, problem)
    return None


def _pay(slug: str) -> Answer:
    """Begin a payment, and show where it is made. One that this browser has begun here is gone on with."""
    try:
        connector = connector_of(slug)
        amount = payments.amount_for(connector)
        begun = paid.open_at(db.session(), connector.id, visitors.claims())
        if begun is None:
            with atomic() as session:
                connector = connector_of(slug)
                if amount is None:
                    raise Refused("Paying by card is not offered here. Choose another way.")
                at = clock.now()
                _check_presence(connector, at)
                begun = _begin_payment(session, connector, *amount, at)
                tries.count_start(connector.slug)
            title = gettext("Charging at %(station)s, up to this amount", station=connector.charger.title)
            # Back to the name under which this browser knows us: its cookie is of no other.
            return_url = url_for(".paying", slug=slug, payment_id=begun.id, _external=True)
            payments.open_page(begun, title=title, return_url=return_url)
    except (Refused, Invalid) as error:
        return _refused(slug, error)
    response = redirect(url_for(".paying", slug=slug, payment_id=begun.id), 303)
    visitors.remember(response, begun.id)
    return response


def _begin_payment(
    session: Session, connector: Connector, cents: int, currency: str, at: datetime
) -> Payment:
    """Presence has been checked: where no plug has proved it, the code has."""
    provider = Settings.of(session).provider
    return money.request(
        session,
        connector,
        provider=provider,
        cents=cents,
        currency=currency,
        at=at,
        has_code=stations.presence_problem(connector, at) is not None,
        payer_id=visitors.own_account_id(),
        language=languages.current(),
    )


def _prove_presence(connector: Connector, problem: str) -> None:
    """Whoever can read the label stands at the station. Raises Refused with the problem where no code was typed."""
    typed = request.form.get("station_code", "").strip()
    if not typed:
        raise Refused(problem)
    tries.refuse_many_guesses(connector.slug, tries.STATION_CODE)
    if not compare_digest(typed.upper().encode(), connector.code.encode()):
        raise Invalid(
            "This is not the code of this connector: it is printed on its label.",
            "station_code",
        )


def _prove_card() -> None:
    """A card with a PIN starts nothing by its number alone: that can be read by anybody who sees it. Raises Invalid."""
    card = request.form.get("card", "").strip()
    token = accounts.find_token(db.session(), card) if card else None
    if request.form.get("method") in ("account", "guest", "voucher") or token is None or not token.pin_hash:
        return
    pin = request.form.get("pin", "").strip()
    if not pin:
        raise Invalid("This card has a PIN: enter it as well.", "pin")
    if not signing_in.is_pin_right(card, pin):
        raise Invalid("The PIN is wrong, or it was tried too often.", "pin")


def _tag(charger: Charger, method: str, card: str, kept: Reservation | None) -> str:
    """The tag that the station will be told: of a place that is kept for the account, the one it is kept for.

    Raises Refused or Invalid.
    """
    at, session = clock.now(), db.session()
    account = own_account()
    if method == "account" and account is not None:
        if charger.policy is AuthorizationPolicy.CREDIT and not account.has_credit:
            raise Refused("There is no credit left on your account.")
        if kept is not None and kept.account_id == account.id:
            return kept.id_tag
        return accounts.web_token(session, session.merge(account), at).uid
    if method == "voucher" and charger.policy is not AuthorizationPolicy.OPEN:
        payer = _payer_by_voucher(session, account, request.form.get("code", ""), at)
        return accounts.web_token(session, payer, at).uid
    if method == "guest" and charger.policy is AuthorizationPolicy.OPEN:
        return accounts.guest_token(session, at).uid
    if not card.strip():
        raise Invalid("Enter the number of your card.", "card")
    needs_credit = charger.policy is AuthorizationPolicy.CREDIT
    decision = accounts.authorize(session, card, needs_known=True, needs_credit=needs_credit, at=at)
    if decision.status is TokenStatus.NO_CREDIT:
        raise Invalid("There is no credit left on this card.", "card")
    token = accounts.find_token(session, card)
    if not decision.is_accepted or token is None:
        raise Invalid("This card cannot be used here. Check its number.", "card")
    return token.uid


def _payer_by_voucher(session: Session, account: Account | None, code: str, at: datetime) -> Account:
    """Who pays by this code: whoever is logged in, with its worth, or else the code itself. Raises Invalid."""
    if account is None:
        return accounts.account_of_voucher(session, code, at=at)
    own = session.merge(account)
    accounts.redeem_voucher(session, own, code, by=current_user.username, at=at)
    return own


def step_of(command: Command) -> int:
    """Which of the three steps a start is in, or has failed in: to be asked, to be answered, to charge."""
    match command.state:
        case CommandState.QUEUED | CommandState.SENT | CommandState.EXPIRED | CommandState.CANCELLED:
            return 1
        case CommandState.ACCEPTED:
            return 3
    return 2


def _failure(command: Command, connector: Connector) -> str | None:
    """Why a start will not come, in a driver's words; None while it may."""
    if command.is_waiting:
        is_broken = transactions.is_out_of_service(connector)
        return gettext("The station has reported a fault. Use another connector.") if is_broken else None
    match command.state:
        case CommandState.ACCEPTED:
            return gettext("The station said yes, but charging did not begin. Check the plug and try again.")
        case CommandState.REJECTED:
            return gettext("The station said no. Check the plug, or use another connector.")
        case CommandState.TIMEOUT | CommandState.EXPIRED | CommandState.UNKNOWN:
            return gettext("The station did not answer. Try again, or use another connector.")
    return gettext("The station could not do it. Try again, or use another connector.")


def _go_on(transaction_id: int) -> Answer:
    target = url_for("driving.show", secret=queries.get(db.session(), transaction_id).secret)
    if "X-Fragment" in request.headers:
        return Response("", 204, {"X-Go-To": target})
    return redirect(target)
