"""Signals of the grid's operator: what holds, at which chargers, and what the sites draw under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import dso
from csms.domain.base import DomainError, Invalid
from csms.domain.dso import DsoSignal, Fate, Notice, SignalKind, Window
from csms.domain.sites import Site
from csms.domain.transactions import figures
from csms.extensions import db
from csms.web import filters
from csms.web.charts import Plot, plot, stairs
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("grid", __name__, url_prefix="/grid")

Page = str | Response | tuple[str, int]

MOST_PAST = 50
QUARTERS = 97

# A fate as (family of the status language, icon, words).
FATES = {
    Fate.WAITING: ("held", "clock", "Waiting"),
    Fate.SENT: ("active", "send-horizontal", "Sent"),
    Fate.ACCEPTED: ("ready", "check", "Accepted"),
    Fate.FAILED: ("fault", "triangle-alert", "Failed"),
    Fate.UNKNOWN: ("wait", "circle-help", "Not known"),
    Fate.APPLIED: ("ready", "check", "In the price"),
    Fate.OVER: ("out", "x", "Over"),
}


@dataclass(frozen=True, slots=True)
class SitePower:
    """A site's power today by quarter hour, under the limit that the grid sets, with the same as a table."""

    site: Site
    drawn: Plot
    limit: Plot
    top_w: float
    rows: list[tuple[str, str, str]]
    quarters: list[tuple[str, str]]  # from when, and the average power, where there was some


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
        problems = {field or "period": str(error)}
        page = render_template(
            "grid/index.html", live_url=live_url, given=request.form, problems=problems, **_page()
        )
        return page, 422
    flash("The signal holds.", "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:signal_id>/withdraw")
@requires("edit")
def withdraw(signal_id: int) -> Response:
    try:
        with atomic() as session:
            signal = dso.get(session, signal_id)
            dso.withdraw(session, signal, by=actor(), at=clock.now())
            put_on_record(session, "dso_signal.withdrawn", signal.substation_id, f"signal {signal.id}")
        flash("The signal is withdrawn.", "success")
    except DomainError as error:
        flash(str(error), "error")
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
        return " to ".join(filters.kw(float(x)) for x in ends)
    return " to ".join(f"{x} {signal.currency or ''}/kWh" for x in ends)


def power_at(site: Site, at: datetime) -> SitePower:
    """A site's power since midnight on the reader's clocks, with the grid's limits of the whole day as a band."""
    midnight = at.astimezone(ZoneInfo(zone())).replace(hour=0, minute=0, second=0, microsecond=0)
    begins_at = midnight.astimezone(UTC)
    ends_at = (midnight + timedelta(days=1)).astimezone(UTC)
    drawn = figures.power_by_quarter_w(db.session(), since=begins_at, at=at, site_id=site.id)[:QUARTERS]
    bands = dso.bands(db.session(), site.substation_id, SignalKind.CAPACITY, begins_at, ends_at)
    top = max([1.0, *drawn, float(site.grid_limit_w or 0), *(float(value) for _, _, value in bands)]) * 1.12
    return SitePower(
        site,
        plot([*drawn, *([None] * (QUARTERS - len(drawn)))], top=top),
        stairs(_points(bands, begins_at, ends_at), top=top),
        top,
        [
            (
                filters.localtime(begin, zone(), "clock"),
                filters.localtime(end, zone(), "clock"),
                filters.kw(float(x)),
            )
            for begin, end, x in bands
        ],
        [
            (
                filters.localtime(begins_at + timedelta(seconds=figures.QUARTER_S * n), zone(), "clock"),
                filters.kw(x),
            )
            for n, x in enumerate(drawn)
            if x
        ],
    )


def _points(
    bands: Sequence[tuple[datetime, datetime, Decimal]], begins_at: datetime, ends_at: datetime
) -> list[tuple[float, float | None]]:
    """The lowest limit from moment to moment, by its share of the day; None where there is none."""
    whole_s = (ends_at - begins_at).total_seconds()
    moments = sorted({begins_at} | {x for begin, end, _ in bands for x in (begin, end) if x < ends_at})
    points: list[tuple[float, float | None]] = []
    for moment in moments:
        holding = [float(value) for begin, end, value in bands if begin <= moment < end]
        points.append(((moment - begins_at).total_seconds() / whole_s, min(holding, default=None)))
    return points


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
