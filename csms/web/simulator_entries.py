"""Simulated chargers that are set up to be started and stopped. Views of the blueprint `simulator`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import simulators
from csms.domain.base import DomainError, Invalid
from csms.domain.simulators import Recipe, Simulator
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.web.simulator import blueprint as blueprint
from csms.web.simulator import registry_here
from csms.work import atomic

Page = str | Response | tuple[str, int]

_TEXTS = ("name", "cp_path", "host", "rfid")
_SECONDS = ("duration", "interval", "pre_charge_delay")
_ENERGIES = ("kwh_min", "kwh_max")


@blueprint.get("/entries/new")
@requires("edit")
def new_entry() -> str:
    return _form(None, _fields(Recipe("", ws_port=_own_port())))


@blueprint.post("/entries")
@requires("edit")
def add_entry() -> Page:
    try:
        with atomic() as session:
            sealed = _sealed(request.form.get("password", ""))
            row = simulators.add(session, _recipe(request.form), password_sealed=sealed, at=clock.now())
            put_on_record(session, "simulator.added", row.identity)
    except DomainError as error:
        return _form(None, request.form, error), 422
    flash(gettext("The simulator is set up: start it when you like."), "success")
    return redirect(url_for(".index"))


@blueprint.get("/entries/<int:simulator_id>")
@requires("edit")
def entry(simulator_id: int) -> str:
    row = simulators.find(db.session(), simulator_id)
    return _form(row, _fields(row.recipe))


@blueprint.post("/entries/<int:simulator_id>")
@requires("edit")
def change_entry(simulator_id: int) -> Page:
    """A password that is left empty stays as it is."""
    given = request.form
    try:
        with atomic() as session:
            row = simulators.find(session, simulator_id)
            kept = None if "forget_password" in given else row.password_sealed
            sealed = _sealed(given.get("password", "")) or kept
            simulators.change(session, row, _recipe(given), password_sealed=sealed)
            put_on_record(session, "simulator.changed", row.identity)
    except DomainError as error:
        return _form(simulators.find(db.session(), simulator_id), given, error), 422
    flash(gettext("The simulator has been changed."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/entries/<int:simulator_id>/remove")
@requires("edit")
def remove_entry(simulator_id: int) -> Response:
    with atomic() as session:
        row = simulators.find(session, simulator_id)
        put_on_record(session, "simulator.removed", row.identity)
        simulators.remove(session, row)
    flash(gettext("The simulator is removed. What its charger has sent stays."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/entries/<int:simulator_id>/start")
@requires("operate")
def start_entry(simulator_id: int) -> Response:
    with atomic() as session:
        row = simulators.find(session, simulator_id)
        simulators.start(session, row, at=clock.now())
        put_on_record(session, "simulator.start", row.identity)
        flash(gettext("%(name)s starts.", name=row.name), "success")
    return redirect(url_for(".index"))


@blueprint.post("/entries/<int:simulator_id>/stop")
@requires("operate")
def stop_entry(simulator_id: int) -> Response:
    with atomic() as session:
        row = simulators.find(session, simulator_id)
        simulators.stop(session, row)
        put_on_record(session, "simulator.stop", row.identity)
        flash(gettext("%(name)s stops.", name=row.name), "success")
    return redirect(url_for(".index"))


@blueprint.post("/stop-all")
@requires("operate")
def stop_all() -> Response:
    """End all of them: those that were started by hand here, and those that are set up, wherever they run."""
    with atomic() as session:
        count = simulators.stop_all(session)
        put_on_record(session, "simulator.stop", "all")
    registry = registry_here()
    for state in registry.running():
        registry.stop(state.identity)
        count += 1
    words = gettext("All simulated chargers stop.") if count else gettext("No simulated charger ran.")
    flash(words, "success")
    return redirect(url_for(".index"))


def _form(row: Simulator | None, given: Mapping[str, Any], error: DomainError | None = None) -> str:
    field = error.field if isinstance(error, Invalid) else None
    return render_template(
        "simulator/entry.html",
        row=row,
        given=given,
        problem=None if field or error is None else said(error),
        problems={field: said(error)} if field and error else {},
    )


def _fields(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a form shows it."""
    told = {name: "" if value is None else str(value) for name, value in asdict(recipe).items()}
    return told | {name: getattr(recipe, name) for name in ("repeat", "autostart")}


def _recipe(given: Mapping[str, str]) -> Recipe:
    """What a form says. Raises Invalid."""
    port = given.get("ws_port", "").strip()
    told: dict[str, Any] = {name: given.get(name, "").strip() for name in _TEXTS}
    told |= {name: _whole(given, name) for name in _SECONDS}
    told |= {name: _energy(given, name) for name in _ENERGIES}
    return Recipe(
        **told,
        ws_port=_whole(given, "ws_port") if port else None,
        repeat="repeat" in given,
        autostart="autostart" in given,
        username=given.get("username", "").strip() or None,
    )


def _whole(given: Mapping[str, str], name: str) -> int:
    text = given.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Invalid("Write a whole number.", name)
    return int(text)


def _energy(given: Mapping[str, str], name: str) -> Decimal:
    try:
        value = Decimal(given.get(name, "").strip().replace(",", "."))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise Invalid("Write kWh as a number.", name)
    return round(value, 3).normalize()


def _sealed(password: str) -> str | None:
    sealed: str | None = current_app.extensions["seal"].close(password) if password else None
    return sealed


def _own_port() -> int:
    return int(current_app.extensions["settings"].port)
