"""Odoo servers: where they are, as whom we come, and whether that works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from limits import RateLimitItemPerMinute
from werkzeug.wrappers import Response

from csms import clock
from csms import odoo as client
from csms.domain import odoo
from csms.domain.base import Invalid, Refused
from csms.domain.odoo import Login, OdooInstance
from csms.extensions import db, limiter
from csms.odoo import Verdict
from csms.web.languages import said, stored
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("odoo", __name__, url_prefix="/odoo")

Page = str | Response | tuple[str, int]

TESTS = RateLimitItemPerMinute(30)  # by person

# A verdict as (family of the status language, icon, words).
VERDICTS = {
    Verdict.SUCCESS.value: ("ready", "check", lazy_gettext("Lets us in")),
    Verdict.INVALID_CREDENTIALS.value: ("fault", "lock", lazy_gettext("Refuses the log-in")),
    Verdict.FAILED.value: ("fault", "triangle-alert", lazy_gettext("Could not be asked")),
}


@blueprint.get("")
@requires("edit")
def index() -> str:
    rows = odoo.listed(db.session())
    return render_template("odoo/index.html", rows=rows, verdicts=VERDICTS, now=clock.now())


@blueprint.get("/new")
@requires("edit")
def new() -> str:
    return _form(None, {})


@blueprint.post("")
@requires("edit")
def add() -> Page:
    given = request.form
    try:
        with atomic() as session:
            sealed = _sealed(given.get("password", ""))
            if sealed is None:
                raise Invalid("Enter the API key or the password.", "password")
            row = odoo.add(session, _login(given), password_sealed=sealed, at=clock.now())
            put_on_record(session, "odoo.added", row.name, row.url)
    except Invalid as error:
        return _form(None, given, error), 422
    flash(gettext("The Odoo server is entered: test it now."), "success")
    return redirect(url_for(".index"))


@blueprint.get("/<int:instance_id>")
@requires("edit")
def show(instance_id: int) -> str:
    row = odoo.find(db.session(), instance_id)
    return _form(row, asdict(row.login))


@blueprint.post("/<int:instance_id>")
@requires("edit")
def change(instance_id: int) -> Page:
    given = request.form
    try:
        with atomic() as session:
            row = odoo.find(session, instance_id)
            odoo.change(session, row, _login(given), password_sealed=_sealed(given.get("password", "")))
            put_on_record(session, "odoo.changed", row.name, row.url)
    except Invalid as error:
        return _form(odoo.find(db.session(), instance_id), given, error), 422
    flash(gettext("The Odoo server has been changed."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:instance_id>/remove")
@requires("edit")
def remove(instance_id: int) -> Response:
    with atomic() as session:
        put_on_record(session, "odoo.removed", odoo.remove(session, instance_id).name)
    flash(gettext("The Odoo server and its log-in are forgotten."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:instance_id>/test")
@requires("edit")
def test(instance_id: int) -> Response:
    if not limiter.limiter.hit(TESTS, "odoo", actor()):
        raise Refused("Too many tests: wait a minute.")
    outcome = client.test(instance_id)
    _, _, words = VERDICTS[outcome.verdict.value]
    told = " ".join(x for x in (f"{words}.", stored(outcome.detail)) if x)
    flash(told, "success" if outcome.verdict is Verdict.SUCCESS else "error")
    return redirect(url_for(".index"))


def _form(row: OdooInstance | None, given: Mapping[str, str], error: Invalid | None = None) -> str:
    problems = {error.field: said(error)} if error else {}
    return render_template("odoo/form.html", row=row, given=given, problems=problems)


def _login(given: Mapping[str, str]) -> Login:
    name, url, database, username = (
        given.get(field, "").strip() for field in ("name", "url", "database", "username")
    )
    return Login(name, url, database, username)


def _sealed(password: str) -> str | None:
    sealed: str | None = current_app.extensions["seal"].close(password) if password else None
    return sealed
