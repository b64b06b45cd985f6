"""Reservations through the API; how they fare with a charger on its socket: tests/flows/test_reservation.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from make import make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import AuditEntry, Role
from csms.domain.commands import Command
from csms.domain.reservations import Reservation, ReservationState
from tests.api.caller import Api, begin


def at(**later: float) -> str:
    return (clock.now() + timedelta(**later)).isoformat()


@pytest.fixture
def charger(session: Session) -> None:
    begin(session)
    make_charger(session, at=clock.now(), online=True, connectors=2, protocol="ocpp1.6")


def wanted(**more: Any) -> dict[str, Any]:
    return {"charger": "CP-1", "evse": 1, "id_token": "04A2B39F", "expires_at": at(hours=1)} | more


@pytest.mark.usefixtures("charger")
def test_a_place_for_now_is_asked_of_the_charger_and_has_an_address(owner: Api, session: Session) -> None:
    asked = owner.post("/reservations", wanted())
    assert asked.status_code == 202, asked.text
    told = owner.get(asked.headers["Location"].removeprefix("/api/v1")).json
    assert (told["state"], told["evse"], told["id_token"]) == ("requested", 1, "04A2B39F")
    assert owner.get("/reservations?charger=CP-1&state=requested").json["data"][0]["id"] == told["id"]
    assert owner.get(f"/commands/{told['command_id']}").json["state"] == "queued"
    assert "reservation.booked" in session.scalars(select(AuditEntry.action)).all()


@pytest.mark.usefixtures("charger")
def test_a_place_for_later_is_booked_without_asking_and_cancelled_at_once(
    owner: Api, session: Session
) -> None:
    booked = owner.post("/reservations", wanted(starts_at=at(hours=2), expires_at=at(hours=3)))
    assert (booked.status_code, booked.json["state"]) == (201, "planned")
    assert session.scalars(select(Command)).all() == []
    gone = owner.delete(f"/reservations/{booked.json['id']}")
    assert (gone.status_code, gone.json["state"]) == (200, "cancelled")
    assert owner.delete(f"/reservations/{booked.json['id']}").status_code == 409


@pytest.mark.usefixtures("charger")
def test_a_planned_place_is_changed_and_one_that_the_charger_was_asked_for_is_not(owner: Api) -> None:
    booked = owner.post("/reservations", wanted(starts_at=at(hours=2), expires_at=at(hours=3))).json
    changed = owner.patch(f"/reservations/{booked['id']}", {"evse": 2, "expires_at": at(hours=5)})
    assert (changed.status_code, changed.json["evse"], changed.json["state"]) == (200, 2, "planned")
    assert changed.json["starts_at"] == booked["starts_at"]
    assert (
        owner.post("/reservations", wanted(starts_at=at(hours=2), expires_at=at(hours=3))).status_code == 201
    )
    asked = owner.patch(f"/reservations/{booked['id']}", {"starts_at": at()})
    assert (asked.status_code, asked.json["state"]) == (202, "requested")
    refused = owner.patch(f"/reservations/{booked['id']}", {"expires_at": at(hours=6)})
    assert (refused.status_code, "book anew" in refused.json["detail"]) == (409, True)


@pytest.mark.usefixtures("charger")
def test_an_account_gets_its_place_on_its_card(owner: Api, session: Session) -> None:
    begin(session)
    account = accounts.open_account(session, "Ada", at=clock.now())
    accounts.add_token(session, "ADA-1", at=clock.now(), account_id=account.id)
    store(session)
    given = wanted(account_id=account.id)
    del given["id_token"]
    asked = owner.post("/reservations", given)
    assert (asked.json["id_token"], asked.json["account_id"]) == ("ADA-1", account.id)


@pytest.mark.usefixtures("charger")
@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"evse": 9}, "/evse"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": datetime(2099, 1, 1).isoformat()}, "/expires_at"),  # noqa: DTZ001  no zone: that is wrong
        ({"account_id": 1}, "/id_token"),
        ({"id_token": "x" * 21}, "/id_token"),
    ],
)
def test_what_is_wrong_is_pointed_at(owner: Api, wrong: dict[str, Any], pointer: str) -> None:
    refused = owner.post("/reservations", wanted(**wrong))
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == pointer


@pytest.mark.usefixtures("charger")
def test_a_time_that_is_taken_and_a_charger_that_is_not_there_are_conflicts(
    owner: Api, session: Session
) -> None:
    owner.post("/reservations", wanted())
    assert "reserved in that time" in owner.post("/reservations", wanted()).json["detail"]
    begin(session)
    make_charger(session, "CP-2")
    assert "offline" in owner.post("/reservations", wanted(charger="CP-2")).json["detail"]
    assert owner.post("/reservations", wanted(charger="CP-9")).status_code == 404


@pytest.mark.usefixtures("charger")
def test_drivers_see_their_own_and_cards_are_masked_for_those_who_only_look(
    as_role: Any, owner: Api, session: Session
) -> None:
    begin(session)
    account = accounts.open_account(session, "Ada", at=clock.now())
    accounts.add_token(session, "04ADA0001", at=clock.now(), account_id=account.id)
    store(session)
    owner.post("/reservations", wanted())
    mine = owner.post("/reservations", wanted(evse=2, id_token="04ADA0001")).json["id"]
    driver = as_role(Role.DRIVER, account.id)
    assert [x["id"] for x in driver.get("/reservations").json["data"]] == [mine]
    assert driver.get(f"/reservations/{mine - 1}").status_code == 404
    looker = as_role(Role.READ_ONLY)
    assert looker.get(f"/reservations/{mine}").json["id_token"] == "04•••01"


@pytest.mark.usefixtures("charger")
def test_an_order_made_by_hand_does_not_replace_what_was_booked(owner: Api) -> None:
    number = owner.post("/reservations", wanted()).json["id"]
    payload = {"connectorId": 2, "expiryDate": at(hours=1), "idTag": "A", "reservationId": number}
    refused = owner.post("/chargers/CP-1/commands", {"action": "ReserveNow", "payload": payload})
    assert refused.status_code == 409
    assert f"number {number} is taken" in refused.json["detail"]


@pytest.mark.usefixtures("charger")
def test_a_start_by_hand_is_for_the_card_that_the_place_is_kept_for(owner: Api, session: Session) -> None:
    number = owner.post("/reservations", wanted()).json["id"]
    begin(session)
    session.get_one(Reservation, number).state = ReservationState.RESERVED
    store(session)
    start = {"action": "RemoteStartTransaction", "payload": {"connectorId": 1, "idTag": "OTHER"}}
    refused = owner.post("/chargers/CP-1/commands", start)
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    start["payload"]["idTag"] = "04a2b39f"  # type: ignore[index]
    assert owner.post("/chargers/CP-1/commands", start).status_code == 202


@pytest.mark.usefixtures("charger")
def test_the_same_key_books_once(owner: Api) -> None:
    given, key = wanted(), {"Idempotency-Key": "one"}
    first = owner.post("/reservations", given, headers=key)
    assert owner.post("/reservations", given, headers=key).json["id"] == first.json["id"]
    assert len(owner.get("/reservations").json["data"]) == 1
