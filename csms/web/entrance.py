"""Coming in by e-mail: links that log in, new passwords, invitations, addresses that are shown to be one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import gevent
from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock, letters
from csms.domain import accounts
from csms.domain.accounts import User
from csms.domain.base import Invalid, Refused
from csms.extensions import db
from csms.web import auth, security
from csms.web.languages import said
from csms.work import atomic

blueprint = Blueprint("entrance", __name__)

Page = str | Response | tuple[str, int]
ASKED_FROM = "asked_from"  # in the session: this browser has asked for a link
TOO_MANY = lazy_gettext("Too many requests. Wait an hour, then try again.")
# What the page of a new password is opened with: what the link is for.
PURPOSES = {"password": accounts.PASSWORD, "invitation": accounts.INVITATION}


@blueprint.get("/login/<any(link, password):what>")
def ask(what: str) -> str:
    """The form that asks for a link to log in, or for a new password."""
    return render_template("entrance/ask.html", what=what, next=request.args.get("next", ""))


@blueprint.post("/login/<any(link, password):what>")
def send(what: str) -> Page:
    """Always the same answer: nobody learns here who has an account."""
    email = request.form.get("email", "").strip()
    if not letters.may_ask(email, request.remote_addr or ""):
        page = render_template("entrance/ask.html", what=what, next="", email=email, problem=TOO_MANY)
        return page, 429
    sends: Callable[..., None] = letters.sign_in_links if what == "link" else letters.password_links
    with atomic() as unit:
        # The same work for an address that nobody has, so that the time tells nothing either.
        accounts.audit(
            unit,
            "somebody",
            f"{what}.asked",
            at=clock.now(),
            address=request.remote_addr,
            detail=email[:3] + "…",
        )
        try:
            sends(unit, email, at=clock.now())
        except (Invalid, Refused):
            current_app.logger.info("link_not_sent")  # too many wait for them: the page must not say so
    session[ASKED_FROM] = accounts.folded_email(email)
    target = security.safe_next(request.form.get("next"))
    if target:
        session["after_link"] = target
    return render_template("entrance/asked.html", what=what, email=email)


@blueprint.get("/login/link/<token>")
def open_link(token: str) -> Page:
    """In the browser that asked for it the link logs in at once. Elsewhere a button does: programs that look at mails
    follow links, and would use this one up."""
    user = accounts.user_of_link(db.session(), accounts.SIGN_IN, token, at=clock.now())
    if user is None:
        return _bad_link()
    if session.get(ASKED_FROM) and session[ASKED_FROM] == user.email_folded:
        return _enter(token)
    return render_template("entrance/confirm.html", username=user.username, action=gettext("Log in"))


@blueprint.post("/login/link/<token>")
def use_link(token: str) -> Page:
    return _enter(token)


def _enter(token: str) -> Page:
    with atomic() as unit:
        user = accounts.use_user_link(unit, accounts.SIGN_IN, token, at=clock.now())
        had_password = user is not None and bool(user.password_hash)
    if user is None:
        return _bad_link()
    entered = auth.enter(user, "log_in.link", target=session.get("after_link"))
    if not had_password and current_user.is_authenticated:
        flash(gettext("You are in. You can set a password on your profile, and need not."), "success")
    return entered


@blueprint.get("/login/<any(password, invitation):what>/<token>")
def choose_password(what: str, token: str) -> Page:
    user = accounts.user_of_link(db.session(), PURPOSES[what], token, at=clock.now())
    return _bad_link() if user is None else _password_form(what, user)


@blueprint.post("/login/<any(password, invitation):what>/<token>")
def set_password(what: str, token: str) -> Page:
    """A new password: every other log-in ends. The link is used up only when the password is good."""
    user = accounts.user_of_link(db.session(), PURPOSES[what], token, at=clock.now())
    if user is None:
        return _bad_link()
    if problem := accounts.password_problem(request.form.get("password", "")):
        return _password_form(what, user, said(problem)), 422
    stored = hashed(request.form["password"])
    at = clock.now()
    with atomic() as unit:
        user = accounts.use_user_link(unit, PURPOSES[what], token, at=at)
        if user is not None:
            accounts.change_password(unit, user, stored, at=at)
            accounts.audit(unit, user.username, f"{what}.used", at=at, address=request.remote_addr)
    if user is None:
        return _bad_link()
    entered = auth.enter(user, f"log_in.{what}")
    flash(gettext("Your password is set. Other browsers have been logged out."), "success")
    return entered


@blueprint.get("/login/email/<token>")
def open_email(token: str) -> Page:
    user = accounts.user_of_link(db.session(), accounts.EMAIL, token, at=clock.now())
    if user is None:
        return _bad_link()
    return render_template(
        "entrance/confirm.html", username=user.username, action=gettext("Yes, it is mine"), email=user.email
    )


@blueprint.post("/login/email/<token>")
def prove_email(token: str) -> Page:
    """The address is known to be theirs."""
    with atomic() as unit:
        user = accounts.use_user_link(unit, accounts.EMAIL, token, at=clock.now())
        if user is not None:
            accounts.audit(unit, user.username, "email.verified", at=clock.now(), address=request.remote_addr)
    if user is None:
        return _bad_link()
    flash(gettext("Thank you: %(email)s is yours.", email=user.email), "success")
    return redirect(security.home() if current_user.is_authenticated else url_for("auth.login"))


@blueprint.get("/sign-up")
def sign_up() -> str:
    """Become a driver with an account of one's own, where anybody may. `next`: the station that one came from."""
    _refuse_closed()
    return _sign_up_form(request.args, {})


@blueprint.post("/sign-up")
def add_driver() -> Page:
    _refuse_closed()
    given = request.form
    weak = accounts.password_problem(given.get("password", ""))
    problems = {"password": said(weak)} if weak else {}
    if not letters.may_ask(given.get("email", ""), request.remote_addr or ""):
        problems = {"username": str(TOO_MANY)}
    if problems:
        return _sign_up_form(given, problems), 422
    stored, at = hashed(given["password"]), clock.now()
    try:
        with atomic() as unit:
            user = _driver(unit, given.get("username", ""), stored, given.get("email"), at)
    except Invalid as error:
        problems = {error.field or "username": said(error)}
    except Refused as error:
        problems = {"email" if "address" in str(error) else "username": said(error)}
    if problems:
        return _sign_up_form(given, problems), 422
    auth.begin(user, "sign_up")
    return redirect(security.safe_next(given.get("next")) or security.home())


def _sign_up_form(given: Mapping[str, str], problems: dict[str, str]) -> str:
    target = security.safe_next(given.get("next"))
    return render_template("entrance/sign_up.html", given=given, problems=problems, next=target)


def _driver(unit: Session, username: str, stored: str, email: str | None, at: datetime) -> User:
    user = accounts.sign_up(unit, username, stored, at=at, email=email)
    letters.verification(unit, user, at=at)
    return user


def hashed(password: str) -> str:
    """What is stored of a password, reckoned off the event loop and without a database connection."""
    db.session.remove()
    stored: str = gevent.get_hub().threadpool.apply(accounts.hash_password, (password,))
    return stored


def _refuse_closed() -> None:
    if not current_app.extensions["settings"].sign_up:
        abort(404)


def _password_form(what: str, user: User, problem: str | None = None) -> str:
    return render_template("entrance/password.html", what=what, username=user.username, problem=problem)


def _bad_link() -> tuple[str, int]:
    return render_template("entrance/expired.html"), 404
