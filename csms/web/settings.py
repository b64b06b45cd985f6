"""What an owner looks after: the installation, who may come in, and who did what."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zoneinfo import available_timezones

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
from csms.installation import apply_stored, keep, problems, written
from csms.web import basemap
from csms.web.security import can, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("settings", __name__, url_prefix="/settings")

Page = str | Response | tuple[str, int]
ORGANISATION = (
    settings.ORGANISATION,
    settings.POSTAL_ADDRESS,
    settings.TAX_NUMBER,
    settings.HELP_PHONE,
    settings.TIME_ZONE,
    settings.DISTANCE_UNIT,
)
PACKAGES = ("flask", "gevent", "sqlalchemy", "ocpp", "websockets")


@blueprint.get("")
@requires("own")
def index() -> str:
    return installation({}, {})


@blueprint.post("")
@requires("own")
def change() -> Page:
    """Change the organisation's name, address, numbers, clock or units; what the form does not send stays."""
    return _changed("organisation", (x for x in ORGANISATION if x in request.form))


@blueprint.post("/maps")
@requires("own")
def change_maps() -> Page:
    """Where maps begin, and what is drawn on them."""
    return _changed("maps", (settings.MAP_CENTER, settings.TILE_URL))


@blueprint.post("/co2")
@requires("own")
def change_co2() -> Page:
    """What a kWh of the installation's electricity stands for, in grams of CO₂; empty: nobody knows."""
    return _changed("co2", (settings.CO2_G_PER_KWH,))


def _changed(what: str, names: Iterable[str]) -> Page:
    """Keep what was typed of these settings; they hold at once."""
    given = written(request.form, names)
    if found := problems(given):
        return installation(request.form, found), 422
    with atomic() as session:
        keep(session, given, at=clock.now())
        _audit(f"settings.{what}", None, ", ".join(x for x in given.values() if x))
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


def installation(given: Any, found: dict[str, str]) -> str:
    """The page, with what somebody has typed and what is wrong with it."""
    config: Config = current_app.extensions["settings"]
    streets = basemap.streets()
    return render_template(
        "settings/index.html",
        given=given,
        problems=found,
        config=config,
        zones=sorted(available_timezones()),
        look=current_app.extensions["look"],
        house_accent=branding.HOUSE_ACCENT,
        database=make_url(config.database_url).render_as_string(hide_password=True),
        chargers=db.session.scalar(select(func.count()).select_from(Charger)) or 0,
        python=platform.python_version(),
        packages=[(name, _version(name)) for name in PACKAGES],
        is_quiet=quiet.is_installation_quiet(db.session()),
        is_lab=current_app.config["LAB"],
        streets=streets,
        streets_path=basemap.path(),
        streets_is_wrong=streets is None and basemap.path().exists(),
        unknown=current_app.config["UNKNOWN_CHARGERS"],
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"


def _audit(action: str, user: User | None, detail: str | None) -> None:
    put_on_record(db.session(), action, user.username if user else None, detail)
