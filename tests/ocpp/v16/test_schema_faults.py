"""Every message that chargers send, wrong in every place and way: strict chargers are told, others are borne (F42)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from make import Wire
from story import BEGAN

from csms import schemas

AT = {"timestamp": BEGAN}
GOOD: dict[str, dict[str, Any]] = {
    "Authorize": {"idTag": "04A2"},
    "BootNotification": {"chargePointVendor": "Acme", "chargePointModel": "Box"},
    "DataTransfer": {"vendorId": "org.example"},
    "DiagnosticsStatusNotification": {"status": "Idle"},
    "FirmwareStatusNotification": {"status": "Idle"},
    "StatusNotification": {"connectorId": 1, "errorCode": "NoError", "status": "Available", **AT},
    "StartTransaction": {"connectorId": 1, "idTag": "04A2", "meterStart": 1000, **AT},
    "StopTransaction": {"transactionId": 7, "meterStop": 2000, **AT},
    "MeterValues": {"connectorId": 1, "meterValue": [{**AT, "sampledValue": [{"value": "1", "unit": "Wh"}]}]},
}
TRANSACTION_MESSAGES = ("StartTransaction", "StopTransaction", "MeterValues")
MISSING, TYPE = "OccurenceConstraintViolation", "TypeConstraintViolation"  # sic
VALUE, SHAPE = "PropertyConstraintViolation", "FormationViolation"
OTHER: dict[str, Any] = {"string": {"x": 1}, "integer": "many", "array": "list", "object": 5}


def wrong(action: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(what is wrong, the payload, the error code) for each member of the top level."""
    good, schema = GOOD[action], schemas.schema("ocpp1.6", action, False)
    yield "extra", good | {"extra": 1}, SHAPE
    for name in schema.get("required", ()):
        yield f"no {name}", {key: value for key, value in good.items() if key != name}, MISSING
    for name, member in schema["properties"].items():
        yield f"type of {name}", good | {name: OTHER[member["type"]]}, TYPE
        if "enum" in member:
            yield f"word in {name}", good | {name: "Dancing"}, VALUE
        elif "maxLength" in member:
            yield f"length of {name}", good | {name: "x" * (member["maxLength"] + 1)}, VALUE


CASES = [(action, *case) for action in GOOD for case in wrong(action)]


def test_a_connector_below_zero_is_a_wrong_value_for_everybody(wire: Wire) -> None:
    """The schema has nothing against it."""
    reply = wire.answer(
        json.dumps([2, "1", "StatusNotification", GOOD["StatusNotification"] | {"connectorId": -1}])
    )
    assert (reply[0], reply[2]) == (4, VALUE)


def test_each_fault_has_its_code_for_a_strict_charger(wire: Wire) -> None:
    wire.station = replace(wire.station, is_strict=True)
    told = {}
    for number, (action, what, payload, code) in enumerate(CASES):
        reply = wire.answer(json.dumps([2, f"m{number}", action, payload]))
        if (reply[0], reply[2]) != (4, code):
            told[action, what] = reply
    assert told == {}
    assert len(CASES) > 80


@pytest.mark.parametrize("action", TRANSACTION_MESSAGES)
def test_what_tells_of_a_session_is_never_refused(wire: Wire, action: str) -> None:
    for number, (_, payload, _) in enumerate(wrong(action)):
        is_empty = action == "MeterValues" and not isinstance(payload.get("meterValue"), list)
        reply = wire.answer(json.dumps([2, f"m{number}", action, payload]))
        assert reply[0] == 3 or (is_empty and "connectorId" not in payload), (payload, reply)
