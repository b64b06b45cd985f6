"""What needs a person, and how the network does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config import Config, lan_address
from csms import clock
from csms.domain import attention
from csms.domain.attention import Item, Matter
from csms.domain.chargers import Attempt, Connector, ConnectorStatus, RefusalCause
from csms.domain.chargers import queries as charger_queries
from csms.domain.transactions import Transaction, figures
from csms.domain.transactions import queries as transaction_queries
from csms.extensions import db
from csms.web import filters, transactions
from csms.web.security import can
from csms.web.shell import zone

blueprint = Blueprint("dashboard", __name__)

LIVE = "fleet,transactions,meters,attempts"
MOST_ITEMS = 12
MOST_TILES = 60
MOST_RUNNING = 8
LEAST_W = 50  # less is not worth a curve


@dataclass(frozen=True, slots=True)
class Row:
    """A thing that needs a person, in words. `action`: (words, address, glyph) of a form; without it a link."""

    id: str
    name: str
    href: str
    what: str
    since: datetime
    status: str | None = None
    mark: tuple[str, str, str] | None = None
    detail: str = ""
    action: tuple[str, str, str] | None = None
    fields: dict[str, str] = field(default_factory=dict)
    link: tuple[str, str, str | None] = ("Open", "", None)
    is_new: bool = False


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
@blueprint.get("/")
def show() -> str:
    at = clock.now()
    if charger_queries.counts(db.session(), at=at).total() == 0:
        return render_template("dashboard/empty.html", **_first_run(at))
    context = _headline(at) | _figures(at) | _attention(at) | _power(at) | _connectors(at) | _sessions(at)
    return render_template("dashboard/show.html", live_url=url_for("live.stream", topics=LIVE), **context)


@blueprint.get("/search")
def search() -> Response:
    """The field above every page: a session by its number, otherwise chargers by their words."""
    words = request.args.get("q", "").strip()[:80]
    if (
        words.isascii()
        and words.isdigit()
        and len(words) < 11
        and db.session().get(Transaction, int(words)) is not None
    ):
        return redirect(url_for("transactions.show", transaction_id=int(words)))
    return redirect(url_for("chargers.index", q=words))


@blueprint.get("/dashboard/headline")
def headline() -> str:
    return render_template("dashboard/_headline.html", is_fragment=True, **_headline(clock.now()))


@blueprint.get("/dashboard/figures")
def show_figures() -> str:
    return render_template("dashboard/_figures.html", **_figures(clock.now()))


@blueprint.get("/dashboard/attention")
def show_attention() -> str:
    return render_template("dashboard/_attention.html", **_attention(clock.now()))


@blueprint.get("/dashboard/power")
def power() -> str:
    return render_template("dashboard/_power.html", **_power(clock.now()))


@blueprint.get("/dashboard/connectors")
def connectors() -> str:
    return render_template("dashboard/_connectors.html", **_connectors(clock.now()))


@blueprint.get("/dashboard/sessions")
def sessions() -> str:
    return render_template("dashboard/_sessions.html", **_sessions(clock.now()))


@blueprint.get("/dashboard/first")
def first() -> str:
    """Who has knocked, while there is no charger; and the way to the first one that is let in."""
    at = clock.now()
    is_there = charger_queries.counts(db.session(), at=at).total() > 0
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


def _headline(at: datetime) -> dict[str, Any]:
    hour = at.astimezone(ZoneInfo(zone())).hour
    return {"greeting": "Good morning" if hour < 12 else "Good afternoon" if hour < 18 else "Good evening"}


def _midnight(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(zone())).replace(hour=0, minute=0, second=0, microsecond=0)


def _figures(at: datetime) -> dict[str, Any]:
    session = db.session()
    statuses = charger_queries.connector_counts(session, at=at)
    listed = charger_queries.counts(session, at=at)
    day = figures.day(session, since=_midnight(at))
    charging = sum(
        statuses[x]
        for x in (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)
    )
    accepted = listed[charger_queries.Show.ALL] - listed[charger_queries.Show.PENDING]
    return {
        "figures": {
            "power_w": figures.power_now_w(session, at=at),
            "charging": charging,
            "connectors": statuses.total(),
            "connector_words": _connector_words(statuses),
            "energy_wh": day.energy_wh,
            "energy_words": "since midnight",
            "revenue_minor": day.cost_cents,
            "currency": current_app.extensions["settings"].currency,
            "revenue_words": f"{day.ended} session{'s' if day.ended != 1 else ''} ended",
            "online": accepted - listed[charger_queries.Show.OFFLINE],
            "chargers": accepted,
        }
    }


def _connector_words(statuses: Counter[str]) -> str:
    words = (
        ("Available", "free"),
        ("Preparing", "plugged in"),
        ("Faulted", "faulted"),
        ("Unavailable", "out of service"),
        ("Offline", "offline"),
    )
    return (
        " · ".join(f"{statuses[status]} {word}" for status, word in words if statuses[status]) or "none yet"
    )


def _attention(at: datetime) -> dict[str, Any]:
    session = db.session()
    items = attention.items(session, at=at)
    shown = items[:MOST_ITEMS]
    busy = set(figures.power_by_charger_w(session, {x.charger.id for x in shown if x.charger is not None}))
    return {
        "attention": [_row(item, busy) for item in shown],
        "attention_more": len(items) - len(shown),
        "now": at,
        "zone": zone(),
    }


def _row(item: Item, busy: set[int]) -> Row:
    """An item in words; `busy` are chargers at which somebody is charging, so that no one-click reset is offered."""
    if item.attempt is not None:
        return _attempt_row(item, item.attempt)
    if item.charger is None:
        return _sessions_row(item)
    charger = item.charger
    href = url_for("chargers.show", charger_id=charger.id)
    orders = url_for("commands.request_for", charger_id=charger.id)
    about: dict[str, Any] = {"id": item.key, "name": charger.title, "href": href, "since": item.since}
    if item.matter is Matter.PENDING:
        adopt = ("Adopt", url_for("chargers.adopt", charger_id=charger.id), "check")
        detail = " ".join(x for x in (charger.vendor, charger.model) if x)
        return Row(
            **about,
            what="wants to be let in",
            mark=("New", "wait", "plus"),
            detail=detail,
            action=adopt,
            is_new=True,
        )
    if item.matter is Matter.OFFLINE:
        detail = _parting_words(charger.lease.close_reason if charger.lease else None)
        return Row(**about, what="cannot be reached", status="Offline", detail=detail)
    fault, where = (item.connector.error_code, item.connector.evse_number) if item.connector else (None, 0)
    reset = None if charger.id in busy else ("Reset", orders, "rotate-cw")
    return Row(
        **about,
        what=f"{fault or 'a fault'} on connector {where}",
        status="Faulted",
        detail=(item.connector and item.connector.error_info) or "",
        action=reset,
        fields={"kind": "reset"},
    )


def _parting_words(reason: str | None) -> str:
    """Why a connection ended; a bare number is the close code of RFC 6455 §7.4 that the charger gave."""
    code = (reason or "").strip()
    if not code.isdigit():
        return reason or ""
    words = {"1000": "the charger hung up", "1001": "the charger went away", "1006": "the connection broke"}
    return words.get(code, f"the connection was closed with code {code}")


def _attempt_row(item: Item, attempt: Attempt) -> Row:
    href = url_for("attempts.index")
    link: tuple[str, str, str | None] = ("Look", href, None)
    if attempt.cause is RefusalCause.UNKNOWN_CHARGER and can("edit"):
        link = ("Add", url_for("chargers.new", identity=attempt.identity), "plus")
    times = f"{attempt.count} times" if attempt.count > 1 else "once"
    return Row(
        item.key,
        attempt.identity or "(no identity)",
        href,
        f"was sent away {times} from {attempt.address}",
        item.since,
        mark=("Refused", "fault", "ban"),
        detail=attempt.detail,
        link=link,
    )


def _sessions_row(item: Item) -> Row:
    count = item.count
    plural = "s" if count != 1 else ""
    words = {
        Matter.UNENDED: ("session", "ended without a stop; the energy is an estimate", "ended_unknown"),
        Matter.ORPHAN: ("stop", "of sessions that nobody began here", "orphan"),
        Matter.DOUBTFUL: ("session", "with figures to be looked at", "ended"),
    }
    name, what, state = words[item.matter]
    name = f"{count} {name}{plural}"
    href = url_for("transactions.index", state=state)
    return Row(item.key, name, href, what, item.since, mark=("Check", "wait", "triangle-alert"))


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


def _connectors(at: datetime) -> dict[str, Any]:
    session = db.session()
    shown = charger_queries.connectors(session, limit=MOST_TILES)
    running = {x.connector_id: x for x in transaction_queries.active(session)}
    several = Counter(x.charger_id for x in shown)
    return {
        "connectors": [tile(x, running.get(x.id), several[x.charger_id] > 1, at) for x in shown],
        "connector_total": charger_queries.connector_counts(session, at=at).total(),
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
    limit = (
        f"up to {filters.kw(connector.max_power_w, 0)}" if connector.max_power_w else (connector.type or "")
    )
    if not is_online:
        seen = lease.last_seen_at if lease else None
        status = "Offline" if seen else "Unknown"
        left = f"last {connector.status.value}" if seen else "waiting for it"
        return Tile(
            connector.id, name, href, status, left, f"{filters.ago(seen, at)} ago" if seen else "", None
        )
    if transaction is not None:
        status = transactions.status_of(transaction, at)
        soc = transaction.soc_percent
        left = filters.kw(transaction.power_w)
        right = filters.kwh(transaction.energy_wh)
        return Tile(connector.id, name, href, status, left, right, None if soc is None else soc / 100)
    if connector.status is ConnectorStatus.FAULTED:
        limit = connector.error_code or ""
    since = f"for {filters.ago(connector.status_at, at)}" if connector.status_at else ""
    return Tile(connector.id, name, href, connector.status.value, limit, since, None)


def _sessions(at: datetime) -> dict[str, Any]:
    running = transaction_queries.active(db.session(), limit=MOST_RUNNING)
    return {"running": [transactions.row(x, at) for x in running], "now": at, "zone": zone()}
