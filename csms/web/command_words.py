"""Orders to chargers in words: what was asked, and honestly what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from csms.domain.commands import Command, CommandState, Effect, Kind

NAMES = {
    Kind.START: "Start",
    Kind.STOP: "Stop",
    Kind.RESET: "Reset",
    Kind.UNLOCK: "Unlock",
    Kind.AVAILABILITY: "Availability",
    Kind.GET_CONFIGURATION: "Read configuration",
    Kind.CHANGE_CONFIGURATION: "Change configuration",
    Kind.CLEAR_CACHE: "Clear card cache",
    Kind.TRIGGER: "Ask for",
    Kind.DATA_TRANSFER: "Data transfer",
    Kind.RESERVE: "Reserve",
    Kind.CANCEL_RESERVATION: "Cancel a reservation",
    Kind.SET_PROFILE: "Set charging profile",
    Kind.CLEAR_PROFILE: "Clear charging profiles",
    Kind.GET_COMPOSITE: "Ask for its limits",
    Kind.RAISE_SECURITY: "Raise its security profile",
    Kind.ROTATE_KEY: "Give it a new key",
    Kind.NAME_OPERATOR: "Tell it whose it is",
    Kind.RENEW_CERTIFICATE: "Ask it to renew its certificate",
    Kind.SEND_CERTIFICATE: "Give it its certificate",
    Kind.INSTALL_CERTIFICATE: "Install a root certificate",
    Kind.DELETE_CERTIFICATE: "Delete a root certificate",
    Kind.LIST_CERTIFICATES: "Ask which certificates it has",
    Kind.GET_LOCAL_LIST_VERSION: "Ask for its list's version",
    Kind.SEND_LOCAL_LIST: "Send the list of cards",
    Kind.FETCH_DIAGNOSTICS: "Get diagnostics",
    Kind.FETCH_LOG: "Get log",
    Kind.UPDATE_FIRMWARE: "Update firmware",
    Kind.UPDATE_SIGNED_FIRMWARE: "Update firmware (signed)",
    Kind.RAW: "Order",
}
WAITING_FOR = {
    Effect.TRANSACTION_STARTED: "Accepted. Waiting for the session to begin: the car must be plugged in.",
    Effect.TRANSACTION_ENDED: "Accepted. Waiting for the session to end.",
    Effect.BOOTED: "Accepted. Waiting for the charger to come back.",
    Effect.STATUS_CHANGED: "Accepted. Waiting for the connector to say so.",
    Effect.MESSAGE_ARRIVED: "Accepted. Waiting for the message.",
    Effect.RESERVED: "Accepted. Waiting for the connector to say that it is reserved.",
    Effect.RELEASED: "Accepted. Waiting for the connector to say that it is free.",
    Effect.LOG_RECEIVED: "Accepted. Waiting for the file.",
    Effect.FIRMWARE_INSTALLED: "Accepted. Waiting for it to be installed, and for a boot with it.",
}
DONE = {
    Effect.TRANSACTION_STARTED: "The session has begun.",
    Effect.TRANSACTION_ENDED: "The session has ended.",
    Effect.BOOTED: "The charger has restarted.",
    Effect.STATUS_CHANGED: "The connector says so.",
    Effect.MESSAGE_ARRIVED: "The message has arrived.",
    Effect.RESERVED: "The connector is reserved.",
    Effect.RELEASED: "The connector is free again.",
    Effect.LOG_RECEIVED: "The file has been uploaded.",
    Effect.FIRMWARE_INSTALLED: "The firmware is installed.",
}
# What chargers answer, for people (1.6 §7).
ANSWERS = {
    "Scheduled": "The charger does it when the running session is over.",
    "RebootRequired": "Kept; it takes effect after a reset.",
    "Unlocked": "The connector is unlocked.",
    "Occupied": "The connector is in use, or kept for somebody already.",
    "Faulted": "The connector is out of order.",
    "Unavailable": "The connector is out of service.",
    "UnlockFailed": "The charger could not unlock the connector.",
    "NotSupported": "The charger does not know this.",
    "NotImplemented": "The charger does not know this.",
    "Rejected": "The charger said no.",
    "Unknown": "The charger had nothing of the kind.",
    "NotFound": "The charger has none.",
    "Failed": "The charger tried, and failed.",
    "VersionMismatch": "The charger holds another version of the list.",
    "UnknownVendorId": "The charger does not know this vendor.",
    "UnknownMessageId": "The charger does not know this message.",
    "InvalidCertificate": "The charger does not trust the certificate of the signature.",
    "RevokedCertificate": "The certificate of the signature has been revoked.",
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
    name = NAMES[command.kind]
    match command.kind:
        case Kind.RESET:
            return f"{name} ({'hard' if given.get('is_hard') else 'soft'})"
        case Kind.START | Kind.UNLOCK | Kind.RESERVE if given.get("evse"):
            return f"{name} connector {given['evse']}"
        case Kind.AVAILABILITY:
            what = f"Connector {given['evse']}" if given.get("evse") else "The charger"
            return f"{what} {'back into' if given.get('is_operative') else 'out of'} service"
        case Kind.RAISE_SECURITY:
            return f"{name} to {given['profile']}"
        case Kind.TRIGGER:
            return f"{name} {given['message']}"
        case Kind.FETCH_LOG:
            return "Get security log" if given.get("is_security") else "Get diagnostics log"
        case Kind.CHANGE_CONFIGURATION:
            return f"Set {given['name']}"
        case Kind.SET_PROFILE | Kind.GET_COMPOSITE:
            return f"{name}, {'connector ' + str(given['evse']) if given.get('evse') else 'whole charger'}"
        case Kind.RAW:
            return str(given.get("action", name))
    return name


def told(command: Command) -> Told:
    """What became of a command so far. "Accepted" is only a promise: what it led to is told beside it."""
    state, words = _fate(command)
    if command.is_late and command.answered_at is not None:
        words += " The answer came late."
    return Told(title(command), state, words, command.transaction_id if command.observed_at else None)


def _fate(command: Command) -> tuple[str, str]:
    answer = command.answer_status or ""
    match command.state:
        case CommandState.QUEUED:
            return "queued", "Queued"
        case CommandState.SENT:
            return "sent", "Sent. Waiting for the charger's answer."
        case CommandState.ACCEPTED if command.awaits is not None:
            return "sent", ANSWERS.get(answer, WAITING_FOR[command.awaits])
        case CommandState.ACCEPTED if command.observed_at is not None and command.effect is not None:
            return "accepted", f"Done. {command.effect_text or DONE[command.effect]}"
        case CommandState.ACCEPTED if command.effect is not None:
            return "timeout", command.detail or "Accepted, but nothing was seen of it in time."
        case CommandState.ACCEPTED:
            return "accepted", ANSWERS.get(answer, "Accepted.")
        case CommandState.REJECTED:
            return "rejected", ANSWERS.get(answer, f"The charger said no: {answer}.")
        case CommandState.ERROR:
            return "error", f"The charger answered with an error. {command.detail or ''}".strip()
        case CommandState.TIMEOUT:
            return "timeout", "No answer. The charger may still do it."
        case CommandState.UNKNOWN:
            return "timeout", command.detail or "The connection was lost before the answer."
        case CommandState.EXPIRED:
            return "offline", command.detail or "The charger could not be reached in time."
        case CommandState.CANCELLED:
            return "cancelled", command.detail or "Cancelled."


def register(app: Flask) -> None:
    """Let templates put commands into words."""
    app.add_template_filter(told, "told")
