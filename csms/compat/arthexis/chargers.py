"""Chargers, their state and log, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from flask import Response, current_app, g, jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from csms import clock, masks
from csms.api import guard, queries
from csms.api.commands import command_out
from csms.api.scopes import Scope
from csms.api.waiting import Watch
from csms.compat.arthexis.door import blueprint
from csms.compat.door import Wrong, body, needs
from csms.domain import accounts, commands, frames, transactions
from csms.domain.base import NotFound
from csms.domain.chargers import AuthorizationPolicy, Charger, ConfigurationKey, Connector, ConnectorStatus
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.frames import Direction, Frame
from csms.domain.transactions import Reading, Transaction, meters
from csms.extensions import db
from csms.work import atomic

MOST_LOGGED = 200
ANSWER_WITHIN_S = 35
Answer = Response | tuple[Response, int]


@blueprint.get("/ocpp/chargers/", strict_slashes=False)
@needs(Scope.READ, open_in_lab=True)
def list_chargers() -> Answer:
    """All chargers by identity; with `limit` and `offset` some of them."""
    query = (
        select(Charger)
        .options(selectinload(Charger.lease), selectinload(Charger.site))
        .order_by(Charger.identity_folded)
    )
    limit, offset = _number("limit"), _number("offset")
    found = db.session().scalars(query.limit(limit).offset(offset)).all()
    return jsonify(chargers=_described(db.session(), found, clock.now()))


@blueprint.get("/ocpp/chargers/<identity>/", strict_slashes=False)
@needs(Scope.READ, open_in_lab=True)
def show_charger(identity: str) -> Answer:
    """One charger with the newest messages of its journal, oldest first: `> ` from the charger, `< ` to it."""
    session = db.session()
    charger = _known(session, identity, "not found")
    (described,) = _described(session, [charger], clock.now())
    described.pop("connected")
    logged = frames.recent(session, charger.id, limit=MOST_LOGGED)
    lines = [line for frame in reversed(logged) for line in _lines(frame)]
    return jsonify(described | {"log": lines[-MOST_LOGGED:]})


@blueprint.post("/ocpp/chargers/<identity>/action/", strict_slashes=False)
@needs(Scope.OPERATE, open_in_lab=True)
def act(identity: str) -> Answer:
    """Ask something of a charger, and wait for its answer: `sent` is what went over the wire, `response` what came."""
    given = body()
    with Watch(current_app.extensions["bus"]) as watch:
        with atomic() as session:
            command = _request(session, identity, given)
            watch.follow(command.outcome_topic)
            command_id = command.id
        watch.until(lambda: queries.is_done(db.session(), command_id, True), ANSWER_WITHIN_S)
    command = queries.command(db.session(), command_id)
    shown = command_out(command)
    sent = orjson.dumps([2, command.message_id, shown.action, shown.payload]).decode()
    told = {"sent": sent, "response": shown.answer, "command": command.id}
    if command.sent_at is None:
        raise Wrong(504, {"detail": command.detail or "not sent in time", "command": command.id})
    if command.answered_at is None:
        raise Wrong(504, {"detail": command.detail or "no answer"} | told)
    if command.state is CommandState.ERROR:
        raise Wrong(502, {"detail": command.detail or "the charger answered with an error"} | told)
    return jsonify(told)


def _request(session: Session, identity: str, given: Mapping[str, Any]) -> Command:
    """The order in the words of every version. Raises Wrong as the old system did, and DomainError."""
    at, by = clock.now(), g.api_caller.username
    charger = _known(session, identity, "no connection")
    if charger.lease is None or not charger.lease.is_online(at):
        raise Wrong(404, {"detail": "no connection"})
    action = str(given.get("action") or "")
    if action == "remote_stop":
        command = transactions.request_stop(session, _running(session, charger, given), by=by, at=at)
    elif action == "remote_start":
        command = _start(session, charger, given, by=by, at=at)
    elif action in _ORDERS:
        kind, arguments = _ORDERS[action]
        command = commands.request(session, charger, kind, arguments(given), by=by, at=at)
    else:
        known = ["remote_start", "remote_stop", *_ORDERS]
        raise Wrong(400, {"detail": "unknown action", "actions": known})
    guard.audit(session, "command", charger.identity, f"{action} {command.id}")
    session.flush()
    return command


def _running(session: Session, charger: Charger, given: Mapping[str, Any]) -> Transaction:
    """The transaction that was named, else the last begun of those that run."""
    found = meters.current_by_charger(session, [charger.id]).get(charger.id)
    if given.get("transaction_id") is not None:
        found = session.get(Transaction, _whole(given, "transaction_id"))
    if found is None or found.charger_id != charger.id or not found.is_active:
        raise Wrong(404, {"detail": "no transaction"})
    return found


def _start(session: Session, charger: Charger, given: Mapping[str, Any], *, by: str, at: datetime) -> Command:
    """For `id_tag`, else as a guest, at `connector_id`, else at the first that is free."""
    number = given.get("connector_id")
    fitting = [x for x in charger.connectors if number is None or str(x.evse_number) == str(number)]
    if not fitting:
        raise Wrong(404, {"detail": "no connector"})
    free = (ConnectorStatus.PREPARING, ConnectorStatus.AVAILABLE)
    connector = min(fitting, key=lambda x: free.index(x.status) if x.status in free else len(free))
    id_tag = str(given.get("id_tag") or accounts.guest_token(session, at).uid)
    if len(id_tag) > 20 or not id_tag.isprintable():
        raise Wrong(400, {"detail": "id_tag: at most 20 printable characters"})
    return transactions.request_start(session, connector, id_tag=id_tag, by=by, at=at)


def _whole(given: Mapping[str, Any], name: str, *, least: int = 0) -> int:
    try:
        value = int(given.get(name, least))
    except (TypeError, ValueError):
        value = -1
    if not least <= value < 2**31:
        raise Wrong(400, {"detail": f"{name}: a whole number from {least}"})
    return value


def _choice(given: Mapping[str, Any], name: str, usual: str, other: str) -> bool:
    """Whether the usual one of two words was given, or none. Raises Wrong for a third."""
    value = given.get(name, usual)
    if value not in (usual, other):
        raise Wrong(400, {"detail": f"{name}: {usual} or {other}"})
    return bool(value == usual)


_ORDERS: Mapping[str, tuple[Kind, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "reset": (Kind.RESET, lambda given: {"is_hard": not _choice(given, "type", "Soft", "Hard")}),
    "unlock": (Kind.UNLOCK, lambda given: {"evse": _whole({"connector_id": 1, **given}, "connector_id")}),
    "availability": (
        Kind.AVAILABILITY,
        lambda given: {
            "is_operative": _choice(given, "type", "Operative", "Inoperative"),
            **({"evse": evse} if (evse := _whole(given, "connector_id")) else {}),
        },
    ),
    "clear_cache": (Kind.CLEAR_CACHE, lambda given: {}),
    "get_configuration": (Kind.GET_CONFIGURATION, lambda given: {}),
    "trigger": (Kind.TRIGGER, lambda given: {"message": str(given.get("message") or "Heartbeat")[:50]}),
}


def _known(session: Session, identity: str, words: str) -> Charger:
    try:
        return queries.charger(session, identity)
    except NotFound:
        raise Wrong(404, {"detail": words}) from None


def _number(name: str) -> int | None:
    value = request.args.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _described(session: Session, found: Sequence[Charger], at: datetime) -> list[dict[str, Any]]:
    """Chargers as the old system told of them, in a fixed number of queries."""
    ids = [x.id for x in found]
    current = meters.current_by_charger(session, ids)
    last = meters.last_by_charger(session, ids)
    query = select(ConfigurationKey).where(ConfigurationKey.charger_id.in_(ids))
    keys: dict[int, dict[str, Any]] = {}
    for key in session.scalars(query.order_by(ConfigurationKey.name)):
        shown = masks.keys({"key": key.name, "value": key.value})
        keys.setdefault(key.charger_id, {})[key.name] = shown["value"]
    query_of_connectors = select(Connector).where(Connector.charger_id.in_(ids))
    evses = {x.id: x.evse_number for x in session.scalars(query_of_connectors)} if last else {}
    return [
        {
            "charger_id": x.identity,
            "name": x.name or "",
            "config": keys.get(x.id, {}),
            "require_rfid": x.policy is not AuthorizationPolicy.OPEN,
            "transaction": _transaction(current.get(x.id)),
            "lastHeartbeat": _moment(x.lease.last_heartbeat_at) if x.lease else None,
            "lastMeterValues": _meter_values(last.get(x.id), evses),
            "connected": x.lease is not None and x.lease.is_online(at),
            "last_path": x.last_path,
            "latitude": x.position[0] if x.position else None,
            "longitude": x.position[1] if x.position else None,
        }
        for x in found
    ]


def _transaction(transaction: Transaction | None) -> dict[str, Any] | None:
    if transaction is None:
        return None
    told: dict[str, Any] = {
        "transactionId": transaction.id,
        "meterStart": transaction.meter_start_wh,
        "startTime": _moment(transaction.started_at),
    }
    if not transaction.is_active:
        told["meterStop"] = transaction.meter_stop_wh
        told["stopTime"] = _moment(transaction.ended_at)
    return told


def _meter_values(reading: Reading | None, evses: Mapping[int, int]) -> dict[str, Any]:
    """The newest moment as MeterValues would say it (1.6 §6.31)."""
    if reading is None:
        return {}
    sampled = [
        {
            name: value
            for name, value in (
                ("value", x.get("raw")),
                ("measurand", x.get("measurand")),
                ("unit", x.get("raw_unit")),
                ("phase", x.get("phase")),
                ("location", x.get("location")),
                ("context", x.get("context")),
                ("format", x.get("format")),
            )
            if value is not None
        }
        for x in meters.samples(reading)
    ]
    told: dict[str, Any] = {"connectorId": evses.get(reading.connector_id or 0, 0)}
    if reading.transaction_id is not None:
        told["transactionId"] = reading.transaction_id
    return told | {"meterValue": [{"timestamp": _moment(reading.measured_at), "sampledValue": sampled}]}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _lines(frame: Frame) -> list[str]:
    """What went over the wire, with the reply behind it; card numbers for those who operate."""
    there, back = (">", "<") if frame.direction is Direction.IN else ("<", ">")
    lines = [(there, frame.text)] + ([(back, frame.reply)] if frame.reply else [])
    if not guard.may(Scope.OPERATE):
        lines = [(way, masks.cards_in_text(text) or masks.DOTS) for way, text in lines]
    return [f"{way} {text}" for way, text in lines]
