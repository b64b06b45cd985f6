"""Messages that are told in a charger's name."""

from __future__ import annotations

from make import make_charger

from csms.domain import verify
from tests.desk import Desk

STATUS = {"connectorId": 1, "status": "Charging", "errorCode": "NoError"}


def test_a_message_counts_as_if_the_charger_had_sent_it(desk: Desk) -> None:
    with desk.writing() as session:
        make_charger(session)
    said = {"action": "StatusNotification", "payload": STATUS}
    told = desk.call("POST", "/chargers/CP-1/messages", json=said)
    assert (told["charger"], told["action"], told["payload"]) == ("CP-1", "StatusNotification", {})
    assert desk.call("GET", "/chargers/CP-1")["connectors"][0]["status"] == "Charging"
    [frame] = desk.call("GET", "/chargers/CP-1/frames")["data"]
    assert (frame["message_id"], "olga" in frame["detail"]) == (told["message_id"], True)
    problem = desk.call("POST", "/chargers/CP-1/messages", 422, json={"action": "Reset"})
    assert problem["errors"][0]["pointer"] == "/action"
    del said["payload"]
    problem = desk.call("POST", "/chargers/CP-1/messages", 422, json=said)
    assert "/payload/status" in {x["pointer"] for x in problem["errors"]}
    with desk.reading() as session:
        assert verify.verify(session) == []
