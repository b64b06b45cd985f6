"""Orders through the API, to a charger without a socket; with one: test_round_trip.py."""

from __future__ import annotations

from typing import Any

import pytest
from make import make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms import clock
from csms.api.commands import preference
from csms.domain.accounts import Role
from csms.domain.commands import Command
from tests.api.caller import Api, begin

PATH = "/chargers/CP-1/commands"


@pytest.fixture
def story(session: Session) -> Story:
    begin(session)
    charger = make_charger(session, at=clock.now(), online=True, protocol="ocpp1.6")
    return Story(make_wire(session, charger))


def test_a_command_is_queued_and_has_an_address(story: Story, owner: Api) -> None:
    asked = owner.post(PATH, {"action": "Reset", "payload": {"type": "Soft"}})
    assert asked.status_code == 202
    told = owner.get(asked.headers["Location"].removeprefix("/api/v1")).json
    assert (told["action"], told["payload"], told["state"]) == ("Reset", {"type": "Soft"}, "queued")
    assert told["requested_by"] == "owner"
    assert [x["id"] for x in owner.get("/commands?charger=CP-1&state=queued").json["data"]] == [told["id"]]


def test_waiting_ends_when_the_time_is_over(story: Story, owner: Api) -> None:
    asked = owner.post(PATH, {"action": "ClearCache"}, headers={"Prefer": "wait=1"})
    assert asked.status_code == 202
    assert asked.headers["Preference-Applied"] == "wait=1"


@pytest.mark.parametrize(
    ("order", "pointer"),
    [
        ({"action": "Reset"}, "/payload"),
        ({"action": "Reset", "payload": {"type": "Warm"}}, "/payload/type"),
        ({"action": "UnlockConnector", "payload": {"connectorId": "1"}}, "/payload/connectorId"),
        ({"action": "BootNotification", "payload": {}}, "/action"),
        ({"action": "Dance"}, "/action"),
        ({"payload": {}}, "/action"),
    ],
)
def test_what_the_specification_does_not_know_is_pointed_at(
    story: Story, owner: Api, order: dict[str, Any], pointer: str
) -> None:
    refused = owner.post(PATH, order)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == pointer


def test_an_offline_charger_cannot_be_asked(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session)
    refused = owner.post(PATH, {"action": "ClearCache"})
    assert refused.status_code == 409
    assert "offline" in refused.json["detail"]
    assert owner.post("/chargers/none/commands", {"action": "ClearCache"}).status_code == 404


def test_a_key_that_was_sent_is_never_shown_again(story: Story, owner: Api, session: Session) -> None:
    payload = {"key": "AuthorizationKey", "value": "5EC4E70123456789ABCD"}
    asked = owner.post(PATH, {"action": "ChangeConfiguration", "payload": payload})
    assert asked.status_code == 202
    assert "5EC4E7" not in asked.text + owner.get("/commands").text
    stored = session.scalars(select(Command)).one()
    assert stored.arguments["payload"]["value"] == "5EC4E70123456789ABCD"  # it has yet to be sent


def test_a_remote_stop_names_its_transaction(story: Story, owner: Api, session: Session) -> None:
    begin(session)
    number = story.start()
    store(session)
    asked = owner.post(PATH, {"action": "RemoteStopTransaction", "payload": {"transactionId": number}})
    assert asked.json["transaction_id"] == number


def test_a_command_with_an_idempotency_key_is_sent_once(story: Story, owner: Api) -> None:
    key = {"Idempotency-Key": "unlock-1"}
    order = {"action": "UnlockConnector", "payload": {"connectorId": 1}}
    first, again = owner.post(PATH, order, headers=key), owner.post(PATH, order, headers=key)
    assert again.json["id"] == first.json["id"]
    assert again.headers["Location"] == first.headers["Location"]
    assert len(owner.get("/commands").json["data"]) == 1


def test_whoever_only_reads_sees_no_card_numbers_in_commands(story: Story, owner: Api, as_role: Any) -> None:
    owner.post(PATH, {"action": "RemoteStartTransaction", "payload": {"idTag": "04A1B2C3D4"}})
    assert "04A1B2C3D4" not in as_role(Role.ACCOUNTANT).get("/commands").text


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ([], (0, False)),
        (["wait=15"], (15, False)),
        (["respond-async, wait=15"], (15, False)),
        (["wait=15, until=answer"], (15, True)),
        (["wait=9999"], (60, False)),
        (["handling=lenient", "Wait=5"], (5, False)),
        (["wait=soon"], (0, False)),
    ],
)
def test_preferences_are_read_as_they_are_written(header: list[str], wanted: tuple[int, bool]) -> None:
    assert preference(header) == wanted
