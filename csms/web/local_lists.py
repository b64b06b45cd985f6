"""Chargers' lists of cards for offline times: how they stand, and what operators order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, local_lists
from csms.domain.base import Refused
from csms.domain.chargers import Charger
from csms.domain.local_lists import ListState, queries
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("local_lists", __name__, url_prefix="/local-lists")

# (words, colour, glyph) for `ui.mark`.
STATES: Mapping[ListState, tuple[LazyString, str, str]] = {
    ListState.OFF: (lazy_gettext("Off"), "out", "ban"),
    ListState.BEHIND: (lazy_gettext("Behind"), "wait", "loader-circle"),
    ListState.IN_STEP: (lazy_gettext("In step"), "ready", "check"),
    ListState.FAILED: (lazy_gettext("Failed"), "fault", "circle-x"),
    ListState.UNSUPPORTED: (lazy_gettext("Not supported"), "out", "circle-help"),
}
WANTED: Mapping[str, bool | None] = {"on": True, "auto": None, "off": False}
SAID = {
    "on": lazy_gettext("A list is kept there. It is sent now, or when the charger is there again."),
    "auto": lazy_gettext("The templates decide whether a list is kept there."),
    "off": lazy_gettext(
        "No list is kept there. What the charger holds is emptied now, or when it is there again."
    ),
    "send": lazy_gettext("What is missing is sent: now, or when the charger is there again."),
    "full": lazy_gettext("The whole list is sent: now, or when the charger is there again."),
}


@blueprint.get("")
def index() -> str:
    """The lists of the fleet."""
    return render_template(
        "local_lists/index.html", live_url=url_for("live.stream", topics="fleet"), **_lists()
    )


@blueprint.get("/list")
def listed() -> str:
    """How they stand, for their live region."""
    return render_template("local_lists/_list.html", **_lists())


def _lists() -> dict[str, Any]:
    return {"lists": queries.listed(db.session()), "states": STATES, "now": clock.now()}


@blueprint.post("/<int:charger_id>/<any(on,auto,off,send,full):verb>")
@requires("operate")
def order(charger_id: int, verb: str) -> Response:
    """Keep a list at a charger, or none, or send it."""
    at, by = clock.now(), actor()
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            if verb in WANTED:
                local_lists.choose(session, charger, WANTED[verb], by=by, at=at)
            else:
                local_lists.send(session, charger, by=by, at=at, is_full=verb == "full")
            put_on_record(session, f"local_list.{verb}", charger.identity)
        flash(str(SAID[verb]), "success")
    except Refused as error:
        flash(said(error), "error")
    return redirect(url_for("chargers.configuration", charger_id=charger_id))


def list_of(charger: Charger) -> dict[str, Any]:
    """What a charger's own page shows of its list."""
    return {"card_list": queries.find(db.session(), charger.id), "list_states": STATES}
