"""Orders to a charger beside what it should answer, and answers with something wrong in them."""

from __future__ import annotations

import copy
import random
from typing import Any

from tests.fuzz import frames

AT = "2099-03-14T09:26:53.000Z"
PEM = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----"
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a1", "issuerKeyHash": "b2", "serialNumber": "3"}
SCHEDULE = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]}
PROFILE = {
    "chargingProfileId": 5,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": SCHEDULE,
}
ACCEPTED = {"status": "Accepted"}
CARDS = [{"idTag": "04A2", "idTagInfo": ACCEPTED}]
FIRMWARE = {"location": "http://x/y", "retrieveDateTime": AT, "signingCertificate": PEM, "signature": "s"}
LOG = {"remoteLocation": "http://x/y"}
# Each order, with the answer of a charger that does as it is told.
ORDERS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("CancelReservation", {"reservationId": 7}, ACCEPTED),
    ("CertificateSigned", {"certificateChain": PEM}, ACCEPTED),
    ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}, ACCEPTED),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}, ACCEPTED),
    ("ClearCache", {}, ACCEPTED),
    ("ClearChargingProfile", {"id": 5}, ACCEPTED),
    ("DataTransfer", {"vendorId": "Acme"}, ACCEPTED | {"data": "x"}),
    ("DeleteCertificate", {"certificateHashData": HASH}, ACCEPTED),
    ("ExtendedTriggerMessage", {"requestedMessage": "Heartbeat"}, ACCEPTED),
    (
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 600},
        {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": AT,
            "chargingSchedule": SCHEDULE,
        },
    ),
    (
        "GetConfiguration",
        {},
        {"configurationKey": [{"key": "k", "readonly": True, "value": "v"}], "unknownKey": ["u"]},
    ),
    ("GetDiagnostics", {"location": "http://x/y"}, {"fileName": "log.txt"}),
    (
        "GetInstalledCertificateIds",
        {"certificateType": "ManufacturerRootCertificate"},
        {"status": "Accepted", "certificateHashData": [HASH]},
    ),
    ("GetLocalListVersion", {}, {"listVersion": 3}),
    ("GetLog", {"logType": "SecurityLog", "requestId": 9, "log": LOG}, ACCEPTED | {"filename": "log.txt"}),
    (
        "InstallCertificate",
        {"certificateType": "ManufacturerRootCertificate", "certificate": PEM},
        ACCEPTED,
    ),
    ("RemoteStartTransaction", {"idTag": "04A2", "chargingProfile": PROFILE}, ACCEPTED),
    ("RemoteStopTransaction", {"transactionId": 77}, ACCEPTED),
    (
        "ReserveNow",
        {"connectorId": 1, "expiryDate": AT, "idTag": "04A2", "reservationId": 99},
        ACCEPTED,
    ),
    ("Reset", {"type": "Soft"}, ACCEPTED),
    (
        "SendLocalList",
        {"listVersion": 3, "updateType": "Full", "localAuthorizationList": CARDS},
        ACCEPTED,
    ),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE}, ACCEPTED),
    ("SignedUpdateFirmware", {"requestId": 8, "firmware": FIRMWARE}, ACCEPTED),
    ("TriggerMessage", {"requestedMessage": "Heartbeat"}, ACCEPTED),
    ("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}),
    ("UpdateFirmware", {"location": "http://x/y", "retrieveDate": AT}, {}),
)


def bent(dice: random.Random, good: dict[str, Any]) -> Any:
    """The answer with up to three of its values missing, doubled, or other than they should be."""
    frame = [3, "", "", copy.deepcopy(good)]
    for _ in range(dice.choice((1, 1, 2, 3))):
        dice.choice(frames.IN_PLACE)(dice, frame)
    return frame[3] if len(frame) > 3 else None
