"""The websockets on which old systems' pages hear what happens, against a running server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from csms import clock
from csms.domain.accounts import Role
from tests.compat.conftest import Script, make_script
from tests.desk import Desk
from tests.flows.peer import dial
from tests.live import LiveServer
from tests.nursery import ForkedServer, Nursery

Serve = Callable[..., ForkedServer]


@pytest.fixture(scope="module")
def serve(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serve]:
    made: list[ForkedServer] = []

    def start(**settings: str) -> ForkedServer:
        directory = tmp_path_factory.mktemp("feeds")
        shutil.copy(sqlite_template, directory / "amberline.db")
        server = ForkedServer(nursery, directory, f"sqlite:///{directory / 'amberline.db'}", **settings)
        server.start()
        made.append(server)
        return server

    yield start
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def live(serve: Serve) -> LiveServer:
    return serve(CSMS_SIGN_UP="1")


def listen(server: LiveServer, path: str, **headers: str) -> ClientConnection:
    # legacy: not as a context manager, as the other tests
    return connect(server.ws_url + path, additional_headers=headers, close_timeout=1, legacy=True)


def heard(ws: ClientConnection) -> Any:
    return json.loads(ws.recv(20))


@pytest.mark.seed("003", "WS /ws/echo/")
def test_echo_gives_back_text_and_bytes(live: LiveServer) -> None:
    for path in ("/ws/echo/", "/ws/echo"):
        ws = listen(live, path)
        for message in ("grüße", b"\x00\xff\x01", "", b"", b"\xfe" * 40_000):
            ws.send(message)
            assert ws.recv(20) == message
        ws.send([b"in", b" two ", b"parts"])
        assert ws.recv(20) == b"in two parts"
        ws.close()


def test_echo_has_a_limit(live: LiveServer) -> None:
    ws = listen(live, "/ws/echo/")
    ws.send(b"\x00" * 70_000)
    with pytest.raises(ConnectionClosed) as closed:
        ws.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.seed("001", "WS /ws/frontend/")
def test_frontend_tells_of_a_chargers_life(live: LiveServer) -> None:
    ws = listen(live, "/ws/frontend/")
    peer = dial(live, "/ws/ocpp/FEED-1")
    assert heard(ws) == {
        "message": "Charger FEED-1 connected.",
        "charger_id": "FEED-1",
        "status": "Connected",
    }
    peer.boot()
    peer.tell("Heartbeat", {})
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": clock.now().isoformat()}
    begun = peer.tell("StartTransaction", start)
    stop = {"transactionId": begun["transactionId"], "meterStop": 9, "timestamp": clock.now().isoformat()}
    peer.tell("StopTransaction", stop)
    found = {heard(ws)["status"] for _ in range(4)}
    assert found == {"Booted", "Heartbeat", "Transaction Started", "Transaction Stopped"}
    peer.close()
    assert heard(ws)["status"] == "Disconnected"
    ws.close()


@pytest.mark.seed("000", "WS /ws/updates/metervalues/", "WS /ws/updates/connector/")
def test_updates_of_meter_values_and_connectors(live: LiveServer) -> None:
    meters, connectors = listen(live, "/ws/updates/metervalues/"), listen(live, "/ws/updates/connector/")
    peer = dial(live, "/ws/ocpp/FEED-2")
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 2, "status": "Charging", "errorCode": "NoError"})
    told = heard(connectors)
    assert (told["type"], told["connector"]["connectorid"]) == ("connector_update", 2)
    assert told["connector"]["connector_status"] == "Charging"
    desk = Desk(live)
    script = make_script(live, desk, Role.READ_ONLY)
    [shown] = script.get(f"/api/connector/{told['connector']['uuid']}/").json()
    assert told["connector"] == shown
    assert len(told["connector"]["tariff_history"]) == 288
    desk.close()
    sampled = [{"value": "1234", "unit": "Wh"}]
    value = {"timestamp": clock.now().isoformat(), "sampledValue": sampled}
    peer.tell("MeterValues", {"connectorId": 2, "meterValue": [value]})
    told = heard(meters)
    assert (told["connector_id"], told["transaction_id"]) == (2, None)
    [one] = told["meterValue"][0]["sampledValue"]
    assert (one["value"], one["unit"], one["measurand"]) == ("1234", "Wh", "Energy.Active.Import.Register")
    peer.close()


def test_a_connector_whose_slots_change_is_told(live: LiveServer) -> None:
    desk, peer = Desk(live), dial(live, "/ws/ocpp/FEED-SLOTS")
    peer.boot()
    script = make_script(live, desk, Role.OWNER)
    connectors = listen(live, "/ws/updates/connector/")
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"})
    uuid = heard(connectors)["connector"]["uuid"]
    evening = {"capacity_time_range": "17:00-20:00", "capacity": 7.4}
    assert script.call("PATCH", f"/api/connector/{uuid}/", json=evening).status_code == 200
    told = heard(connectors)["connector"]
    assert (told["uuid"], told["capacity_history"]["18:00-18:05"]) == (uuid, 7.4)
    peer.close()
    desk.close()


@pytest.mark.seed("000", "WS /ws/updates/tasks/")
def test_updates_of_tasks_tell_each_answer_with_the_tasks_id(live: LiveServer) -> None:
    desk = Desk(live)
    script = make_script(live, desk, Role.OPERATOR)
    tasks = listen(live, "/ws/updates/tasks/")
    peer = dial(live, "/ws/ocpp/FEED-3")
    peer.boot()
    asked = {"chargepoint_id": "FEED-3", "sync": False}
    submitted = script.post("/api/ocpp16/clearcache/", asked).json()
    peer.answer(peer.order(), {"status": "Accepted"})
    task = json.loads(heard(tasks)["message"])
    assert (task["task_id"], task["status"]) == (submitted["task_id"], "SUCCESS")
    assert task["result"]["message"] == {"status": "Accepted"}
    peer.close()
    tasks.close()
    desk.close()


@pytest.mark.seed("000", "WS /ws/updates/user/")
def test_updates_of_users_tell_who_is_new(live: LiveServer) -> None:
    users = listen(live, "/ws/updates/user/")
    given = {"username": "nadia", "password": "an amber line at noon"}
    assert Script(live).post("/api/auth/register/", given).status_code == 201
    told = heard(users)
    assert told["type"] == "user_update"
    assert told["user"].keys() == {"id", "username", "first_name", "last_name", "email"}
    assert (told["user"]["username"], told["user"]["email"]) == ("nadia", "")
    users.close()


def test_there_is_no_other_feed(live: LiveServer) -> None:
    with pytest.raises(InvalidStatus):
        listen(live, "/ws/updates/nothing/")


def test_pages_of_other_sites_may_not_listen(live: LiveServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        listen(live, "/ws/frontend/", Origin="https://elsewhere.example.com")
    assert refused.value.response.status_code == 403
    listen(live, "/ws/frontend/", Origin=live.url).close()


def test_outside_lab_mode_a_token_is_asked_for(serve: Serve) -> None:
    server = serve(CSMS_LAB="0")
    desk = Desk(server)
    operator: Script = make_script(server, desk, Role.OPERATOR)
    driver: Script = make_script(server, desk, Role.DRIVER)
    with pytest.raises(InvalidStatus) as refused:
        listen(server, "/ws/frontend/")
    assert refused.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        listen(server, f"/ws/frontend/?token={driver.token}")
    assert refused.value.response.status_code == 403
    listen(server, f"/ws/frontend/?token={operator.token}").close()
    listen(server, "/ws/frontend/", Authorization=f"Bearer {operator.token}").close()
    listen(server, f"/ws/echo/?token={driver.token}").close()
    desk.close()
