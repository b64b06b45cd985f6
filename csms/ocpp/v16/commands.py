"""Commands of the core profile in the words of 1.6, and what shows that they have worked."""

from collections.abc import Mapping
from typing import Any

from csms.domain.commands import Command, Effect, Kind
from csms.ocpp.dispatch import Context, Order, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.energy import charging_profile
from csms.ocpp.v16.security import EXTENDED
from csms.ocpp.v16.values import whole

Arguments = Mapping[str, Any]
Rendered = tuple[str, Payload]


@actions.renders_as(Kind.RAW)
def raw(given: Arguments) -> Rendered:
    return given["action"], given["payload"]


@actions.renders_as(Kind.START)
def remote_start(given: Arguments) -> Rendered:
    """1.6 §5.11, with a profile of the transaction that begins where there is one (§5.16.2)."""
    payload = {"idTag": given["id_tag"], **_at(given)}
    if given.get("profile"):
        payload["chargingProfile"] = charging_profile(given["number"], given["profile"])
    return "RemoteStartTransaction", payload


@actions.renders_as(Kind.STOP)
def remote_stop(given: Arguments) -> Rendered:
    """1.6 §5.12."""
    return "RemoteStopTransaction", {"transactionId": given["transaction_id"]}


@actions.renders_as(Kind.RESET)
def reset(given: Arguments) -> Rendered:
    """1.6 §5.14."""
    return "Reset", {"type": "Hard" if given.get("is_hard") else "Soft"}


@actions.renders_as(Kind.UNLOCK)
def unlock(given: Arguments) -> Rendered:
    """1.6 §5.18."""
    return "UnlockConnector", {"connectorId": given["evse"]}


@actions.renders_as(Kind.AVAILABILITY)
def change_availability(given: Arguments) -> Rendered:
    """1.6 §5.2. Connector 0 is the charger with all its connectors."""
    kind = "Operative" if given["is_operative"] else "Inoperative"
    return "ChangeAvailability", {"connectorId": given.get("evse", 0), "type": kind}


@actions.renders_as(Kind.GET_CONFIGURATION)
def get_configuration(given: Arguments) -> Rendered:
    """1.6 §5.8. Without keys the charger tells all of them."""
    return "GetConfiguration", {"key": given["keys"]} if given.get("keys") else {}


@actions.renders_as(Kind.CHANGE_CONFIGURATION)
def change_configuration(given: Arguments) -> Rendered:
    """1.6 §5.3."""
    return "ChangeConfiguration", {"key": given["name"], "value": given["value"]}


@actions.renders_as(Kind.CLEAR_CACHE)
def clear_cache(given: Arguments) -> Rendered:
    """1.6 §5.4."""
    del given
    return "ClearCache", {}


@actions.renders_as(Kind.TRIGGER)
def trigger(given: Arguments) -> Rendered:
    """1.6 §5.17; whitepaper §5.5 for what only the extended one knows."""
    action = "ExtendedTriggerMessage" if given["message"] in EXTENDED else "TriggerMessage"
    return action, {"requestedMessage": given["message"], **_at(given)}


@actions.renders_as(Kind.DATA_TRANSFER)
def data_transfer(given: Arguments) -> Rendered:
    """1.6 §5.6."""
    names = {"vendor_id": "vendorId", "message_id": "messageId", "data": "data"}
    return "DataTransfer", {names[x]: y for x, y in given.items() if x in names and y is not None}


def _at(given: Arguments) -> Payload:
    return {"connectorId": given["evse"]} if given.get("evse") else {}


@actions.shown_by("RemoteStartTransaction")
def shown_by_start(payload: Payload) -> Order:
    return Order(
        "RemoteStartTransaction",
        payload,
        Effect.TRANSACTION_STARTED,
        evse=payload.get("connectorId") or None,
        id_tag=payload.get("idTag"),
    )


@actions.shown_by("RemoteStopTransaction")
def shown_by_stop(payload: Payload) -> Order:
    return Order("RemoteStopTransaction", payload, Effect.TRANSACTION_ENDED)


@actions.shown_by("Reset")
def shown_by_boot(payload: Payload) -> Order:
    return Order("Reset", payload, Effect.BOOTED)


@actions.shown_by("ChangeAvailability")
def shown_by_status(payload: Payload) -> Order:
    evse = payload.get("connectorId") or None
    return Order("ChangeAvailability", payload, Effect.STATUS_CHANGED, key=payload.get("type"), evse=evse)


@actions.shown_by("TriggerMessage")
def shown_by_message(payload: Payload) -> Order:
    evse = payload.get("connectorId") or None
    return Order(
        "TriggerMessage", payload, Effect.MESSAGE_ARRIVED, key=payload.get("requestedMessage"), evse=evse
    )


@actions.answered("RemoteStopTransaction")
def keep_stopped(context: Context, command: Command, answer: Any) -> None:
    del context, answer
    if command.transaction_id is None:
        command.transaction_id = whole((command.payload or {}).get("transactionId"))
