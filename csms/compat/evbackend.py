"""The addresses of the EV Charger OCPP Backend Module: log-in, the list of chargers, a start from afar."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, jsonify, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response as BaseResponse

from csms import clock
from csms.api import guard, tokens
from csms.api.commands import ask
from csms.api.guard import end_log_in
from csms.api.scopes import Scope
from csms.api.tokens import Credentials, NewDriver
from csms.compat import door
from csms.compat.door import Wrong, body, needs
from csms.compat.starting import request_start
from csms.compat.tokens import named, of_problem, pair
from csms.domain import chargers as chargers_domain
from csms.domain.base import DomainError, NotFound, Refused
from csms.domain.chargers import Charger
from csms.domain.commands import Command
from csms.extensions import db
from csms.simulator import NotRunning, Scenario
from csms.web import simulator
from csms.work import atomic

blueprint = door.blueprint("evbackend")

START_WAIT_S = 30
Answer = tuple[Response, int]


@blueprint.post("/api/auth/register/", strict_slashes=False)
def register() -> Answer:
    """A driver with an account, and their tokens."""
    told = of_problem(lambda: tokens.register_driver(NewDriver(**named(body(), "username", "password"))))
    return jsonify(message="User registered successfully.", **pair(told)), 201


@blueprint.post("/api/auth/login/", strict_slashes=False)
def login() -> Answer:
    """A message and tokens."""
    told = of_problem(lambda: tokens.log_in(Credentials(**named(body(), "username", "password"))))
    return jsonify(message="Login successful.", **pair(told)), 200


@blueprint.post("/api/auth/logout/", strict_slashes=False)
@needs(Scope.SELF)
def logout() -> Answer:
    """Neither the access token nor the refresh token of this log-in works afterwards."""
    end_log_in()
    return jsonify(message="Logout successful."), 200


@blueprint.post("/api/auth/refresh/", strict_slashes=False)
def refresh() -> Answer:
    """The next pair of tokens."""
    told = of_problem(lambda: tokens.renew(str(named(body(), "refresh")["refresh"])))
    return jsonify(pair(told)), 200


@blueprint.get("/api/chargers/", strict_slashes=False)
@needs(Scope.READ)
def chargers() -> Response:
    """All chargers."""
    at, session = clock.now(), db.session()
    query = select(Charger).options(selectinload(Charger.lease)).order_by(Charger.identity_folded)
    return jsonify(
        [_charger(x, x.lease is not None and x.lease.is_online(at)) for x in session.scalars(query)]
    )


@blueprint.post("/api/chargers/start/<identity>/", strict_slashes=False)
@needs(Scope.OPERATE)
def start(identity: str) -> Answer:
    """A real remote start: told when the session is there. `id_tag` and `connector` may be given."""
    given = body()
    try:
        command = ask(
            lambda session: request_start(session, identity, given), START_WAIT_S, is_answer_enough=False
        )
    except NotFound:
        return jsonify(message="Charger was not found.", status=404), 404
    except DomainError as error:
        return jsonify(message=str(error), status=409), 409
    if command.transaction_id is None:
        status = 504 if command.is_waiting else 409
        return jsonify(message=_why_not(identity, command), status=status), status
    message = f"Charger {identity} started charging."
    return jsonify(message=message, transaction_id=command.transaction_id, status=200), 200


@blueprint.get("/ui/dashboard/", strict_slashes=False)
def dashboard() -> BaseResponse:
    """The dashboard, which is at /ui/ too; by way of the log-in for whoever has not logged in."""
    return redirect(url_for("dashboard.show"))


@blueprint.get("/ui/charger/<identity>/", strict_slashes=False)
def charger_page(identity: str) -> BaseResponse:
    if not current_user.is_authenticated:
        return redirect(url_for("auth.login", next=request.path))
    found = chargers_domain.find(db.session(), identity)
    if found is None:
        abort(404)
    return redirect(url_for("chargers.show", charger_id=found.id))


@blueprint.route("/ui/run-simulator/", methods=["GET", "POST"], strict_slashes=False)
@needs(Scope.OPERATE, open_in_lab=True)
def run_simulator() -> Answer:
    """A charger in software that boots, charges for ten seconds, and stays connected."""
    identity = _simulated()
    try:
        registry = simulator.registry_here()
        with atomic() as session:
            simulator.prepare(identity, {x.identity for x in registry.running()})
            guard.audit(session, "simulator.start", identity)
        registry.start(
            identity, simulator.own_url(), scenario=Scenario.SESSION, id_tag="TESTTAG", charges_s=10
        )
    except DomainError as error:
        return _said("error", str(error), 409 if isinstance(error, Refused) else 400)
    return _said("success", f"Simulator started for charger {identity}.", 200)


@blueprint.route("/ui/stop-simulator/", methods=["GET", "POST"], strict_slashes=False)
@needs(Scope.OPERATE, open_in_lab=True)
def stop_simulator() -> Answer:
    identity = _simulated()
    try:
        simulator.registry_here().stop(identity)
    except (NotRunning, Refused):
        return _said("error", f"No running simulator found for charger {identity}.", 404)
    with atomic() as session:
        guard.audit(session, "simulator.stop", identity)
    return _said("success", f"Simulator stopped for charger {identity}.", 200)


def _simulated() -> str:
    """Whose simulator is meant. Raises Wrong."""
    if request.method != "POST":
        raise Wrong(400, {"status": "error", "message": "Send it by POST."})
    identity = str(body().get("charger_id") or "").strip()
    if not identity:
        raise Wrong(400, {"status": "error", "message": "Give the charger_id."})
    return identity


def _said(status: str, message: str, code: int) -> Answer:
    return jsonify(status=status, message=message), code


def _why_not(identity: str, command: Command) -> str:
    said = command.answer_status or command.detail or "no answer yet"
    return f"Charger {identity} did not start charging: {said}."


def _charger(charger: Charger, is_online: bool) -> dict[str, Any]:
    lease = charger.lease
    return {
        "charge_point_id": charger.identity,
        "charge_point_model": charger.model,
        "charge_point_vendor": charger.vendor,
        "status": "Connected" if is_online else "Disconnected",
        "connected_at": lease.connected_at.isoformat() if lease and lease.connected_at else None,
    }
