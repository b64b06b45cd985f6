"""1.6 messages about firmware, diagnostics and vendors' own data."""

from typing import Any

from csms.domain import commands
from csms.domain.base import announce
from csms.ocpp.dispatch import Context, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.chargers import arrived


@actions.on("FirmwareStatusNotification", gathers=[commands.preload])
def firmware_status_notification(context: Context, request: Any) -> Payload:
    """1.6 §4.5."""
    context.charger.firmware_state = request["status"]
    announce(context.session, context.charger.topic)
    arrived(context, "FirmwareStatusNotification")
    return {}


@actions.on("DiagnosticsStatusNotification", gathers=[commands.preload])
def diagnostics_status_notification(context: Context, request: Any) -> Payload:
    """1.6 §4.4."""
    context.charger.diagnostics_state = request["status"]
    announce(context.session, context.charger.topic)
    arrived(context, "DiagnosticsStatusNotification")
    return {}


@actions.on("DataTransfer")
def data_transfer(context: Context, request: Any) -> Payload:
    """1.6 §4.3: no vendor's extension is known here, and the message says so; it is in the journal all the same."""
    del context, request
    return {"status": "UnknownVendorId"}
