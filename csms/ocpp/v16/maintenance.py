"""1.6 messages about firmware and logs. What a charger tells here is kept, and never refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from csms.domain import commands, maintenance
from csms.domain.base import announce
from csms.domain.commands import Command, Effect, Kind
from csms.domain.maintenance import JobKind, Progress
from csms.ocpp.dispatch import Context, Order, Payload, Unreadable
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.chargers import arrived
from csms.ocpp.v16.values import instant, members, text_of, whole

Arguments = Mapping[str, Any]
Rendered = tuple[str, Payload]

# 1.6 §7.24, §7.25 and whitepaper §6.6, §6.17.
_PROGRESS = {
    **dict.fromkeys(
        (
            "downloaded",
            "downloading",
            "downloadpaused",
            "downloadscheduled",
            "installing",
            "installrebooting",
            "installscheduled",
            "signatureverified",
            "uploading",
        ),
        Progress.UNDERWAY,
    ),
    **dict.fromkeys(
        (
            "badmessage",
            "downloadfailed",
            "installationfailed",
            "installverificationfailed",
            "invalidsignature",
            "notsupportedoperation",
            "permissiondenied",
            "uploadfailed",
            "uploadfailure",
        ),
        Progress.FAILED,
    ),
    "uploaded": Progress.UPLOADED,
    "installed": Progress.INSTALLED,
    "idle": Progress.IDLE,
}


# Whitepaper §6.14: what an extended trigger for FirmwareStatusNotification brings.
_TRIGGERED_AS = {"SignedFirmwareStatusNotification": "FirmwareStatusNotification"}


@actions.on("FirmwareStatusNotification", tolerant=True, gathers=[commands.preload])
def firmware_status_notification(context: Context, request: Any) -> Payload:
    """1.6 §4.5."""
    return _told(context, request, "FirmwareStatusNotification", JobKind.FIRMWARE)


@actions.on("SignedFirmwareStatusNotification", tolerant=True, gathers=[commands.preload])
def signed_firmware_status_notification(context: Context, request: Any) -> Payload:
    """Whitepaper §5.19."""
    return _told(context, request, "SignedFirmwareStatusNotification", JobKind.SIGNED_FIRMWARE)


@actions.on("DiagnosticsStatusNotification", tolerant=True, gathers=[commands.preload])
def diagnostics_status_notification(context: Context, request: Any) -> Payload:
    """1.6 §4.4."""
    return _told(context, request, "DiagnosticsStatusNotification", JobKind.DIAGNOSTICS)


@actions.on("LogStatusNotification", tolerant=True, gathers=[commands.preload])
def log_status_notification(context: Context, request: Any) -> Payload:
    """Whitepaper §5.13."""
    return _told(context, request, "LogStatusNotification", JobKind.DIAGNOSTICS_LOG)


def _told(context: Context, request: Any, action: str, usual: JobKind) -> Payload:
    """A word of another of the four messages, or a request id where there is none, is understood all the same."""
    given = members(request)
    word = given.get("status")
    if (
        not isinstance(word, str)
        or word.casefold() not in _PROGRESS
        or given.keys() - {"status", "requestId"}
    ):
        raise Unreadable
    charger, request_id = context.charger, whole(given.get("requestId"))
    if usual.is_log:
        charger.diagnostics_state = word
    else:
        charger.firmware_state = word
    announce(context.session, charger.topic)
    maintenance.tell(
        context.session,
        charger.id,
        usual=usual,
        request_id=request_id if request_id is None or 0 <= request_id < 2**31 else None,
        word=word,
        progress=_PROGRESS[word.casefold()],
        at=context.now,
    )
    arrived(context, _TRIGGERED_AS.get(action, action))
    return {}


@actions.renders_as(Kind.FETCH_DIAGNOSTICS)
def get_diagnostics(given: Arguments) -> Rendered:
    """1.6 §5.9."""
    times = _moments(given, {"oldest_at": "startTime", "latest_at": "stopTime"})
    return "GetDiagnostics", {"location": given["location"], **_retries(given), **times}


@actions.renders_as(Kind.FETCH_LOG)
def get_log(given: Arguments) -> Rendered:
    """Whitepaper §5.9."""
    times = _moments(given, {"oldest_at": "oldestTimestamp", "latest_at": "latestTimestamp"})
    return "GetLog", {
        "logType": "SecurityLog" if given.get("is_security") else "DiagnosticsLog",
        "requestId": given["request_id"],
        **_retries(given),
        "log": {"remoteLocation": given["location"], **times},
    }


@actions.renders_as(Kind.UPDATE_FIRMWARE)
def update_firmware(given: Arguments) -> Rendered:
    """1.6 §5.19."""
    times = _moments(given, {"retrieve_at": "retrieveDate"})
    return "UpdateFirmware", {"location": given["location"], **times, **_retries(given)}


@actions.renders_as(Kind.UPDATE_SIGNED_FIRMWARE)
def signed_update_firmware(given: Arguments) -> Rendered:
    """Whitepaper §5.21."""
    firmware = {
        "location": given["location"],
        **_moments(given, {"retrieve_at": "retrieveDateTime", "install_at": "installDateTime"}),
        "signingCertificate": given["signing_certificate"],
        "signature": given["signature"],
    }
    return "SignedUpdateFirmware", {
        "requestId": given["request_id"],
        **_retries(given),
        "firmware": firmware,
    }


def _retries(given: Arguments) -> Payload:
    names = {"retries": "retries", "retry_interval_s": "retryInterval"}
    return {words: given[name] for name, words in names.items() if given.get(name) is not None}


def _moments(given: Arguments, names: Mapping[str, str]) -> Payload:
    return {
        words: instant(datetime.fromisoformat(given[name]))
        for name, words in names.items()
        if given.get(name) is not None
    }


@actions.shown_by("GetDiagnostics")
def shown_by_diagnostics(payload: Payload) -> Order:
    return Order("GetDiagnostics", payload, Effect.LOG_RECEIVED)


@actions.shown_by("GetLog")
def shown_by_log(payload: Payload) -> Order:
    return Order("GetLog", payload, Effect.LOG_RECEIVED, key=str(payload.get("requestId")))


@actions.shown_by("UpdateFirmware")
def shown_by_firmware(payload: Payload) -> Order:
    return Order("UpdateFirmware", payload, Effect.FIRMWARE_INSTALLED)


@actions.shown_by("SignedUpdateFirmware")
def shown_by_signed_firmware(payload: Payload) -> Order:
    return Order(
        "SignedUpdateFirmware", payload, Effect.FIRMWARE_INSTALLED, key=str(payload.get("requestId"))
    )


@actions.answered("GetDiagnostics")
@actions.answered("GetLog")
@actions.answered("UpdateFirmware")
@actions.answered("SignedUpdateFirmware")
def keep_answer(context: Context, command: Command, answer: Any) -> None:
    """An order that was typed by hand, in the words of 1.6, gets its job here."""
    given, sent = members(answer), command.payload or {}
    kind, place = _meaning(command.action or "", sent)
    maintenance.answered(
        context.session,
        command,
        status=text_of(given.get("status")),
        adopted=(kind, whole(sent.get("requestId")), text_of(place) or ""),
        file_name=text_of(given.get("fileName")) or text_of(given.get("filename")),
        cancels=given.get("status") == "AcceptedCanceled",
        at=context.now,
    )


def _meaning(action: str, sent: Payload) -> tuple[JobKind, object]:
    """The kind of job, and the address in the payload of its order."""
    match action:
        case "GetLog":
            is_security = sent.get("logType") == "SecurityLog"
            kind = JobKind.SECURITY_LOG if is_security else JobKind.DIAGNOSTICS_LOG
            return kind, members(sent.get("log")).get("remoteLocation")
        case "SignedUpdateFirmware":
            return JobKind.SIGNED_FIRMWARE, members(sent.get("firmware")).get("location")
        case "UpdateFirmware":
            return JobKind.FIRMWARE, sent.get("location")
    return JobKind.DIAGNOSTICS, sent.get("location")
