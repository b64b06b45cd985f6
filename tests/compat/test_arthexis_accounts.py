"""Arthexis: cards, credit and vehicles of accounts, as its documents promise them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, tariffs
from csms.domain.accounts import Account, LedgerKind, Role
from csms.domain.tariffs import Terms
from tests.api.caller import begin
from tests.compat.near import Near

CARD = "04A2B39F"


@pytest.fixture
def near(app: Flask, session: Session) -> Near:
    return Near(app, session)


@pytest.fixture
def account(session: Session) -> Account:
    """An account with a card and 10 kWh of credit."""
    begin(session)
    made = accounts.open_account(session, "Ada", at=NOW)
    accounts.add_token(session, CARD, at=NOW, account_id=made.id)
    accounts.book(session, made, LedgerKind.TOP_UP, at=NOW, energy_wh=10_000)
    store(session)
    return made


def _login(near: Near, rfid: object, **more: Any) -> tuple[int, Any]:
    answer = near.post("/accounts/rfid-login/", {"rfid": rfid}, **more)
    return answer.status_code, answer.json


@pytest.mark.seed("003", "POST /accounts/rfid-login/")
@pytest.mark.parametrize("rfid", [CARD, CARD.lower()])
def test_rfid_login_gives_the_user_and_a_session_cookie(near: Near, account: Account, rfid: str) -> None:
    near.as_role(Role.DRIVER, account.id)
    status, told = _login(near, rfid)
    assert (status, set(told), told["username"]) == (200, {"id", "username"}, "near-driver")
    assert "Ada" in near.get("/accounts/me").text
    assert near.get("/chargers").status_code == 404  # a driver's own, and nothing of an operator's
    assert near.get("/ocpp/chargers/").status_code == 403


@pytest.mark.seed("003", "POST /accounts/rfid-login/", "RFID")
def test_rfid_login_refuses_what_is_no_drivers_card(near: Near, account: Account, session: Session) -> None:
    invalid = (401, {"detail": "invalid RFID"})
    assert _login(near, "DEADBEEF") == invalid
    assert _login(near, CARD) == invalid  # nobody's user yet
    near.as_role(Role.OWNER, account.id)
    assert _login(near, CARD) == invalid  # a card's number is no password
    near.as_role(Role.DRIVER, account.id)
    begin(session)
    card = accounts.find_token(session, CARD)
    assert card is not None
    card.is_allowed = False
    store(session)
    assert _login(near, CARD) == invalid
    begin(session)
    card.is_allowed, card.expires_at = True, clock.now() - timedelta(minutes=1)
    store(session)
    assert _login(near, CARD) == invalid


def test_rfid_login_wants_a_post_with_an_rfid(near: Near) -> None:
    assert _login(near, "") == (400, {"detail": "rfid required"})
    wrong = near.get("/accounts/rfid-login")
    assert (wrong.status_code, wrong.json) == (400, {"detail": "POST required"})
    elsewhere = {"Origin": "https://evil.example"}
    assert near.post("/accounts/rfid-login/", {"rfid": CARD}, headers=elsewhere).status_code == 403


@pytest.mark.seed("003", "POST /accounts/rfid-login/")
def test_rfid_login_is_not_to_be_guessed(near: Near, account: Account) -> None:
    near.as_role(Role.DRIVER, account.id)
    told = [_login(near, f"{number:08X}")[0] for number in range(11)]
    assert told == [401] * 10 + [429]
    assert _login(near, CARD)[0] == 429


def test_the_api_knows_the_card_too(near: Near, account: Account) -> None:
    near.as_role(Role.DRIVER, account.id)
    pair = near.post("/api/v1/token/card", {"uid": CARD}).json
    driver = Near(near.app, near.session, pair["access"])
    assert [x["id"] for x in driver.get("/api/v1/accounts").json["data"]] == [account.id]
    assert driver.get("/api/v1/chargers").status_code == 403
    assert near.post("/api/v1/token/card", {"uid": "DEADBEEF"}).status_code == 401


class TestSwitchedOff:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"card_login": False}

    def test_rfid_login_can_be_switched_off(self, near: Near, account: Account) -> None:
        near.as_role(Role.DRIVER, account.id)
        assert _login(near, CARD)[0] == 403


@pytest.mark.seed("003", "Account credits")
@pytest.mark.seed("all", "Units")
def test_the_meters_wh_are_debited_in_kwh(near: Near, account: Account, session: Session) -> None:
    begin(session)
    terms = Terms("EUR")
    tariffs.create(session, "Credit", terms, at=NOW, is_default=True)
    store(session)
    wire = make_wire(session, make_charger(session, online=True))
    begin(session)
    at = NOW.isoformat()
    start = {"connectorId": 1, "idTag": CARD, "meterStart": 1000, "timestamp": at}
    number = wire.call("StartTransaction", start, id="m1")["transactionId"]
    end = (NOW + timedelta(hours=1)).isoformat()
    wire.call(
        "StopTransaction",
        {"transactionId": number, "meterStop": 3500, "timestamp": end},
        id="m2",
        at=NOW + timedelta(hours=1),
    )
    told = near.as_role(Role.ACCOUNTANT).get(f"/api/v1/accounts/{account.id}").json
    assert (told["credits_kwh"], told["total_kwh_spent"], told["balance_kwh"]) == ("10", "2.5", "7.5")


@pytest.mark.seed("003", "Vehicles")
def test_vehicles_are_added_changed_and_removed(near: Near, account: Account) -> None:
    clerk, path = near.as_role(Role.OPERATOR), f"/api/v1/accounts/{account.id}/vehicles"
    car = {"brand": "Renault", "model": "Zoe", "vin": "vf1ag000064123456"}
    added = clerk.post(path, car)
    assert (added.status_code, added.json["vin"]) == (201, "VF1AG000064123456")
    assert clerk.post(path, car).status_code == 409
    one = f"/api/v1/vehicles/{added.json['id']}"
    assert [x["id"] for x in clerk.get("/api/v1/vehicles").json["data"]] == [added.json["id"]]
    assert clerk.call("PATCH", one, json={"model": "Megane"}).json["model"] == "Megane"
    mine = near.as_role(Role.DRIVER, account.id)
    assert [x["model"] for x in mine.get(path).json["data"]] == ["Megane"]
    assert mine.post(path, car).status_code == 403
    assert mine.get("/api/v1/accounts/999/vehicles").status_code == 404
    assert clerk.call("DELETE", one).status_code == 204
    assert clerk.get(path).json["data"] == []


@pytest.mark.seed("003", "phone_number")
def test_a_user_may_have_a_phone_number(near: Near) -> None:
    owner = near.as_role(Role.OWNER)
    (user,) = owner.get("/api/v1/users").json["data"]
    assert user["phone_number"] is None
    address = f"/api/v1/users/{user['id']}"
    for number, status in (("+52 81 5550 0100", 200), ("call me", 422), ("1" * 21, 422), (None, 200)):
        answer = owner.call("PATCH", address, json={"phone_number": number})
        assert answer.status_code == status, answer.text
        if status == 200:
            assert answer.json["phone_number"] == number
