"""Smart charging for programs: profiles are kept, given to many chargers, cleared and compared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from make import make_charger, store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import commands, energy
from csms.domain.accounts import Role
from csms.domain.commands import CommandState
from csms.domain.energy import RateUnit, ToldSchedule
from tests.api.caller import Api, begin

PROFILE = {
    "purpose": "TxDefaultProfile",
    "kind": "Absolute",
    "stack_level": 1,
    "schedules": [
        {"unit": "A", "starts_at": "2026-01-01T00:00:00Z", "periods": [{"start_s": 0, "limit": 16}]}
    ],
}


def online(session: Session, identity: str = "CP-1") -> int:
    begin(session)
    return make_charger(session, identity, at=clock.now(), online=True, connectors=2).id


def accept_all(session: Session) -> None:
    """The chargers take whatever waits for them."""
    begin(session)
    at = clock.now()
    for command in commands.recent(session):
        if command.state is not CommandState.QUEUED:
            continue
        commands.claim(session, command, message_id=f"m-{command.id}"[:36], epoch=1, at=at, timeout_s=30)
        commands.settle_answer(
            session, command, state=CommandState.ACCEPTED, status="Accepted", answer={}, at=at
        )
        given = command.arguments
        if "profile" in given:
            profile = energy.from_content(given["profile"])
            energy.settle_set(session, command, given["evse"], given["number"], profile, at=at)
    store(session)


def test_a_profile_is_kept_changed_and_forgotten(owner: Api) -> None:
    added = owner.post("/charging-profiles", {"name": "Night", "profile": PROFILE})
    assert added.status_code == 201, added.text
    path = f"/charging-profiles/{added.json['id']}"
    assert added.headers["Location"].endswith(path)
    assert added.json["profile"]["schedules"][0]["periods"][0]["limit"] == 16
    changed = owner.patch(path, {"description": "Slow by day"}).json
    assert (changed["name"], changed["description"]) == ("Night", "Slow by day")
    assert owner.get(path).json == changed
    assert [x["name"] for x in owner.get("/charging-profiles").json["data"]] == ["Night"]
    assert owner.delete(path).status_code == 204
    assert owner.get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "Recurring"}, "/recurrency"),
        ({"stack_level": -1}, "/stack_level"),
        ({"schedules": []}, "/profile/schedules"),
        ({"schedules": [{"unit": "kW", "periods": []}]}, "/profile/schedules/0/unit"),
        ({"valid_from": "2026-01-01T00:00:00"}, "/profile/valid_from"),
        ({"phases": 3}, "/profile/phases"),
    ],
)
def test_a_profile_that_makes_no_sense_is_not_kept(owner: Api, change: dict[str, Any], pointer: str) -> None:
    answer = owner.post("/charging-profiles", {"name": "Bad", "profile": PROFILE | change})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == pointer
    assert owner.get("/charging-profiles").json["data"] == []


def test_a_stored_profile_is_given_to_many_and_who_cannot_take_it_is_told(
    owner: Api, session: Session
) -> None:
    online(session), online(session, "CP-2")
    path = (
        f"/charging-profiles/{owner.post('/charging-profiles', {'name': 'N', 'profile': PROFILE}).json['id']}"
    )
    to = [
        {"charger": "CP-1", "evse": 1},
        {"charger": "CP-2"},
        {"charger": "CP-2", "evse": 7},
        {"charger": "CP-3"},
    ]
    answer = owner.post(f"{path}/assignments", {"to": to}).json
    assert [(x["charger"], x["evse"], x["state"]) for x in answer["assigned"]] == [
        ("CP-1", 1, "wanted"),
        ("CP-2", 0, "wanted"),
    ]
    assert [(x["charger"], x["why"]) for x in answer["refused"]] == [
        ("CP-2", "CP-2 has no connector 7."),
        ("CP-3", "There is no charger CP-3."),
    ]
    accept_all(session)
    assert {x["state"] for x in owner.get(f"{path}/assignments").json["data"]} == {"installed"}


def test_a_limit_is_set_shown_and_cleared(owner: Api, session: Session) -> None:
    online(session)
    limit = {"evse": 1, "limit": 6900, "unit": "W", "duration_s": 3600}
    held = owner.post("/chargers/CP-1/charging-limit", limit)
    assert held.status_code == 201, held.text
    assert (held.json["name"], held.json["state"]) == ("Limit 6.9 kW", "wanted")
    accept_all(session)
    listed = owner.get("/chargers/CP-1/charging-profiles").json["data"]
    assert [(x["state"], x["number"], x["command"]["state"]) for x in listed] == [
        ("installed", 1, "accepted")
    ]
    composite = owner.get("/chargers/CP-1/composite-schedule?evse=1&duration_s=7200&unit=A").json
    assert [x["limit"] for x in composite["expected"]["steps"]] == [10, None]
    assert (composite["voltage_v"], composite["phases"], composite["told"]) == (230, 3, None)
    preview = owner.post("/chargers/CP-1/charging-profiles/clear", {"evse": 1, "is_preview": True}).json
    assert ([x["number"] for x in preview["ends"]], preview["command"]) == ([1], None)
    cleared = owner.post("/chargers/CP-1/charging-profiles/clear", {"number": 1}).json
    assert cleared["command"]["state"] == "queued"


def test_the_supply_decides_what_a_power_is_in_amperes(owner: Api, session: Session) -> None:
    online(session)
    owner.post("/chargers/CP-1/charging-limit", {"limit": 2300, "unit": "W", "duration_s": 60})
    accept_all(session)
    assert owner.patch("/chargers/CP-1/supply", {"voltage_v": 115, "phases": 1}).status_code == 200
    assert owner.get("/chargers/CP-1/supply").json == {"voltage_v": 115, "phases": 1}
    assert owner.get("/chargers/CP-1/composite-schedule").json["expected"]["steps"][0]["limit"] == 20
    assert owner.patch("/chargers/CP-1/supply", {"voltage_v": 1, "phases": 1}).status_code == 422


def test_both_sides_of_the_composite_schedule_are_told(owner: Api, session: Session) -> None:
    charger_id = online(session)
    owner.post("/chargers/CP-1/charging-limit", {"limit": 16})
    accept_all(session)
    begin(session)
    at = clock.now()
    told = ToldSchedule(
        RateUnit.W, at, at + timedelta(days=1), [{"start_s": 0, "limit": 22080.0, "phases": 3}]
    )
    energy.keep_composite(session, charger_id, 0, "Accepted", told, at=at)
    store(session)
    composite = owner.get("/chargers/CP-1/composite-schedule?unit=A").json
    assert [x["limit"] for x in composite["told"]["steps"]] == [32]
    assert [(x["expected"], x["told"], x["is_higher"]) for x in composite["differences"]] == [(16, 32, True)]
    asked = owner.post("/chargers/CP-1/composite-schedule", {"evse": 0, "unit": "A"})
    assert asked.status_code == 200, asked.text
    begin(session)
    assert commands.recent(session, limit=1)[0].arguments == {"evse": 0, "duration_s": 86400, "unit": "A"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"evse": 1, "profile_id": 99}, 404),
        ({"evse": 9, "profile": PROFILE}, 404),
        ({"evse": 1}, 422),
        ({"evse": 1, "profile": PROFILE, "profile_id": 1}, 422),
        ({"evse": 1, "profile": PROFILE | {"purpose": "TxProfile"}}, 409),
        ({"evse": 1, "profile": PROFILE | {"purpose": "ChargingStationMaxProfile"}}, 409),
        ({"evse": 0, "profile": PROFILE | {"purpose": "ChargingStationExternalConstraints"}}, 409),
    ],
)
def test_what_a_charger_cannot_take_is_refused_with_a_reason(
    owner: Api, session: Session, body: dict[str, Any], status: int
) -> None:
    online(session)
    answer = owner.post("/chargers/CP-1/charging-profiles", body)
    assert answer.status_code == status, answer.text
    assert answer.json["detail"]
    assert owner.get("/chargers/CP-1/charging-profiles").json["data"] == []


def test_an_installer_sets_limits_and_a_reader_only_sees_them(as_role: Any, session: Session) -> None:
    online(session)
    assert as_role(Role.INSTALLER).post("/chargers/CP-1/charging-limit", {"limit": 6}).status_code == 201
    reader = as_role(Role.READ_ONLY)
    assert reader.post("/chargers/CP-1/charging-limit", {"limit": 6}).status_code == 403
    assert len(reader.get("/chargers/CP-1/charging-profiles").json["data"]) == 1
