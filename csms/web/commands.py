"""Orders to chargers: asking for them, and telling honestly what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, commands, transactions
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.chargers import Charger, Connector
from csms.domain.commands import Command, CommandState, Effect, Kind
from csms.domain.transactions import Transaction
from csms.extensions import db
from csms.web.addresses import with_query
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("commands", __name__)

PAGE_SIZE = 50

NAMES = {
    Kind.START: "Start",
    Kind.STOP: "Stop",
    Kind.RESET: "Reset",
    Kind.UNLOCK: "Unlock",
    Kind.AVAILABILITY: "Availability",
    Kind.GET_CONFIGURATION: "Read configuration",
    Kind.CHANGE_CONFIGURATION: "Change configuration",
    Kind.CLEAR_CACHE: "Clear card cache",
    Kind.TRIGGER: "Ask for",
    Kind.DATA_TRANSFER: "Data transfer",
    Kind.RAW: "Order",
}
WAITING_FOR = {
    Effect.TRANSACTION_STARTED: "Accepted. Waiting for the session to begin: the car must be plugged in.",
    Effect.TRANSACTION_ENDED: "Accepted. Waiting for the session to end.",
    Effect.BOOTED: "Accepted. Waiting for the charger to come back.",
    Effect.STATUS_CHANGED: "Accepted. Waiting for the connector to say so.",
    Effect.MESSAGE_ARRIVED: "Accepted. Waiting for the message.",
}
DONE = {
    Effect.TRANSACTION_STARTED: "The session has begun.",
    Effect.TRANSACTION_ENDED: "The session has ended.",
    Effect.BOOTED: "The charger has restarted.",
    Effect.STATUS_CHANGED: "The connector says so.",
    Effect.MESSAGE_ARRIVED: "The message has arrived.",
}
# What chargers answer, for people (1.6 §7).
ANSWERS = {
    "Scheduled": "The charger does it when the running session is over.",
    "RebootRequired": "Kept; it takes effect after a reset.",
    "Unlocked": "The connector is unlocked.",
    "UnlockFailed": "The charger could not unlock the connector.",
    "NotSupported": "The charger does not know this.",
    "NotImplemented": "The charger does not know this.",
    "Rejected": "The charger said no.",
    "UnknownVendorId": "The charger does not know this vendor.",
    "UnknownMessageId": "The charger does not know this message.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A command in words. `state` is a key of the COMMANDS of _macros.html."""

    title: str
    state: str
    words: str
    transaction_id: int | None


@blueprint.get("/commands")
def index() -> str:
    return render_template(
        "commands/index.html",
        live_url=url_for("live.stream", topics="fleet"),
        before=request.args.get("before"),
        **_page(),
    )


@blueprint.get("/commands/list")
def listed() -> str:
    """The list, for its live region."""
    return render_template("commands/_list.html", **_page())


@blueprint.get("/commands/<uuid:command_id>")
def show(command_id: object) -> str:
    command = commands.get(db.session(), str(command_id))
    if "HX-Request" in request.headers:
        return render_template("commands/_command.html", command=command)
    return render_template(
        "commands/show.html",
        command=command,
        live_url=url_for("live.stream", topics=command.topic),
        zone=zone(),
        now=clock.now(),
    )


@blueprint.post("/chargers/<int:charger_id>/commands")
@requires("operate")
def request_for(charger_id: int) -> str | tuple[str, int] | Response:
    """Ask a charger for something; the form's `kind` says for what."""
    kind = request.form.get("kind", "")
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            command = _ask(session, charger, kind)
            put_on_record(session, f"command.{command.kind}", charger.identity)
    except NotFound:
        raise
    except DomainError as error:
        if "HX-Request" in request.headers:
            return render_template("commands/_refused.html", words=str(error)), 409
        flash(str(error), "error")
        return redirect(url_for("chargers.show", charger_id=charger_id))
    if "HX-Request" in request.headers:
        return render_template("commands/_command.html", command=command)
    return redirect(url_for(".show", command_id=command.id))


def _ask(session: Session, charger: Charger, kind: str) -> Command:
    if kind == Kind.START:
        return _start(session, charger)
    if kind == Kind.STOP:
        return _stop(session, charger)
    if kind not in _ARGUMENTS:
        raise Invalid("There is no such command.", "kind")
    arguments = _ARGUMENTS[kind]()
    return commands.request(session, charger, Kind(kind), arguments, by=actor(), at=clock.now())


def _start(session: Session, charger: Charger) -> Command:
    connector = session.get(Connector, _number("connector"))
    if connector is None or connector.charger_id != charger.id:
        raise NotFound("There is no such connector.")
    id_tag = _text("id_tag", 20)
    return transactions.request_start(session, connector, id_tag=id_tag, by=actor(), at=clock.now())


def _stop(session: Session, charger: Charger) -> Command:
    transaction = session.get(Transaction, _number("transaction"))
    if transaction is None or transaction.charger_id != charger.id:
        raise NotFound("There is no such session.")
    return transactions.request_stop(session, transaction, by=actor(), at=clock.now())


def _text(name: str, longest: int, *, is_needed: bool = True) -> str:
    value = request.form.get(name, "").strip()
    if is_needed and not value:
        raise Invalid("Something is missing: fill in every field.", name)
    if len(value) > longest or not value.isprintable():
        raise Invalid(f"At most {longest} printable characters, please.", name)
    return value


def _number(name: str) -> int:
    value = request.form.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise Invalid("Choose one of the list.", name)
    return int(value)


def _evse() -> dict[str, int]:
    return {"evse": _number("evse")} if request.form.get("evse") else {}


_ARGUMENTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    Kind.RESET: lambda: {"is_hard": request.form.get("type") == "Hard"},
    Kind.UNLOCK: lambda: {"evse": _number("evse")},
    Kind.AVAILABILITY: lambda: {"is_operative": request.form.get("type") == "Operative", **_evse()},
    Kind.GET_CONFIGURATION: lambda: {},
    Kind.CHANGE_CONFIGURATION: lambda: {
        "name": _text("name", 50),
        "value": _text("value", 500, is_needed=False),
    },
    Kind.CLEAR_CACHE: lambda: {},
    Kind.TRIGGER: lambda: {"message": _text("message", 50), **_evse()},
    Kind.DATA_TRANSFER: lambda: {
        "vendor_id": _text("vendor_id", 255),
        "message_id": _text("message_id", 50, is_needed=False) or None,
        "data": request.form.get("data", "")[:4000] or None,
    },
}


def _page() -> dict[str, Any]:
    found = commands.recent(db.session(), before_id=request.args.get("before"), limit=PAGE_SIZE + 1)
    more = len(found) > PAGE_SIZE
    shown = found[:PAGE_SIZE]
    return {
        "commands": shown,
        "next_url": url_for(".index", before=shown[-1].id) if more else None,
        "list_url": with_query(".listed", request.args),
        "zone": zone(),
        "now": clock.now(),
    }


def title(command: Command) -> str:
    """What was asked for, in a few words."""
    given = command.arguments
    name = NAMES[command.kind]
    match command.kind:
        case Kind.RESET:
            return f"{name} ({'hard' if given.get('is_hard') else 'soft'})"
        case Kind.START | Kind.UNLOCK if given.get("evse"):
            return f"{name} connector {given['evse']}"
        case Kind.AVAILABILITY:
            what = f"Connector {given['evse']}" if given.get("evse") else "The charger"
            return f"{what} {'back into' if given.get('is_operative') else 'out of'} service"
        case Kind.TRIGGER:
            return f"{name} {given['message']}"
        case Kind.CHANGE_CONFIGURATION:
            return f"Set {given['name']}"
        case Kind.RAW:
            return str(given.get("action", name))
    return name


def told(command: Command) -> Told:
    """What became of a command so far. "Accepted" is only a promise: what it led to is told beside it."""
    state, words = _fate(command)
    if command.is_late and command.answered_at is not None:
        words += " The answer came late."
    return Told(title(command), state, words, command.transaction_id if command.observed_at else None)


def _fate(command: Command) -> tuple[str, str]:
    answer = command.answer_status or ""
    match command.state:
        case CommandState.QUEUED:
            return "queued", "Queued"
        case CommandState.SENT:
            return "sent", "Sent. Waiting for the charger's answer."
        case CommandState.ACCEPTED if command.awaits is not None:
            return "sent", ANSWERS.get(answer, WAITING_FOR[command.awaits])
        case CommandState.ACCEPTED if command.observed_at is not None and command.effect is not None:
            return "accepted", f"Done. {command.effect_text or DONE[command.effect]}"
        case CommandState.ACCEPTED if command.effect is not None:
            return "timeout", command.detail or "Accepted, but nothing was seen of it in time."
        case CommandState.ACCEPTED:
            return "accepted", ANSWERS.get(answer, "Accepted.")
        case CommandState.REJECTED:
            return "rejected", ANSWERS.get(answer, f"The charger said no: {answer}.")
        case CommandState.ERROR:
            return "error", f"The charger answered with an error. {command.detail or ''}".strip()
        case CommandState.TIMEOUT:
            return "timeout", "No answer. The charger may still do it."
        case CommandState.UNKNOWN:
            return "timeout", command.detail or "The connection was lost before the answer."
        case CommandState.EXPIRED:
            return "offline", command.detail or "The charger could not be reached in time."
        case CommandState.CANCELLED:
            return "cancelled", command.detail or "Cancelled."


def register(app: Flask) -> None:
    """Let templates put commands into words."""
    app.add_template_filter(told, "told")
