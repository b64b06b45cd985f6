"""A charger's messages that a program tells in its name: with the rules, the journal and the effects of real ones."""

from __future__ import annotations

from typing import Any, Protocol

from flask import current_app
from pydantic import Field

from csms import schemas
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.commands import DEFAULT_PROTOCOL
from csms.api.document import spec
from csms.api.errors import Problem, fault
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.extensions import db
from csms.schemas import Fault, FaultKind


class Door(Protocol):
    """The chargers' door of this process."""

    def tell(
        self, charger_id: int, protocol: str, action: str, payload: dict[str, Any], by: str
    ) -> list[Any]: ...


class Message(In):
    action: str = Field(max_length=64, examples=["StatusNotification"])
    payload: dict[str, Any] = Field(
        default_factory=dict, examples=[{"connectorId": 1, "status": "Available", "errorCode": "NoError"}]
    )


class ReplyOut(Out):
    """What the charger would have been answered. `message_id` finds the message in the journal."""

    charger: str
    message_id: str
    action: str
    payload: dict[str, Any]


@blueprint.post("/chargers/<identity>/messages")
@spec.validate(resp=answers(200, ReplyOut), tags=["chargers"], operation_id="tellMessage")
@needs(Scope.ADMIN)
def tell_message(identity: str, json: Message) -> ReplyOut:
    """Tell a message in a charger's name, in the words of its version. It counts as if the charger had sent it.

    The charger hears nothing of it. The journal says who told it, and so does a transaction that began or ended so.
    """
    return tell(identity, json)


def tell(identity: str, said: Message) -> ReplyOut:
    """The reply. Raises a Problem, NotFound, Refused."""
    charger = queries.charger(db.session(), identity, with_connectors=False)
    charger_id, protocol = charger.id, charger.protocol or DEFAULT_PROTOCOL
    identity = charger.identity
    _check(protocol, said)
    door: Door | None = current_app.extensions.get("door")
    if door is None:
        raise Problem(503, "This process has no chargers' door.", "unavailable")
    with unit() as session:
        guard.audit(session, "message.told", identity, said.action)
    db.session.remove()  # no connection is held while the message waits for its turn
    reply = door.tell(charger_id, protocol, said.action, said.payload, guard.caller().username)
    if reply[0] != 3:
        status = 409 if reply[2] == "SecurityError" else 422
        raise Problem(status, f"{reply[2]}: {reply[3]}", "conflict" if status == 409 else "invalid")
    return ReplyOut(charger=identity, message_id=reply[1], action=said.action, payload=reply[2])


def _check(protocol: str, said: Message) -> None:
    """Raises a Problem. A program is told what it has left out, where a charger's word would be taken as it is."""
    if said.action not in schemas.actions(protocol) & schemas.FROM_CHARGERS:
        detail = f"{said.action} is nothing that a charger says in {protocol}."
        raise Problem(422, detail, "invalid", [fault("/action", "value", detail)])
    faults = [x for x in schemas.check(protocol, said.action, said.payload) if x.kind is not FaultKind.VALUE]
    if faults:
        errors = [fault(_pointer(x), x.kind.value, x.message) for x in faults]
        raise Problem(422, f"The payload of {said.action} is not as {protocol} has it.", "invalid", errors)


def _pointer(found: Fault) -> str:
    missing = f"/{found.name}" if found.name and found.kind is FaultKind.MISSING else ""
    return f"/payload{found.pointer}{missing}"
