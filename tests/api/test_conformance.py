"""How well chargers keep to the specification, for programs."""

from __future__ import annotations

from datetime import timedelta

from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import conformance
from tests.api.caller import Api


def test_deviations_come_with_their_evidence(session: Session, owner: Api) -> None:
    wire = make_wire(session, make_charger(session, online=True))
    for number in range(20):
        wire.call("Heartbeat", {} if number else {"extra": 1}, id=f"m{number}")
    conformance.tally(session, NOW + timedelta(seconds=10))
    store(session)
    for path in ("/conformance", "/chargers/cp-1/conformance"):
        (standing,) = owner.get(path).json["data"]
        assert (standing["messages"], standing["score"]) == (20, 99)
        (line,) = standing["evidence"]
        assert (line["kind"], line["action"], line["count"]) == ("member_unexpected", "Heartbeat", 1)
    frames = owner.get("/chargers/CP-1/frames?limit=200").json["data"]
    (example,) = [x for x in frames if x["id"] == line["frame_id"]]
    assert example["verdict"] == "repaired"


def test_a_charger_is_made_strict(session: Session, owner: Api) -> None:
    make_charger(session)
    assert owner.patch("/chargers/CP-1", {"is_strict": True}).json["is_strict"] is True
    assert owner.patch("/chargers/CP-1", {"name": "Plaza"}).json["is_strict"] is True
    assert owner.patch("/chargers/CP-1", {"is_strict": None}).status_code == 422


def test_a_quirk_profile_is_listed_and_chosen(session: Session, owner: Api) -> None:
    make_charger(session, vendor="Keba AG", model="P30")
    assert owner.get("/chargers/CP-1").json["quirks"] == "keba"
    profiles = {x["key"]: x for x in owner.get("/quirks").json["data"]}
    assert profiles["necharge"]["charging"]["steps_a"] == [6, 8, 10, 13, 16]
    assert profiles["en-plus"]["refuses"] == ["ChangeAvailability"]
    changed = owner.patch("/chargers/CP-1", {"quirks_choice": "cards-reversed"}).json
    assert (changed["quirks"], changed["quirks_choice"]) == ("cards-reversed", "cards-reversed")
    assert owner.patch("/chargers/CP-1", {"quirks_choice": "nonsense"}).status_code == 422
    assert owner.patch("/chargers/CP-1", {"quirks_choice": None}).json["quirks"] == "keba"


def test_an_order_that_the_model_cannot_take_is_refused_with_the_reason(session: Session, owner: Api) -> None:
    make_charger(session, at=clock.now(), online=True, vendor="EN+", model="Caro")
    order = {"action": "ChangeAvailability", "payload": {"connectorId": 0, "type": "Inoperative"}}
    answer = owner.post("/chargers/CP-1/commands", order)
    assert answer.status_code == 409
    assert "does not know ChangeAvailability" in answer.json["detail"]
