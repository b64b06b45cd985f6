"""What holds for the whole installation, through the API."""

from __future__ import annotations

from make import make_charger
from sqlalchemy.orm import Session

from tests.api.caller import Api, begin


def test_a_test_tool_switches_quiet_mode_around_its_run(owner: Api) -> None:
    assert owner.get("/settings").json["is_quiet"] is False
    assert owner.patch("/settings", {"is_quiet": True}).json["is_quiet"] is True
    assert owner.get("/settings").json["is_quiet"] is True


def test_the_budget_of_writes_is_kept_within_reason(owner: Api) -> None:
    assert owner.get("/settings").json["writes_per_day"] == 3
    assert owner.patch("/settings", {"writes_per_day": 10}).json["writes_per_day"] == 10
    assert owner.patch("/settings", {"writes_per_day": 0}).status_code == 422
    assert owner.get("/settings").json["profile_writes_per_day"] == 24
    assert owner.patch("/settings", {"profile_writes_per_day": 2}).json["profile_writes_per_day"] == 2
    assert owner.patch("/settings", {"profile_writes_per_day": 0}).status_code == 422


def test_one_charger_is_made_quiet_alone(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session)
    assert owner.get("/chargers/CP-1").json["is_quiet"] is None
    assert owner.patch("/chargers/CP-1", {"is_quiet": True}).json["is_quiet"] is True
    assert owner.patch("/chargers/CP-1", {"is_quiet": None}).json["is_quiet"] is None
