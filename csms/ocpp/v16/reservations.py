"""Reservations in the words of 1.6 (§5.13, §5.1)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from csms.domain import reservations
from csms.domain.commands import Command, Effect, Kind
from csms.ocpp.dispatch import Context, Order, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.values import instant, timestamp, whole
from csms.sentences import told

# Why a charger keeps no place (1.6 §7.40), for people.
_REFUSALS = {
    "Faulted": told("The connector is out of order."),
    "Occupied": told("The connector is in use, or kept for somebody already."),
    "Unavailable": told("The connector is out of service."),
    "Rejected": told("The charger is set up to take no reservations."),
}


@actions.renders_as(Kind.RESERVE)
def reserve_now(given: Mapping[str, Any]) -> tuple[str, Payload]:
    """1.6 §5.13. The parent is only named when the whole group may come."""
    payload = {
        "connectorId": given["evse"],
        "expiryDate": instant(datetime.fromisoformat(given["expires_at"])),
        "idTag": given["id_tag"],
        "reservationId": given["reservation_id"],
    }
    if given.get("parent_uid"):
        payload["parentIdTag"] = given["parent_uid"]
    return "ReserveNow", payload


@actions.renders_as(Kind.CANCEL_RESERVATION)
def cancel_reservation(given: Mapping[str, Any]) -> tuple[str, Payload]:
    """1.6 §5.1."""
    return "CancelReservation", {"reservationId": given["reservation_id"]}


@actions.shown_by("ReserveNow")
def shown_by_reserved(payload: Payload) -> Order:
    """Connector 0 is any connector: none of them says that it is reserved, so the answer is all there is."""
    evse = payload.get("connectorId")
    return Order("ReserveNow", payload, Effect.RESERVED if evse else None, evse=evse or None)


@actions.shown_by("CancelReservation")
def shown_by_released(payload: Payload) -> Order:
    return Order("CancelReservation", payload, Effect.RELEASED)


@actions.answered("ReserveNow")
def keep_reserved(context: Context, command: Command, answer: Any) -> None:
    del answer
    _adopt(context, command)
    status = command.answer_status or ""
    reservations.answered(
        context.session,
        context.station.charger_id,
        _id(command),
        command,
        _REFUSALS.get(status, told("The charger said no: %(status)s.", status=status)),
        at=context.now,
    )


def _adopt(context: Context, command: Command) -> None:
    """A reservation that somebody ordered in the words of 1.6."""
    sent, number = command.payload or {}, _id(command)
    expires_at, _ = timestamp(sent.get("expiryDate"))
    if command.kind is Kind.RAW and number is not None and expires_at is not None:
        reservations.adopt(
            context.session,
            command,
            number,
            evse=sent["connectorId"],
            id_tag=sent["idTag"],
            parent_uid=sent.get("parentIdTag"),
            expires_at=expires_at,
            at=context.now,
        )


@actions.answered("CancelReservation")
def keep_cancelled(context: Context, command: Command, answer: Any) -> None:
    del answer
    reservations.cancelled(context.session, context.station.charger_id, _id(command), command, at=context.now)


def _id(command: Command) -> int | None:
    return whole((command.payload or {}).get("reservationId"))
