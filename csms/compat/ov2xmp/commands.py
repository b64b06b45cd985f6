"""The commands' addresses. Whatever comes of a command that could be read is told with HTTP 200, in an envelope.

The header X-Command-Status says at a glance what a status code would: the command's state, or why there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, current_app, jsonify
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.commands import LONGEST_WAIT_S, command_out
from csms.api.errors import Problem
from csms.api.scopes import Scope
from csms.api.waiting import Watch
from csms.compat.door import needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.orders import ORDERS, Desk, NoProfile, Order, Outcome
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState
from csms.extensions import db
from csms.work import atomic

_ANSWERED = (CommandState.ACCEPTED, CommandState.REJECTED)


class _NotConnected(Exception):
    pass


def _view(name: str, order: Order) -> Callable[[], Response]:
    @needs(Scope.OPERATE)
    def view() -> Response:
        return _give(name, order, bodies.read(order.shape))

    view.__name__ = f"ocpp16_{name}"
    view.shape = order.shape  # type: ignore[attr-defined]
    view.__doc__ = (
        f"Have a charger take {order.shape.__name__}, and wait for its answer unless `sync` is false."
    )
    return view


for _name, _order in ORDERS.items():
    blueprint.add_url_rule(
        f"/api/ocpp16/{_name}/", view_func=_view(_name, _order), methods=["POST"], strict_slashes=False
    )


def _give(name: str, order: Order, given: bodies.Asked) -> Response:
    with Watch(current_app.extensions["bus"]) as watch:
        try:
            with atomic() as session:
                outcome = _ask(session, name, order, given)
                if isinstance(outcome, str):
                    return _enveloped("RESPONSE_RECEIVED", {"status": outcome}, "not_needed")
                watch.follow(outcome.outcome_topic)
                command_id = outcome.id
        except _NotConnected:
            told = "Charging Station does not exist"
            return _enveloped("CHARGING_STATION_DOES_NOT_EXIST", told, "not_connected")
        except NoProfile:
            told = "Charging profile does not exist"
            return _enveloped("CHARGING_PROFILE_DOES_NOT_EXIST", told, "no_profile")
        except Invalid as error:
            raise bodies.fault(error) from None
        except (NotFound, Refused, Problem) as error:
            return _enveloped("COMMAND_REFUSED", getattr(error, "detail", str(error)), "refused")
        if not given.sync:
            told = "Task has been submitted successfully"
            return _enveloped("TASK_SUBMITTED", told, "submitted", task_id=command_id)
        watch.until(lambda: queries.is_done(db.session(), command_id, True), LONGEST_WAIT_S)
    command = queries.command(db.session(), command_id)
    return _enveloped(**envelope(command), status=command.state.value)


def _ask(session: Session, name: str, order: Order, given: bodies.Asked) -> Outcome:
    at = clock.now()
    charger = _connected(session, given.chargepoint_id)
    outcome = order.ask(Desk(session, charger, at), given)
    session.flush()
    asked = outcome.id if isinstance(outcome, Command) else "not asked"
    guard.audit(session, "command", charger.identity, f"{name} {asked}")
    return outcome


def _connected(session: Session, identity: str) -> Charger:
    """This system knew the chargers that were connected. Raises _NotConnected for others."""
    try:
        charger = queries.charger(session, identity)
    except NotFound:
        raise _NotConnected from None
    if charger.lease is None or not charger.lease.is_online(clock.now()):
        raise _NotConnected
    return charger


def envelope(command: Command, *, in_full: bool | None = None) -> Mapping[str, Any]:
    """What has come of a command, as this system told it: `message_code` and `message`."""
    if command.state in _ANSWERED:
        answer = command_out(command, in_full=in_full).answer or {}
        return {"message_code": "RESPONSE_RECEIVED", "message": snake_case(answer)}
    if command.state is CommandState.ERROR:
        return {
            "message_code": "CALL_ERROR",
            "message": command.detail or "The charger answered with an error.",
        }
    return {"message_code": "NO_RESPONSE", "message": command.detail or "The charger has not answered."}


def snake_case(told: Any) -> Any:
    """A message of the charger with its names as Python writes them, which is how this system told it."""
    if isinstance(told, dict):
        return {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", x).lower(): snake_case(y) for x, y in told.items()}
    return [snake_case(x) for x in told] if isinstance(told, list) else told


def _enveloped(message_code: str, message: Any, status: str, **more: Any) -> Response:
    response = jsonify(message_code=message_code, message=message, **more)
    response.headers["X-Command-Status"] = status
    return response
