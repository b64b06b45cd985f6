"""Accounts, cards and tariffs through the API."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts import LedgerEntry
from tests.api.caller import Api


def test_credit_is_booked_in_money_and_in_energy(owner: Api, session: Session) -> None:
    account = owner.post("/accounts", {"name": "Household"}).json
    path = f"/accounts/{account['id']}/credit"
    told = owner.post(path, {"amount": "20.00", "energy_wh": 5000, "note": "cash"}).json
    assert told["balance"] == {"amount": "20.00", "currency": "EUR"}
    assert told["balance_wh"] == 5000
    told = owner.post(path, {"kind": "correction", "amount": "-0.10", "note": "a cent too many"}).json
    assert told["balance"]["amount"] == "19.90"
    assert [x.created_by for x in session.scalars(select(LedgerEntry))] == ["owner", "owner"]


@pytest.mark.parametrize(
    "credit", [{}, {"amount": "-1"}, {"amount": "1.001"}, {"amount": "x"}, {"kind": "session"}]
)
def test_credit_that_makes_no_sense_is_refused(owner: Api, credit: dict[str, str]) -> None:
    account = owner.post("/accounts", {"name": "Household"}).json
    assert owner.post(f"/accounts/{account['id']}/credit", credit).status_code == 422


def test_a_request_with_the_same_idempotency_key_is_done_once(owner: Api) -> None:
    account = owner.post("/accounts", {"name": "Household"}).json
    path, key = f"/accounts/{account['id']}/credit", {"Idempotency-Key": "top-up-1"}
    first = owner.post(path, {"amount": "20.00"}, headers=key)
    again = owner.post(path, {"amount": "20.00"}, headers=key)
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert owner.get(f"/accounts/{account['id']}").json["balance"]["amount"] == "20.00"
    other = owner.post(path, {"amount": "30.00"}, headers=key)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_conflict")


def test_a_refused_request_leaves_its_idempotency_key_free(owner: Api) -> None:
    key = {"Idempotency-Key": "card-1"}
    assert owner.post("/id-tokens", {"uid": "x" * 21}, headers=key).status_code == 422
    assert owner.post("/id-tokens", {"uid": "04A1B2C3"}, headers=key).status_code == 201


def test_a_key_of_a_charger_is_not_given_a_second_time(owner: Api) -> None:
    owner.post("/chargers", {"identity": "CP-1"})
    header = {"Idempotency-Key": "key-1"}
    assert owner.post("/chargers/CP-1/key", headers=header).status_code == 201
    again = owner.post("/chargers/CP-1/key", headers=header)
    assert (again.status_code, again.json["code"]) == (409, "idempotency_secret")


def test_a_card_is_added_blocked_and_removed(owner: Api) -> None:
    card = owner.post("/id-tokens", {"uid": "04A1B2C3", "expires_at": "2030-01-01T00:00:00+02:00"})
    assert card.status_code == 201
    assert card.json["expires_at"] == "2029-12-31T22:00:00Z"
    path = card.headers["Location"].removeprefix("/api/v1")
    assert owner.post("/id-tokens", {"uid": "04a1b2c3"}).status_code == 409
    blocked = owner.patch(path, {"is_allowed": False}).json
    assert blocked["is_allowed"] is False
    assert blocked["expires_at"] == "2029-12-31T22:00:00Z"
    assert owner.delete(path).status_code == 204
    assert owner.get(path).status_code == 404


def test_a_moment_without_a_zone_is_refused(owner: Api) -> None:
    refused = owner.post("/id-tokens", {"uid": "04A1B2C3", "expires_at": "2030-01-01T00:00:00"})
    assert refused.json["errors"][0]["pointer"] == "/expires_at"


def test_a_tariff_gets_new_versions_and_keeps_the_old(owner: Api) -> None:
    tariff = owner.post("/tariffs", {"name": "Day", "price_per_kwh": "0.49", "is_default": True}).json
    assert tariff["current"]["price_per_kwh"] == "0.49"
    assert tariff["current"]["currency"] == "EUR"
    revised = owner.post(f"/tariffs/{tariff['id']}/versions", {"price_per_kwh": "0.52"}).json
    assert [(x["number"], x["price_per_kwh"]) for x in revised["versions"]] == [(1, "0.49"), (2, "0.52")]
    assert owner.get("/tariffs").json["data"][0]["current"]["number"] == 2


def test_a_card_is_known_by_another_number_that_a_reader_makes_of_it(owner: Api) -> None:
    card = owner.post("/id-tokens", {"uid": "04A1B2C3"}).json
    alike = owner.get("/id-tokens/likeness?uid=C3B2A104").json
    assert (alike["id_token"]["id"], alike["likeness"]) == (card["id"], "reversed")
    assert owner.get("/id-tokens/likeness?uid=77").json == {"id_token": None, "likeness": None}
    path = f"/id-tokens/{card['id']}/numbers"
    number = owner.post(path, {"uid": "C3B2A104"})
    assert (number.status_code, number.json["created_by"]) == (201, "owner")
    assert owner.post("/id-tokens", {"uid": "c3b2a104"}).status_code == 409
    assert [x["uid"] for x in owner.get(path).json["data"]] == ["C3B2A104"]
    assert owner.delete(f"{path}/{number.json['id']}").status_code == 204
    assert owner.delete(f"{path}/{number.json['id']}").status_code == 404


def test_a_card_is_waited_for_at_a_charger(owner: Api) -> None:
    owner.post("/chargers", {"identity": "CP-1"})
    made = owner.post("/chargers/CP-1/card-scans", {})
    assert (made.status_code, made.json["state"], made.json["uid"]) == (201, "waiting", None)
    owner.post("/chargers/CP-1/card-scans", {})
    assert owner.get(f"/card-scans/{made.json['id']}").json["state"] == "stopped"
    assert owner.post("/chargers/CP-1/card-scans", {"account_id": 99}).status_code == 404


def test_cards_come_from_a_file_and_wrong_lines_are_told(owner: Api) -> None:
    file = {"csv": "number,driver\nCAFE01,Ada\nCAFE01,Ada\nCAFE02,Ada\n"}
    rehearsed = owner.post("/id-tokens/import", {**file, "is_rehearsal": True}).json
    assert (rehearsed["new"], rehearsed["wrong"], owner.get("/id-tokens").json["data"]) == (2, 1, [])
    done = owner.post("/id-tokens/import", file).json
    assert [(x["line"], x["step"]) for x in done["data"]] == [(2, "new"), (3, "wrong"), (4, "new")]
    assert {x["account_id"] for x in owner.get("/id-tokens").json["data"]} == {
        owner.get("/accounts").json["data"][0]["id"]
    }
    assert owner.post("/id-tokens/import", file).json["same"] == 2
    assert owner.post("/id-tokens/import", {"csv": "a,b"}).status_code == 422


def test_an_account_takes_over_another_of_the_same_person(owner: Api, session: Session) -> None:
    stays, goes = (owner.post("/accounts", {"name": x}).json["id"] for x in ("Ada", "Ada L."))
    owner.post(f"/accounts/{goes}/credit", {"amount": "20.00"})
    owner.post("/id-tokens", {"uid": "04A2B39F", "account_id": goes})
    told = owner.post(f"/accounts/{stays}/merge", {"account_id": goes})
    assert told.status_code == 200
    assert told.json["balance"]["amount"] == "20.00"
    assert owner.get("/id-tokens").json["data"][0]["account_id"] == stays
    gone = owner.get(f"/accounts/{goes}").json
    assert (gone["balance"]["amount"], gone["merged_into_id"]) == ("0.00", stays)
    assert owner.post(f"/accounts/{stays}/merge", {"account_id": goes}).status_code == 409
    assert owner.post(f"/accounts/{goes}/credit", {"amount": "1.00"}).status_code == 409
    assert owner.post(f"/accounts/{stays}/merge", {"account_id": 99999}).status_code == 404
