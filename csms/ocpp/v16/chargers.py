"""1.6 messages about the charger itself."""

from datetime import datetime
from typing import Any

from csms.domain import (
    chargers,
    commands,
    configuration,
    local_lists,
    maintenance,
    reservations,
    transactions,
)
from csms.domain.chargers import Admission, BootReport, ConnectorStatus, StatusReport
from csms.domain.commands import Effect
from csms.domain.frames import Deviation
from csms.ocpp.dispatch import Context, Payload, Unreadable
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.values import instant, members, moment, text_of, timestamp, whole
from csms.sentences import told

_REGISTRATION = {
    Admission.ACCEPTED: "Accepted",
    Admission.PENDING: "Pending",
    Admission.REJECTED: "Rejected",
}
_STATUSES = {status.value.casefold(): status for status in ConnectorStatus}
PENDING_RETRY_S = 60
_BOOT = {
    "vendor": "chargePointVendor",
    "model": "chargePointModel",
    "serial_number": "chargePointSerialNumber",
    "box_serial_number": "chargeBoxSerialNumber",
    "firmware_version": "firmwareVersion",
    "iccid": "iccid",
    "imsi": "imsi",
    "meter_type": "meterType",
    "meter_serial_number": "meterSerialNumber",
}


@actions.on(
    "BootNotification",
    tolerant=True,
    gathers=[
        chargers.preload_stations,
        commands.preload,
        reservations.preload,
        configuration.preload,
        local_lists.preload,
        maintenance.preload,
    ],
)
def boot_notification(context: Context, request: Any) -> Payload:
    """1.6 §4.2. Pending and rejected chargers are told to ask again in a minute. Too long a word locks nobody out."""
    charger = context.charger
    given = members(request)
    words = {name: given.get(key) for name, key in _BOOT.items()}
    for name, value in words.items():
        if value == "":
            context.note(Deviation.TEXT_EMPTY, _BOOT[name])
    if not isinstance(words["vendor"], str) or not isinstance(words["model"], str):
        raise Unreadable
    report = BootReport(**{name: text_of(value) for name, value in words.items()})
    chargers.boot(context.session, charger, report, at=context.now)
    reservations.booted(context.session, charger.id, at=context.now)
    commands.observe(
        context.session, charger.id, Effect.BOOTED, at=context.now, text=told("The charger has booted.")
    )
    configuration.booted(context.session, charger, at=context.now)
    local_lists.booted(context.session, charger.id, at=context.now)
    maintenance.booted(context.session, charger, at=context.now)
    arrived(context, "BootNotification")
    is_accepted = charger.admission is Admission.ACCEPTED
    was_accepted = context.station.admission is Admission.ACCEPTED
    context.is_station_old = not was_accepted or chargers.quirks_of(charger) is not context.station.quirks
    return {
        "currentTime": instant(context.now),
        "interval": context.station.heartbeat_interval_s if is_accepted else PENDING_RETRY_S,
        "status": _REGISTRATION[charger.admission],
    }


@actions.on("Heartbeat", tolerant=True, gathers=[commands.preload])
def heartbeat(context: Context, request: Any) -> Payload:
    """1.6 §4.6."""
    del request
    chargers.heartbeat(context.session, context.station.charger_id, at=context.now)
    arrived(context, "Heartbeat")
    return {"currentTime": instant(context.now)}


@actions.on(
    "StatusNotification",
    tolerant=True,
    gathers=[chargers.preload, transactions.preload, commands.preload, reservations.preload],
)
def status_notification(context: Context, request: Any) -> Payload:
    """1.6 §4.9. Without a timestamp the time of receipt counts (§6.47)."""
    given = members(request)
    evse, word = whole(given.get("connectorId")), text_of(given.get("status"))
    status = _STATUSES.get((word or "").strip().casefold())
    if evse is None or evse < 0 or word is None or status is None:
        raise Unreadable
    at, is_trusted, _ = moment(context, given.get("timestamp"))
    report = StatusReport(
        evse=evse,
        connector=1 if evse else 0,
        status=status,
        word=word,
        at=at,
        at_text=text_of(given.get("timestamp")),
        error_code=text_of(given.get("errorCode")),
        info=text_of(given.get("info")),
        vendor_id=text_of(given.get("vendorId")),
        vendor_error_code=text_of(given.get("vendorErrorCode")),
    )
    connector = chargers.set_status(context.session, context.station.charger_id, report, at=context.now)
    if connector is not None:
        transactions.follow_status(context.session, connector, status, at)
        _observe_status(context, evse, status)
    if connector is not None or evse == 0:
        reservations.follow_status(context.session, context.station.charger_id, evse, status, at=context.now)
    arrived(context, "StatusNotification")
    _note_clock(context, at if is_trusted else timestamp(given.get("timestamp"))[0], is_trusted)
    return {}


def _observe_status(context: Context, evse: int, status: ConnectorStatus) -> None:
    commands.observe(
        context.session,
        context.station.charger_id,
        Effect.STATUS_CHANGED,
        at=context.now,
        key="Inoperative" if status is ConnectorStatus.UNAVAILABLE else "Operative",
        evse=evse,
        text=told("The connector says %(status)s.", status=status.value),
    )


def _note_clock(context: Context, claimed: datetime | None, is_trusted: bool) -> None:
    """A live report tells how far the charger's clock is off; one from a queue does not, so minutes are not counted."""
    if claimed is None:
        return
    skew_s = (claimed - context.now).total_seconds()
    if not is_trusted or skew_s > 2 or -600 < skew_s < -30:
        chargers.note_clock(context.session, context.station.charger_id, skew_s)


def arrived(context: Context, action: str) -> None:
    """A message has come that somebody may have triggered."""
    commands.observe(
        context.session,
        context.station.charger_id,
        Effect.MESSAGE_ARRIVED,
        at=context.now,
        key=action,
        text=told("%(message)s has come.", message=action),
    )
