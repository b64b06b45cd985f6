"""Orders to chargers in words: what was asked, and honestly what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from flask_babel import gettext, lazy_gettext

from csms.domain.commands import Command, CommandState, Effect, Kind
from csms.web.languages import stored

NAMES = {
    Kind.START: lazy_gettext("Start"),
    Kind.STOP: lazy_gettext("Stop"),
    Kind.RESET: lazy_gettext("Reset"),
    Kind.UNLOCK: lazy_gettext("Unlock"),
    Kind.AVAILABILITY: lazy_gettext("Availability"),
    Kind.GET_CONFIGURATION: lazy_gettext("Read configuration"),
    Kind.CHANGE_CONFIGURATION: lazy_gettext("Change configuration"),
    Kind.CLEAR_CACHE: lazy_gettext("Clear card cache"),
    Kind.TRIGGER: lazy_gettext("Ask for"),
    Kind.DATA_TRANSFER: lazy_gettext("Data transfer"),
    Kind.RESERVE: lazy_gettext("Reserve"),
    Kind.CANCEL_RESERVATION: lazy_gettext("Cancel a reservation"),
    Kind.SET_PROFILE: lazy_gettext("Set charging profile"),
    Kind.CLEAR_PROFILE: lazy_gettext("Clear charging profiles"),
    Kind.GET_COMPOSITE: lazy_gettext("Ask for its limits"),
    Kind.RAISE_SECURITY: lazy_gettext("Raise its security profile"),
    Kind.ROTATE_KEY: lazy_gettext("Give it a new key"),
    Kind.NAME_OPERATOR: lazy_gettext("Tell it whose it is"),
    Kind.RENEW_CERTIFICATE: lazy_gettext("Ask it to renew its certificate"),
    Kind.SEND_CERTIFICATE: lazy_gettext("Give it its certificate"),
    Kind.INSTALL_CERTIFICATE: lazy_gettext("Install a root certificate"),
    Kind.DELETE_CERTIFICATE: lazy_gettext("Delete a root certificate"),
    Kind.LIST_CERTIFICATES: lazy_gettext("Ask which certificates it has"),
    Kind.GET_LOCAL_LIST_VERSION: lazy_gettext("Ask for its list's version"),
    Kind.SEND_LOCAL_LIST: lazy_gettext("Send the list of cards"),
    Kind.FETCH_DIAGNOSTICS: lazy_gettext("Get diagnostics"),
    Kind.FETCH_LOG: lazy_gettext("Get log"),
    Kind.UPDATE_FIRMWARE: lazy_gettext("Update firmware"),
    Kind.UPDATE_SIGNED_FIRMWARE: lazy_gettext("Update firmware (signed)"),
    Kind.RAW: lazy_gettext("OCPP order"),
}
WAITING_FOR = {
    Effect.TRANSACTION_STARTED: lazy_gettext(
        "Accepted. Waiting for the session to begin: the car must be plugged in."
    ),
    Effect.TRANSACTION_ENDED: lazy_gettext("Accepted. Waiting for the session to end."),
    Effect.BOOTED: lazy_gettext("Accepted. Waiting for the charger to come back."),
    Effect.STATUS_CHANGED: lazy_gettext("Accepted. Waiting for the connector to say so."),
    Effect.MESSAGE_ARRIVED: lazy_gettext("Accepted. Waiting for the message."),
    Effect.RESERVED: lazy_gettext("Accepted. Waiting for the connector to say that it is reserved."),
    Effect.RELEASED: lazy_gettext("Accepted. Waiting for the connector to say that it is free."),
    Effect.LOG_RECEIVED: lazy_gettext("Accepted. Waiting for the file."),
    Effect.FIRMWARE_INSTALLED: lazy_gettext(
        "Accepted. Waiting for it to be installed, and for a boot with it."
    ),
}
DONE = {
    Effect.TRANSACTION_STARTED: lazy_gettext("The session has begun."),
    Effect.TRANSACTION_ENDED: lazy_gettext("The session has ended."),
    Effect.BOOTED: lazy_gettext("The charger has restarted."),
    Effect.STATUS_CHANGED: lazy_gettext("The connector says so."),
    Effect.MESSAGE_ARRIVED: lazy_gettext("The message has arrived."),
    Effect.RESERVED: lazy_gettext("The connector is reserved."),
    Effect.RELEASED: lazy_gettext("The connector is free again."),
    Effect.LOG_RECEIVED: lazy_gettext("The file has been uploaded."),
    Effect.FIRMWARE_INSTALLED: lazy_gettext("The firmware is installed."),
}
# What chargers answer, for people (1.6 §7).
ANSWERS = {
    "Scheduled": lazy_gettext("The charger does it when the running session is over."),
    "RebootRequired": lazy_gettext("Kept; it takes effect after a reset."),
    "Unlocked": lazy_gettext("The connector is unlocked."),
    "Occupied": lazy_gettext("The connector is in use, or kept for somebody already."),
    "Faulted": lazy_gettext("The connector is out of order."),
    "Unavailable": lazy_gettext("The connector is out of service."),
    "UnlockFailed": lazy_gettext("The charger could not unlock the connector."),
    "NotSupported": lazy_gettext("The charger does not know this."),
    "NotImplemented": lazy_gettext("The charger does not know this."),
    "Rejected": lazy_gettext("The charger said no."),
    "Unknown": lazy_gettext("The charger had nothing of the kind."),
    "NotFound": lazy_gettext("The charger has none."),
    "Failed": lazy_gettext("The charger tried, and failed."),
    "VersionMismatch": lazy_gettext("The charger holds another version of the list."),
    "UnknownVendorId": lazy_gettext("The charger does not know this vendor."),
    "UnknownMessageId": lazy_gettext("The charger does not know this message."),
    "InvalidCertificate": lazy_gettext("The charger does not trust the certificate of the signature."),
    "RevokedCertificate": lazy_gettext("The certificate of the signature has been revoked."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A command in words. `state` is a key of the COMMANDS of _macros.html."""

    title: str
    state: str
    words: str
    transaction_id: int | None


def title(command: Command) -> str:
    """What was asked for, in a few words."""
    given = command.arguments
    evse = given.get("evse")
    match command.kind:
        case Kind.RESET:
            return gettext("Reset (hard)") if given.get("is_hard") else gettext("Reset (soft)")
        case Kind.START if evse:
            return gettext("Start connector %(number)s", number=evse)
        case Kind.UNLOCK if evse:
            return gettext("Unlock connector %(number)s", number=evse)
        case Kind.RESERVE if evse:
            return gettext("Reserve connector %(number)s", number=evse)
        case Kind.AVAILABILITY:
            return _availability(evse, bool(given.get("is_operative")))
        case Kind.RAISE_SECURITY:
            return gettext("Raise its security profile to %(profile)s", profile=given["profile"])
        case Kind.TRIGGER:
            return gettext("Ask for %(message)s", message=given["message"])
        case Kind.FETCH_LOG:
            return gettext("Get security log") if given.get("is_security") else gettext("Get diagnostics log")
        case Kind.CHANGE_CONFIGURATION:
            return gettext("Set %(key)s", key=given["name"])
        case Kind.SET_PROFILE | Kind.GET_COMPOSITE:
            return gettext("%(what)s, %(where)s", what=NAMES[command.kind], where=_where(evse))
        case Kind.RAW:
            return str(given.get("action", NAMES[Kind.RAW]))
    return str(NAMES[command.kind])


def _where(evse: int | None) -> str:
    return gettext("connector %(number)s", number=evse) if evse else gettext("whole charger")


def _availability(evse: int | None, is_operative: bool) -> str:
    if evse and is_operative:
        return gettext("Connector %(number)s back into service", number=evse)
    if evse:
        return gettext("Connector %(number)s out of service", number=evse)
    return gettext("The charger back into service") if is_operative else gettext("The charger out of service")


def told(command: Command) -> Told:
    """What became of a command so far. "Accepted" is only a promise: what it led to is told beside it."""
    state, words = _fate(command)
    if command.is_late and command.answered_at is not None:
        words = gettext("%(words)s The answer came late.", words=words)
    return Told(title(command), state, words, command.transaction_id if command.observed_at else None)


def _fate(command: Command) -> tuple[str, str]:
    answer, detail = command.answer_status or "", stored(command.detail)
    match command.state:
        case CommandState.QUEUED:
            return "queued", gettext("Queued")
        case CommandState.SENT:
            return "sent", gettext("Sent. Waiting for the charger's answer.")
        case CommandState.ACCEPTED if command.awaits is not None:
            return "sent", str(ANSWERS.get(answer, WAITING_FOR[command.awaits]))
        case CommandState.ACCEPTED if command.observed_at is not None and command.effect is not None:
            return "accepted", gettext(
                "Done. %(words)s", words=stored(command.effect_text) or DONE[command.effect]
            )
        case CommandState.ACCEPTED if command.effect is not None:
            return "timeout", detail or gettext("Accepted, but nothing was seen of it in time.")
        case CommandState.ACCEPTED:
            return "accepted", str(ANSWERS.get(answer) or gettext("Accepted."))
        case CommandState.REJECTED:
            return "rejected", str(
                ANSWERS.get(answer) or gettext("The charger said no: %(status)s.", status=answer)
            )
        case CommandState.ERROR:
            return "error", gettext("The charger answered with an error. %(detail)s", detail=detail).strip()
        case CommandState.TIMEOUT:
            return "timeout", gettext("No answer. The charger may still do it.")
        case CommandState.UNKNOWN:
            return "timeout", detail or gettext("The connection was lost before the answer.")
        case CommandState.EXPIRED:
            return "offline", detail or gettext("The charger could not be reached in time.")
        case CommandState.CANCELLED:
            return "cancelled", detail or gettext("Cancelled.")


def register(app: Flask) -> None:
    """Let templates put commands into words."""
    app.add_template_filter(told, "told")
