"""Arthexis: chargers under `/ocpp`, as its documents promise them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from make import Wire, make_charger, make_wire
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain.accounts import Role
from csms.domain.chargers import Charger
from csms.web.filters import qr_svg
from tests.api.caller import begin
from tests.compat.conftest import Script
from tests.compat.near import Near
from tests.desk import Desk, wait_for
from tests.flows.peer import dial
from tests.live import LiveServer
from tests.web.visitor import Visitor

CARD = "04A2B39F11"
both_forms = pytest.mark.parametrize("slash", ["/", ""])


@pytest.fixture
def near(app: Flask, session: Session) -> Near:
    return Near(app, session)


@pytest.fixture
def reader(near: Near) -> Near:
    return near.as_role(Role.READ_ONLY)


@pytest.fixture
def cp1(session: Session) -> Wire:
    begin(session)
    now = clock.now()
    wire = make_wire(session, make_charger(session, "CP1", online=True, at=now))
    wire.now = now
    return wire


def _charge(wire: Wire) -> int:
    """A session that runs, and has told what its meter says."""
    begin(wire.session)
    wire.call("Heartbeat", {}, id="m1")
    at = wire.now.isoformat()
    start = {"connectorId": 1, "idTag": CARD, "meterStart": 5, "timestamp": at}
    number: int = wire.call("StartTransaction", start, id="m2")["transactionId"]
    sampled = [
        {"value": "1005", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "7.4", "measurand": "Power.Active.Import", "unit": "kW"},
    ]
    meters = [{"timestamp": at, "sampledValue": sampled}]
    wire.call("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": meters}, id="m3")
    return number


def _stop(wire: Wire, number: int) -> None:
    begin(wire.session)
    at = wire.now.isoformat()
    wire.call("StopTransaction", {"transactionId": number, "meterStop": 2005, "timestamp": at}, id="m4")


@pytest.mark.seed("003", "GET /ocpp/chargers/")
@pytest.mark.seed("004", "last_path")
@both_forms
def test_ocpp_chargers_lists_state_transaction_and_last_meter_values(
    reader: Near, cp1: Wire, slash: str
) -> None:
    number = _charge(cp1)
    (charger,) = reader.get(f"/ocpp/chargers{slash}").json["chargers"]
    assert (charger["charger_id"], charger["connected"], charger["require_rfid"]) == ("CP1", True, False)
    assert (charger["transaction"]["transactionId"], charger["transaction"]["meterStart"]) == (number, 5)
    assert "stopTime" not in charger["transaction"]
    assert charger["last_path"] == "/CP1"
    assert {"name", "config", "lastHeartbeat"} <= set(charger)
    (moment,) = charger["lastMeterValues"]["meterValue"]
    assert [x["value"] for x in moment["sampledValue"]] == ["1005", "7.4"]


@pytest.mark.seed("003", "GET /ocpp/chargers/")
def test_ocpp_chargers_tells_the_last_transaction_when_none_runs(reader: Near, cp1: Wire) -> None:
    _stop(cp1, _charge(cp1))
    (charger,) = reader.get("/ocpp/chargers/").json["chargers"]
    assert charger["transaction"]["meterStop"] == 2005
    assert charger["transaction"]["stopTime"].endswith("Z")


@pytest.mark.seed("003", "GET /ocpp/chargers/<cid>/")
@both_forms
def test_ocpp_charger_detail_has_the_log_of_messages(near: Near, cp1: Wire, slash: str) -> None:
    _charge(cp1)
    charger = near.as_role(Role.SUPPORT).get(f"/ocpp/chargers/CP1{slash}").json
    assert charger["charger_id"] == "CP1"
    assert "connected" not in charger
    assert charger["log"][0] == '> [2, "m1", "Heartbeat", {}]'
    assert charger["log"][1].startswith('< [3,"m1",{"currentTime":')
    assert any(CARD in line for line in charger["log"])


def test_ocpp_charger_detail_hides_cards_from_those_who_only_read(reader: Near, cp1: Wire) -> None:
    _charge(cp1)
    assert not any(CARD in line for line in reader.get("/ocpp/chargers/CP1/").json["log"])
    missing = reader.get("/ocpp/chargers/NOBODY/")
    assert (missing.status_code, missing.json) == (404, {"detail": "not found"})


def test_ocpp_chargers_and_actions_ask_who_is_there(near: Near, reader: Near) -> None:
    for slash in ("/", ""):
        assert near.get(f"/ocpp/chargers{slash}").status_code == 401
        assert near.get(f"/ocpp/chargers/CP1{slash}").status_code == 401
        assert near.post(f"/ocpp/chargers/CP1/action{slash}", {"action": "reset"}).status_code == 401
        assert reader.post(f"/ocpp/chargers/CP1/action{slash}", {"action": "reset"}).status_code == 403


class TestInLabMode:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"lab": True}

    def test_ocpp_chargers_are_open_to_anyone(self, near: Near) -> None:
        assert near.get("/ocpp/chargers/").json == {"chargers": []}
        refused = near.post("/ocpp/chargers/CP1/action/", {"action": "reset"})
        assert (refused.status_code, refused.json) == (404, {"detail": "no connection"})


@pytest.mark.seed("003", "POST /ocpp/chargers/<cid>/action/")
@pytest.mark.seed("004", "WS /<path>/<charger_id>/")
def test_ocpp_action_sends_orders_and_tells_the_answers(script: Script, live: LiveServer, desk: Desk) -> None:
    peer = dial(live, "/foo/bar/CP1/")
    peer.boot()

    def asks(given: dict[str, Any], action: str, payload: dict[str, Any], status: str = "Accepted") -> None:
        asked = script.later("POST", "/ocpp/chargers/CP1/action/", given)
        order = peer.order()
        assert (order.action, order.payload) == (action, payload)
        peer.answer(order, {"status": status})
        answer = asked.result(30)
        assert answer.status_code == 200, answer.text
        assert json.loads(answer.json()["sent"]) == [2, order.id, action, payload]
        assert answer.json()["response"] == {"status": status}

    def refusal(action: str) -> tuple[int, str]:
        answer = script.post("/ocpp/chargers/CP1/action", {"action": action})
        return answer.status_code, answer.json()["detail"]

    assert refusal("remote_stop") == (404, "no transaction")
    assert refusal("dance") == (400, "unknown action")
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Preparing", "errorCode": "NoError"})
    wanted = {"action": "remote_start", "id_tag": "AABBCCDD", "connector_id": 1}
    asks(wanted, "RemoteStartTransaction", {"idTag": "AABBCCDD", "connectorId": 1})
    at = clock.now().isoformat()
    start = {"connectorId": 1, "idTag": "AABBCCDD", "meterStart": 5, "timestamp": at}
    number = peer.tell("StartTransaction", start)["transactionId"]
    asks({"action": "remote_stop"}, "RemoteStopTransaction", {"transactionId": number})
    asks({"action": "unlock"}, "UnlockConnector", {"connectorId": 1}, "Unlocked")
    unavailable = {"connectorId": 0, "type": "Inoperative"}
    asks({"action": "availability", "type": "Inoperative"}, "ChangeAvailability", unavailable)
    asks({"action": "reset"}, "Reset", {"type": "Soft"})
    peer.hang_up()
    wait_for(lambda: desk.is_online("CP1"), lambda is_online: not is_online)
    assert refusal("reset") == (404, "no connection")


@pytest.mark.seed("004", "MeterReading")
def test_meter_readings_are_kept_per_charger_and_found_by_measurand(reader: Near, cp1: Wire) -> None:
    number = _charge(cp1)
    (everything,) = reader.get("/api/v1/chargers/CP1/readings").json["data"]
    told = [x["measurand"] for x in everything["samples"]]
    assert told == ["Energy.Active.Import.Register", "Power.Active.Import"]
    assert (everything["evse"], everything["transaction_id"]) == (1, number)
    (power,) = reader.get("/api/v1/chargers/CP1/readings?measurand=Power.Active.Import").json["data"]
    (sample,) = power["samples"]
    assert (sample["value"], sample["unit"], sample["raw"]) == (7400.0, "W", "7.4")
    assert reader.get("/api/v1/chargers/CP1/readings?measurand=SoC").json["data"] == []
    assert reader.get("/api/v1/chargers/CP1").json["last_path"] == "/CP1"


@pytest.mark.seed("004", "/ocpp/c/<charger_id>/", "/ocpp/c/<charger_id>/status/")
def test_the_landing_and_status_pages_are_for_anyone(near: Near, cp1: Wire) -> None:
    _charge(cp1)
    landing = near.get("/ocpp/c/CP1/", follow_redirects=True)
    assert (landing.status_code, "CP1" in landing.text) == (200, True)
    status = near.get("/ocpp/c/CP1/status/", follow_redirects=True)
    assert status.status_code == 200
    for words in ("Charging", "#zap", "1.00", "7.4"):
        assert words in status.text
    assert CARD not in status.text


@pytest.mark.seed("004", "qr_img")
def test_qr_img_draws_the_absolute_address_as_an_image(app: Flask) -> None:
    with app.test_request_context():
        image = app.jinja_env.from_string("{{ qr_img('/ocpp/c/CP1/') }}").render()
    assert image.startswith('<img src="data:image/svg+xml;base64,')
    assert 'alt="QR code of http://charging.test/ocpp/c/CP1/"' in image


@pytest.mark.seed("004", "QR code on save")
def test_a_charger_that_is_saved_has_its_code_with_the_absolute_address(app: Flask, session: Session) -> None:
    near = Near(app, session).as_role(Role.OWNER)
    assert near.post("/api/v1/chargers", {"identity": "CP-77"}).status_code == 201
    session.rollback()
    saved = session.scalars(select(Charger).where(Charger.identity == "CP-77")).one()
    page = Visitor(app, session).log_in().get(f"/chargers/{saved.id}").text
    address = f"http://charging.test/c/{saved.slug}"
    assert address in page
    with app.app_context():
        assert qr_svg(address) in page
