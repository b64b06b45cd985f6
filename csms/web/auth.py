"""Logging in and out."""

from __future__ import annotations

import gevent
from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_login import current_user, login_user, logout_user
from limits import RateLimitItemPerMinute
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import User
from csms.extensions import db, limiter
from csms.web import security
from csms.work import atomic

blueprint = Blueprint("auth", __name__)

FAILURES = RateLimitItemPerMinute(5, 15)  # of one user name from one address
FAILURES_BY_ADDRESS = RateLimitItemPerMinute(50, 15)

WRONG = "The user name or the password is wrong."
TOO_MANY = "Too many attempts. Wait 15 minutes, then try again."

Page = str | tuple[str, int] | Response


@blueprint.get("/login")
def login() -> Page:
    """The form; whoever is logged in goes on at once. The first run begins with the set-up instead."""
    if current_user.is_authenticated:
        return redirect(security.safe_next(request.args.get("next")) or security.home())
    return render_template("auth/login.html", next=request.args.get("next", ""), needs_setup=_needs_setup())


@blueprint.post("/login")
def log_in() -> Page:
    username = request.form.get("username", "").strip()
    if not _may_try(username):
        return _again(username, TOO_MANY, 429)
    user = _user(username, request.form.get("password", ""))
    if user is None:
        _count_failure(username)
        return _again(username, WRONG, 422)
    return enter(user, is_remembered="remember" in request.form)


@blueprint.post("/logout")
def log_out() -> Response:
    logout_user()
    session.clear()
    flash("You have logged out.", "success")
    return redirect(url_for("auth.login"))


def enter(user: User, *, is_remembered: bool = False) -> Response:
    """Log `user` in: under a new session, so that nothing planted before is kept."""
    with atomic() as unit:
        unit.merge(user).last_login_at = clock.now()
        accounts.audit(unit, user.username, "log_in", at=clock.now(), address=request.remote_addr)
    session.clear()
    login_user(user, remember=is_remembered)
    return redirect(security.safe_next(request.form.get("next")) or security.home())


def _user(username: str, password: str) -> User | None:
    """The user if the password is right. An unknown name takes as long, off the event loop either way."""
    user = accounts.find_user(db.session(), username)
    stored = user.password_hash if user else None
    db.session.remove()  # no connection is held while the hash is reckoned
    is_right = gevent.get_hub().threadpool.apply(accounts.password_matches, (stored, password))
    if not is_right or user is None or not user.is_enabled:
        return None
    return accounts.find_user(db.session(), username)


def _again(username: str, problem: str, status: int) -> tuple[str, int]:
    return (
        render_template(
            "auth/login.html",
            next=request.form.get("next", ""),
            username=username,
            problem=problem,
            needs_setup=_needs_setup(),
        ),
        status,
    )


def _needs_setup() -> bool:
    return accounts.needs_setup(db.session())


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
