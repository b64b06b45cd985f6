"""OCPP Backend Module: the examples of its document, as they stand, in the order in which a reader comes to them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from tests.compat import documents
from tests.compat.conftest import Script
from tests.flows.peer import dial
from tests.live import LiveServer
from tests.nursery import ForkedServer

REFRESH = r"""
curl -X POST http://localhost:8000/api/token/refresh/ \
-H "Content-Type: application/json" \
-d '{"refresh": "your-refresh-token-here"}'
"""
BOOT = """
{
    "command": {
        "action": "BootNotification",
        "req_data": {
            "chargeBoxSerialNumber": "12345ABC",
            "chargePointModel": "Model-X",
            "chargePointSerialNumber": "67890DEF",
            "chargePointVendor": "VendorXYZ",
            "firmwareVersion": "1.2.3",
            "iccid": "89012345678901234567",
            "imsi": "310260123456789",
            "meterSerialNumber": "1122334455"
        }
    }
}
"""
HEARTBEAT = """
{
    "command": {
        "action": "Heartbeat",
        "req_data": {}
    }
}
"""
AUTHORIZE = """
{
    "command": {
        "action": "Authorize",
        "req_data": {
            "idTag": "1234567890AB"
        }
    }
}
"""
START = """
{
    "command": {
        "action": "StartTransaction",
        "req_data": {
            "connectorId": 1,
            "idTag": "e0607b18-2f62-4621-8f4f-ceb6c002e2e0",
            "timestamp": "2025-03-22T12:00:00Z",
            "meterStart": 1000
        }
    }
}
"""
STOP = """
{
    "command": {
        "action": "StopTransaction",
        "req_data": {
            "transactionId": 1,
            "timestamp": "2025-03-22T14:00:00Z",
            "meterStop": 1050
        }
    }
}
"""
REMOTE_START = """
{
    "command": {
        "action": "StartRemoteTransaction",
        "req_data": {
            "connectorId": 1,
            "idTag": "1234567890AB",
            "timestamp": "2025-03-22T12:00:00Z",
            "meterStart": 1000
        }
    }
}
"""
REMOTE_STOP = """
{
    "command": {
        "action": "StopRemoteTransaction",
        "req_data": {
            "transactionId": 1,
            "timestamp": "2025-03-22T14:00:00Z",
            "meterStop": 1050,
        }
    }
}
"""


@pytest.fixture(scope="module")
def live(sqlite_server: ForkedServer) -> ForkedServer:
    return sqlite_server


@pytest.fixture(scope="module")
def printed(live: ForkedServer) -> str:
    """What the two commands of the document print: chargers are made, and the user."""
    assert live.flask("create_chargers") == "Successfully created chargers\n"
    return live.flask("create_user")


@pytest.fixture(scope="module")
def access(printed: str) -> str:
    """The access token, as the user of the document copies it from the console."""
    found = re.search(r"^JWT Access Token >>>>   (\S+)$", printed, re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture
def script(live: LiveServer, access: str) -> Script:
    return Script(live, access)


def _send(script: Script, example: str) -> requests.Response:
    headers = {"Content-Type": "application/json"}
    return script.call("POST", "/api/chargers/charger_1/send-command/", data=example, headers=headers)


def _response(script: Script, example: str) -> Any:
    answer = _send(script, example)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"
    assert answer.json()["command"] == json.loads(example)["command"]
    return answer.json()["response"]


@pytest.mark.seed("002", "POST /api/token/refresh/", "flask create-user")
def test_the_refresh_curl_brings_a_new_access_token(live: LiveServer, printed: str) -> None:
    found = re.search(r"^JWT Refresh Token >>>>   (\S+)$", printed, re.MULTILINE)
    assert found
    told = documents.shell(REFRESH.replace("your-refresh-token-here", found[1]), live)
    assert Script(live, told["access"]).get("/api/transactions/").status_code == 200


@pytest.mark.seed("002", "send-command BootNotification", "send-command Heartbeat", "send-command Authorize")
def test_boot_heartbeat_and_authorize(script: Script) -> None:
    assert _response(script, BOOT)["status"] == "Accepted"
    assert "currentTime" in _response(script, HEARTBEAT)
    assert _response(script, AUTHORIZE) == {"idTagInfo": {"status": "Invalid"}}  # nobody's card


@pytest.mark.seed("002", "send-command StartTransaction", "send-command StopTransaction")
def test_start_and_stop_a_transaction(script: Script) -> None:
    number = _response(script, START)["transactionId"]
    begun = script.get("/api/transactions/").json()[0]
    assert (begun["id"], begun["status"], begun["meter_start"]) == (number, "ACTIVE", 1000)
    assert _response(script, STOP.replace('"transactionId": 1', f'"transactionId": {number}')) == {}
    ended = script.get("/api/transactions/").json()[0]
    assert (ended["status"], ended["energy_consumed_kWh"], ended["meter_stop"]) == ("COMPLETED", 0.05, 1050)
    assert _response(script, STOP) == {}  # as it stands: of a transaction that nobody began


@pytest.mark.seed("002", "send-command StartRemoteTransaction", "send-command StopRemoteTransaction")
def test_start_and_stop_from_afar(script: Script, live: LiveServer) -> None:
    assert _send(script, REMOTE_START).status_code == 409  # nobody is connected
    peer = dial(live, "/ws/ocpp/charger_1/", offered=None)
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Preparing", "errorCode": "NoError"})
    (charger,) = script.get("/api/chargers/connected/").json()
    assert (charger["name"], charger["status"]) == ("charger_1", "CONNECTED")
    asked = script.later("POST", "/api/chargers/charger_1/send-command/", json.loads(REMOTE_START))
    order = peer.order()
    assert (order.action, order.payload["idTag"]) == ("RemoteStartTransaction", "1234567890AB")
    peer.answer(order, {"status": "Accepted"})
    assert asked.result(30).json()["response"] == {"status": "Accepted"}
    comma = _send(script, REMOTE_STOP)  # as it stands it is no JSON: a comma before the brace
    assert (comma.status_code, "JSON" in comma.json()["detail"]) == (400, True)
    without = json.loads(re.sub(r",(\s*})", r"\1", REMOTE_STOP))
    asked = script.later("POST", "/api/chargers/charger_1/send-command/", without)
    order = peer.order()
    assert (order.action, order.payload) == ("RemoteStopTransaction", {"transactionId": 1})
    peer.answer(order, {"status": "Rejected"})
    assert asked.result(30).json()["response"] == {"status": "Rejected"}
    peer.hang_up()
