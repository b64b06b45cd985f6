"""OCPP Backend Module: what its document promises, under its addresses, and its own examples as they stand."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from make import make_charger
from requests import Response
from sqlalchemy import select

from csms import clock
from csms.domain import verify
from csms.domain.accounts import Role
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.frames import Frame, Verdict
from tests.compat.conftest import Script, make_script
from tests.desk import Desk
from tests.flows.peer import Peer, dial
from tests.live import LiveServer
from tests.nursery import ForkedServer, Nursery

BOOT = {
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
            "meterSerialNumber": "1122334455",
        },
    }
}
HEARTBEAT = {"command": {"action": "Heartbeat", "req_data": {}}}
AUTHORIZE = {"command": {"action": "Authorize", "req_data": {"idTag": "1234567890AB"}}}
START = {
    "command": {
        "action": "StartTransaction",
        "req_data": {
            "connectorId": 1,
            "idTag": "e0607b18-2f62-4621-8f4f-ceb6c002e2e0",
            "timestamp": "2025-03-22T12:00:00Z",
            "meterStart": 1000,
        },
    }
}
STOP = {
    "command": {
        "action": "StopTransaction",
        "req_data": {"transactionId": 1, "timestamp": "2025-03-22T14:00:00Z", "meterStop": 1050},
    }
}
REMOTE_START = {
    "command": {
        "action": "StartRemoteTransaction",
        "req_data": {
            "connectorId": 1,
            "idTag": "1234567890AB",
            "timestamp": "2025-03-22T12:00:00Z",
            "meterStart": 1000,
        },
    }
}
REMOTE_STOP = """{
    "command": {
        "action": "StopRemoteTransaction",
        "req_data": {
            "transactionId": 1,
            "timestamp": "2025-03-22T14:00:00Z",
            "meterStop": 1050,
        }
    }
}"""
names = itertools.count(1)


@pytest.fixture(scope="module")
def live(nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One server for all tests here, in lab mode: each has a charger of its own."""
    directory = tmp_path_factory.mktemp("ocppbackend")
    shutil.copy(sqlite_template, directory / "amberline.db")
    url = f"sqlite:///{directory / 'amberline.db'}"
    server = ForkedServer(nursery, directory, url)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def desk(live: LiveServer) -> Iterator[Desk]:
    desk = Desk(live)
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def script(live: LiveServer, desk: Desk) -> Script:
    return make_script(live, desk, Role.OPERATOR)


@pytest.fixture
def name(desk: Desk) -> str:
    """A charger with two connectors that is not connected."""
    name = f"charger_{next(names)}"
    with desk.writing() as session:
        make_charger(session, name, connectors=2, policy=AuthorizationPolicy.KNOWN)
    return name


@pytest.fixture
def send(script: Script, name: str) -> Send:
    """Send a command to the charger: the response, or with another status the whole answer."""

    def send_command(command: Any, status: int = 200) -> Any:
        answer = script.post(f"/api/chargers/{name}/send-command/", command)
        assert answer.status_code == status, answer.text
        if status != 200:
            return answer.json()
        assert answer.json()["status"] == "success"
        assert answer.json()["command"] == command["command"]
        return answer.json()["response"]

    return send_command


def listed(script: Script, name: str) -> dict[str, Any]:
    """The charger's newest transaction, as the list of all shows it."""
    of_it = [x for x in script.get("/api/transactions/").json() if x["connector_charger_name"] == name]
    return dict(of_it[0])


def shown(script: Script, name: str) -> dict[str, Any]:
    return dict(script.get(f"/api/chargers/{name}/").json())


Send = Callable[..., Any]


class TestInTheNameOfACharger:
    @pytest.mark.seed("002", "send-command BootNotification")
    def test_send_command_boot_notification_as_documented(
        self, send: Send, script: Script, name: str
    ) -> None:
        response = send(BOOT)
        assert (response["status"], response["interval"] > 0) == ("Accepted", True)
        charger = shown(script, name)
        given: Any = BOOT["command"]["req_data"]
        told = {
            "vendor": given["chargePointVendor"],
            "model": given["chargePointModel"],
            "box_serial_number": given["chargeBoxSerialNumber"],
            "serial_number": given["chargePointSerialNumber"],
            "firmware_version": given["firmwareVersion"],
            "iccid": given["iccid"],
            "imsi": given["imsi"],
            "meter_serial_number": given["meterSerialNumber"],
            "name": name,
            "status": "DISCONNECTED",
        }
        assert charger | told == charger
        assert [x["status"] for x in charger["status_logs"]] == ["Booted"]

    @pytest.mark.seed("002", "send-command Heartbeat")
    def test_send_command_heartbeat_as_documented_and_the_journal_says_who_told_it(
        self, send: Send, name: str, desk: Desk
    ) -> None:
        assert "currentTime" in send(HEARTBEAT)
        with desk.reading() as session:
            frame = session.scalars(select(Frame).join(Charger).where(Charger.identity == name)).one()
            assert verify.verify(session) == []
        assert (frame.action, frame.verdict) == ("Heartbeat", Verdict.VALID)
        assert frame.detail == "Told by script-operator through the API."

    @pytest.mark.seed("002", "send-command Authorize", "id_tag")
    def test_send_command_authorize_as_documented_and_with_the_chargers_own_tag(
        self, send: Send, script: Script, name: str
    ) -> None:
        assert send(AUTHORIZE) == {"idTagInfo": {"status": "Invalid"}}
        own = shown(script, name)["id_tag"]
        for tag, verdict in ((own, "Accepted"), (own + "x", "Invalid")):  # equal, not part of it
            told = send({"command": {"action": "Authorize", "req_data": {"idTag": tag}}})
            assert told == {"idTagInfo": {"status": verdict}}

    @pytest.mark.seed(
        "002", "send-command StartTransaction", "send-command StopTransaction", "GET /api/transactions/"
    )
    def test_send_command_start_and_stop_transaction_as_documented(
        self, send: Send, script: Script, name: str, desk: Desk
    ) -> None:
        begun = send(START)
        running = listed(script, name)
        told = {
            "id": begun["transactionId"],
            "connector_tag_name": "connector_1",
            "start_time": "2025-03-22T12:00:00Z",
            "end_time": None,
            "meter_start": 1000,
            "meter_stop": None,
            "status": "ACTIVE",
            "type": "CHARGER",
        }
        assert running | told == running
        stop: Any = json.loads(json.dumps(STOP))
        stop["command"]["req_data"]["transactionId"] = begun["transactionId"]
        assert send(stop) == {}
        ended = listed(script, name)
        told = {
            "end_time": "2025-03-22T14:00:00Z",
            "energy_consumed_kWh": 0.05,
            "meter_stop": 1050,
            "status": "COMPLETED",
        }
        assert ended | told == ended
        assert "told_by_api" in desk.call("GET", f"/transactions/{begun['transactionId']}")["flags"]
        log = shown(script, name)["status_logs"]
        assert [x["status"] for x in log] == ["Transaction Stopped", "Transaction Started"]

    def test_a_stop_of_a_transaction_that_nobody_began_is_kept_for_a_person(
        self, send: Send, script: Script, name: str
    ) -> None:
        assert send(STOP) == {}
        assert listed(script, name)["status"] == "Failed"

    @pytest.mark.seed("002", "send-command StartTransaction")
    def test_connectors_by_any_of_their_names(self, send: Send, script: Script, name: str) -> None:
        for connector in ("connector_2", "2", 2):
            one: Any = json.loads(json.dumps(START))
            one["command"]["req_data"]["connectorId"] = connector
            send(one)
            assert listed(script, name)["connector_tag_name"] == "connector_2"

    @pytest.mark.seed("002", "POST /api/chargers/<name>/send-command/")
    def test_send_command_at_all_its_addresses(self, script: Script, name: str) -> None:
        for last in ("send-command/", "send-command", "send_command/", "send_command"):
            assert script.post(f"/api/chargers/{name}/{last}", HEARTBEAT).status_code == 200

    @pytest.mark.seed("002", "POST /api/chargers/<name>/send-command/")
    def test_bad_requests(self, send: Send, script: Script, name: str) -> None:
        assert send({}, 400) == {"command": ["This field is required."]}
        assert send({"command": {"req_data": {}}}, 400) == {"action": ["This field is required."]}
        unknown = send({"command": {"action": "Dance", "req_data": {}}}, 400)
        assert "Invalid action type" in unknown["non_field_errors"][0]
        missing = {"command": {"action": "StartTransaction", "req_data": {"connectorId": 1}}}
        assert set(send(missing, 400)) == {"idTag", "meterStart", "timestamp"}
        json_headers = {"Content-Type": "application/json"}
        trailing = script.post(f"/api/chargers/{name}/send-command/", data=REMOTE_STOP, headers=json_headers)
        assert (trailing.status_code, "JSON" in trailing.json()["detail"]) == (400, True)
        assert script.post("/api/chargers/nobody/send-command/", HEARTBEAT).status_code == 404

    def test_what_is_to_be_sent_needs_a_charger_that_is_there(self, send: Send) -> None:
        assert "offline" in send(REMOTE_START, 409)["detail"]
        assert send({"command": "START"}, 409)["detail"]
        assert send({"command": "STOP"}, 400)["detail"]

    def test_who_may_speak_for_a_charger(self, live: LiveServer, desk: Desk, name: str) -> None:
        address = f"/api/chargers/{name}/send-command/"
        assert Script(live).post(address, HEARTBEAT).status_code == 200  # lab mode
        for role in (Role.SUPPORT, Role.DRIVER):
            assert make_script(live, desk, role).post(address, HEARTBEAT).status_code == 403


def test_a_token_is_asked_for_outside_lab_mode(client: FlaskClient) -> None:
    for path in ("/api/chargers/connected/", "/api/transactions/", "/api/chargers/charger_1/"):
        assert client.get(path).status_code == 401
    assert client.post("/api/chargers/charger_1/send-command/", json=HEARTBEAT).status_code == 401


@pytest.fixture
def peer(live: LiveServer, name: str) -> Iterator[Peer]:
    """The charger, connected."""
    peer = dial(live, f"/ws/ocpp/{name}/")
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Preparing", "errorCode": "NoError"})
    yield peer
    peer.close()


@pytest.fixture
def later(script: Script, name: str) -> Callable[[Any], Future[Response]]:
    return lambda command: script.later("POST", f"/api/chargers/{name}/send-command/", command)


Later = Callable[[Any], "Future[Response]"]


class TestToTheCharger:
    @pytest.mark.seed("002", "send-command StartRemoteTransaction")
    def test_start_remote_transaction_as_documented(self, later: Later, peer: Peer) -> None:
        asked = later(REMOTE_START)
        order = peer.order()
        payload = {"connectorId": 1, "idTag": "1234567890AB"}
        assert (order.action, order.payload) == ("RemoteStartTransaction", payload)
        peer.answer(order, {"status": "Accepted"})
        assert asked.result(30).json() == {
            "status": "success",
            "command": REMOTE_START["command"],
            "response": {"status": "Accepted"},
        }

    @pytest.mark.seed("002", "send-command StopRemoteTransaction")
    def test_stop_remote_transaction_as_documented_but_for_its_comma(self, later: Later, peer: Peer) -> None:
        asked = later(json.loads(re.sub(r",(\s*\})", r"\1", REMOTE_STOP)))
        order = peer.order()
        assert (order.action, order.payload) == ("RemoteStopTransaction", {"transactionId": 1})
        peer.answer(order, {"status": "Rejected"})
        assert asked.result(30).json()["response"] == {"status": "Rejected"}

    @pytest.mark.seed("002", 'send-command "START" and "STOP"')
    def test_start_and_stop_by_their_words(
        self, later: Later, peer: Peer, script: Script, name: str, desk: Desk
    ) -> None:
        asked = later({"command": "START"})
        order = peer.order()
        assert (order.action, order.payload["connectorId"]) == ("RemoteStartTransaction", 1)
        peer.answer(order, {"status": "Accepted"})
        assert asked.result(30).json()["response"] == {"status": "Accepted"}
        start = {"connectorId": 1, "idTag": order.payload["idTag"], "meterStart": 0}
        begun = peer.tell("StartTransaction", start | {"timestamp": clock.now().isoformat()})
        assert listed(script, name)["type"] == "REMOTE"
        asked = later({"command": "STOP"})
        order = peer.order()
        assert order.payload == {"transactionId": begun["transactionId"]}
        peer.answer(order, {"status": "Accepted"})
        assert asked.result(30).status_code == 200

    def test_any_other_action_is_asked_of_the_charger(self, later: Later, peer: Peer, send: Send) -> None:
        asked = later({"command": {"action": "Reset", "req_data": {"type": "Soft"}}})
        order = peer.order()
        assert order.action == "Reset"
        peer.answer(order, {"status": "Accepted"})
        assert asked.result(30).status_code == 200
        send({"command": {"action": "Reset", "req_data": {}}}, 400)

    def test_a_charger_that_gives_no_answer_is_a_504(self, later: Later, peer: Peer) -> None:
        asked = later(REMOTE_START)
        peer.order()
        peer.hang_up()
        answer = asked.result(30)
        assert (answer.status_code, answer.json()["status"]) == (504, "error")

    def test_messages_told_for_a_charger_that_is_there_do_not_reach_it(self, send: Send, peer: Peer) -> None:
        send(HEARTBEAT)
        assert "currentTime" in peer.tell("Heartbeat", {})
        assert peer.pending() == []

    @pytest.mark.seed("002", "GET /api/chargers/connected/", "Charger, Connector, Transaction, StatusLog")
    def test_connected_chargers_with_every_field(self, script: Script, peer: Peer, name: str) -> None:
        [charger] = [x for x in script.get("/api/chargers/connected/").json() if x["name"] == name]
        assert {"location", "last_communication", "id_tag", "connectors"} <= set(charger)
        assert charger["status"] == "CONNECTED"
        told = {x["connector_tag"]: x["status"] for x in charger["connectors"]}
        assert told == {"connector_1": "OCCUPIED", "connector_2": "AVAILABLE"}

    @pytest.mark.seed("001", "Status log")
    @pytest.mark.seed("002", "Charger, Connector, Transaction, StatusLog")
    def test_the_status_history_is_told_newest_first(self, desk: Desk, peer: Peer, name: str) -> None:
        address = f"/chargers/{name}/status-history"
        log = desk.call("GET", address, params={"limit": 2})
        assert [x["status"] for x in log["data"]] == ["Preparing", "Booted"]
        older = desk.call("GET", address, params={"cursor": log["next_cursor"]})
        assert [x["status"] for x in older["data"]] == ["Connected"]


@pytest.mark.seed("000", "POST /api/token/refresh/", "POST /api/token/verify/")
@pytest.mark.seed("002", "POST /api/token/refresh/")
@pytest.mark.parametrize("slash", ["/", ""])
def test_token_refresh_and_verify(app: Flask, slash: str) -> None:
    client, runner = app.test_client(), app.test_cli_runner()
    runner.invoke(args=["create-user", "--username", "ada", "--password", "a good long password"])
    given = {"username": "ada", "password": "a good long password"}
    pair = client.post(f"/api/token{slash}", json=given)
    assert (pair.status_code, set(pair.json or ())) == (200, {"access", "refresh"})
    assert pair.json
    for token in pair.json.values():
        assert client.post(f"/api/token/verify{slash}", json={"token": token}).json == {}
    fresh = client.post(f"/api/token/refresh{slash}", json={"refresh": pair.json["refresh"]})
    assert set(fresh.json or ()) == {"access", "refresh"}
    used = client.post(f"/api/token/verify{slash}", json={"token": pair.json["refresh"]})
    assert (used.status_code, used.json) == (
        401,
        {"detail": "Token is invalid or expired", "code": "token_not_valid"},
    )
    wrong = client.post(f"/api/token{slash}", json=given | {"password": "wrong"})
    assert wrong.status_code == 401


@pytest.mark.seed("002", "flask create-user")
def test_create_user_prints_both_tokens_each_time(app: Flask) -> None:
    runner, client = app.test_cli_runner(), app.test_client()
    first = runner.invoke(args=["create_user"])
    assert first.exit_code == 0, first.output
    assert re.search(r"^Password: \S{16}", first.output, re.MULTILINE)  # made up: there is no default one
    again = runner.invoke(args=["create-user"])
    assert "Password" not in again.output
    for done in (first, again):
        found = re.search(r"^JWT Access Token >>>>   (\S+)$", done.output, re.MULTILINE)
        assert found
        assert client.get("/api/transactions/", headers={"Authorization": f"Bearer {found[1]}"}).json == []
        assert re.search(r"^JWT Refresh Token >>>>   \S+$", done.output, re.MULTILINE)


@pytest.mark.seed("002", "flask create-chargers")
def test_create_chargers_makes_three_with_two_connectors_and_may_be_run_again(app: Flask) -> None:
    runner, client = app.test_cli_runner(), app.test_client()
    for name in ("create-chargers", "create_chargers"):
        assert runner.invoke(args=[name]).output == "Successfully created chargers\n"
    app.config["LAB"] = True
    for number in (1, 2, 3):
        charger = client.get(f"/api/chargers/charger_{number}/").json
        assert charger
        assert [x["connector_tag"] for x in charger["connectors"]] == ["connector_1", "connector_2"]
        assert (charger["status"], len(charger["id_tag"])) == ("DISCONNECTED", 36)
