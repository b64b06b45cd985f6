"""The addresses of the OCPP Backend Module: a command by name, the connected chargers, transactions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, g, jsonify, request
from sqlalchemy.orm import Session

from csms import clock, schemas
from csms.api import guard, queries
from csms.api.commands import DEFAULT_PROTOCOL, Order, ask, request_raw
from csms.api.errors import Problem
from csms.api.messages import Message, tell
from csms.api.scopes import Scope
from csms.compat import door, ocppbackend_shapes
from csms.compat.door import Wrong, body, needs
from csms.compat.starting import request_start
from csms.domain import transactions
from csms.domain.base import Invalid
from csms.domain.commands import Command, CommandState
from csms.domain.transactions import Transaction
from csms.extensions import db

blueprint = door.blueprint("ocppbackend")

GRACE_S = 2  # beyond the time that a charger has for its answer
MOST = 10_000
USUAL = 1_000

# What the document calls otherwise than the specification, and what its examples send along that belongs elsewhere.
TRUE_NAMES = {
    "StartRemoteTransaction": "RemoteStartTransaction",
    "StopRemoteTransaction": "RemoteStopTransaction",
}
STRAY = ("timestamp", "meterStart", "meterStop")
_CONNECTOR = re.compile(r"(?:connector_)?(\d{1,9})", re.IGNORECASE)


@blueprint.post("/api/chargers/<identity>/send-command/", strict_slashes=False)
@blueprint.post("/api/chargers/<identity>/send_command/", strict_slashes=False)
@needs(Scope.OPERATE, open_in_lab=True)
def send_command(identity: str) -> Response:
    """What a charger says is taken as if it had said it; anything else is asked of it, and its answer told."""
    command = body().get("command")
    if not command:
        raise Wrong(400, {"command": ["This field is required."]})
    try:
        response = _carried_out(identity, command)
    except Problem as problem:
        raise _wrong(problem) from None
    return jsonify(status="success", command=command, response=response)


@blueprint.get("/api/chargers/connected/", strict_slashes=False)
@needs(Scope.READ, open_in_lab=True)
def connected() -> Response:
    """Connected chargers with every field and their connectors."""
    at = clock.now()
    online = queries.chargers(status=None, online=True, words=None, at=at)
    found = db.session.scalars(_cut(online.order_by("identity_folded")))
    return jsonify([ocppbackend_shapes.charger(x, at, with_tag=guard.may(Scope.OPERATE)) for x in found])


@blueprint.get("/api/chargers/<identity>/", strict_slashes=False)
@needs(Scope.READ, open_in_lab=True)
def charger(identity: str) -> Response:
    """One charger with its connectors, and its status log, newest first."""
    found = queries.charger(db.session(), identity)
    log = transactions.status_log(db.session(), found.id, limit=200)
    shown = ocppbackend_shapes.charger(found, clock.now(), with_tag=guard.may(Scope.OPERATE))
    return jsonify(shown | {"status_logs": [ocppbackend_shapes.status_log(found, x) for x in log]})


@blueprint.get("/api/transactions/", strict_slashes=False)
@needs(Scope.SELF, open_in_lab=True)
def list_transactions() -> Response:
    """Newest first. Drivers see their own."""
    wanted = queries.transactions(account_id=guard.own_account_only())
    found = db.session.scalars(_cut(wanted.order_by(Transaction.started_at.desc(), Transaction.id.desc())))
    return jsonify([ocppbackend_shapes.transaction(x) for x in found])


def _cut(query: Any) -> Any:
    """As `limit` and `offset` ask; without them USUAL rows."""
    limit, offset = request.args.get("limit", USUAL, int), request.args.get("offset", 0, int)
    return query.limit(max(0, min(limit, MOST))).offset(max(0, offset))


def _carried_out(identity: str, command: Any) -> dict[str, Any]:
    """The response. Raises Wrong, a Problem, NotFound, Refused."""
    payload: dict[str, Any] = {}
    if isinstance(command, str):
        word = command.strip()
        match word.upper():
            case "START":
                return _asked(command, lambda session: request_start(session, identity, {}))
            case "STOP":
                return _asked(command, lambda session: _request_stop(session, identity))
    else:
        word, payload = _read(command)
    action = TRUE_NAMES.get(word, word)
    if action in TRUE_NAMES.values():
        payload = {name: value for name, value in payload.items() if name not in STRAY}
    protocol = queries.charger(db.session(), identity).protocol or DEFAULT_PROTOCOL
    if action not in schemas.actions(protocol):
        raise Wrong(400, {"non_field_errors": [f"Invalid action type: there is no {word[:64]}."]})
    if action not in schemas.FROM_CHARGERS:
        order = Order(action=action, payload=_numbered(payload))
        return _asked(command, lambda session: request_raw(session, identity, order))
    if Scope.ADMIN not in g.api_caller.scopes:
        raise Wrong(403, {"detail": "You do not have permission to speak in a charger's name."})
    return tell(identity, Message(action=action, payload=_numbered(payload))).payload


def _read(command: Any) -> tuple[str, dict[str, Any]]:
    """(action, payload). Raises Wrong."""
    action = command.get("action") if isinstance(command, dict) else None
    if not isinstance(action, str) or not action:
        raise Wrong(400, {"action": ["This field is required."]})
    payload = command.get("req_data") or {}
    if not isinstance(payload, dict):
        raise Wrong(400, {"req_data": ["Send a JSON object."]})
    return action, payload


def _numbered(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Connectors and transactions by number: this system called them "connector_1" too, or wrote them as text."""
    told = dict(payload)
    for name in ("connectorId", "transactionId"):
        found = _CONNECTOR.fullmatch(told[name]) if isinstance(told.get(name), str) else None
        if found is not None:
            told[name] = int(found[1])
    return told


def _request_stop(session: Session, identity: str) -> Command:
    """Order the end of what was begun last and runs. Raises NotFound, Invalid, Refused."""
    found = queries.charger(session, identity, with_connectors=False)
    wanted = queries.transactions(identity=identity, state=transactions.TransactionState.ACTIVE)
    running = session.scalars(wanted.order_by(Transaction.started_at.desc()).limit(1)).first()
    if running is None:
        raise Invalid("No transaction is running at %(identity)s.", identity=found.identity)
    return transactions.request_stop(session, running, by=g.api_caller.username, at=clock.now())


def _asked(command: Any, request_it: Any) -> dict[str, Any]:
    """The charger's answer, also one that is an error. Raises Wrong when there is none."""
    wait_s = current_app.extensions["settings"].command_timeout_s + GRACE_S
    asked = ask(request_it, wait_s, is_answer_enough=True)
    if asked.answer is None:
        told = asked.detail or "The charger gave no answer in time."
        was_refused = asked.state in (CommandState.ERROR, CommandState.CANCELLED)
        raise Wrong(409 if was_refused else 504, {"status": "error", "command": command, "detail": told})
    return asked.answer


def _wrong(problem: Problem) -> Wrong:
    """A Problem of the API as this system's scripts read it: by field, 400 for what cannot be understood."""
    status = 400 if problem.status == 422 else problem.status
    fields = {x["pointer"].rpartition("/")[2]: [x["message"]] for x in problem.errors}
    if "action" in fields:
        fields = {"non_field_errors": [f"Invalid action type: {problem.detail}"]}
    return Wrong(status, fields or {"detail": problem.detail})
