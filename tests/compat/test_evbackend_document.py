"""EV Charger OCPP Backend Module: the addresses of its document, as they stand, by somebody who reads it."""

from __future__ import annotations

import pytest
import requests

from csms import clock
from csms.domain.accounts import Role
from tests.compat import documents
from tests.compat.conftest import Script, make_script
from tests.desk import Desk
from tests.flows.peer import dial
from tests.live import LiveServer
from tests.nursery import ForkedServer

SERVER = "http://localhost:8000/"
DASHBOARD = "http://localhost:8000/ui/"
REGISTER, LOGIN, LOGOUT, REFRESH = (f"/api/auth/{x}/" for x in ("register", "login", "logout", "refresh"))
CHARGERS, START = "/api/chargers/", "/api/chargers/start/<str:charge_point_id>/"


@pytest.fixture(scope="module")
def live(sqlite_server: ForkedServer) -> LiveServer:
    return sqlite_server


@pytest.mark.seed("001", "/ui/")
def test_server_and_dashboard_are_where_the_document_says(live: LiveServer) -> None:
    for address in (SERVER, DASHBOARD):
        answer = requests.get(documents.here(address, live), timeout=30)
        assert answer.status_code == 200, address


@pytest.mark.seed(
    "001",
    "POST /api/auth/register/",
    "POST /api/auth/login/",
    "POST /api/auth/logout/",
    "POST /api/auth/refresh/",
)
def test_register_login_refresh_logout(live: LiveServer) -> None:
    stranger, who = Script(live), {"username": "reader", "password": "a long enough password"}
    assert {"message", "access", "refresh"} == set(stranger.post(REGISTER, who).json())
    pair = stranger.post(LOGIN, who).json()
    fresh = stranger.post(REFRESH, {"refresh": pair["refresh"]}).json()["access"]
    assert Script(live, fresh).post(LOGOUT).status_code == 200
    assert Script(live, fresh).post(LOGOUT).status_code == 401
    assert stranger.post(LOGOUT).status_code == 401


@pytest.mark.seed("001", "GET /api/chargers/", "POST /api/chargers/start/<charge_point_id>/")
def test_a_charging_station_is_listed_and_a_session_starts(live: LiveServer) -> None:
    desk = Desk(live)
    script = make_script(live, desk, Role.OPERATOR)
    desk.close()
    peer = dial(live, "/ws/ocpp/CP-9/", offered=None)
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Preparing", "errorCode": "NoError"})
    assert [x["charge_point_id"] for x in script.get(CHARGERS).json()] == ["CP-9"]
    asked = script.later("POST", START.replace("<str:charge_point_id>", "CP-9"))
    order = peer.order()
    peer.answer(order, {"status": "Accepted"})
    start = {"connectorId": 1, "idTag": order.payload["idTag"], "meterStart": 0}
    begun = peer.tell("StartTransaction", start | {"timestamp": clock.now().isoformat()})
    assert asked.result(30).json()["transaction_id"] == begun["transactionId"]
    peer.hang_up()
