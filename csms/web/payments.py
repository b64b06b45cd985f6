"""Payments by card: what is held, taken and given back, and whether the provider answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import payments
from csms.domain.accounts import Account
from csms.domain.base import Invalid, Refused
from csms.domain.payments import Payment, PaymentState, Settings, ordering, queries
from csms.extensions import db
from csms.quantities import cents
from csms.web.accounts import currency
from csms.web.addresses import with_query
from csms.web.amounts import amount_of, part_to_return
from csms.web.languages import said
from csms.web.payment_words import PROVIDERS, STATES, STEPS, WANTED
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("payments", __name__, url_prefix="/payments")

Page = str | Response | tuple[str, int]
PAGE = 50
SUMS_OF = timedelta(days=30)


@blueprint.get("")
@requires("money")
def index() -> str:
    given = request.args
    state = given.get("state", "")
    known = PaymentState(state) if state in list(PaymentState) else None
    session, at = db.session(), clock.now()
    found = queries.listed(
        session,
        state=known,
        has_problem=state == "problem",
        is_top_up=state == "top_up",
        before=_cursor(given.get("after")),
        limit=PAGE + 1,
    )
    rows = found[:PAGE]
    following = f"{rows[-1].requested_at.isoformat()}~{rows[-1].id}" if len(found) > PAGE else None
    chosen = {"state": state} if state else {}
    return render_template(
        "payments/index.html",
        rows=rows,
        state=state,
        next_url=with_query(".index", chosen | {"after": following}) if following else None,
        first_url=with_query(".index", chosen),
        is_first="after" not in given,
        sums=queries.sums(session, at - SUMS_OF),
        problems=payments.problems(session),
        settings=Settings.of(session),
        news=queries.newest_news(session),
        **_words(at),
    )


@blueprint.get("/<payment_id>")
@requires("money")
def show(payment_id: str) -> str:
    return _show(payment_id)


@blueprint.post("/<payment_id>/capture")
@requires("money")
def capture(payment_id: str) -> Page:
    """Take a part of what is held: where no bill says how much, and somebody knows."""

    def take(session: Session, payment: Payment, at: datetime) -> str:
        amount = cents(amount_of(request.form.get("amount", "")))
        ordering.capture(session, payment, amount, by=actor(), at=at)
        return str(amount)

    return _order(payment_id, "payment.captured", take, gettext("The money is taken now."))


@blueprint.post("/<payment_id>/release")
@requires("money")
def release(payment_id: str) -> Page:
    """Let go of all that is held."""

    def let_go(session: Session, payment: Payment, at: datetime) -> str:
        ordering.release(session, payment, by=actor(), at=at)
        return ""

    return _order(payment_id, "payment.released", let_go, gettext("The hold is let go now."))


@blueprint.post("/<payment_id>/refund")
@requires("money")
def refund(payment_id: str) -> Page:
    """Give back what was taken, or a part of it; a session's bill then tells it."""

    def give_back(session: Session, payment: Payment, at: datetime) -> str:
        amount = part_to_return(request.form)
        reason = request.form.get("reason", "")
        ordering.refund(session, payment, amount, reason=reason, by=actor(), at=at)
        return f"{'all' if amount is None else amount}: {reason}"

    return _order(payment_id, "payment.refunded", give_back, gettext("The money goes back now."))


@blueprint.post("/<payment_id>/retry")
@requires("money")
def retry(payment_id: str) -> Page:
    """Ask the provider now."""

    def ask(session: Session, payment: Payment, at: datetime) -> str:
        payments.look_soon(session, payment, at=at)
        return ""

    return _order(payment_id, "payment.retried", ask, gettext("The provider is asked now."))


@blueprint.post("/<payment_id>/seen")
@requires("money")
def put_aside(payment_id: str) -> Page:
    """What was wrong has been seen to."""

    def seen(session: Session, payment: Payment, at: datetime) -> str:
        payments.put_aside(session, payment, by=actor(), at=at)
        return ""

    return _order(payment_id, "payment.seen_to", seen, gettext("Noted."))


def _order(payment_id: str, action: str, do: Callable[[Session, Payment, datetime], str], words: str) -> Page:
    try:
        with atomic() as session:
            payment = payments.find(session, payment_id, to_change=True)
            detail = do(session, payment, clock.now())
            put_on_record(session, action, f"payment {payment_id}", detail or None)
    except (Refused, Invalid) as error:
        return _show(payment_id, said(error)), 422 if isinstance(error, Invalid) else 409
    flash(words, "success")
    return redirect(url_for(".show", payment_id=payment_id), 303)


def _show(payment_id: str, problem: str | None = None) -> str:
    session = db.session()
    payment = payments.find(session, payment_id)
    return render_template(
        "payments/show.html",
        payment=payment,
        payer_account=session.get(Account, payment.payer_id) if payment.payer_id else None,
        steps=queries.events(session, payment_id),
        step_words=STEPS,
        may=ordering.allowed(payment),
        problem=problem,
        **_words(clock.now()),
    )


def _words(at: datetime) -> dict[str, object]:
    return {
        "states": STATES,
        "wanted": WANTED,
        "providers": PROVIDERS,
        "currency": currency(),
        "now": at,
        "zone": zone(),
    }


def _cursor(text: str | None) -> tuple[datetime, str] | None:
    moment, _, payment_id = (text or "").partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at, payment_id) if at.tzinfo and payment_id else None
