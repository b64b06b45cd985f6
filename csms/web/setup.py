"""The first run: a link that works once makes the owner; and the end of lab mode."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import available_timezones

import gevent
from babel.numbers import get_territory_currencies
from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config import Config
from csms import clock, installation
from csms.domain import accounts, tariffs
from csms.domain.accounts import Role, User, settings
from csms.domain.base import DomainError, Invalid
from csms.extensions import db
from csms.web import auth
from csms.web.languages import current, said
from csms.web.security import put_on_record, requires
from csms.work import atomic
from settings import DistanceUnit

log = logging.getLogger(__name__)

blueprint = Blueprint("setup", __name__)

LINK_FOR = timedelta(minutes=30)
ASKED = (settings.ORGANISATION, settings.CURRENCY, settings.TIME_ZONE, settings.DISTANCE_UNIT)
IN_MILES = ("GB", "LR", "MM", "US")
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


@blueprint.get("/setup")
def explain() -> str:
    """Where the link is to be had."""
    return _without_link(has_tried=False)


@blueprint.get("/setup/<token>")
def show(token: str) -> Page:
    """The form, prefilled with what the environment says."""
    if not accounts.is_link_good(db.session(), accounts.SETUP, token, at=clock.now()):
        return _bad_link()
    return _form(token, {})


@blueprint.post("/setup/<token>")
def create(token: str) -> Page:
    """Make the owner, and log in. The link is used up only when everything is right."""
    if not accounts.is_link_good(db.session(), accounts.SETUP, token, at=clock.now()):
        return _bad_link()
    given = installation.written(request.form, ASKED)
    if problems := _problems(given):
        return _form(token, problems), 422
    db.session.remove()
    password_hash = gevent.get_hub().threadpool.apply(accounts.hash_password, (request.form["password"],))
    try:
        with atomic() as session:
            user = _owner(session, token, password_hash)
            installation.keep(session, given, at=clock.now())
    except Invalid as error:
        return _form(token, {error.field or "username": said(error)}), 422
    except DomainError as error:
        return _form(token, {"username": said(error)}), 422
    if user is None:
        return _bad_link()
    installation.apply_stored(current_app._get_current_object())  # type: ignore[attr-defined]
    return auth.enter(user)


@blueprint.post("/lab/close")
@requires("own")
def close_lab() -> Response:
    """End lab mode, for good: the next start finds it ended too."""
    with atomic() as session:
        at = clock.now()
        settings.put(session, settings.LAB_CLOSED, "1", at=at)
        put_on_record(session, "close_lab")
    installation.end_lab(current_app._get_current_object())  # type: ignore[attr-defined]
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
    user.language = current()  # that in which the form was read
    accounts.audit(session, user.username, "setup", at=at, address=request.remote_addr)
    return user


def _problems(given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the form, by field."""
    found = installation.problems(given)
    if problem := accounts.password_problem(request.form.get("password", "")):
        found["password"] = said(problem)
    known = _priced_in()
    if known is not None and given[settings.CURRENCY] != known:
        found["currency"] = gettext("There are tariffs in %(currency)s already: keep it.", currency=known)
    return found


def _priced_in() -> str | None:
    """The currency of the tariffs that are there before anybody is: a demonstration's, or those of another system."""
    known = tariffs.listed(db.session())
    return known[0].current.currency if known else None


def _usual(config: Config) -> dict[str, str]:
    """What the environment says, or where it says nothing, what people have where the browser is from."""
    territory = next(
        (x for tag, _ in request.accept_languages for x in tag.split("-")[1:] if len(x) == 2), ""
    )
    currency, unit = _priced_in() or config.currency, config.distance_unit
    if _priced_in() is None and currency == Config.currency:
        currency = next(iter(get_territory_currencies(territory.upper())), currency)
    if unit is Config.distance_unit and territory.upper() in IN_MILES:
        unit = DistanceUnit.MI
    organisation = "" if config.organisation == Config.organisation else config.organisation
    return {
        settings.ORGANISATION: organisation,
        settings.CURRENCY: currency,
        settings.TIME_ZONE: config.time_zone.key,
        settings.DISTANCE_UNIT: unit,
    }


def _form(token: str, problems: dict[str, str]) -> str:
    config: Config = current_app.extensions["settings"]
    given = (
        _usual(config)
        | {"username": ""}
        | {name: value for name, value in request.form.items() if name not in ("password", "csrf_token")}
    )
    known = _priced_in()
    currencies = (known,) if known else tuple(dict.fromkeys((config.currency, *CURRENCIES)))
    return render_template(
        "setup/show.html",
        token=token,
        given=given,
        problems=problems,
        currencies=currencies,
        zones=sorted(available_timezones()),
    )


def _bad_link() -> tuple[str, int]:
    return _without_link(has_tried=True), 404


def _without_link(*, has_tried: bool) -> str:
    needs_setup = accounts.needs_setup(db.session())
    return render_template("setup/link.html", needs_setup=needs_setup, has_tried=has_tried)
