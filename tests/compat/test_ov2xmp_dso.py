"""ov2xmp-django: signals of grid operators, from the script to the chargers and back."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import Future
from typing import Any

import pytest
import requests
from sqlalchemy import select
from websockets.sync.client import ClientConnection, connect

from csms import clock
from csms.domain import sites
from csms.domain.chargers import Charger
from csms.domain.commands import Command
from csms.domain.sites import Details
from tests.compat.conftest import Script
from tests.desk import Desk, wait_for
from tests.flows.peer import Peer, dial
from tests.live import LiveServer

SIGNAL = "/api/dso/signal/"


def plug(live: LiveServer, identity: str) -> Peer:
    """A charger with one connector that the server knows."""
    peer = dial(live, f"/ws/ocpp/{identity}")
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"})
    return peer


@pytest.fixture
def peers(live: LiveServer, desk: Desk) -> list[Peer]:
    """Two chargers at a site that the substation TR-7 feeds."""
    peers = [plug(live, "CP-1"), plug(live, "CP-2")]
    with desk.writing() as session:
        site = sites.add(session, Details("Depot", substation_id="TR-7", time_zone="UTC"), at=clock.now())
        session.flush()
        for charger in session.scalars(select(Charger)):
            charger.site_id = site.id
    return peers


def signal(name: str, value: object, **more: Any) -> dict[str, Any]:
    """One that holds from an hour ago to an hour from now."""
    now = int(clock.now().timestamp())
    return {
        "id": 41,
        "uuId": str(uuid.uuid4()),
        "uuName": name,
        "event_timestamp": now,
        "locationCoords": ["37.98", "23.72"],
        "locationName": "Depot",
        "transformerID": "TR-7",
        "duration": 7200,
        "period": [{"timeslot_start": now - 3600, "timeslot_end": now + 3600, "value": value}],
    } | more


def accept(peer: Peer, action: str) -> dict[str, Any]:
    order = peer.order()
    assert order.action == action
    peer.answer(order, {"status": "Accepted"})
    return order.payload


def listen(live: LiveServer, script: Script) -> ClientConnection:
    address = f"{live.ws_url}/ws/updates/dso_signal/?token={script.token}"
    return connect(address, close_timeout=1, legacy=True)  # legacy: not as a context manager


@pytest.mark.seed("000", "/api/dso/signal/", "/api/dso/signal/<id>/", "WS /ws/updates/dso_signal/")
def test_a_capacity_limit_reaches_every_charger_of_the_site_and_ends_with_its_signal(
    live: LiveServer, script: Script, peers: list[Peer]
) -> None:
    feed = listen(live, script)
    given = signal("event_CapacityLimit", 13.8)
    posted: Future[requests.Response] = script.later("POST", SIGNAL, given)
    for peer in peers:
        profile = accept(peer, "SetChargingProfile")
        assert profile["connectorId"] == 0
        told = profile["csChargingProfiles"]
        assert told["chargingProfilePurpose"] == "ChargePointMaxProfile"
        [period] = told["chargingSchedule"]["chargingSchedulePeriod"]
        assert period["limit"] == 10.0  # A: half of 13.8 kW on three phases of 230 V
        assert told["validTo"] is not None
    answer = posted.result(30)
    assert (answer.status_code, answer.json()["transformerID"]) == (201, "TR-7")
    came = json.loads(feed.recv(20))
    assert (came["type"], came["dso_signal"]["id"]) == ("dso_signal_update", 41)
    assert [x["chargepoint"] for x in came["connectors"]] == ["CP-1", "CP-2"]
    assert script.get(f"{SIGNAL}41/").json()["period"] == given["period"]
    assert script.post(SIGNAL, given).status_code == 400  # its id is in use
    assert script.call("DELETE", f"{SIGNAL}41/").status_code == 204
    for peer in peers:
        accept(peer, "ClearChargingProfile")
    assert json.loads(feed.recv(20))["type"] == "dso_signal_withdrawn"
    assert script.get(SIGNAL).json() == []
    feed.send("from the grid")
    assert feed.recv(20) == "from the grid"
    feed.close()


@pytest.mark.seed("000", "/api/dso/signal/")
def test_a_charger_that_was_away_gets_the_limit_when_it_is_back(
    live: LiveServer, script: Script, desk: Desk, peers: list[Peer]
) -> None:
    away = peers.pop()
    away.close()
    wait_for(lambda: desk.charger("CP-2").lease, lambda x: x is not None and not x.is_online(clock.now()))
    posted = script.post(SIGNAL, signal("event_CapacityLimit", 6.9, sync=False))
    assert (posted.status_code, posted.json()["message_code"]) == (200, "TASK_SUBMITTED")
    task = f"/api/task/{posted.json()['task_id']}/"
    assert script.get(task).json()["status"] == "STARTED"
    accept(peers[0], "SetChargingProfile")
    wait_for(lambda: script.get(task).json()["status"], lambda status: status == "SUCCESS")
    wait_for(
        lambda: {x: y["state"] for x, y in script.get(task).json()["result"].items()},
        lambda states: states == {"CP-1": "accepted", "CP-2": "waiting"},
    )
    back = dial(live, "/ws/ocpp/CP-2")
    back.boot()
    profile = accept(back, "SetChargingProfile")["csChargingProfiles"]
    assert profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 0  # for two it is too little
    states = wait_for(lambda: script.get(task).json()["result"], lambda x: x["CP-2"]["state"] == "accepted")
    assert states["CP-1"]["state"] == "accepted"


def test_what_is_no_signal_is_refused_with_the_field(script: Script, desk: Desk) -> None:
    wrong = signal("event_CapacityLimit", 5)
    for change, field in (
        ({"uuName": "event_Storm"}, "uuName"),
        ({"transformerID": ""}, "transformerID"),
        ({"period": [{"timeslot_start": "noon", "timeslot_end": "13:00", "value": 1}]}, "period"),
        ({"period": [{"timeslot_start": 10, "timeslot_end": 5, "value": 1}]}, "period"),
        ({"period": [{"timeslot_start": 1, "timeslot_end": 5, "value": -1}]}, "period"),
    ):
        answer = script.post(SIGNAL, wrong | change)
        assert (answer.status_code, list(answer.json())) == (400, [field])
    with desk.reading() as session:
        assert session.scalars(select(Command)).all() == []
    assert script.get(f"{SIGNAL}41/").status_code == 404
