"""Signals of the grid's operator: what holds, at which chargers, and what the sites draw under it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import dso
from csms.domain.base import DomainError, Invalid
from csms.domain.dso import DsoSignal, Fate, Notice, SignalKind, Window
from csms.domain.sites import Site
from csms.extensions import db
from csms.web import filters, languages
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.web.site_power import power_at
from csms.work import atomic

blueprint = Blueprint("grid", __name__, url_prefix="/grid")

Page = str | Response | tuple[str, int]

MOST_PAST = 50

# A fate as (family of the status language, icon, words).
FATES = {
    Fate.WAITING: ("held", "clock", lazy_gettext("Waiting")),
    Fate.SENT: ("active", "send-horizontal", lazy_gettext("Sent")),
    Fate.ACCEPTED: ("ready", "check", lazy_gettext("Accepted")),
    Fate.FAILED: ("fault", "triangle-alert", lazy_gettext("Failed")),
    Fate.UNKNOWN: ("wait", "circle-help", lazy_gettext("Not known")),
    Fate.APPLIED: ("ready", "check", lazy_gettext("In the price")),
    Fate.OVER: ("out", "x", lazy_gettext("Ended")),
}


@blueprint.get("")
def index() -> str:
    live_url = url_for("live.stream", topics=f"{dso.TOPIC},commands,transactions")
    return render_template("grid/index.html", live_url=live_url, given={}, problems={}, **_page())


@blueprint.get("/list")
def listed() -> str:
    """All that changes, for its live region."""
    return render_template("grid/_list.html", **_page())


@blueprint.post("")
@requires("edit")
def add() -> Page:
    try:
        with atomic() as session:
            currency = current_app.extensions["settings"].currency
            signal = dso.receive(session, _notice(), currency=currency, by=actor(), at=clock.now())
            put_on_record(session, "dso_signal.received", signal.substation_id, f"signal {signal.id}")
    except DomainError as error:
        field = error.field if isinstance(error, Invalid) else None
        live_url = url_for("live.stream", topics=f"{dso.TOPIC},commands,transactions")
        problems = {field or "period": languages.said(error)}
        page = render_template(
            "grid/index.html", live_url=live_url, given=request.form, problems=problems, **_page()
        )
        return page, 422
    flash(gettext("The signal holds."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:signal_id>/withdraw")
@requires("edit")
def withdraw(signal_id: int) -> Response:
    try:
        with atomic() as session:
            signal = dso.get(session, signal_id)
            dso.withdraw(session, signal, by=actor(), at=clock.now())
            put_on_record(session, "dso_signal.withdrawn", signal.substation_id, f"signal {signal.id}")
        flash(gettext("The signal is withdrawn."), "success")
    except DomainError as error:
        flash(languages.said(error), "error")
    return redirect(url_for(".index"))


def _page() -> dict[str, Any]:
    at, session = clock.now(), db.session()
    holding = list(dso.active(session, at))
    substations = {x.substation_id for x in holding}
    fed = session.scalars(
        select(Site).where(Site.substation_id.in_(substations)).order_by(Site.name_folded)
    ).all()
    past = session.scalars(
        dso.listed()
        .where(DsoSignal.id.not_in([x.id for x in holding]))
        .order_by(DsoSignal.id.desc())
        .limit(MOST_PAST)
    ).all()
    return {
        "signals": [(x, dso.at_chargers(session, x, at), _sites(fed, x)) for x in holding],
        "past": past,
        "fates": FATES,
        "power": [power_at(x, at) for x in fed],
        "values": _values,
        "now": at,
        "zone": zone(),
    }


def _sites(fed: Sequence[Site], signal: DsoSignal) -> list[Site]:
    return [x for x in fed if x.substation_id == signal.substation_id]


def _values(signal: DsoSignal) -> str:
    """The least and the most of a signal, in words."""
    found = sorted({value for _, _, value in signal.windows})
    ends = [found[0], found[-1]] if len(found) > 1 else found
    if signal.kind is SignalKind.CAPACITY:
        told = [filters.kw(float(x)) for x in ends]
    else:
        told = [f"{x} {signal.currency or ''}/kWh" for x in ends]
    return gettext("%(least)s to %(most)s", least=told[0], most=told[1]) if len(told) > 1 else told[0]


def _notice() -> Notice:
    given, at = request.form, clock.now()
    kind = SignalKind(given["kind"]) if given.get("kind") in list(SignalKind) else None
    if kind is None:
        raise Invalid("Choose a price or a limit.", "kind")
    try:
        value = Decimal(given.get("value", "").strip().replace(",", "."))
    except InvalidOperation as error:
        raise Invalid("Write a number.", "value") from error
    if kind is SignalKind.CAPACITY:
        value *= 1000
    window = Window(_moment("from"), _moment("until"), value)
    return Notice(kind, given.get("substation_id", ""), at, [window])


def _moment(name: str) -> datetime:
    """A time as the browser writes it, on the reader's clocks. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(request.form.get(name, "").strip())
    except ValueError as error:
        raise Invalid("Write the time as 2027-12-31T18:30.", name) from error
    return moment.replace(tzinfo=moment.tzinfo or ZoneInfo(zone())).astimezone(UTC)
