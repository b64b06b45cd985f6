"""ov2xmp-django: what its document promises, under its addresses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from csms import clock
from csms.domain import energy
from csms.domain.accounts import Role
from csms.domain.energy import Period, Profile, ProfileKind, Purpose, RateUnit, Schedule
from tests.compat.conftest import Script
from tests.desk import Desk, wait_for
from tests.flows.peer import Peer, dial
from tests.live import LiveServer

ACCEPTED = {"status": "Accepted"}
TOMORROW = (clock.now() + timedelta(days=1)).replace(microsecond=0)
TOMORROW_TEXT = TOMORROW.isoformat().replace("+00:00", ".000Z")
HOME = {"location": "ftp://files.example.org/"}
LISTED = {"id_tag": "CARD1", "id_tag_info": {"status": "Accepted", "expiry_date": TOMORROW_TEXT}}


@pytest.fixture
def peer(live: LiveServer) -> Peer:
    """A charger with one connector that is free."""
    peer = dial(live, "/ws/ocpp/CP-1")
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"})
    return peer


# What is asked, what the charger is told, what it answers, and how that is written here.
COMMANDS: list[tuple[str, dict[str, Any], str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("reset", {"reset_type": "Hard"}, "Reset", {"type": "Hard"}, ACCEPTED, ACCEPTED),
    (
        "remotestarttransaction",
        {"id_tag": "CARD1"},
        "RemoteStartTransaction",
        {"idTag": "CARD1"},
        ACCEPTED,
        ACCEPTED,
    ),
    (
        "remotestarttransaction",
        {"id_tag": "CARD1", "connector_id": 1},
        "RemoteStartTransaction",
        {"idTag": "CARD1", "connectorId": 1},
        {"status": "Rejected"},
        {"status": "Rejected"},
    ),
    (
        "remotestoptransaction",
        {"transaction_id": 4711},
        "RemoteStopTransaction",
        {"transactionId": 4711},
        {"status": "Rejected"},
        {"status": "Rejected"},
    ),
    (
        "changeavailaility",
        {"connector_id": 1, "availability_type": "Inoperative"},
        "ChangeAvailability",
        {"connectorId": 1, "type": "Inoperative"},
        {"status": "Scheduled"},
        {"status": "Scheduled"},
    ),
    (
        "changeavailability",
        {"connector_id": 0, "availability_type": "Operative"},
        "ChangeAvailability",
        {"connectorId": 0, "type": "Operative"},
        ACCEPTED,
        ACCEPTED,
    ),
    (
        "changeconfiguration",
        {"key": "MeterValueSampleInterval", "value": "60"},
        "ChangeConfiguration",
        {"key": "MeterValueSampleInterval", "value": "60"},
        {"status": "RebootRequired"},
        {"status": "RebootRequired"},
    ),
    ("clearcache", {}, "ClearCache", {}, ACCEPTED, ACCEPTED),
    (
        "unlockconnector",
        {"connector_id": 1},
        "UnlockConnector",
        {"connectorId": 1},
        {"status": "Unlocked"},
        {"status": "Unlocked"},
    ),
    (
        "getcompositeschedule",
        {"connector_id": 1, "duration": 600, "charging_rate_unit_type": "A"},
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 600, "chargingRateUnit": "A"},
        {
            "status": "Accepted",
            "connectorId": 1,
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
            },
        },
        {
            "status": "Accepted",
            "connector_id": 1,
            "charging_schedule": {
                "charging_rate_unit": "A",
                "charging_schedule_period": [{"start_period": 0, "limit": 16}],
            },
        },
    ),
    (
        "clearchargingprofile",
        {"connector_id": 1, "charging_profile_purpose": "TxDefaultProfile", "stack_level": 2},
        "ClearChargingProfile",
        {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 2},
        {"status": "Unknown"},
        {"status": "Unknown"},
    ),
    (
        "getdiagnostics",
        {**HOME, "retries": 2, "retry_interval": 60, "stop_time": "2026-11-20T10:00:00.000Z"},
        "GetDiagnostics",
        {**HOME, "retries": 2, "retryInterval": 60, "stopTime": "2026-11-20T10:00:00.000Z"},
        {"fileName": "log.tgz"},
        {"file_name": "log.tgz"},
    ),
    (
        "updatefirmware",
        {**HOME, "retrieve_date": TOMORROW_TEXT},
        "UpdateFirmware",
        {**HOME, "retrieveDate": TOMORROW_TEXT},
        {},
        {},
    ),
    (
        "triggermessage",
        {"requested_message": "StatusNotification", "connector_id": 1},
        "TriggerMessage",
        {"requestedMessage": "StatusNotification", "connectorId": 1},
        {"status": "NotImplemented"},
        {"status": "NotImplemented"},
    ),
    ("getlocallistversion", {}, "GetLocalListVersion", {}, {"listVersion": 3}, {"list_version": 3}),
    (
        "sendlocallist",
        {"list_version": 4, "update_type": "Full", "local_authorization_list": [LISTED]},
        "SendLocalList",
        {
            "listVersion": 4,
            "updateType": "Full",
            "localAuthorizationList": [
                {"idTag": "CARD1", "idTagInfo": {"status": "Accepted", "expiryDate": TOMORROW_TEXT}}
            ],
        },
        ACCEPTED,
        ACCEPTED,
    ),
    (
        "getconfiguration",
        {"keys": ["HeartbeatInterval"]},
        "GetConfiguration",
        {"key": ["HeartbeatInterval"]},
        {
            "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
            "unknownKey": [],
        },
        {
            "configuration_key": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
            "unknown_key": [],
        },
    ),
]


@pytest.mark.seed(
    "000",
    "message_code",
    "POST /api/ocpp16/reset/",
    "POST /api/ocpp16/remotestarttransaction/",
    "POST /api/ocpp16/remotestoptransaction/",
    "POST /api/ocpp16/changeavailaility/",
    "POST /api/ocpp16/changeconfiguration/",
    "POST /api/ocpp16/clearcache/",
    "POST /api/ocpp16/unlockconnector/",
    "POST /api/ocpp16/getcompositeschedule/",
    "POST /api/ocpp16/clearchargingprofile/",
    "POST /api/ocpp16/getdiagnostics/",
    "POST /api/ocpp16/updatefirmware/",
    "POST /api/ocpp16/triggermessage/",
    "POST /api/ocpp16/getlocallistversion/",
    "POST /api/ocpp16/sendlocallist/",
    "POST /api/ocpp16/getconfiguration/",
)
def test_commands_reach_the_charger_and_bring_its_answer(script: Script, peer: Peer) -> None:
    for name, body, action, payload, answer, told in COMMANDS:
        asked = script.later("POST", f"/api/ocpp16/{name}/", {"chargepoint_id": "CP-1", **body})
        order = peer.order()
        assert (order.action, order.payload) == (action, payload)
        peer.answer(order, answer)
        reply = asked.result(30)
        assert (reply.status_code, reply.json()) == (
            200,
            {"message_code": "RESPONSE_RECEIVED", "message": told},
        ), name


def test_addresses_without_slash_and_the_header_that_says_how_it_ended(script: Script, peer: Peer) -> None:
    asked = script.later("POST", "/api/ocpp16/clearcache", {"chargepoint_id": "CP-1", "sync": True})
    peer.answer(peer.order(), {"status": "Rejected"})
    assert asked.result(30).headers["X-Command-Status"] == "rejected"
    asked = script.later("POST", "/api/ocpp16/clearcache", {"chargepoint_id": "CP-1"})
    order = peer.order()
    peer.send(f'[4,"{order.id}","NotSupported","no cache here",{{}}]')
    reply = asked.result(30)
    assert (reply.status_code, reply.json()["message_code"]) == (200, "CALL_ERROR")
    assert reply.headers["X-Command-Status"] == "error"


@pytest.mark.seed("000", "POST /api/ocpp16/reservenow/", "POST /api/ocpp16/cancelreservation/")
def test_reservenow_books_a_place_and_cancelreservation_gives_it_up(
    script: Script, peer: Peer, desk: Desk
) -> None:
    given = {
        "chargepoint_id": "CP-1",
        "connector_id": 1,
        "id_tag": "CARD1",
        "expiry_date": TOMORROW_TEXT,
        "reservation_id": 70,
    }
    asked = script.later("POST", "/api/ocpp16/reservenow/", given)
    order = peer.order()
    assert (order.action, order.payload["reservationId"]) == ("ReserveNow", 70)
    peer.answer(order, ACCEPTED)
    assert asked.result(30).json()["message"] == ACCEPTED
    (booked,) = desk.call("GET", "/reservations")["data"]
    assert (booked["id"], booked["charger"], booked["id_token"]) == (70, "CP-1", "CARD1")
    taken = script.post("/api/ocpp16/reservenow/", given).json()
    assert taken["message_code"] == "COMMAND_REFUSED"
    cancel = {"chargepoint_id": "CP-1", "reservation_id": 70}
    asked = script.later("POST", "/api/ocpp16/cancelreservation/", cancel)
    order = peer.order()
    assert (order.action, order.payload) == ("CancelReservation", {"reservationId": 70})
    peer.answer(order, ACCEPTED)
    assert asked.result(30).json()["message"] == ACCEPTED
    del given["reservation_id"]
    asked = script.later("POST", "/api/ocpp16/reservenow/", given)
    order = peer.order()
    assert order.payload["reservationId"] == 71
    peer.answer(order, {"status": "Occupied"})
    assert asked.result(30).json()["message"] == {"status": "Occupied"}


@pytest.fixture
def profile_id(desk: Desk) -> int:
    schedule = Schedule(RateUnit.A, (Period(0, 10),))
    with desk.writing() as session:
        profile = Profile(Purpose.TX, ProfileKind.RELATIVE, (schedule,))
        return energy.keep(session, "Ten", None, profile, by=None, at=clock.now()).id


@pytest.mark.seed("000", "POST /api/ocpp16/setchargingprofile/", "POST /api/ocpp16/clearchargingprofile/")
def test_charging_profiles_are_set_and_cleared_by_their_id_here(
    script: Script, peer: Peer, desk: Desk, profile_id: int
) -> None:
    default = desk.call("GET", f"/charging-profiles/{profile_id}")["profile"] | {
        "purpose": "TxDefaultProfile"
    }
    other = desk.call("POST", "/charging-profiles", 201, json={"name": "Default", "profile": default})["id"]
    given = {"chargepoint_id": "CP-1", "connector_id": 1, "charging_profile_id": other}
    asked = script.later("POST", "/api/ocpp16/setchargingprofile/", given)
    order = peer.order()
    assert order.payload["csChargingProfiles"]["chargingProfilePurpose"] == "TxDefaultProfile"
    peer.answer(order, ACCEPTED)
    assert asked.result(30).json()["message"] == ACCEPTED
    number = order.payload["csChargingProfiles"]["chargingProfileId"]
    clear = {"chargepoint_id": "CP-1", "charging_profile_id": other}
    asked = script.later("POST", "/api/ocpp16/clearchargingprofile/", clear)
    order = peer.order()
    assert (order.action, order.payload) == ("ClearChargingProfile", {"id": number})
    peer.answer(order, ACCEPTED)
    assert asked.result(30).json()["message"] == ACCEPTED
    nowhere = script.post("/api/ocpp16/clearchargingprofile/", clear).json()
    assert nowhere["message"] == {"status": "Unknown"}
    missing = script.post("/api/ocpp16/setchargingprofile/", {**given, "charging_profile_id": 999})
    assert (missing.status_code, missing.json()["message_code"]) == (200, "CHARGING_PROFILE_DOES_NOT_EXIST")


@pytest.mark.seed("000", "POST /api/ocpp16/remotestarttransaction/")
def test_remotestarttransaction_takes_a_charging_profile_along(
    script: Script, peer: Peer, profile_id: int
) -> None:
    given = {"chargepoint_id": "CP-1", "id_tag": "CARD1", "charging_profile_id": profile_id}
    asked = script.later("POST", "/api/ocpp16/remotestarttransaction/", given)
    order = peer.order()
    period = order.payload["chargingProfile"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert (order.payload["connectorId"], period) == (1, [{"startPeriod": 0, "limit": 10}])
    peer.answer(order, ACCEPTED)
    assert asked.result(30).json()["message"] == ACCEPTED


@pytest.mark.seed("000", "message_code")
def test_bodies_are_looked_at_field_by_field(script: Script, script_of: Callable[[Role], Script]) -> None:
    empty = script.post("/api/ocpp16/reset/", {"reset_type": "Warm"})
    assert empty.status_code == 400
    assert empty.json()["chargepoint_id"] == ["This field is required."]
    assert "Hard" in empty.json()["reset_type"][0]
    given = {"chargepoint_id": "CP-1", "reset_type": "Soft"}
    nobody = script.post("/api/ocpp16/reset/", given)
    assert (nobody.status_code, nobody.json()) == (
        200,
        {"message_code": "CHARGING_STATION_DOES_NOT_EXIST", "message": "Charging Station does not exist"},
    )
    assert script_of(Role.DRIVER).post("/api/ocpp16/reset/", given).status_code == 403
    assert Script(script.server).post("/api/ocpp16/reset/", given).status_code == 401


def test_an_address_nobody_can_fetch_from_is_told_by_its_field(script: Script, peer: Peer) -> None:
    given = {"chargepoint_id": "CP-1", "location": "nowhere"}
    refused = script.post("/api/ocpp16/getdiagnostics/", given)
    assert (refused.status_code, list(refused.json())) == (400, ["location"])


@pytest.mark.seed("000", "sync", "/api/task/", "/api/task/<task_id>/")
def test_tasks_are_found_by_their_id_also_after_a_restart(
    script: Script, live: LiveServer, peer: Peer, desk: Desk
) -> None:
    given = {"chargepoint_id": "CP-1", "reset_type": "Soft", "sync": False}
    submitted = script.post("/api/ocpp16/reset/", given)
    assert submitted.json() | {"task_id": None} == {
        "message_code": "TASK_SUBMITTED",
        "message": "Task has been submitted successfully",
        "task_id": None,
    }
    address = f"/api/task/{submitted.json()['task_id']}/"
    order = peer.order()
    assert script.get(address).json()["status"] == "STARTED"
    assert script.call("DELETE", address).status_code == 409
    peer.answer(order, ACCEPTED)
    task = wait_for(lambda: script.get(address).json(), lambda x: x["status"] == "SUCCESS")
    assert task["result"] == {"message_code": "RESPONSE_RECEIVED", "message": ACCEPTED}
    live.stop()
    live.start()
    assert script.get(address).json() == task
    assert [x["task_id"] for x in script.get("/api/task/?fields=task_id").json()] == [task["task_id"]]
    page = script.get("/api/task?paginate=true&limit=1&fields=status").json()
    assert page == {"count": 1, "next": None, "previous": None, "results": [{"status": "SUCCESS"}]}
    assert script.call("DELETE", address).status_code == 204
    assert script.get(address).status_code == 404
    assert script.get("/api/task/").json() == []
    kept = desk.command(task["task_id"])
    assert kept["state"] == "accepted"
