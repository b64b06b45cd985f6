"""Transactions, readings and bills through the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session
from story import Story, energy

from csms.domain import accounts, tariffs
from csms.domain.accounts import Role
from csms.domain.tariffs import simple
from tests.api.caller import Api, begin

ENERGY = {"measurand": "Energy.Active.Import.Register", "value": "3.5", "unit": "kWh"}


@pytest.fixture
def story(session: Session) -> Story:
    """A charger whose tariff asks 0.49 a kWh."""
    begin(session)
    tariffs.create(session, "Day", simple("EUR", price_per_kwh=Decimal("0.49")), at=NOW, is_default=True)
    store(session)
    return Story(make_wire(session, make_charger(session, online=True)))


def test_an_ended_transaction_has_its_energy_in_wh_and_its_bill(
    story: Story, owner: Api, session: Session
) -> None:
    begin(session)
    number = story.start(meter=1000)
    story.stop(number, meter=19430)
    told = owner.get(f"/transactions/{number}").json
    assert told["charger"] == "CP-1"
    assert told["evse"] == 1
    assert told["state"] == "ended"
    assert told["started_at"] == "2026-03-14T09:00:00Z"
    assert told["energy_wh"] == 18430
    assert told["cost"] == {"amount": "9.03", "currency": "EUR"}
    assert told["bill"]["total"] == told["cost"]
    assert told["bill"]["is_final"] is True
    assert [(x["kind"], x["quantity"], x["price"]) for x in told["bill"]["lines"]] == [
        ("energy", "18.43", "0.49")
    ]


def test_readings_are_listed_in_wh(story: Story, owner: Api, session: Session) -> None:
    begin(session)
    number = story.start()
    story.read("2026-03-14T09:15:00Z", ENERGY, transactionId=number)
    readings = owner.get(f"/transactions/{number}/readings").json["data"]
    assert [(x["measured_at"], x["energy_wh"]) for x in readings] == [("2026-03-14T09:15:00Z", 3500)]


def test_what_a_meter_signed_is_told_as_it_came_and_is_no_number(
    story: Story, owner: Api, as_role: Any, session: Session
) -> None:
    begin(session)
    number = story.start()
    signed = energy('OCMF|{"RD":[]}|{"SD":"30"}', format="SignedData", context="Transaction.Begin")
    story.read("2026-03-14T09:00:00Z", signed, transactionId=number)
    reading = owner.get(f"/transactions/{number}/readings").json["data"][0]
    sample = reading["samples"][0]
    assert sample["raw"] == signed["value"]
    assert (sample["format"], sample["context"]) == ("SignedData", "Transaction.Begin")
    assert (reading["energy_wh"], sample["value"]) == (None, None)
    reader = as_role(Role.READ_ONLY)  # it may name a card
    for path in (f"/transactions/{number}/readings", f"/chargers/{story.wire.charger.identity}/readings"):
        assert owner.get(path).json["data"][0]["samples"][0]["raw"] == signed["value"]
        assert reader.get(path).json["data"][0]["samples"][0]["raw"] == "•••"


def test_transactions_are_found_by_charger_status_and_time(
    story: Story, owner: Api, session: Session
) -> None:
    begin(session)
    first = story.start(at="2026-03-14T07:00:00Z")
    story.stop(first, at="2026-03-14T08:00:00Z")
    second = story.start(at="2026-03-14T09:00:00Z", meter=5000)

    def ids(query: str) -> list[int]:
        return [x["id"] for x in owner.get(f"/transactions?{query}").json["data"]]

    assert ids("charger=CP-1") == [second, first]
    assert ids("charger=other") == []
    assert ids("status=active") == [second]
    assert ids("since=2026-03-14T08:30:00%2B00:00") == [second]
    page = owner.get("/transactions?limit=1").json
    assert ids(f"limit=1&cursor={page['next_cursor']}") == [first]


def test_a_driver_sees_own_transactions_and_cards_and_no_others(
    story: Story, as_role: Any, session: Session
) -> None:
    begin(session)
    mine, other = (accounts.open_account(session, name, at=NOW) for name in ("Mine", "Other"))
    mine_id, other_id = mine.id, other.id
    accounts.add_token(session, "MINE0001", at=NOW, account_id=mine_id)
    accounts.add_token(session, "OTHER001", at=NOW, account_id=other_id)
    store(session)
    own = story.start("MINE0001")
    story.stop(own)
    foreign = story.start("OTHER001", meter=5000)
    driver = as_role(Role.DRIVER, mine_id)
    assert [x["id"] for x in driver.get("/transactions").json["data"]] == [own]
    assert driver.get(f"/transactions/{own}").json["id_token"] == "MINE0001"
    assert driver.get(f"/transactions/{foreign}").status_code == 404
    assert driver.get(f"/transactions/{foreign}/readings").status_code == 404
    assert [x["uid"] for x in driver.get("/id-tokens").json["data"]] == ["MINE0001"]
    assert [x["id"] for x in driver.get("/accounts").json["data"]] == [mine_id]
    assert driver.get(f"/accounts/{other_id}").status_code == 404


def test_a_driver_without_an_account_sees_nothing(story: Story, as_role: Any, session: Session) -> None:
    begin(session)
    story.start("LOOSE001")
    assert as_role(Role.DRIVER).get("/transactions").json["data"] == []


def test_whoever_only_reads_sees_masked_cards(story: Story, as_role: Any, session: Session) -> None:
    begin(session)
    number = story.start("04A1B2C3")
    assert as_role(Role.READ_ONLY).get(f"/transactions/{number}").json["id_token"] == "04•••C3"
