"""What needs a person, and how the network does."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from config import Config
from csms import clock, sight
from csms.domain import attention, reports, sites
from csms.domain.attention import Matter, Tally
from csms.domain.base import Invalid
from csms.domain.chargers import Connector, ConnectorStatus
from csms.domain.chargers.census import census
from csms.domain.chargers.filtering import Show
from csms.domain.overview import UPTIME_OF, Overview, overview
from csms.domain.reports import uptime
from csms.domain.sites import Site
from csms.domain.transactions import Transaction, figures
from csms.domain.transactions import queries as transaction_queries
from csms.domain.transactions.figures import Day
from csms.extensions import db
from csms.sentences import gettext_noop
from csms.web import attention as attention_rows
from csms.web import filters, first_steps, languages, session_rows, strips
from csms.web.addresses import with_query
from csms.web.security import actor, can, home, put_on_record, requires
from csms.web.shell import free_share, shell, zone
from csms.web.sites import site_given
from csms.work import atomic
from settings import lan_address

blueprint = Blueprint("dashboard", __name__)

LIVE = "fleet,transactions,meters,attempts"
MOST_ITEMS = 12
MOST_TILES = 48
SECONDS = ("known_s", "outage_s", "excluded_s")
MOST_SITES = 200  # to choose from
MOST_RUNNING = 8
UPTIME_TARGET = 0.97  # 23 CFR 680.116(b): more than that
PUT_OFF = timedelta(hours=24)
LEAST_W = 50  # less is not worth a curve
LEAST_WH = 1_000  # less is nothing to compare with
COUNTED = {
    "Available": gettext_noop("%(count)s free"),
    "Preparing": gettext_noop("%(count)s plugged in"),
    "Faulted": gettext_noop("%(count)s faulted"),
    "Unavailable": gettext_noop("%(count)s out of service"),
    "Offline": gettext_noop("%(count)s offline"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """A connector on the wall."""

    id: int
    name: str
    href: str
    status: str
    left: str
    right: str
    share: float | None


@blueprint.get("/ui/")
@requires("self")
def show() -> str | Response:
    """Where every page leads back to; whoever may not see it is led to their own first page."""
    if not can("view"):
        return redirect(home())
    at, site = clock.now(), site_given()
    with _there(site):
        found = _overview(at)
        if site is None and not found.fleet.chargers:
            steps = first_steps.shown(found.steps)
            return render_template("dashboard/empty.html", steps=steps, **_first_run(at))
        context = _attention(at, site) | _headline(at, site) | _figures(found, at) | _power(at)
        context |= _connectors(at, found.fleet.connectors.total(), site) | _sessions(at)
    return render_template(
        "dashboard/show.html",
        live_url=url_for("live.stream", topics=LIVE),
        uptime=found.uptime if site is None else _uptime_of(site, at),
        uptime_target=UPTIME_TARGET,
        steps=first_steps.shown(found.steps) if site is None else [],
        site=site,
        sites=_sites(site),
        part=partial(_part, site),
        **context,
    )


def _there(site: Site | None) -> AbstractContextManager[None]:
    return sight.only_at(None if site is None else site.id)


def _part(site: Site | None, name: str) -> str:
    """The address of a part of the page, as narrow as the page is."""
    return with_query(f"dashboard.{name}", {} if site is None else {"site": str(site.id)})


def _sites(chosen: Site | None) -> list[tuple[str, str]]:
    """The sites to choose from, as options; none where there is nothing to choose."""
    found = {str(x.id): x.name for x in sites.listed(db.session(), limit=MOST_SITES)}
    if chosen is not None:
        found.setdefault(str(chosen.id), chosen.name)
    return [("", gettext("All sites")), *found.items()] if len(found) > 1 or chosen else []


def _uptime_of(site: Site, at: datetime) -> float | None:
    today = at.astimezone(UTC).date()
    shares = reports.fleet_uptime(db.session(), today - UPTIME_OF, today, site_ids=[site.id])
    return uptime.share_of([sum(getattr(x, name) for x in shares) for name in SECONDS])


@blueprint.get("/dashboard/headline")
def headline() -> str:
    at, site = clock.now(), site_given()
    with _there(site):
        context = _headline(at, site)
    return render_template("dashboard/_headline.html", is_fragment=True, **context)


@blueprint.get("/dashboard/figures")
def show_figures() -> str:
    at = clock.now()
    with _there(site_given()):
        return render_template("dashboard/_figures.html", **_figures(_overview(at), at))


@blueprint.get("/dashboard/attention")
def show_attention() -> str:
    site = site_given()
    with _there(site):
        return render_template("dashboard/_attention.html", **_attention(clock.now(), site))


@blueprint.post("/dashboard/attention/snooze")
@requires("operate")
def snooze() -> str | Response:
    """Put one thing off for a day."""
    try:
        matter = Matter(request.form.get("matter", ""))
    except ValueError:
        raise Invalid("There is no such thing.", "matter") from None
    about = request.form.get("about", "")[:40]
    at = clock.now()
    with atomic() as session:
        attention.put_off(session, matter, about, until=at + PUT_OFF, by=actor(), at=at)
        put_on_record(session, "attention.snooze", f"{matter} {about}".strip())
    return _said(gettext("It waits for a day, unless it ends before."))


@blueprint.post("/dashboard/attention/wake")
@requires("operate")
def wake() -> str | Response:
    """Show again what was put off."""
    with atomic() as session:
        count = attention.take_up(session)
        put_on_record(session, "attention.wake", None, f"{count} things")
    return _said(gettext("Shown again: %(count)s.", count=count))


def _said(words: str) -> str | Response:
    if "HX-Request" in request.headers:
        return render_template("chargers/_said.html", words=words)
    flash(words, "success")
    return redirect(url_for(".show"))


@blueprint.get("/dashboard/power")
def power() -> str:
    with _there(site_given()):
        return render_template("dashboard/_power.html", **_power(clock.now()))


@blueprint.get("/dashboard/connectors")
def connectors() -> str:
    at, site = clock.now(), site_given()
    with _there(site):
        total = census(db.session(), at=at).connectors.total()
        return render_template("dashboard/_connectors.html", **_connectors(at, total, site))


@blueprint.get("/dashboard/sessions")
def sessions() -> str:
    with _there(site_given()):
        return render_template("dashboard/_sessions.html", **_sessions(clock.now()))


@blueprint.get("/dashboard/first")
def first() -> str:
    """Who has knocked, while there is no charger; and the way to the first one that is let in."""
    at = clock.now()
    is_there = census(db.session(), at=at).chargers.total() > 0
    return render_template("dashboard/_watch.html", is_there=is_there, **_first_run(at))


def _first_run(at: datetime) -> dict[str, Any]:
    config: Config = current_app.extensions["settings"]
    is_local = request.host.rpartition(":")[0].strip("[]") in ("localhost", "127.0.0.1", "::1")
    return {
        "charger_url": f"{config.websocket_base_url}/ws/ocpp/",
        "lan_url": f"ws://{lan_address()}:{config.port}/ws/ocpp/" if is_local else None,
        "attempts": attention.attempts(db.session(), at=at, limit=8),
        "is_open": current_app.config["UNKNOWN_CHARGERS"] == "accept",
        "live_url": url_for("live.stream", topics="fleet,attempts"),
        "has_simulator": "simulator" in current_app.blueprints and can("operate"),
        "now": at,
        "zone": zone(),
    }


def _headline(at: datetime, site: Site | None) -> dict[str, Any]:
    hour = at.astimezone(ZoneInfo(zone())).hour
    greeting = gettext("Good afternoon") if hour < 18 else gettext("Good evening")
    if hour < 12:
        greeting = gettext("Good morning")
    return {"greeting": greeting, "needed": _tally(at, site).total, "place": site.name if site else None}


def _tally(at: datetime, site: Site | None) -> Tally:
    """What needs a person, at the site alone where there is one."""
    if site is None:
        return shell().tally
    found = attention.tally(db.session(), at=at)
    counts = {x: count for x, count in found.counts.items() if x in attention.AT_PLACES}
    oldest = {x: since for x, since in found.oldest.items() if x in attention.AT_PLACES}
    return replace(found, counts=counts, oldest=oldest)


def _midnight(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(zone())).replace(hour=0, minute=0, second=0, microsecond=0)


def _overview(at: datetime) -> Overview:
    return overview(db.session(), midnight=_midnight(at), at=at)


def _figures(found: Overview, at: datetime) -> dict[str, Any]:
    statuses, listed, day = found.fleet.connectors, found.fleet.chargers, found.day
    charging = sum(
        statuses[x]
        for x in (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)
    )
    accepted = listed[Show.ALL] - listed[Show.PENDING]
    return {
        "figures": {
            "grid": found.grid,
            "charging": charging,
            "connectors": statuses.total(),
            "connector_words": _connector_words(statuses),
            "energy_wh": day.energy_wh,
            "energy_words": _energy_words(day, at),
            "revenue_minor": day.cost_cents,
            "currency": current_app.extensions["settings"].currency,
            "revenue_words": _revenue_words(day),
            "online": accepted - listed[Show.OFFLINE],
            "chargers": accepted,
        }
    }


def _energy_words(day: Day, at: datetime) -> str:
    """Beside what had been charged by this time a week ago: by sessions that had ended, as only that is known."""
    if day.before_wh < LEAST_WH:
        return gettext("since midnight")
    change = day.ended_wh / day.before_wh - 1
    weekday = filters.localtime(at - figures.WEEK, zone(), "weekday")
    share = ("−" if change < 0 else "+") + filters.percent(abs(change))
    return gettext("%(share)s on last %(weekday)s by now", share=share, weekday=weekday)


def _revenue_words(day: Day) -> str:
    ended = ngettext("%(num)s session ended", "%(num)s sessions ended", day.ended)
    if day.ended < 2 or not day.cost_cents:
        return ended
    average = filters.money(round(day.cost_cents / day.ended), current_app.extensions["settings"].currency)
    return gettext("%(sessions)s, ⌀ %(average)s", sessions=ended, average=average)


def _connector_words(statuses: Counter[str]) -> str:
    told = [gettext(words, count=statuses[x]) for x, words in COUNTED.items() if statuses[x]]
    return " · ".join(told) or (gettext("none is free") if statuses else gettext("none yet"))


def _attention(at: datetime, site: Site | None) -> dict[str, Any]:
    counted = _tally(at, site)
    items = attention.items(db.session(), at=at, free_share=free_share(), counted=counted, limit=MOST_ITEMS)[
        :MOST_ITEMS
    ]
    return {
        "attention": [attention_rows.row(x) for x in items],
        "attention_more": max(0, counted.total - len(items)),
        "attention_put_off": counted.put_off if site is None else 0,
        "now": at,
        "zone": zone(),
    }


def _power(at: datetime) -> dict[str, Any]:
    midnight = _midnight(at)
    found = figures.power_by_quarter_w(db.session(), since=midnight, at=at)
    peak = max(range(len(found)), key=found.__getitem__)
    samples: list[int | None] = [*found, *([None] * (97 - len(found)))]
    return {
        "power": {
            "samples_w": samples[:97],
            "peak_w": found[peak],
            "peak_at": midnight.fromtimestamp(
                midnight.timestamp() + peak * figures.QUARTER_S, midnight.tzinfo
            ),
            "is_empty": found[peak] < LEAST_W,
        },
        "zone": zone(),
    }


def _connectors(at: datetime, total: int, site: Site | None) -> dict[str, Any]:
    shown = transaction_queries.wall(db.session(), limit=MOST_TILES)
    several = Counter(x.charger_id for x, _ in shown)
    return {
        "connectors": [tile(x, running, several[x.charger_id] > 1, at) for x, running in shown],
        "connector_total": total,
        "table_url": with_query("chargers.index", {} if site is None else {"site": str(site.id)}),
    }


def tile(
    connector: Connector, transaction: Transaction | None, is_one_of_several: bool, at: datetime
) -> Tile:
    """A connector with what is running on it."""
    charger = connector.charger
    lease = charger.lease
    is_online = lease is not None and lease.is_online(at)
    name = f"{charger.title} · {connector.evse_number}" if is_one_of_several else charger.title
    href = url_for("chargers.show", charger_id=charger.id)
    limit = connector.type or ""
    if connector.max_power_w:
        limit = gettext("up to %(power)s", power=filters.kw(connector.max_power_w, 0))
    if not is_online:
        seen = lease.last_seen_at if lease else None
        status = "Offline" if seen else "Unknown"
        left = _last_words(connector.status) if seen else gettext("waiting for it")
        right = gettext("%(age)s ago", age=filters.ago(seen, at)) if seen else ""
        return Tile(connector.id, name, href, status, left, right, None)
    if transaction is not None:
        status = session_rows.status_of(transaction, at)
        soc = transaction.soc_percent
        left = filters.kw(transaction.power_w)
        right = filters.kwh(transaction.energy_wh)
        return Tile(connector.id, name, href, status, left, right, None if soc is None else soc / 100)
    if connector.status is ConnectorStatus.FAULTED:
        limit = connector.error_code or ""
    since = connector.status_at and gettext("for %(age)s", age=filters.ago(connector.status_at, at))
    return Tile(connector.id, name, href, connector.status.value, limit, since or "", None)


def _last_words(status: ConnectorStatus) -> str:
    """What a connector said before its charger went away."""
    _, words = strips.STATUSES.get(status.value, strips.OFFLINE)
    return gettext("last %(status)s", status=languages.inline(gettext(str(words))))


def _sessions(at: datetime) -> dict[str, Any]:
    running = transaction_queries.active(db.session(), limit=MOST_RUNNING)
    return {"running": [session_rows.row(x, at) for x in running], "now": at, "zone": zone()}
