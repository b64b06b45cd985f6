"""One's own user: name, address, password, and the browsers that are logged in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import gevent
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock, letters
from csms.domain import accounts
from csms.domain.accounts import DistanceUnit, User, logins, queries
from csms.domain.base import Invalid, Refused
from csms.extensions import db
from csms.web import auth
from csms.web.choices import one_of
from csms.web.entrance import hashed
from csms.web.languages import said
from csms.web.security import log_in_key, put_on_record, requires, safe_next
from csms.web.shell import TIMES
from csms.work import atomic

blueprint = Blueprint("profile", __name__, url_prefix="/profile")

TIMES_KEPT_S = 365 * 24 * 3600

Page = str | Response | tuple[str, int]


@blueprint.get("")
@requires("self")
def show() -> str:
    return _page({}, {})


@blueprint.post("")
@requires("self")
def change() -> Page:
    """Name, address and zone. A new address is asked about by mail."""
    given = request.form
    try:
        with atomic() as session:
            user = _me(session)
            profile = accounts.profile_of(user)
            names = {
                x: given.get(x, "").strip() for x in ("first_name", "last_name", "phone_number", "time_zone")
            }
            unit = _distance_unit(given.get("distance_unit", ""))
            profile = replace(profile, distance_unit=unit, **names)  # type: ignore[arg-type]
            accounts.change_profile(user, profile)
            is_new = _change_email(session, user, given.get("email", ""))
            put_on_record(session, "profile.change", user.username)
    except Invalid as error:
        return _page(given, {error.field: said(error)}), 422
    except Refused as error:
        return _page(given, {"email": said(error)}), 422
    flash(
        gettext("Saved. Look at your mail: we ask whether the address is yours.")
        if is_new
        else gettext("Saved."),
        "success",
    )
    return redirect(url_for(".show"))


def _distance_unit(word: str) -> DistanceUnit | None:
    """None: the installation's. Raises Invalid."""
    return one_of(DistanceUnit, word, "distance_unit") if word else None


@blueprint.post("/times")
@requires("self")
def choose_times() -> Response:
    """On whose clocks this browser shows times from now on; back to the page that asked."""
    chosen = request.form.get("times", "")
    if chosen not in TIMES:
        abort(404)
    answer = redirect(_page_before() or url_for(".show"))
    answer.set_cookie("times", chosen, max_age=TIMES_KEPT_S, samesite="Lax", secure=request.is_secure)
    return answer


def _page_before() -> str | None:
    """The page of ours from which the form was sent."""
    parts = urlsplit(request.referrer or "")
    if parts.netloc != request.host:
        return None
    return safe_next(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _change_email(session: Session, user: User, email: str) -> bool:
    """True if a new address is to be shown to be theirs."""
    if accounts.folded_email(email) == (user.email_folded or ""):
        return False
    accounts.set_email(session, user, email, verified_at=None)
    letters.verification(session, user, at=clock.now())
    return user.email is not None


@blueprint.post("/password")
@requires("self")
def change_password() -> Page:
    """The old password is asked for, where there is one: this browser may have been left open."""
    given = request.form
    if not knows_password(given.get("old", "")):
        return _page({}, {"old": gettext("This is not your password.")}), 422
    if problem := accounts.password_problem(given.get("password", "")):
        return _page({}, {"password": said(problem)}), 422
    stored, at = hashed(given["password"]), clock.now()
    with atomic() as session:
        user = _me(session)
        accounts.change_password(session, user, stored, at=at)
        put_on_record(session, "password.change", user.username)
    auth.begin(user, "log_in.password")
    flash(gettext("Your password is changed. Other browsers have been logged out."), "success")
    return redirect(url_for(".show"))


def knows_password(text: str) -> bool:
    """Is it the password of whoever is asking? True for those who have none."""
    stored = current_user.password_hash
    if not stored:
        return True
    db.session.remove()
    return bool(gevent.get_hub().threadpool.apply(accounts.password_matches, (stored, text)))


@blueprint.post("/log-ins/<int:log_in_id>/end")
@requires("self")
def end_log_in(log_in_id: int) -> Response:
    with atomic() as session:
        logins.end_one(session, current_user.id, log_in_id, at=clock.now())
        put_on_record(session, "log_in.ended", current_user.username)
    flash(gettext("That browser is logged out."), "success")
    return redirect(url_for(".show"))


def _me(session: Session) -> User:
    return queries.user(session, current_user.id)


def _page(given: Any, problems: dict[str | None, str]) -> str:
    at, key = clock.now(), log_in_key()
    running = logins.running(db.session(), current_user.id, at=at)
    return render_template(
        "profile/show.html",
        user=current_user,
        given=given,
        problems=problems,
        log_ins=[(x, logins.is_this(x, key)) for x in running],
        zones=sorted(available_timezones()),
        has_factor=accounts.factor_of(db.session(), current_user.id) is not None,
        now=at,
    )
