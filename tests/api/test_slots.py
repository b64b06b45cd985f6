"""The five-minute slots of a connector through the API."""

from __future__ import annotations

from typing import Any

import pytest
from make import make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain.accounts import Role
from csms.domain.commands import Command, CommandState, Kind
from tests.api.caller import Api, begin

SLOTS = "/chargers/CP-1/connectors/1/slots"


@pytest.fixture
def charger(session: Session) -> None:
    begin(session)
    make_charger(session, at=clock.now(), online=True, protocol="ocpp1.6")


def shown(answer: Any) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {x["slot"]: x for x in answer.json["slots"]}


@pytest.mark.usefixtures("charger")
def test_a_day_has_288_slots_and_a_range_over_midnight_fills_both_ends(owner: Api) -> None:
    told = shown(owner.get(SLOTS))
    assert len(told) == 288
    assert told["00:00-00:05"] == {"slot": "00:00-00:05", "price_per_kwh": None, "limit_w": None}
    told = shown(owner.patch(SLOTS, {"tariff": [{"range": "23:50-00:10", "price_per_kwh": "0.31"}]}))
    priced = [x for x in told if told[x]["price_per_kwh"] == "0.31"]
    assert priced == ["00:00-00:05", "00:05-00:10", "23:50-23:55", "23:55-00:00"]
    assert [(x["range"], x["value"], x["kind"]) for x in owner.get(SLOTS).json["written"]] == [
        ("00:00-00:10", "0.31", "tariff"),
        ("23:50-00:00", "0.31", "tariff"),
    ]
    told = shown(owner.patch(SLOTS, {"tariff": [{"range": "00:00-24:00", "price_per_kwh": None}]}))
    assert {x["price_per_kwh"] for x in told.values()} == {None}


@pytest.mark.usefixtures("charger")
def test_limits_of_slots_become_a_daily_profile_of_the_connector(owner: Api, session: Session) -> None:
    changed = owner.patch(SLOTS, {"capacity": [{"range": "17:00-20:00", "limit_w": 4140}]})
    assert shown(changed)["17:00-17:05"]["limit_w"] == 4140
    assert changed.json["profile"]["state"] == "wanted"
    begin(session)
    [order] = session.scalars(select(Command).where(Command.kind == Kind.SET_PROFILE)).all()
    profile = order.arguments["profile"]
    assert (order.arguments["evse"], profile["purpose"], profile["recurrency"]) == (
        1,
        "TxDefaultProfile",
        "Daily",
    )
    periods = profile["schedules"][0]["periods"]
    assert [x["start_s"] for x in periods] == [0, 17 * 3600, 20 * 3600]
    assert periods[1]["limit"] == 6.0  # A, by three phases of 230 V
    owner.patch(SLOTS, {"capacity": [{"range": "00:00-00:00", "limit_w": None}]})
    begin(session)
    session.refresh(order)
    assert order.state == "cancelled"


@pytest.mark.usefixtures("charger")
def test_slots_that_there_are_not_and_callers_who_may_not(owner: Api, as_role: Any) -> None:
    wrong = owner.patch(SLOTS, {"tariff": [{"range": "08:01-09:00", "price_per_kwh": "1"}]})
    assert wrong.status_code == 422
    assert owner.get("/chargers/CP-1/connectors/7/slots").status_code == 404
    assert as_role(Role.SUPPORT).patch(SLOTS, {}).status_code == 403


@pytest.mark.usefixtures("charger")
def test_what_follows_slots_spares_the_chargers_memory_and_a_persons_order_does_not_wait(
    owner: Api, session: Session
) -> None:
    owner.patch("/settings", {"profile_writes_per_day": 1})

    def limit(watts: int) -> Any:
        return owner.patch(SLOTS, {"capacity": [{"range": "17:00-20:00", "limit_w": watts}]}).json["profile"]

    def sent() -> list[bool]:
        """Whether each profile that was sent was sent by itself; what waits is sent now."""
        begin(session)
        orders = session.scalars(
            select(Command).where(Command.kind == Kind.SET_PROFILE).order_by(Command.id)
        ).all()
        for order in orders:
            order.sent_at, order.state = clock.now(), CommandState.ACCEPTED
        store(session)
        return [x.is_automatic for x in orders]

    limit(4140)
    assert sent() == [True]
    spared = limit(6900)
    assert spared["state"] == "wanted"
    assert "was sent one profile today; to spare its memory, 1 a day" in spared["why"]
    assert sent() == [True]
    told = owner.post("/chargers/CP-1/charging-limit", {"evse": 1, "limit": 8, "duration_s": 600})
    assert told.status_code == 201
    assert "sent all the same" in told.json["warning"]
    assert sent() == [True, False]
    owner.patch("/settings", {"profile_writes_per_day": 3})
    assert limit(6900)["why"] != spared["why"]
    assert sent() == [True, False, True]
