"""What a second backend asks of a charger: refused in the specification's shape, or made an order of ours."""

from __future__ import annotations

import logging
import time
from typing import Any

from gevent.event import Event
from sqlalchemy.orm import Session

from csms import clock, masks, schemas
from csms.domain import chargers, commands
from csms.domain.base import DomainError
from csms.domain.commands import CommandState, Kind
from csms.ocpp import dispatch, message
from csms.ocpp.dispatch import Actions, Payload
from csms.ocpp.door import Door
from csms.ocpp.forwarding.units import Plan, owned, translated
from csms.ocpp.message import Call
from csms.ocpp.relay import Relay

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
GRACE_S = 10.0  # beyond the time that a charger has for its answer
_REFUSALS = ("Rejected", "NotSupported")


class Inbound:
    """Answers one second backend's requests. `by`: what stands in the orders as who wanted them."""

    def __init__(self, door: Door, plan: Plan, relay: Relay, actions: Actions, by: str) -> None:
        self._door, self._plan, self._relay, self._actions = door, plan, relay, actions
        self._by = by[:80]

    def answer(self, call: Call) -> str:
        """The reply to a request of theirs. Raises StorageFailed."""
        protocol = self._actions.protocol
        if call.action not in schemas.actions(protocol) or call.action in schemas.FROM_CHARGERS:
            return message.error(call.id, "NotImplemented", "This action is not known.")
        if faults := schemas.check(protocol, call.action, call.payload):
            code = self._actions.error_codes[faults[0].kind]
            return message.error(call.id, code, dispatch.describe(faults))
        permit = self._relay.permits.get(call.action)
        if permit is None or permit not in self._plan.permits:
            log.info("forward_request_refused", extra={"action": call.action, "by": self._by})
            return self._refusal(call)
        command_id = self._order(call)
        return self._refusal(call) if command_id is None else self._outcome(call, command_id)

    def _refusal(self, call: Call) -> str:
        """No, as the answer to this action can say it; an error where it cannot."""
        status = (
            schemas.schema(self._actions.protocol, call.action, True).get("properties", {}).get("status", {})
        )
        for word in _REFUSALS:
            if word in status.get("enum", ()):
                return message.result(call.id, {"status": word})
        return message.error(call.id, "NotSupported", "This charger does not take that from here.")

    def _order(self, call: Call) -> str | None:
        """The id of the order that it has become; None: it is refused."""
        plan, by, at = self._plan, self._by, clock.now()

        def unit(session: Session) -> str | None:
            owned(session, plan.charger_id, self._door.node, plan.revision)
            payload = translated(session, plan.charger_id, self._relay, call.action, call.payload)
            if payload is None:
                return None
            charger = chargers.get(session, plan.charger_id)
            given = {"action": call.action, "payload": payload}
            command = commands.request(session, charger, Kind.RAW, given, by=by, at=at)
            return command.id

        try:
            return self._door.lane.run(unit)
        except DomainError as error:
            log.info("forward_request_refused", extra={"action": call.action, "reason": str(error)})
            return None

    def _outcome(self, call: Call, command_id: str) -> str:
        """What the charger answered, as it said it."""
        bus, heard = self._door.bus, Event()
        topics = (f"command:{command_id}", commands.outcome_topic(command_id))

        def wake(_topic: str) -> None:
            heard.set()

        bus.subscribe(topics, wake)
        try:
            give_up_at = time.monotonic() + 2 * self._door.command_timeout_s + GRACE_S
            while time.monotonic() < give_up_at:
                heard.clear()
                state, answer = self._door.lane.run(lambda session: _read(session, command_id))
                if state in (CommandState.ACCEPTED, CommandState.REJECTED) and answer is not None:
                    return message.result(call.id, masks.keys(message.without_secrets(answer)))
                if state is CommandState.ERROR and answer is not None:
                    return message.error(call.id, str(answer.get("code")), str(answer.get("description")))
                if state not in (CommandState.QUEUED, CommandState.SENT):
                    break
                heard.wait(LOOK_EVERY_S)
        finally:
            bus.unsubscribe(topics, wake)
        return message.error(call.id, "GenericError", "The charger gave no answer.")


def _read(session: Session, command_id: str) -> tuple[CommandState, Payload | None]:
    command = commands.get(session, command_id)
    answer: Any = command.answer
    return command.state, answer if isinstance(answer, dict) else None
