"""1.6 towards a second backend: whose transactionId is whose, what still matters later, and what may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from csms import schemas
from csms.domain.chargers import Charger, ConnectorStatus
from csms.domain.forwarding import Permit, Traffic
from csms.ocpp import repair
from csms.ocpp.dispatch import Payload
from csms.ocpp.relay import Letter, Relay, Told
from csms.ocpp.v16.values import instant, members, reference, text_of, whole

PROTOCOL = "ocpp1.6"

# What is ours alone stays here: certificates, security events and logs are between the charger and this server.
TRAFFIC: dict[str, Traffic | None] = {
    "BootNotification": None,
    "StartTransaction": Traffic.SESSIONS,
    "StopTransaction": Traffic.SESSIONS,
    "MeterValues": Traffic.SESSIONS,
    "Authorize": Traffic.CARDS,
    "StatusNotification": Traffic.STATUS,
    "FirmwareStatusNotification": Traffic.UPKEEP,
    "DiagnosticsStatusNotification": Traffic.UPKEEP,
    "DataTransfer": Traffic.VENDOR,
}
# Never offered: what would take the charger away from here (its configuration, keys, certificates, firmware), and what
# this server keeps the books of (lists of cards, reservations).
PERMITS = {
    "RemoteStartTransaction": Permit.START,
    "RemoteStopTransaction": Permit.STOP,
    "UnlockConnector": Permit.UNLOCK,
    "ChangeAvailability": Permit.AVAILABILITY,
    "Reset": Permit.RESET,
    "TriggerMessage": Permit.TRIGGER,
    "SetChargingProfile": Permit.PROFILES,
    "ClearChargingProfile": Permit.PROFILES,
    "GetCompositeSchedule": Permit.PROFILES,
    "GetConfiguration": Permit.CONFIGURATION,
    "DataTransfer": Permit.VENDOR,
}
# A charger that was cut off tells them anew, or not at all (§4.2, §4.9).
PASSING = frozenset({"BootNotification", "StatusNotification", "Authorize"})
WITH_CARD = frozenset({"Authorize", "StartTransaction"})


def hello(charger: Charger) -> Told:
    """§6.3, of what the charger has last told of itself."""
    given = {
        "chargePointVendor": (charger.vendor or "unknown")[:20],
        "chargePointModel": (charger.model or "unknown")[:20],
        "chargePointSerialNumber": charger.serial_number,
        "chargeBoxSerialNumber": charger.box_serial_number,
        "firmwareVersion": charger.firmware_version,
        "iccid": charger.iccid,
        "imsi": charger.imsi,
        "meterType": charger.meter_type,
        "meterSerialNumber": charger.meter_serial_number,
    }
    return "BootNotification", {
        name: value if name == "firmwareVersion" else value[: 20 if name in ("iccid", "imsi") else 25]
        for name, value in given.items()
        if value
    }


def standing(charger: Charger, at: datetime) -> Sequence[Told]:
    """§4.9: the status of every connector that has told one; `at`: when nobody knows since when."""
    return [
        (
            "StatusNotification",
            {
                "connectorId": x.evse_number,
                "errorCode": x.error_code or "NoError",
                "status": x.status.value,
                "timestamp": instant(x.status_at or at),
            },
        )
        for x in charger.connectors
        if x.status is not ConnectorStatus.UNKNOWN
    ]


def admission(answer: Any) -> tuple[bool, int | None]:
    """§6.4. While we are not let in, `interval` is how long to wait before the next BootNotification."""
    given = members(answer)
    return given.get("status") == "Accepted", whole(given.get("interval"))


def letter(action: str, payload: Any, reply: Any) -> Letter | None:
    """A message repaired as it was for us. None for a session whose beginning has no number."""
    if schemas.check(PROTOCOL, action, payload):
        payload, _ = repair.mend(schemas.schema(PROTOCOL, action, False), payload)
    if not isinstance(payload, dict):
        return None
    begins = within = None
    if action == "StartTransaction":
        begins = reference(members(reply).get("transactionId"))
        if begins is None:
            return None
    elif action in ("MeterValues", "StopTransaction"):
        within = reference(payload.get("transactionId"))
        if within in ("0", "-1") and action == "MeterValues":  # how some say that there is none
            within, payload = None, {name: x for name, x in payload.items() if name != "transactionId"}
    return Letter(
        action,
        payload,
        begins=begins,
        within=within,
        is_last=action == "StopTransaction",
        has_card=action in WITH_CARD,
        card=text_of(payload.get("idTag")) if action in WITH_CARD else None,
        verdict=verdict(reply),
    )


def with_reference(action: str, payload: Payload, name: str) -> Payload | None:
    """In 1.6 a transaction's name is a whole number (§7.45)."""
    number = whole(name)
    if number is None:
        return None
    if action == "SetChargingProfile":
        return payload | {"csChargingProfiles": payload["csChargingProfiles"] | {"transactionId": number}}
    return payload | {"transactionId": number}


def ordered(action: str, payload: Payload) -> str | None:
    """The transaction that an order is about; None: about none."""
    if action == "SetChargingProfile":
        payload = members(payload.get("csChargingProfiles"))  # type: ignore[assignment]
    return reference(payload.get("transactionId"))


def begun(answer: Any) -> str | None:
    return reference(members(answer).get("transactionId"))


def verdict(answer: Any) -> str | None:
    return text_of(members(members(answer).get("idTagInfo")).get("status"))


relay = Relay(
    traffic=TRAFFIC,
    passing=PASSING,
    metering=frozenset({"MeterValues"}),
    permits=PERMITS,
    hello=hello,
    standing=standing,
    heartbeat=("Heartbeat", {}),
    admission=admission,
    letter=letter,
    with_reference=with_reference,
    ordered=ordered,
    begun=begun,
    verdict=verdict,
)
