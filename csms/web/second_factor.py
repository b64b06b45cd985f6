"""The code of an authenticator: asked for at the door, and set up by everybody for themselves."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from csms import clock, signing_in
from csms.domain import accounts
from csms.domain.accounts import SecondFactor, User, factors, queries
from csms.domain.base import Invalid
from csms.extensions import db
from csms.signing_in import TooManyCodes
from csms.web import auth, security
from csms.web.filters import qr_svg
from csms.web.languages import said
from csms.web.profile import knows_password
from csms.web.security import put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("second_factor", __name__)

Page = str | Response | tuple[str, int]
WRONG = lazy_gettext("This is not the code now. Look at the clock of your phone: it must be right.")


@blueprint.get("/login/code")
def ask() -> Page:
    """The second step at the door."""
    if _half_in() is None:
        return redirect(url_for("auth.login"))
    return render_template("second_factor/ask.html", problem=None)


@blueprint.post("/login/code")
def check() -> Page:
    found = _half_in()
    if found is None:
        flash(gettext("That took too long. Log in again."), "error")
        return redirect(url_for("auth.login"))
    user, half = found
    try:
        is_right = signing_in.shows_code(user, request.form.get("code", ""))
    except TooManyCodes:
        return render_template("second_factor/ask.html", problem=auth.TOO_MANY), 429
    if not is_right:
        with atomic() as unit:
            accounts.audit(
                unit, user.username, "login.code_failed", at=clock.now(), address=request.remote_addr
            )
        return render_template("second_factor/ask.html", problem=str(WRONG)), 422
    auth.begin(user, half["action"], is_remembered=half["is_remembered"])
    if (left := factors.codes_left(db.session(), user.id)) <= 2:
        words = ngettext(
            "You have %(num)d recovery code left: make new ones on your profile.",
            "You have %(num)d recovery codes left: make new ones on your profile.",
            left,
        )
        flash(words, "warning")
    return redirect(security.safe_next(half["target"]) or security.home())


def _half_in() -> tuple[User, dict[str, Any]] | None:
    """Who has shown a password in this browser, a moment ago, and is to show a code."""
    half: dict[str, Any] | None = session.get(auth.HALF_IN)
    if half is None or half["until"] < clock.now().timestamp():
        return None
    user = db.session.get(User, half["user_id"])
    if user is None or not user.is_enabled:
        return None
    is_same = hashlib.sha256(user.login_key.encode()).hexdigest() == half["login_key"]
    return (user, half) if is_same else None


@blueprint.get("/profile/second-factor")
@requires("self")
def show() -> str:
    return _page()


@blueprint.post("/profile/second-factor/begin")
@requires("self")
def begin() -> Page:
    """A new secret to be scanned. The password is asked for: this browser may have been left open."""
    if not knows_password(request.form.get("password", "")):
        return _page({"password": gettext("This is not your password.")}), 422
    secret = factors.new_factor_secret()
    sealed = current_app.extensions["seal"].close(factors.in_letters(secret))
    try:
        with atomic() as unit:
            factors.begin_factor(unit, queries.user(unit, current_user.id), sealed, at=clock.now())
    except Invalid as error:
        return _page({"code": said(error)}), 422
    return _scan(secret)


@blueprint.post("/profile/second-factor/confirm")
@requires("self")
def confirm() -> Page:
    """The authenticator shows that it has understood: from now on it is asked for."""
    factor = db.session.get(SecondFactor, current_user.id)
    secret = None if factor is None or factor.confirmed_at else signing_in.secret_of(factor)
    if secret is None:
        return redirect(url_for(".show"))
    with atomic() as unit:
        user, waiting = queries.user(unit, current_user.id), unit.get_one(SecondFactor, current_user.id)
        given, at = request.form.get("code", ""), clock.now()
        codes = factors.confirm_factor(unit, user, waiting, secret, given, at=at)
        if codes is not None:
            put_on_record(unit, "second_factor.on", user.username)
    if codes is None:
        return _scan(secret, str(WRONG)), 422
    return render_template("second_factor/codes.html", codes=codes)


@blueprint.post("/profile/second-factor/<any(codes, off):what>")
@requires("self")
def change(what: str) -> Page:
    """New recovery codes, or no second factor any more; either needs a code."""
    if what == "off" and current_user.role in factors.roles_that_need_one(db.session()):
        return _page({what: gettext("Your role must have a second factor.")}), 422
    try:
        if not signing_in.shows_code(current_user, request.form.get("code", "")):
            return _page({what: str(WRONG)}), 422
    except TooManyCodes:
        return _page({what: str(auth.TOO_MANY)}), 429
    codes: list[str] = []
    with atomic() as unit:
        user = queries.user(unit, current_user.id)
        if what == "off":
            accounts.drop_factor(unit, user)
        else:
            codes = factors.renew_recovery_codes(unit, user)
        put_on_record(unit, f"second_factor.{what}", user.username)
    if codes:
        return render_template("second_factor/codes.html", codes=codes)
    flash(gettext("Your second factor is off."), "success")
    return redirect(url_for(".show"))


def _page(problems: dict[str, str] | None = None) -> str:
    unit = db.session()
    return render_template(
        "second_factor/show.html",
        is_on=accounts.factor_of(unit, current_user.id) is not None,
        left=factors.codes_left(unit, current_user.id),
        is_required=current_user.role in factors.roles_that_need_one(unit),
        has_password=bool(current_user.password_hash),
        problems=problems or {},
    )


def _scan(secret: bytes, problem: str | None = None) -> str:
    address = factors.address_of(
        secret, current_user.username, current_app.extensions["settings"].organisation
    )
    letters = factors.in_letters(secret)
    return render_template(
        "second_factor/scan.html",
        drawn=qr_svg.__wrapped__(address),  # past its cache: this is a secret
        letters=" ".join(letters[n : n + 4] for n in range(0, len(letters), 4)),
        problem=problem,
    )
