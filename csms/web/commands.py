"""Orders to chargers: asking for them, and telling honestly what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, commands, energy, transactions
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.chargers import Charger, Connector
from csms.domain.commands import Command, Kind
from csms.domain.transactions import Transaction
from csms.domain.transactions import queries as transaction_queries
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.web import batches
from csms.web.addresses import with_query
from csms.web.charger_tabs import configuration_page
from csms.web.chargers import about, live_page, shown, startable_cards
from csms.web.languages import said
from csms.web.limit_forms import number
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.web.typed_orders import HARD, ORDERS
from csms.work import atomic

blueprint = Blueprint("commands", __name__)

PAGE_SIZE = 50
# Where what was filled in stands again when it is refused: it is not to be lost.
FILLED_IN: Mapping[str, Callable[[Charger, str], str]] = {
    Kind.START: live_page,
    Kind.DATA_TRANSFER: live_page,
    Kind.CHANGE_CONFIGURATION: configuration_page,
}
GUARDED = frozenset({"authorizationkey", "securityprofile"})


@blueprint.get("/commands")
def index() -> str:
    return render_template(
        "commands/index.html",
        live_url=url_for("live.stream", topics="fleet,batches"),
        batches=[] if "before" in request.args else batches.newest(),
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


@blueprint.get(
    "/chargers/<int:charger_id>/commands/<any(reset,unlock,start,stop,available,unavailable):order>"
)
@requires("operate")
def confirm(charger_id: int, order: str) -> str:
    """Asks once more before an order that was typed; `evse` and `type` in the address fill it in."""
    charger = shown(charger_id)
    evse = request.args.get("evse", type=int)
    running = transaction_queries.active(db.session(), Wanted(charger_id=charger_id))
    return render_template(
        "commands/confirm.html",
        order=ORDERS[order],
        evse=evse,
        is_hard=request.args.get("type") == HARD,
        running=sorted(running, key=lambda x: x.connector is None or x.connector.evse_number != evse),
        cards=startable_cards() if order == "start" else (),
        **about(charger, clock.now()),
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
            return render_template("commands/_refused.html", words=said(error)), 409
        if (page := FILLED_IN.get(kind)) is not None:
            return page(shown(charger_id), said(error)), 422
        flash(said(error), "error")
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
    if request.form.get("limit", "").strip():
        limit_a = number("limit")
        return energy.start_limited(session, connector, id_tag, limit_a, by=actor(), at=clock.now())
    return transactions.request_start(session, connector, id_tag=id_tag, by=actor(), at=clock.now())


def _stop(session: Session, charger: Charger) -> Command:
    """Stop the session that was chosen; without a choice the only one."""
    if not request.form.get("transaction"):
        running = transaction_queries.active(session, Wanted(charger_id=charger.id))
        if len(running) != 1:
            if running:
                raise Invalid("Choose the session to stop.", "transaction")
            raise Invalid("No session is running.", "transaction")
        return transactions.request_stop(session, running[0], by=actor(), at=clock.now())
    transaction = session.get(Transaction, _number("transaction"))
    if transaction is None or transaction.charger_id != charger.id:
        raise NotFound("There is no such session.")
    return transactions.request_stop(session, transaction, by=actor(), at=clock.now())


def _text(name: str, longest: int, *, is_needed: bool = True) -> str:
    value = request.form.get(name, "").strip()
    if is_needed and not value:
        raise Invalid("Something is missing: fill in every field.", name)
    if len(value) > longest or not value.isprintable():
        raise Invalid("At most %(longest)s printable characters, please.", name, longest=longest)
    return value


def _changeable(name: str) -> str:
    """A configuration key. One that decides who is let in is not just set: what is asked here must follow it."""
    value = _text(name, 50)
    if value.casefold() in GUARDED:
        raise Invalid("This one is changed under Security, where the server follows.", name)
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
        "name": _changeable("name"),
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
