"""Commands in the words of 1.6, and their answers. The only place that tells kinds of commands apart."""

from typing import Any

from csms.domain import chargers
from csms.domain.commands import Command, CommandState, Effect, Kind
from csms.ocpp.dispatch import Context, Order
from csms.ocpp.v16.values import members, text_of, whole

# Answers that mean yes (Scheduled: not now, but as soon as the transaction is over).
_YES = {"Accepted", "Scheduled", "Unlocked", "RebootRequired"}


def to_order(command: Command) -> Order:
    """The CALL that a command becomes, and what will show that it has worked."""
    given = command.arguments
    match command.kind:
        case Kind.START:
            payload = {"idTag": given["id_tag"]}
            if given.get("evse"):
                payload["connectorId"] = given["evse"]
            return _described("RemoteStartTransaction", payload)
        case Kind.STOP:
            return _described("RemoteStopTransaction", {"transactionId": given["transaction_id"]})
        case Kind.RESET:
            return _described("Reset", {"type": "Hard" if given.get("is_hard") else "Soft"})
        case Kind.UNLOCK:
            return _described("UnlockConnector", {"connectorId": given["evse"]})
        case Kind.AVAILABILITY:
            kind = "Operative" if given["is_operative"] else "Inoperative"
            return _described("ChangeAvailability", {"connectorId": given.get("evse", 0), "type": kind})
        case Kind.GET_CONFIGURATION:
            return _described("GetConfiguration", {"key": given["keys"]} if given.get("keys") else {})
        case Kind.CHANGE_CONFIGURATION:
            return _described("ChangeConfiguration", {"key": given["name"], "value": given["value"]})
        case Kind.CLEAR_CACHE:
            return _described("ClearCache", {})
        case Kind.TRIGGER:
            payload = {"requestedMessage": given["message"]}
            if given.get("evse"):
                payload["connectorId"] = given["evse"]
            return _described("TriggerMessage", payload)
        case Kind.DATA_TRANSFER:
            names = {"vendor_id": "vendorId", "message_id": "messageId", "data": "data"}
            return _described(
                "DataTransfer", {names[x]: y for x, y in given.items() if x in names and y is not None}
            )
        case Kind.RAW:
            return _described(given["action"], given["payload"])


def _described(action: str, payload: dict[str, Any]) -> Order:
    """An action with the effect that counts as its success (1.6 errata 3.32, 3.33: Accepted is an intention)."""
    evse = payload.get("connectorId") or None
    match action:
        case "RemoteStartTransaction":
            return Order(action, payload, Effect.TRANSACTION_STARTED, evse=evse, id_tag=payload.get("idTag"))
        case "RemoteStopTransaction":
            return Order(action, payload, Effect.TRANSACTION_ENDED)
        case "Reset":
            return Order(action, payload, Effect.BOOTED)
        case "ChangeAvailability":
            return Order(action, payload, Effect.STATUS_CHANGED, key=payload.get("type"), evse=evse)
        case "TriggerMessage":
            return Order(action, payload, Effect.MESSAGE_ARRIVED, key=payload.get("requestedMessage"))
    return Order(action, payload)


def read_outcome(command: Command, answer: Any) -> tuple[CommandState, str | None]:
    """(what the answer means, the charger's word for it). An answer without a status is one that gives data."""
    del command
    status = text_of(members(answer).get("status"))
    if status is None:
        return (CommandState.ACCEPTED if isinstance(answer, dict) else CommandState.ERROR), None
    if status in _YES:
        return CommandState.ACCEPTED, status
    return CommandState.REJECTED, status


def after_answer(context: Context, command: Command, answer: Any) -> None:
    """Keep what an answer tells us of the charger."""
    if command.action == "GetConfiguration":
        keys = [
            (key["key"], text_of(key.get("value")), bool(key.get("readonly")))
            for key in members(answer).get("configurationKey") or ()
            if isinstance(key, dict) and isinstance(key.get("key"), str)
        ]
        hidden = [(name, None if name == "AuthorizationKey" else value, fixed) for name, value, fixed in keys]
        chargers.store_configuration(context.session, context.charger, hidden, at=context.now)
    elif command.action == "ChangeConfiguration" and command.state is CommandState.ACCEPTED:
        payload = command.payload or {}
        if payload.get("key") != "AuthorizationKey":
            row = (str(payload.get("key")), text_of(payload.get("value")), False)
            chargers.store_configuration(context.session, context.charger, [row], at=context.now)
    elif command.action == "RemoteStopTransaction" and command.transaction_id is None:
        command.transaction_id = whole((command.payload or {}).get("transactionId"))
