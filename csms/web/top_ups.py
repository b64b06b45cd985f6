"""Credit that drivers add to their own account by bank card, and how far that has come. Views of `me`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Response, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms import payments as paying
from csms.domain import payments
from csms.domain.accounts import queries
from csms.domain.base import Invalid, Refused
from csms.domain.payments import Payment, PaymentState, Wanted, top_ups
from csms.extensions import db, limiter
from csms.quantities import cents
from csms.sentences import gettext_noop
from csms.web import languages, public_live
from csms.web.accounts import currency, my_page
from csms.web.amounts import amount_of
from csms.web.languages import said
from csms.web.me import blueprint as blueprint
from csms.web.paying import asks_now, checkout
from csms.web.security import requires
from csms.web.station_view import frame
from csms.work import atomic

Answer = str | Response | WerkzeugResponse | tuple[str, int]

BEGINNINGS = limiter.limit("10 per 10 minutes")
FRAGMENTS = limiter.limit("120 per minute")


@blueprint.post("/top-ups")
@BEGINNINGS
@requires("self")
def begin_top_up() -> Answer:
    """Write down how much, and show where it is paid. One that waits for the same amount is gone on with."""
    if current_user.account_id is None:
        abort(404)
    try:
        amount = cents(amount_of(request.form.get("amount", "")))
        with atomic() as session:
            begun = top_ups.request(
                session,
                queries.account(session, current_user.account_id),
                amount,
                currency=currency(),
                at=clock.now(),
                language=languages.current(),
            )
            payment_id, is_open = begun.id, begun.checkout_url is not None
    except Invalid as error:
        return my_page(top_up_problem=said(error)), 422
    if not is_open:
        title = gettext("Credit for charging at %(operator)s", operator=_operator())
        # Back to the name under which this browser knows us: its cookie is of no other.
        return_url = url_for(".top_up", payment_id=payment_id, _external=True)
        with suppress(Refused):  # it is over then, and its page says so
            paying.open_page(begun, title=title, return_url=return_url)
    return redirect(url_for(".top_up", payment_id=payment_id), 303)


@blueprint.get("/top-ups/<payment_id>")
@FRAGMENTS
@requires("self")
def top_up(payment_id: str) -> Answer:
    """Where to pay, and then how far it has come."""
    payment = top_ups.find(db.session(), payment_id, current_user.account_id)
    if payment.state is PaymentState.REQUESTED and asks_now(payment):
        with atomic() as session:
            payment = top_ups.find(session, payment_id, current_user.account_id, to_change=True)
            payments.look_soon(session, payment, at=clock.now())
    given = _view(payment)
    if "X-Fragment" in request.headers:
        return render_template("top_ups/_state.html", **given)
    live_url = url_for(".top_up_news", payment_id=payment_id)
    return render_template("top_ups/show.html", **given, live_url=live_url)


@blueprint.get("/top-ups/<payment_id>/live")
@FRAGMENTS
@requires("self")
def top_up_news(payment_id: str) -> Response:
    """An event whenever the payment changes; it says nothing but that."""
    payment = top_ups.find(db.session(), payment_id, current_user.account_id)
    return public_live.stream([payment.topic])


@blueprint.post("/top-ups/<payment_id>/cancel")
@FRAGMENTS
@requires("self")
def cancel_top_up(payment_id: str) -> Answer:
    """Rather not: nothing is taken, as long as nothing has been."""
    with atomic() as session:
        payment = top_ups.find(session, payment_id, current_user.account_id, to_change=True)
        if payment.state is PaymentState.REQUESTED and payment.wanted is None:
            payments.want_release(session, payment, gettext_noop("You cancelled it."), at=clock.now())
    return redirect(url_for(".top_up", payment_id=payment_id), 303)


def _view(payment: Payment) -> dict[str, Any]:
    given = checkout(payment)
    return given | {
        "account": payment.credited_account,
        "step": _step(payment, is_back=given["is_back"]),
        "is_down": payment.state is PaymentState.FAILED and payment.reference is None,
        "down": paying.DOWN,
        **frame(),
    }


def _step(payment: Payment, *, is_back: bool) -> str:
    """The word of the page: pay, checking, taking, releasing, done or over."""
    if payment.wanted is Wanted.RELEASE:
        return "releasing"
    match payment.state:
        case PaymentState.REQUESTED:
            return "checking" if is_back else "pay"
        case PaymentState.HELD:
            return "taking"
        case PaymentState.CAPTURED | PaymentState.REFUNDED:
            return "done"
    return "over"


def _operator() -> str:
    return str(current_app.extensions["settings"].organisation)
