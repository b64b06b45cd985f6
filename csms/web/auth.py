"""Logging in and out."""

from __future__ import annotations

import hashlib

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user, login_user, logout_user
from limits import RateLimitItemPerMinute
from werkzeug.wrappers import Response

from csms import clock, masks, signing_in
from csms.domain import accounts
from csms.domain.accounts import User
from csms.extensions import db, limiter
from csms.web import security
from csms.work import atomic

blueprint = Blueprint("auth", __name__)

FAILURES = RateLimitItemPerMinute(5, 15)  # of one user name from one address
FAILURES_BY_ADDRESS = RateLimitItemPerMinute(50, 15)

WRONG = lazy_gettext("The user name or the password is wrong.")
WRONG_CARD = lazy_gettext("The card or its PIN is wrong, or its PIN was tried too often.")
HALF_IN = "half_in"  # in the session: who has shown a password, or a link, and is to show a code
HALF_IN_S = 600
TOO_MANY = lazy_gettext("Too many attempts. Wait 15 minutes, then try again.")

Page = str | tuple[str, int] | Response


@blueprint.get("/login")
def login() -> Page:
    """The form; whoever is logged in goes on at once. The first run begins with the set-up instead."""
    if current_user.is_authenticated:
        if g.needs_factor:
            return redirect(url_for("second_factor.show"))
        return redirect(security.safe_next(request.args.get("next")) or security.home())
    return _form(next=request.args.get("next", ""))


@blueprint.post("/login")
def log_in() -> Page:
    username = request.form.get("username", "").strip()
    if not _may_try(username):
        return again(username, str(TOO_MANY)), 429
    user = signing_in.user_of(username, request.form.get("password", ""))
    if user is None:
        _count_failure(username)
        with atomic() as unit:
            accounts.audit(unit, username, "login.failed", at=clock.now(), address=request.remote_addr)
        return again(username, str(WRONG)), 422
    return enter(user, target=request.form.get("next"), is_remembered="remember" in request.form)


@blueprint.post("/login/card")
def log_in_by_card() -> Page:
    """The number of a card and its PIN: to the driver's own account."""
    uid = request.form.get("uid", "").strip()[:36]
    key = f"card {uid}"
    if not _may_try(key):
        return again("", str(TOO_MANY), card=uid), 429
    user = signing_in.driver_of_card(uid, request.form.get("pin", ""))
    if user is None:
        _count_failure(key)
        with atomic() as unit:
            accounts.audit(unit, masks.card(uid), "login.failed", at=clock.now(), address=request.remote_addr)
        return again("", str(WRONG_CARD), card=uid), 422
    return enter(user, "log_in.pin", target=request.form.get("next"))


@blueprint.post("/logout")
def log_out() -> Response:
    with atomic() as unit:
        accounts.end_log_in(unit, security.log_in_key(), at=clock.now())
    logout_user()
    session.clear()
    flash(gettext("You have logged out."), "success")
    return redirect(url_for("auth.login"))


def enter(
    user: User, action: str = "log_in", *, target: str | None = None, is_remembered: bool = False
) -> Response:
    """Log `user` in, under a new session, so that nothing planted before is kept; or ask for their second factor."""
    if accounts.factor_of(db.session(), user.id) is None:
        begin(user, action, is_remembered=is_remembered)
        return redirect(security.safe_next(target) or security.home())
    session.clear()
    session[HALF_IN] = {
        "user_id": user.id,
        "login_key": hashlib.sha256(user.login_key.encode()).hexdigest(),  # a new password ends it
        "action": action,
        "target": target,
        "is_remembered": is_remembered,
        "until": clock.now().timestamp() + HALF_IN_S,
    }
    return redirect(url_for("second_factor.ask"))


def begin(user: User, action: str, *, is_remembered: bool = False) -> None:
    """A new session for `user`, on record as `action`."""
    at, address = clock.now(), request.remote_addr
    with atomic() as unit:
        key = accounts.begin_log_in(
            unit, unit.merge(user), action, address=address, agent=request.user_agent.string, at=at
        )
        accounts.audit(unit, user.username, action, at=at, address=address)
    session.clear()
    login_user(user, remember=is_remembered)
    session["_user_id"] = key  # what flask-login keeps, here and in the cookie that outlives the browser


def again(username: str, problem: str, **more: str) -> str:
    """The form once more, with what was wrong."""
    return _form(next=request.form.get("next", ""), username=username, problem=problem, **more)


def _form(**given: str) -> str:
    settings = current_app.extensions["settings"]
    return render_template(
        "auth/login.html",
        needs_setup=accounts.needs_setup(db.session()),
        may_sign_up=settings.sign_up,
        oidc_name=settings.oidc_name if settings.has_oidc else None,
        **given,
    )


def _keys(username: str) -> tuple[tuple[RateLimitItemPerMinute, str], ...]:
    address = request.remote_addr or "unknown"
    return (FAILURES, f"{address} {username.casefold()[:80]}"), (FAILURES_BY_ADDRESS, address)


def _may_try(username: str) -> bool:
    return not limiter.enabled or all(
        limiter.limiter.test(limit, "login-failure", key) for limit, key in _keys(username)
    )


def _count_failure(username: str) -> None:
    if limiter.enabled:
        for limit, key in _keys(username):
            limiter.limiter.hit(limit, "login-failure", key)
