"""Chargers: the list, and what one of them is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from flask import Blueprint, abort, current_app, render_template, request, url_for

from config import Config
from csms import clock
from csms.domain import frames
from csms.domain.accounts import queries as account_queries
from csms.domain.accounts.queries import CardState
from csms.domain.base import NotFound
from csms.domain.chargers import Admission, Charger, Connector, ConnectorStatus, queries
from csms.domain.chargers.places import PRECEDENCE
from csms.domain.chargers.queries import Show
from csms.domain.transactions import Transaction, curves, figures
from csms.domain.transactions import queries as transaction_queries
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.web import filters, journal, strips, transactions
from csms.web.addresses import with_query
from csms.web.charts import Part, strip_parts
from csms.web.security import requires
from csms.web.shell import zone

blueprint = Blueprint("chargers", __name__, url_prefix="/chargers")

FEW_MESSAGES = 12
MOST_CARDS = 100  # offered for a start; any other can be typed
DAY = timedelta(hours=24)

# The choices above the list, and their words.
CHOICES = (
    (Show.ALL, "All"),
    (Show.CHARGING, "Charging"),
    (Show.AVAILABLE, "Available"),
    (Show.FAULTED, "Faulted"),
    (Show.UNAVAILABLE, "Out of service"),
    (Show.OFFLINE, "Offline"),
    (Show.PENDING, "Waiting"),
    (Show.REJECTED, "Rejected"),
)
SENTENCES = {
    ConnectorStatus.AVAILABLE: "Free. A driver can plug in and present a card.",
    ConnectorStatus.PREPARING: "A car is plugged in and waits for a card, or for a start from here.",
    ConnectorStatus.CHARGING: "The charger says that it is charging, but has not told of a session.",
    ConnectorStatus.FINISHING: "The session is over; the car is still plugged in.",
    ConnectorStatus.RESERVED: "Kept for somebody.",
    ConnectorStatus.UNAVAILABLE: "Out of service: nobody can start here.",
    ConnectorStatus.FAULTED: "The charger reports a fault: nobody can start here.",
    ConnectorStatus.UNKNOWN: "The charger has not said anything of this connector yet.",
}


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


@dataclass(frozen=True, slots=True)
class Row:
    """A charger in the list."""

    charger: Charger
    head: Head
    statuses: tuple[tuple[str, str | None], ...]
    power_w: int | None


@dataclass(frozen=True, slots=True)
class Running:
    """A session on a connector, with what its card draws."""

    transaction: Transaction
    who: str
    status: str
    cost_cents: int | None
    currency: str
    power_samples_w: list[int | None]
    axis: tuple[str, ...]
    phases: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outlet:
    """A connector and what happens there."""

    connector: Connector
    status: str
    sentence: str
    running: Running | None


@blueprint.get("")
def index() -> str:
    return render_template(
        "chargers/index.html",
        live_url=url_for("live.stream", topics="fleet,meters"),
        words=words_given(),
        **_list(),
    )


@blueprint.get("/list")
def listed() -> str:
    """The list, for its live region."""
    return render_template("chargers/_list.html", **_list())


def words_given() -> str:
    """What a person looks for."""
    return request.args.get("q", "").strip()[:80]


def _show() -> Show:
    """The choice of the list. 404 for one that there is not."""
    try:
        return Show(request.args.get("status") or Show.ALL)
    except ValueError:
        abort(404)


def _list() -> dict[str, Any]:
    at, session, show = clock.now(), db.session(), _show()
    online = {"1": True, "0": False}.get(request.args.get("online", ""))
    page = queries.listed(
        session,
        at=at,
        show=show,
        words=words_given(),
        is_online_only=online,
        cursor=request.args.get("after"),
    )
    powers = figures.power_by_charger_w(session, [x.id for x in page.chargers])
    counted = queries.counts(session, at=at)
    given = {name: value for name, value in request.args.items() if name != "after" and value}
    return {
        "rows": [_row(x, powers.get(x.id), at) for x in page.chargers],
        "show": show,
        "choices": [
            (choice, words, with_query(".index", {**given, "status": choice.value}), counted[choice])
            for choice, words in CHOICES
            if counted[choice] or choice in (Show.ALL, show)
        ],
        "total": counted[show],
        "is_filtered": bool(words_given()) or show is not Show.ALL or online is not None,
        "next_url": with_query(".index", {**given, "after": page.next_cursor}) if page.next_cursor else None,
        "is_first": "after" not in request.args,
        "list_url": with_query(".listed", request.args),
        "now": at,
        "zone": zone(),
    }


def _row(charger: Charger, power_w: int | None, at: datetime) -> Row:
    head = head_of(charger, at)
    statuses = tuple((outlet_status(x, head), x.status_word) for x in charger.connectors[:8])
    return Row(charger, head, statuses, power_w if head.is_online else None)


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
        protocol=(charger.protocol or "").replace("ocpp", "OCPP ") or "no connection yet",
        is_secure=bool(lease and lease.is_secure),
    )


def _overall(charger: Charger) -> tuple[str, str | None]:
    connectors = [x for x in charger.connectors if x.status is not ConnectorStatus.UNKNOWN]
    if not connectors:
        return charger.status.value, None
    first = min(connectors, key=lambda x: PRECEDENCE.index(x.status))
    return first.status.value, first.status_word


def outlet_status(connector: Connector, head: Head) -> str:
    """What a connector is shown as."""
    if head.is_online:
        return connector.status.value
    return head.status


@blueprint.get("/<int:charger_id>")
def show(charger_id: int) -> str:
    charger = shown(charger_id)
    at = clock.now()
    context = frame(charger, "live", at) | _live(charger, at) | _log(charger) | _day(charger, at)
    return render_template("chargers/show.html", **context)


@blueprint.get("/<int:charger_id>/head")
def head(charger_id: int) -> str:
    charger = shown(charger_id)
    return render_template("chargers/_head.html", is_fragment=True, **about(charger, clock.now()))


@blueprint.get("/<int:charger_id>/identity")
def identity(charger_id: int) -> str:
    return render_template("chargers/_identity.html", **about(shown(charger_id), clock.now()))


@blueprint.get("/<int:charger_id>/ask/<any(stop,unlock,reset):name>")
@requires("operate")
def ask(charger_id: int, name: str) -> str:
    """What a dialog must say of who is charging, read when it opens."""
    running = transaction_queries.active(db.session(), Wanted(charger_id=charger_id))
    return render_template("chargers/_ask.html", name=name, running=running)


@blueprint.get("/<int:charger_id>/live")
def live(charger_id: int) -> str:
    charger = shown(charger_id)
    at = clock.now()
    return render_template("chargers/_live.html", **about(charger, at), **_live(charger, at))


@blueprint.get("/<int:charger_id>/log")
def log(charger_id: int) -> str:
    """The newest messages, for the live page."""
    return render_template("chargers/_log.html", zone=zone(), **_log(shown(charger_id)))


@blueprint.get("/<int:charger_id>/day")
def day(charger_id: int) -> str:
    charger = shown(charger_id)
    return render_template("chargers/_day.html", **_day(charger, clock.now()))


def shown(charger_id: int) -> Charger:
    """The charger with its lease and connectors. Raises NotFound."""
    charger = queries.shown(db.session(), charger_id)
    if charger is None:
        raise NotFound("There is no such charger.")
    return charger


def about(charger: Charger, at: datetime) -> dict[str, Any]:
    """What every part of a charger's page needs."""
    head = head_of(charger, at)
    return {
        "charger": charger,
        "head": head,
        "why_not": _why_not(charger, head, at),
        "is_charging": bool(figures.power_by_charger_w(db.session(), [charger.id])),
        "here": url_for(".show", charger_id=charger.id),
        "now": at,
        "zone": zone(),
    }


def _why_not(charger: Charger, head: Head, at: datetime) -> str | None:
    """Why nothing can be asked of the charger now; None if it can."""
    if charger.admission is Admission.REJECTED:
        return "rejected here"
    if head.is_online:
        return None
    if head.last_seen_at is None:
        return "it has never connected"
    return f"offline for {filters.ago(head.last_seen_at, at)}"


def frame(charger: Charger, tab: str, at: datetime) -> dict[str, Any]:
    """What the head of each of a charger's pages shows."""
    config: Config = current_app.extensions["settings"]
    return about(charger, at) | {
        "tab": tab,
        "orders_url": url_for("commands.request_for", charger_id=charger.id),
        "live_url": url_for("live.stream", topics=charger.topic),
        "cards": account_queries.cards(db.session(), at=at, state=CardState.ALLOWED, limit=MOST_CARDS)[0],
        "landing_url": f"{config.public_base_url}/c/{charger.slug}",
        "station_url": f"{config.websocket_base_url}/ws/ocpp/{charger.identity}",
    }


def _live(charger: Charger, at: datetime) -> dict[str, Any]:
    head = head_of(charger, at)
    active = transaction_queries.active(db.session(), Wanted(charger_id=charger.id))
    by_connector = {x.connector_id: x for x in active}
    return {"outlets": [_outlet(x, head, by_connector.get(x.id), at) for x in charger.connectors]}


def _outlet(connector: Connector, head: Head, transaction: Transaction | None, at: datetime) -> Outlet:
    sentence = SENTENCES.get(connector.status, "")
    if not head.is_online:
        sentence = "Nobody knows what happens there now. What it does meanwhile it tells when it is back."
    elif connector.status is ConnectorStatus.FAULTED:
        sentence = ": ".join(x for x in (connector.error_code or "Fault", connector.error_info) if x)
    running = _running(transaction, at) if transaction is not None else None
    return Outlet(connector, connector.status.value, sentence, running)


def _running(transaction: Transaction, at: datetime) -> Running:
    readings = transaction_queries.readings(db.session(), transaction.id)
    curve = curves.curve(readings, transaction.started_at, at, start_wh=transaction.meter_start_wh)
    begun, here = filters.localtime(transaction.started_at, zone(), "clock"), zone()
    return Running(
        transaction=transaction,
        who=_who(transaction),
        status=transactions.status_of(transaction, at),
        cost_cents=transactions.cost_of(transaction, at),
        currency=transactions.currency_of(transaction),
        power_samples_w=[step.power_w for step in curve],
        axis=(begun, filters.localtime(at, here, "clock")),
        phases=_phases(readings[-1].samples) if readings else (),
    )


def _who(transaction: Transaction) -> str:
    card = f"card {transaction.id_tag}" if transaction.id_tag else "no card"
    return f"{transaction.account.name} · {card}" if transaction.account else card


def _phases(samples: str) -> tuple[tuple[str, str], ...]:
    """("L1", "15.8 A · 231 V") for each phase that the last reading tells of."""
    found: dict[str, list[str]] = {}
    for sample in orjson.loads(samples):
        phase = (sample.get("phase") or "")[:2]
        if (
            phase in ("L1", "L2", "L3")
            and sample.get("unit") in ("A", "V")
            and sample.get("value") is not None
        ):
            found.setdefault(phase, []).append(f"{filters.number(sample['value'], 1)}\u00a0{sample['unit']}")
    return tuple((phase, " · ".join(values)) for phase, values in sorted(found.items()))


def _log(charger: Charger) -> dict[str, Any]:
    return {
        "messages": [journal.told(x) for x in frames.recent(db.session(), charger.id, limit=FEW_MESSAGES)]
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
        "uptime": sum(known) / len(known) if known else None,
        "axis": (*(filters.localtime(x, zone(), "clock") for x in (since, middle)), "now"),
    }
