"""Simulators that are set up, as a program sets them up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from make import store
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from csms import clock
from csms.domain import simulators
from csms.domain.chargers import Charger
from csms.domain.simulators import Simulator
from tests.api.caller import Api, begin


def ok(answer: TestResponse, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json


GARAGE = {"name": "Garage", "cp_path": "ws/ocpp/GARAGE-1", "username": "GARAGE-1", "password": "a key"}


def test_what_is_not_given_is_as_the_old_simulator_has_it(owner: Api) -> None:
    made = ok(owner.post("/simulators", {"name": "Garage"}), 201)
    assert made["identity"] == "CPX"
    assert (made["host"], made["ws_port"], made["rfid"]) == ("127.0.0.1", 8000, "FFFFFFFF")
    assert (made["duration"], made["interval"], made["pre_charge_delay"]) == (600, 5, 0)
    assert (made["kwh_min"], made["kwh_max"], made["repeat"]) == ("30", "60", False)
    assert (made["state"], made["has_password"]) == ("off", False)


def test_a_simulator_is_set_up_changed_started_stopped_and_removed(owner: Api, session: Session) -> None:
    made = ok(owner.post("/simulators", GARAGE), 201)
    address = f"/simulators/{made['id']}"
    assert "password" not in made
    stored = session.scalars(select(Simulator)).one()
    assert "a key" not in (stored.password_sealed or "")
    changed = ok(owner.patch(address, {"kwh_min": "1.5", "kwh_max": "1.5", "ws_port": None, "repeat": True}))
    assert (changed["kwh_min"], changed["ws_port"], changed["has_password"]) == ("1.5", None, True)
    ok(owner.patch(address, {"ws_port": 8000, "password": None}))
    assert ok(owner.post(f"{address}/start"))["state"] == "starting"
    session.rollback()
    assert session.scalars(select(Charger)).one().is_simulated
    for method, path in (("POST", f"{address}/start"), ("DELETE", address)):
        assert owner.call(method, path).status_code == 409
    assert owner.patch(address, {"name": "Other"}).status_code == 409
    assert ok(owner.post(f"{address}/stop"))["state"] == "off"
    assert owner.call("DELETE", address).status_code == 204
    assert owner.get("/simulators").json["data"] == []


def test_what_no_charger_could_do_is_told(owner: Api) -> None:
    ok(owner.post("/simulators", GARAGE), 201)
    twin = owner.post("/simulators", GARAGE | {"cp_path": "garage-1/"})
    assert twin.status_code == 409
    wrong: list[dict[str, Any]] = [
        {"cp_path": "no identity/"},
        {"kwh_min": "5", "kwh_max": "4"},
        {"duration": 0},
        {"host": "a b"},
        {"username": "a:b"},
    ]
    for change in wrong:
        answer = owner.post("/simulators", {"name": "Wrong", "cp_path": "W"} | change)
        assert answer.status_code == 422, change


def test_a_real_charger_is_not_simulated(owner: Api) -> None:
    ok(owner.post("/chargers", {"identity": "CP-9"}), 201)
    made = ok(owner.post("/simulators", {"name": "Double", "cp_path": "cp-9"}), 201)
    answer = owner.call("POST", f"/simulators/{made['id']}/start")
    assert answer.status_code == 409
    assert "real charger" in answer.text


def test_each_is_run_by_one_process_until_that_has_gone(owner: Api, session: Session) -> None:
    for name in ("A", "B"):
        made = ok(owner.post("/simulators", {"name": name, "cp_path": name, "autostart": name == "A"}), 201)
        ok(owner.post(f"/simulators/{made['id']}/start"))
    begin(session)
    at = clock.now()

    def runs(node: str, later_s: int = 0) -> list[str]:
        moment = at + timedelta(seconds=later_s)
        return [x.name for x in simulators.claim(session, node, moment, is_alone=False)]

    assert simulators.is_work_there(session, "one", at)
    assert runs("one") == ["A", "B"]
    assert not simulators.is_work_there(session, "two", at)
    assert runs("two") == []
    assert runs("one", 20) == ["A", "B"]  # renewed
    assert runs("two", 40) == []
    assert runs("two", 51) == ["A"]  # "one" has gone, and B was not to go on without it
    assert runs("one", 52) == []
    simulators.release(session, "two")
    assert runs("three", 53) == ["A"]
    store(session)
    told = {x["name"]: (x["state"], x["detail"]) for x in owner.get("/simulators").json["data"]}
    assert told == {"A": ("running", None), "B": ("off", "Ended with the server that ran it.")}
