"""The first run: a link that works once makes the owner; and the end of lab mode."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import gevent
from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config import Config
from csms import clock
from csms.domain import accounts, branding
from csms.domain.accounts import Role, User, settings
from csms.domain.base import DomainError, Invalid
from csms.extensions import db
from csms.web import auth
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.work import atomic
from settings import UnknownChargers

log = logging.getLogger(__name__)

blueprint = Blueprint("setup", __name__)

LINK_FOR = timedelta(minutes=30)
CURRENCIES = (
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "MXN",
    "BRL",
    "PLN",
    "SEK",
    "NOK",
    "DKK",
    "CAD",
    "AUD",
    "JPY",
    "INR",
)

Page = str | tuple[str, int] | Response


def setup_url(app: Flask) -> str | None:
    """A new address of the first run, good once and for LINK_FOR; None when there is a user already."""
    with app.app_context():
        if not accounts.needs_setup(db.session()):
            return None
        with atomic() as session:
            token = accounts.issue_link(session, accounts.SETUP, at=clock.now(), ttl=LINK_FOR)
        config: Config = app.extensions["settings"]
        return f"{config.public_base_url}/setup/{token}"


def apply_stored(app: Flask) -> None:
    """Put what owners have set on the pages over what the environment says. Once, before chargers may come."""
    with app.app_context():
        stored, look = settings.stored(db.session()), branding.look(db.session())
        db.session.remove()
    config: Config = app.extensions["settings"]
    zone = stored.get(settings.TIME_ZONE)
    app.extensions["settings"] = replace(
        config,
        organisation=stored.get(settings.ORGANISATION, config.organisation),
        currency=stored.get(settings.CURRENCY, config.currency),
        co2_g_per_kwh=stored.get(settings.CO2_G_PER_KWH, config.co2_g_per_kwh),
        time_zone=ZoneInfo(zone) if zone else config.time_zone,
    )
    app.extensions["look"] = look
    if stored.get(settings.LAB_CLOSED) == "1":
        end_lab(app)


def end_lab(app: Flask) -> None:
    """From now on this process lets in only chargers that an operator has added or adopted."""
    app.config["LAB"] = False
    app.config["REQUIRES_SUBPROTOCOL"] = True
    if app.config["UNKNOWN_CHARGERS"] == UnknownChargers.ACCEPT.value:
        app.config["UNKNOWN_CHARGERS"] = UnknownChargers.PENDING.value


@blueprint.get("/setup")
@blueprint.get("/setup/<token>")
def show(token: str = "") -> Page:
    """The form, prefilled with what the environment says."""
    if not accounts.is_link_good(db.session(), accounts.SETUP, token, at=clock.now()):
        return _bad_link()
    return _form(token, {})


@blueprint.post("/setup/<token>")
def create(token: str) -> Page:
    """Make the owner, and log in. The link is used up only when everything is right."""
    if not accounts.is_link_good(db.session(), accounts.SETUP, token, at=clock.now()):
        return _bad_link()
    problems = _problems()
    if problems:
        return _form(token, problems), 422
    db.session.remove()
    password_hash = gevent.get_hub().threadpool.apply(accounts.hash_password, (request.form["password"],))
    try:
        with atomic() as session:
            user = _owner(session, token, password_hash)
            _keep(session)
    except Invalid as error:
        return _form(token, {error.field or "username": said(error)}), 422
    except DomainError as error:
        return _form(token, {"username": said(error)}), 422
    if user is None:
        return _bad_link()
    apply_stored(current_app._get_current_object())  # type: ignore[attr-defined]
    return auth.enter(user)


@blueprint.post("/lab/close")
@requires("own")
def close_lab() -> Response:
    """End lab mode, for good: the next start finds it ended too."""
    with atomic() as session:
        at = clock.now()
        settings.put(session, settings.LAB_CLOSED, "1", at=at)
        put_on_record(session, "close_lab")
    end_lab(current_app._get_current_object())  # type: ignore[attr-defined]
    flash(gettext("Lab mode is over. New chargers wait for you to adopt them."), "success")
    return redirect(url_for("dashboard.show"))


def _owner(session: Session, token: str, password_hash: str) -> User | None:
    """The owner; None if somebody else was faster."""
    at = clock.now()
    if not accounts.needs_setup(session) or not accounts.use_link(session, accounts.SETUP, token, at=at):
        return None
    username = request.form.get("username", "")
    user = accounts.create_user(
        session, username, password_hash, Role.OWNER, at=at, email=request.form.get("email")
    )
    accounts.audit(session, user.username, "setup", at=at, address=request.remote_addr)
    return user


def _keep(session: Session) -> None:
    at = clock.now()
    for name in (settings.ORGANISATION, settings.CURRENCY, settings.TIME_ZONE):
        settings.put(session, name, request.form[name].strip(), at=at)


def _problems() -> dict[str, str]:
    """What is wrong with the form, by field."""
    given = {name: request.form.get(name, "").strip() for name in ("organisation", "currency", "time_zone")}
    found: dict[str, str] = {}
    if not 0 < len(given["organisation"]) <= 80:
        found["organisation"] = gettext("Give your organisation a name of at most 80 characters.")
    if not (len(given["currency"]) == 3 and given["currency"].isascii() and given["currency"].isupper()):
        found["currency"] = gettext("A currency has three capital letters, such as EUR.")
    try:
        ZoneInfo(given["time_zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found["time_zone"] = gettext("There is no such time zone; write one such as Europe/Madrid.")
    password = request.form.get("password", "")
    if problem := accounts.password_problem(password):
        found["password"] = said(problem)
    return found


def _form(token: str, problems: dict[str, str]) -> str:
    config: Config = current_app.extensions["settings"]
    given = {
        "organisation": "" if config.organisation == "Amberline" else config.organisation,
        "currency": config.currency,
        "time_zone": config.time_zone.key,
        "username": "",
        "email": "",
    } | {name: value for name, value in request.form.items() if name not in ("password", "csrf_token")}
    currencies = tuple(dict.fromkeys((config.currency, *CURRENCIES)))
    return render_template(
        "setup/show.html",
        token=token,
        given=given,
        problems=problems,
        currencies=currencies,
        zones=sorted(available_timezones()),
    )


def _bad_link() -> tuple[str, int]:
    return render_template("setup/expired.html", needs_setup=accounts.needs_setup(db.session())), 404
