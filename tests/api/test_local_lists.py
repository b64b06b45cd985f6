"""Lists of cards through the API."""

from __future__ import annotations

from make import make_charger
from sqlalchemy.orm import Session

from csms import clock
from tests.api.caller import Api, begin


def test_a_list_is_switched_on_sent_and_emptied(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session, at=clock.now(), online=True)
    assert owner.get("/chargers/CP-1/local-list").status_code == 404
    answer = owner.post("/chargers/CP-1/local-list", {"order": "on"})
    assert answer.status_code == 202
    assert (answer.json["is_on"], answer.json["state"]) == (True, "behind")
    assert owner.post("/chargers/CP-1/local-list", {"order": "send_in_full"}).status_code == 202
    assert owner.post("/chargers/CP-1/local-list", {"order": "off"}).json["is_on"] is False
    assert [x["charger"] for x in owner.get("/local-lists").json["data"]] == ["CP-1"]


def test_what_is_off_is_not_sent(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session)
    answer = owner.post("/chargers/CP-1/local-list", {"order": "send"})
    assert answer.status_code == 409
    assert "switch it on first" in answer.json["detail"]
