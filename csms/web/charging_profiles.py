"""Stored charging profiles: usual ones to begin from, an editor, and giving them to many chargers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, energy
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.chargers import Admission, Charger
from csms.domain.energy import (
    ChargingProfile,
    Meant,
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    budget,
    queries,
)
from csms.extensions import db
from csms.web import languages, limit_forms, limits
from csms.web.profile_forms import given_by, padded, profile_of, rows_of
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("charging_profiles", __name__, url_prefix="/charging-profiles")

Page = str | Response | tuple[str, int]

MOST_CHARGERS = 1000
MORE_ROWS = 8
BLANK = Profile(
    Purpose.TX_DEFAULT, ProfileKind.RELATIVE, (Schedule(RateUnit.A, (Period(0, 16),)),), stack_level=0
)
RECURRENCIES = {Recurrency.DAILY: lazy_gettext("Every day"), Recurrency.WEEKLY: lazy_gettext("Every week")}


@blueprint.get("")
def index() -> str:
    at = clock.now()
    listed = [
        (x, limits.PURPOSES[x.profile.purpose], limits.summary(x.profile, zone()))
        for x in queries.stored(db.session())
    ]
    usual = [(x, limits.PURPOSES[x.profile.purpose]) for x in energy.presets(at)]
    return render_template("charging_profiles/index.html", listed=listed, presets=usual, zone=zone(), now=at)


@blueprint.get("/new")
@requires("operate")
def new() -> str:
    key = request.args.get("preset")
    preset = next((x for x in energy.presets(clock.now()) if x.key == key), None)
    profile, named = (
        (preset.profile, {"name": gettext(preset.name), "description": gettext(preset.why)})
        if preset
        else (BLANK, {})
    )
    return _form(None, given_by(profile, zone()) | named)


@blueprint.post("/new")
@requires("operate")
def add() -> Page:
    return _save(None)


@blueprint.get("/<int:profile_id>")
def show(profile_id: int) -> str:
    stored = queries.get(db.session(), profile_id)
    profile = stored.profile
    query = (
        select(Charger)
        .where(Charger.admission == Admission.ACCEPTED)
        .options(selectinload(Charger.connectors))
        .order_by(Charger.sorting_name, Charger.id)
        .limit(MOST_CHARGERS)
    )
    held = queries.of_profile(db.session(), stored.id)
    return render_template(
        "charging_profiles/show.html",
        stored=stored,
        profile=profile,
        purpose=limits.PURPOSES[profile.purpose],
        summary=limits.summary(profile, zone()),
        periods=[
            (x.start_s, limits.rate(x.limit, profile.schedule.unit), x.phases)
            for x in profile.schedule.periods
        ],
        held=[(x, limits.state(x.state)) for x in held],
        chargers=db.session().scalars(query).all(),
        is_whole=profile.purpose is Purpose.CHARGER_MAX,
        is_of_session=profile.purpose is Purpose.TX,
        zone=zone(),
        now=clock.now(),
    )


@blueprint.get("/<int:profile_id>/edit")
@requires("operate")
def edit(profile_id: int) -> str:
    stored = queries.get(db.session(), profile_id)
    named = {"name": stored.name, "description": stored.description or ""}
    return _form(stored, given_by(stored.profile, zone()) | named)


@blueprint.post("/<int:profile_id>/edit")
@requires("operate")
def change(profile_id: int) -> Page:
    return _save(queries.get(db.session(), profile_id))


@blueprint.post("/<int:profile_id>/assign")
@requires("operate")
def assign(profile_id: int) -> Response:
    """Give it to all that are ticked; who cannot take it is named."""
    chosen, evses = request.form.getlist("charger"), request.form.get("evse", "0")
    problems, warnings, count = [], set[str](), 0
    with atomic() as session:
        stored = queries.get(session, profile_id)
        for charger_id in (int(x) for x in chosen if x.isdigit() and len(x) < 19):
            charger = chargers.get(session, charger_id)
            try:
                count += _assign(session, stored, charger, evses)
                session.flush()
                if warning := budget.warning(session, charger, clock.now()):
                    warnings.add(f"{charger.title}: {languages.stored(warning)}")
            except DomainError as error:
                problems.append(languages.said(error))
        put_on_record(session, "charging_profile.assign", stored.name, f"{count} assignments")
    if count:
        words = ngettext(
            "On its way to %(num)s place. Those that are offline get it when they are back.",
            "On its way to %(num)s places. Those that are offline get it when they are back.",
            count,
        )
        flash(words, "success")
    for words in sorted(warnings)[:5]:
        flash(words, "warning")
    for words in dict.fromkeys(problems[:5] or ([] if count else [gettext("Choose a charger.")])):
        flash(words, "error")
    return redirect(url_for(".show", profile_id=profile_id))


def _assign(session: Session, stored: ChargingProfile, charger: Charger, evses: str) -> int:
    """`evses`: "0" for the whole charger, "each" for every connector, or a connector's number."""
    numbers = [x.evse_number for x in charger.connectors] if evses == "each" else [0]
    if evses.isascii() and evses.isdigit() and len(evses) < 6:
        numbers = [int(evses)]
    for number in numbers:
        meant = Meant(stored.name, actor(), stored.id)
        energy.assign(session, charger, number, stored.profile, meant, at=clock.now())
    return len(numbers)


@blueprint.post("/<int:profile_id>/delete")
@requires("operate")
def remove(profile_id: int) -> Response:
    with atomic() as session:
        stored = queries.get(session, profile_id)
        name = stored.name
        put_on_record(session, "charging_profile.delete", name)
        energy.drop(session, stored)
    flash(gettext("%(name)s is gone from this list. Chargers that have it keep it.", name=name), "success")
    return redirect(url_for(".index"))


def _save(stored: ChargingProfile | None) -> Page:
    given = request.form
    if "more" in given:
        return _form(stored, dict(given.items()) | {"rows": padded(rows_of(given), MORE_ROWS)})
    charger_id = given.get("charger_id", "")
    try:
        with atomic() as session:
            if stored is not None:
                stored = queries.get(session, stored.id)
            profile = profile_of(given, zone())
            kept = energy.keep(
                session, given.get("name", ""), given.get("description"), profile,
                by=actor(), at=clock.now(), stored=stored,
            )  # fmt: skip
            put_on_record(session, "charging_profile.save", kept.name)
            if charger_id.isdigit():
                evse = given.get("evse", "0")
                _assign(
                    session,
                    kept,
                    chargers.get(session, int(charger_id[:18])),
                    evse if evse.isdigit() else "0",
                )
            profile_id = kept.id
    except NotFound:
        abort(404)
    except DomainError as error:
        field = (error.field if isinstance(error, Invalid) else None) or "purpose"
        field = {"duration_s": "lasts", "schedules": "periods"}.get(field, field)
        fields = dict(given.items()) | {"rows": padded(rows_of(given))}
        return _form(_reread(stored), fields, {field: languages.said(error)}), 422
    if charger_id.isdigit():
        flash(gettext("Saved, and on its way to the charger."), "success")
        return redirect(url_for("energy.show", charger_id=int(charger_id[:18])))
    flash(gettext("Saved. Chargers get it when you assign it."), "success")
    return redirect(url_for(".show", profile_id=profile_id))


def _reread(stored: ChargingProfile | None) -> ChargingProfile | None:
    """The profile as it still is, after what was to be changed has failed."""
    return None if stored is None else db.session().get(ChargingProfile, stored.id)


def _form(
    stored: ChargingProfile | None, given: dict[str, Any], problems: dict[str, str] | None = None
) -> str:
    charger_id = str(given.get("charger_id") or request.args.get("charger", ""))
    charger = db.session().get(Charger, int(charger_id[:18])) if charger_id.isdigit() else None
    return render_template(
        "charging_profiles/form.html",
        stored=stored,
        given=given,
        problems=problems or {},
        charger=charger,
        places=limit_forms.places(charger) if charger else [],
        purposes=[(x.value, limits.PURPOSES[x]) for x in Purpose if x is not Purpose.EXTERNAL],
        kinds=[(x.value, words) for x, words in limits.KINDS.items()],
        recurrencies=[(x.value, words) for x, words in RECURRENCIES.items()],
    )
