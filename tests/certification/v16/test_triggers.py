"""Messages that the operator asks a charger to send."""

from __future__ import annotations

from tests.certification.v16.charge_point import BOOT, ChargePoint, utc
from tests.certification.v16.operators import Operator, asks

VALUE = {"timestamp": utc(), "sampledValue": [{"value": "1200", "unit": "Wh"}]}
# The six that 1.6 §7.32 knows, with what the charger then sends.
TRIGGERED = {
    "MeterValues": {"connectorId": 1, "meterValue": [VALUE]},
    "Heartbeat": {},
    "StatusNotification": {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
    "DiagnosticsStatusNotification": {"status": "Idle"},
    "FirmwareStatusNotification": {"status": "Idle"},
    "BootNotification": BOOT,
}


def test_tc_054_csms_all_messages_that_can_be_triggered(cp: ChargePoint, operator: Operator) -> None:
    """Each of the six messages can be asked for; the operator sees when it has come. 1.6 §5.17, §7.32"""
    for message, payload in TRIGGERED.items():
        order = asks(cp, operator, "Accepted", "TriggerMessage", requestedMessage=message)
        order.ends("accepted", "Accepted")
        cp.sends(message, **payload)
        order.is_seen()


def test_tc_055_csms_trigger_is_rejected(cp: ChargePoint, operator: Operator) -> None:
    """The charger will not send it, and the operator is told so. 1.6 §5.17, §7.44"""
    order = asks(cp, operator, "Rejected", "TriggerMessage", requestedMessage="MeterValues")
    order.ends("rejected", "Rejected")
