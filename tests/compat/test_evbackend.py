"""EV Charger OCPP Backend Module: what its document promises, under its addresses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from csms import clock
from csms.domain.accounts import Role
from tests.compat.conftest import Script
from tests.desk import Desk, wait_for
from tests.flows.peer import dial
from tests.live import LiveServer

NEWCOMER = {"username": "ada", "password": "a long enough password"}
both_forms = pytest.mark.parametrize("slash", ["/", ""])


@pytest.mark.seed("001", "POST /api/auth/register/")
@both_forms
def test_register_gives_a_message_and_tokens(stranger: Script, slash: str) -> None:
    answer = stranger.post(f"/api/auth/register{slash}", NEWCOMER)
    assert answer.status_code == 201
    assert answer.json()["message"]
    assert Script(stranger.server, answer.json()["access"]).post("/api/auth/logout/").status_code == 200


def test_a_name_is_registered_once_and_with_a_password_that_is_good(stranger: Script) -> None:
    assert stranger.post("/api/auth/register/", NEWCOMER).status_code == 201
    assert "username" in stranger.post("/api/auth/register/", NEWCOMER).json()
    bad = stranger.post("/api/auth/register/", {"username": "bob", "password": "short"})
    assert (bad.status_code, list(bad.json())) == (400, ["password"])
    assert stranger.post("/api/auth/register/", {"username": "bob"}).json() == {
        "password": ["This field is required."]
    }


class TestOutsideLabMode:
    @pytest.fixture
    def live_settings(self) -> dict[str, str]:
        return {"CSMS_LAB": "0"}

    def test_register_is_an_operators_to_open(self, stranger: Script) -> None:
        answer = stranger.post("/api/auth/register/", NEWCOMER)
        assert (answer.status_code, "operator" in answer.json()["detail"]) == (403, True)


@pytest.mark.seed("001", "POST /api/auth/login/")
@both_forms
def test_login_gives_a_message_and_tokens(stranger: Script, slash: str) -> None:
    stranger.post("/api/auth/register/", NEWCOMER)
    answer = stranger.post(f"/api/auth/login{slash}", NEWCOMER)
    assert answer.status_code == 200
    assert set(answer.json()) == {"message", "access", "refresh"}
    assert stranger.post("/api/auth/login/", {**NEWCOMER, "password": "wrong"}).status_code == 401


@pytest.mark.seed("001", "POST /api/auth/refresh/")
def test_refresh_gives_a_new_access_token(stranger: Script) -> None:
    pair = stranger.post("/api/auth/register/", NEWCOMER).json()
    fresh = stranger.post("/api/auth/refresh/", {"refresh": pair["refresh"]})
    assert fresh.status_code == 200
    assert fresh.json()["access"] != pair["access"]
    assert stranger.post("/api/auth/refresh/", {"refresh": "nonsense"}).status_code == 401


@pytest.mark.seed("001", "POST /api/auth/logout/")
def test_logout_ends_both_tokens(stranger: Script) -> None:
    pair = stranger.post("/api/auth/register/", NEWCOMER).json()
    mine = Script(stranger.server, pair["access"])
    assert stranger.post("/api/auth/logout/").status_code == 401
    assert mine.post("/api/auth/logout/").status_code == 200
    assert mine.post("/api/auth/logout/").status_code == 401
    assert stranger.post("/api/auth/refresh/", {"refresh": pair["refresh"]}).status_code == 401


@pytest.mark.seed("001", "GET /api/chargers/")
@both_forms
def test_chargers_are_listed_for_those_who_may_see_them(
    script: Script, stranger: Script, script_of: Callable[[Role], Script], slash: str
) -> None:
    dial(script.server, "/ws/ocpp/CP-7/").boot()
    (charger,) = script.get(f"/api/chargers{slash}").json()
    assert charger | {"connected_at": None} == {
        "charge_point_id": "CP-7",
        "charge_point_model": "Peer",
        "charge_point_vendor": "Test",
        "status": "Connected",
        "connected_at": None,
    }
    assert charger["connected_at"]
    assert stranger.get("/api/chargers/").status_code == 401
    assert script_of(Role.DRIVER).get("/api/chargers/").status_code == 403


@pytest.mark.seed("001", "POST /api/chargers/start/<charge_point_id>/")
def test_start_really_starts_a_session(script: Script, live: LiveServer, desk: Desk) -> None:
    peer = dial(live, "/ws/ocpp/CP-7")
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Preparing", "errorCode": "NoError"})
    asked = script.later("POST", "/api/chargers/start/CP-7/", {"id_tag": "TESTTAG"})
    order = peer.order()
    assert (order.action, order.payload) == ("RemoteStartTransaction", {"idTag": "TESTTAG", "connectorId": 1})
    peer.answer(order, {"status": "Accepted"})
    start = {
        "connectorId": 1,
        "idTag": "TESTTAG",
        "meterStart": 5,
        "timestamp": clock.now().isoformat(),
    }
    begun = peer.tell("StartTransaction", start)
    answer = asked.result(30)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "message": "Charger CP-7 started charging.",
            "transaction_id": begun["transactionId"],
            "status": 200,
        },
    )


@pytest.mark.seed("001", "POST /api/chargers/start/<charge_point_id>/")
def test_start_says_what_stands_in_the_way(script: Script, live: LiveServer, desk: Desk) -> None:
    missing = script.post("/api/chargers/start/NOBODY/")
    assert (missing.status_code, missing.json()) == (
        404,
        {"message": "Charger was not found.", "status": 404},
    )
    peer = dial(live, "/ws/ocpp/CP-7")
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"})
    asked = script.later("POST", "/api/chargers/start/CP-7")
    peer.answer(peer.order(), {"status": "Rejected"})
    refused = asked.result(30)
    assert (refused.status_code, "Rejected" in refused.json()["message"]) == (409, True)
    peer.hang_up()
    wait_for(lambda: desk.is_online("CP-7"), lambda is_online: not is_online)
    offline = script.post("/api/chargers/start/CP-7/")
    assert (offline.status_code, "offline" in offline.json()["message"]) == (409, True)


@pytest.mark.seed("001", "POST /ui/run-simulator/", "POST /ui/stop-simulator/")
def test_run_and_stop_the_simulator(stranger: Script, desk: Desk) -> None:
    given = {"charger_id": "SIM-EV"}
    started = stranger.post("/ui/run-simulator/", given)
    assert (started.status_code, started.json()) == (
        200,
        {"status": "success", "message": "Simulator started for charger SIM-EV."},
    )
    wait_for(lambda: desk.is_online("SIM-EV"), bool)
    assert stranger.post("/ui/run-simulator", given).status_code == 409
    stopped = stranger.post("/ui/stop-simulator/", given)
    assert (stopped.status_code, stopped.json()) == (
        200,
        {"status": "success", "message": "Simulator stopped for charger SIM-EV."},
    )
    missing = stranger.post("/ui/stop-simulator/", given)
    assert (missing.status_code, missing.json()["status"]) == (404, "error")
    assert "No running simulator found" in missing.json()["message"]
    assert stranger.get("/ui/run-simulator/").status_code == 400
    assert stranger.post("/ui/run-simulator/", {}).status_code == 400


@pytest.mark.seed("001", "/ui/", "/ui/dashboard/", "/ui/charger/<id>/")
@both_forms
def test_ui_leads_to_the_pages(client: FlaskClient, slash: str) -> None:
    assert client.get("/ui/").location.startswith("/login")
    assert client.get(f"/ui/dashboard{slash}").location == "/ui/"
    assert client.get(f"/ui/charger/CP-7{slash}").location.startswith("/login?next=")
    assert client.post("/ui/run-simulator/", json={"charger_id": "CP-7"}).status_code == 401
