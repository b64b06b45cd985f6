"""What an owner looks after: the installation, who may come in, and who did what."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from werkzeug.wrappers import Response

from config import Config
from csms import clock
from csms.domain import branding, quiet
from csms.domain.accounts import User, settings
from csms.domain.chargers import Charger
from csms.extensions import db
from csms.web.security import can, put_on_record, requires
from csms.web.setup import apply_stored
from csms.work import atomic

blueprint = Blueprint("settings", __name__, url_prefix="/settings")

Page = str | Response | tuple[str, int]
PACKAGES = ("flask", "gevent", "sqlalchemy", "ocpp", "websockets")


@blueprint.get("")
@requires("own")
def index() -> str:
    return installation({}, {})


@blueprint.post("")
@requires("own")
def change() -> Page:
    """Change the organisation's name; it is on every page, receipt and label."""
    name = request.form.get("organisation", "").strip()
    if not 0 < len(name) <= 80:
        return installation(
            request.form, {"organisation": gettext("Write a name of at most 80 characters.")}
        ), 422
    at = clock.now()
    with atomic() as session:
        settings.put(session, settings.ORGANISATION, name, at=at)
        _audit("settings.organisation", None, name)
    apply_stored(current_app._get_current_object())  # type: ignore[attr-defined]
    flash(gettext("Saved."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/co2")
@requires("own")
def change_co2() -> Page:
    """What a kWh of the installation's electricity stands for, in grams of CO₂; empty: nobody knows."""
    grams = request.form.get("co2", "").strip()
    if grams and not re.fullmatch(r"[0-9]{1,4}", grams):
        problem = gettext("Write whole grams from 0 to 9999, or nothing.")
        return installation(request.form, {"co2": problem}), 422
    with atomic() as session:
        settings.put(session, settings.CO2_G_PER_KWH, grams, at=clock.now())
        _audit("settings.co2", None, grams)
    apply_stored(current_app._get_current_object())  # type: ignore[attr-defined]
    flash(gettext("Saved."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/quiet")
@requires("edit")
def switch_quiet() -> Response:
    """Begin or end quiet mode for every charger that is not set otherwise."""
    is_on = request.form.get("is_on") == "1"
    with atomic() as session:
        quiet.switch(session, is_on=is_on, at=clock.now())
        _audit("settings.quiet", None, "on" if is_on else "off")
    over = gettext("Quiet mode is over. What waited is done now.")
    flash(gettext("Quiet mode is on.") if is_on else over, "success")
    return redirect(url_for(".index") if can("own") else url_for("dashboard.show"))


def installation(given: Any, problems: dict[str, str]) -> str:
    """The page, with what somebody has typed and what is wrong with it."""
    config: Config = current_app.extensions["settings"]
    return render_template(
        "settings/index.html",
        given=given,
        problems=problems,
        config=config,
        look=current_app.extensions["look"],
        house_accent=branding.HOUSE_ACCENT,
        database=make_url(config.database_url).render_as_string(hide_password=True),
        chargers=db.session.scalar(select(func.count()).select_from(Charger)) or 0,
        python=platform.python_version(),
        packages=[(name, _version(name)) for name in PACKAGES],
        is_quiet=quiet.is_installation_quiet(db.session()),
        is_lab=current_app.config["LAB"],
        unknown=current_app.config["UNKNOWN_CHARGERS"],
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"


def _audit(action: str, user: User | None, detail: str | None) -> None:
    put_on_record(db.session(), action, user.username if user else None, detail)
