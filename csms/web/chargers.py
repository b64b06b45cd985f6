"""Chargers: what one of them is doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, current_app, render_template, url_for
from flask_babel import gettext

from config import Config
from csms import clock
from csms.domain import frames
from csms.domain.accounts import IdToken
from csms.domain.accounts import queries as account_queries
from csms.domain.accounts.queries import CardState
from csms.domain.base import NotFound
from csms.domain.chargers import Admission, Charger, Connector, ConnectorStatus, queries, quirks_of
from csms.domain.chargers.places import PRECEDENCE
from csms.domain.maintenance import library
from csms.domain.transactions import figures
from csms.domain.transactions import queries as transaction_queries
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.web import filters, journal, outlets, strips
from csms.web.charts import Part, strip_parts
from csms.web.security import can, requires
from csms.web.shell import is_installation_quiet, shell, zone

blueprint = Blueprint("chargers", __name__, url_prefix="/chargers")

FEW_EVENTS = 10
FEW_MESSAGES = 12
MOST_CARDS = 100  # offered for a start; any other can be typed
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Head:
    """What a charger is, at a glance."""

    status: str
    raw: str | None
    is_online: bool
    online_since: datetime | None
    last_seen_at: datetime | None
    protocol: str
    is_secure: bool


def head_of(charger: Charger, at: datetime) -> Head:
    """The state of a charger in one word: that of its worst, else of its busiest connector."""
    lease = charger.lease
    is_online = lease is not None and lease.is_online(at)
    seen_at = lease.last_seen_at if lease else None
    status, raw = "Offline" if seen_at else "Unknown", None
    if is_online:
        status, raw = _overall(charger)
    return Head(
        status=status,
        raw=raw,
        is_online=is_online,
        online_since=lease.connected_at if lease else None,
        last_seen_at=seen_at,
        protocol=(charger.protocol or "").replace("ocpp", "OCPP ") or gettext("no connection yet"),
        is_secure=bool(lease and lease.is_secure),
    )


def _overall(charger: Charger) -> tuple[str, str | None]:
    connectors = [x for x in charger.connectors if x.status is not ConnectorStatus.UNKNOWN]
    if not connectors:
        status = charger.status
        return "Connected" if status is ConnectorStatus.UNKNOWN else status.value, None
    first = min(connectors, key=lambda x: PRECEDENCE.index(x.status))
    return first.status.value, first.status_word


def outlet_status(connector: Connector, head: Head) -> str:
    """What a connector is shown as."""
    if head.is_online:
        return connector.status.value
    return head.status


@blueprint.get("/<int:charger_id>")
@requires("host")
def show(charger_id: int) -> str:
    return live_page(shown(charger_id))


def live_page(charger: Charger, refused: str | None = None) -> str:
    """`refused`: why the order that was filled in is not given; its dialog is open again."""
    at = clock.now()
    context = (
        frame(charger, "live", at)
        | outlets.shown(charger, head_of(charger, at).is_online, at)
        | _log(charger)
        | _day(charger, at)
        | {"newer": library.newer(db.session(), charger)}
    )
    return render_template("chargers/show.html", **context | {"refused": refused})


@blueprint.get("/<int:charger_id>/head")
@requires("host")
def head(charger_id: int) -> str:
    charger = shown(charger_id)
    return render_template("chargers/_head.html", is_fragment=True, **about(charger, clock.now()))


@blueprint.get("/<int:charger_id>/identity")
@requires("host")
def identity(charger_id: int) -> str:
    charger = shown(charger_id)
    newer = library.newer(db.session(), charger)
    return render_template("chargers/_identity.html", **about(charger, clock.now()), newer=newer)


@blueprint.get("/<int:charger_id>/ask/start")
@requires("operate")
def ask_cards(charger_id: int) -> str:
    """The cards that a dialog offers, read when it opens."""
    return render_template("chargers/_cards.html", cards=startable_cards())


@blueprint.get("/<int:charger_id>/ask/<any(stop,unlock,reset):name>")
@requires("operate")
def ask(charger_id: int, name: str) -> str:
    """What a dialog must say of who is charging, read when it opens."""
    running = transaction_queries.active(db.session(), Wanted(charger_id=charger_id))
    return render_template("chargers/_ask.html", name=name, running=running)


@blueprint.get("/<int:charger_id>/live")
@requires("host")
def live(charger_id: int) -> str:
    charger = shown(charger_id)
    at = clock.now()
    return render_template(
        "chargers/_live.html",
        **about(charger, at),
        **outlets.shown(charger, head_of(charger, at).is_online, at),
    )


@blueprint.get("/<int:charger_id>/log")
def log(charger_id: int) -> str:
    """The newest messages, for the live page."""
    return render_template("chargers/_log.html", zone=zone(), **_log(shown(charger_id)))


@blueprint.get("/<int:charger_id>/day")
@requires("host")
def day(charger_id: int) -> str:
    charger = shown(charger_id)
    return render_template("chargers/_day.html", **_day(charger, clock.now()))


def startable_cards() -> Sequence[IdToken]:
    """Those that a start from here is offered."""
    found, _ = account_queries.cards(db.session(), at=clock.now(), state=CardState.ALLOWED, limit=MOST_CARDS)
    return found


def shown(charger_id: int) -> Charger:
    """The charger with its lease and connectors. Raises NotFound."""
    charger = queries.shown(db.session(), charger_id)
    if charger is None:
        raise NotFound("There is no such charger.")
    return charger


def about(charger: Charger, at: datetime, *, is_quiet: bool | None = None) -> dict[str, Any]:
    """What every part of a charger's page needs. `is_quiet`: the installation, where that is known."""
    head = head_of(charger, at)
    return {
        "charger": charger,
        "head": head,
        "habits": quirks_of(charger),
        "why_not": _why_not(charger, head, at),
        "is_quiet": _is_quiet(charger, is_quiet),
        "is_charging": bool(figures.power_by_charger_w(db.session(), [charger.id])),
        "here": url_for("chargers.show", charger_id=charger.id),
        "now": at,
        "zone": zone(),
    }


def _is_quiet(charger: Charger, installation: bool | None) -> bool:
    if charger.is_quiet is not None:
        return charger.is_quiet
    return is_installation_quiet() if installation is None else installation


def _why_not(charger: Charger, head: Head, at: datetime) -> str | None:
    """Why nothing can be asked of the charger now; None if it can."""
    if charger.admission is Admission.REJECTED:
        return gettext("rejected here")
    if head.is_online:
        return None
    if head.last_seen_at is None:
        return gettext("it has never connected")
    return gettext("offline for %(age)s", age=filters.ago(head.last_seen_at, at))


def frame(charger: Charger, tab: str, at: datetime) -> dict[str, Any]:
    """What the head of each of a charger's pages shows."""
    config: Config = current_app.extensions["settings"]
    return about(charger, at, is_quiet=shell().is_quiet) | {
        "tab": tab,
        "refused": None,
        "orders_url": url_for("commands.request_for", charger_id=charger.id),
        "live_url": url_for("live.stream", topics=charger.topic),
        "landing_url": f"{config.public_base_url}/c/{charger.slug}",
        "station_url": f"{config.websocket_base_url}/ws/ocpp/{charger.identity}",
    }


def _log(charger: Charger) -> dict[str, Any]:
    return {
        "messages": [
            journal.told(x, with_cards=can("operate"))
            for x in frames.recent(db.session(), charger.id, limit=FEW_MESSAGES)
        ]
    }


def _day(charger: Charger, at: datetime) -> dict[str, Any]:
    since = at - DAY
    events = queries.history(db.session(), charger.id, since=since, at=at)
    days = {x.evse_number: strips.day(events, x.evse_number, since, at) for x in charger.connectors[:4]}
    parts: Mapping[int, list[Part]] = {evse: strip_parts(x.periods, since, at) for evse, x in days.items()}
    known = [x.up for x in days.values() if x.up is not None]
    middle = at - DAY / 2
    return {
        "days": parts,
        "told": events[: -FEW_EVENTS - 1 : -1],
        "uptime": sum(known) / len(known) if known else None,
        "axis": (*(filters.localtime(x, zone(), "clock") for x in (since, middle)), gettext("now")),
    }
