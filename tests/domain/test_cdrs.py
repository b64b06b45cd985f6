"""Charge records: made with the bill, taken back with it, never changed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import NOW, make_charger, make_wire, store
from sqlalchemy import delete
from sqlalchemy.orm import Session
from story import Story

from csms.domain import accounts, cdrs, tariffs
from csms.domain.base import Refused
from csms.domain.cdrs import Cdr
from csms.domain.tariffs import Period, from_json, simple, stretches
from csms.domain.tariffs.ocpi import with_vat, without_vat
from csms.domain.transactions import Serial, bill_of, orphans, repair, unrecorded
from csms.domain.transactions.unrecorded import Wait
from csms.domain.verify import verify

PRICES = simple(
    "EUR",
    price_per_kwh=Decimal("0.50"),
    price_per_idle_minute=Decimal("0.10"),
    price_per_start=Decimal("1.00"),
    vat_percent=Decimal(20),
)


@pytest.fixture
def story(desk: Session) -> Story:
    tariffs.create(desk, "Day", PRICES, at=NOW, is_default=True)
    account = accounts.open_account(desk, "Ada", at=NOW)
    accounts.add_token(desk, "04A2", at=NOW, account_id=account.id)
    charger = make_charger(desk, online=True, name="Plaza", latitude=40.4, longitude=-3.7)
    return Story(make_wire(desk, charger))


def records(story: Story) -> list[Cdr]:
    return list(story.session.query(Cdr).order_by(Cdr.id))


def test_a_session_that_ends_is_told_in_the_words_of_ocpi(story: Story) -> None:
    transaction_id = story.start(meter=0)
    story.tell(
        "StatusNotification",
        {
            "connectorId": 1,
            "status": "SuspendedEV",
            "errorCode": "NoError",
            "timestamp": "2026-03-14T09:30:00Z",
        },
    )
    story.stop(transaction_id, 4000)
    (record,) = records(story)
    told = cdrs.document(record, "EUR")
    assert (told["session_id"], told["currency"], told["auth_method"]) == (
        str(transaction_id),
        "EUR",
        "AUTH_REQUEST",
    )
    assert told["cdr_token"] == {"uid": "04A2", "type": "RFID", "contract_id": str(record.account_id)}
    assert (told["start_date_time"], told["end_date_time"]) == (
        "2026-03-14T09:00:00Z",
        "2026-03-14T10:00:00Z",
    )
    assert (told["total_energy"], told["total_time"], told["total_parking_time"]) == ("4", "1.0000", "0.5000")
    assert told["charging_periods"] == [
        {
            "start_date_time": "2026-03-14T09:00:00Z",
            "dimensions": [{"type": "ENERGY", "volume": "4"}, {"type": "TIME", "volume": "0.5000"}],
            "tariff_id": told["tariffs"][0]["id"],
        },
        {
            "start_date_time": "2026-03-14T09:30:00Z",
            "dimensions": [{"type": "ENERGY", "volume": "0"}, {"type": "PARKING_TIME", "volume": "0.5000"}],
            "tariff_id": told["tariffs"][0]["id"],
        },
    ]
    assert told["total_energy_cost"] == {"excl_vat": "1.67", "incl_vat": "2.00"}
    assert told["total_fixed_cost"] == {"excl_vat": "0.83", "incl_vat": "1.00"}
    assert told["total_parking_cost"] == {"excl_vat": "2.50", "incl_vat": "3.00"}
    assert told["total_time_cost"] is None
    assert told["total_cost"] == {"excl_vat": "5.00", "incl_vat": "6.00"}
    assert (told["cdr_location"]["id"], told["cdr_location"]["evse_uid"]) == ("CP-1", "CP-1-1")
    assert told["cdr_location"]["coordinates"] == {"latitude": "40.400000", "longitude": "-3.700000"}
    assert told["tariffs"][0]["elements"][0]["price_components"][0] == {
        "type": "ENERGY",
        "price": "0.416667",
        "vat": "20",
        "step_size": 1,
    }
    assert (
        record.total_cents == story.transaction().cost_cents == bill_of(story.transaction(), NOW).total_cents
    )
    assert verify(story.session, at=NOW) == []


def test_what_kwh_of_credit_have_paid_costs_nothing_in_the_record(story: Story) -> None:
    account = story.session.get_one(accounts.Account, 1)
    accounts.book(story.session, account, accounts.LedgerKind.TOP_UP, at=NOW, energy_wh=4000)
    store(story.session)
    story.stop(story.start(meter=0), 4000)
    told = cdrs.document(records(story)[0], "EUR")
    assert (told["total_energy_cost"]["incl_vat"], told["total_cost"]["incl_vat"]) == ("0.00", "1.00")


def test_a_second_stop_makes_no_second_record(story: Story) -> None:
    transaction_id = story.start(meter=0)
    for _ in range(3):
        story.stop(transaction_id, 4000)
    assert len(records(story)) == 1


def test_a_bill_that_is_made_anew_leaves_a_credit_and_a_new_record(story: Story) -> None:
    first = story.start(meter=0)
    story.read("2026-03-14T09:05:00Z", {"value": "2000"})
    story.start(meter=4000, at="2026-03-14T09:20:00Z")
    assert records(story) == []
    repair.settle(story.session, story.transaction(first), waive=False, by="olga", at=NOW)
    store(story.session)
    story.stop(first, 3000, "2026-03-14T09:10:00Z")
    estimated, credit, exact = records(story)
    assert (credit.credit_of, credit.total_cents) == (estimated.uuid, -estimated.total_cents)
    told = cdrs.document(credit, "EUR")
    assert (told["credit"], told["credit_reference_id"]) == (True, estimated.uuid)
    assert told["total_energy_cost"]["incl_vat"].startswith("-")
    assert exact.credit_of is None
    assert exact.total_cents == story.transaction(first).cost_cents
    assert cdrs.last_of(story.session, first) is exact
    assert verify(story.session, at=NOW) == []
    with pytest.raises(Refused):
        cdrs.withdraw(story.session, exact, at=NOW)
    cdrs.withdraw(story.session, estimated, at=NOW)
    store(story.session)
    assert estimated not in cdrs.of_transaction(story.session, first)


def test_a_session_that_is_waived_has_a_record_of_nothing(story: Story) -> None:
    first = story.start(meter=0)
    story.start(meter=4000, at="2026-03-14T09:20:00Z")
    repair.settle(story.session, story.transaction(first), waive=True, by="olga", at=NOW)
    store(story.session)
    assert [x.total_cents for x in records(story)] == [0]


def test_a_period_begins_where_another_price_holds() -> None:
    told = from_json(
        [
            {"price_components": [{"type": "ENERGY", "price": "0.3"}], "restrictions": {"max_kwh": "5"}},
            {"price_components": [{"type": "ENERGY", "price": "0.6"}]},
        ]
    )
    terms = tariffs.Terms("EUR", told)
    course = [
        Period(NOW, NOW + timedelta(hours=1), 8000),
        Period(NOW + timedelta(hours=1), NOW + timedelta(hours=2), 2000),
    ]
    found = stretches(terms, course)
    assert [(x.energy_wh, x.is_idle) for x in found] == [(5000, False), (5000, False)]
    assert sum(x.seconds for x in found) == 7200


@given(st.decimals(0, 1000, places=4), st.decimals(0, 30, places=2))
def test_a_price_without_vat_comes_back_the_same(price: Decimal, percent: Decimal) -> None:
    assert without_vat(with_vat(price, percent), percent) == price


@pytest.mark.seed("000", "Charge detail record")
def test_what_is_over_has_a_record_or_waits_for_a_person(story: Story) -> None:
    session = story.session
    estimated = story.start(meter=0)
    backwards = story.start(meter=4000, at="2026-03-14T09:20:00Z")
    story.stop(backwards, 10, "2026-03-14T09:30:00Z")  # its register ran backwards
    story.stop(4711, at="2026-03-14T09:40:00Z")
    assert records(story) == []
    waiting = {unrecorded.wait_of(x): x for x in session.scalars(unrecorded.waiting())}
    assert set(waiting) == set(Wait)
    assert unrecorded.count_waiting(session) == 3
    assert (waiting[Wait.ESTIMATE].id, waiting[Wait.NO_ENERGY].id) == (estimated, backwards)
    assert {x.id for x in repair.unsettled(session)} == {estimated, backwards}
    with pytest.raises(Refused, match="waive"):
        repair.settle(session, waiting[Wait.NO_ENERGY], waive=False, by="olga", at=NOW)
    repair.settle(session, waiting[Wait.ESTIMATE], waive=False, by="olga", at=NOW)
    waived = repair.settle(session, waiting[Wait.NO_ENERGY], waive=True, by="olga", at=NOW)
    orphans.dismiss(session, waiting[Wait.NO_SESSION], by="olga", at=NOW)
    store(session)
    told = {x.transaction_id: cdrs.document(x, "EUR") for x in records(story)}
    assert (told[estimated]["remark"], told[estimated]["total_cost"]["incl_vat"]) == (
        "its end was never told, so this is an estimate",
        "3.00",
    )
    assert told[backwards]["remark"] == "waived: nobody pays for it; nobody knows its energy"
    assert (told[backwards]["total_cost"]["incl_vat"], told[backwards]["total_energy"]) == ("0.00", "0")
    assert session.scalars(unrecorded.waiting()).all() == []
    assert verify(session, at=NOW) == []
    orphans.undo(session, waived, by="olga", at=NOW)
    store(session)
    assert [x.id for x in session.scalars(unrecorded.waiting())] == [backwards]
    assert verify(session, at=NOW) == []


def test_a_session_that_costs_nothing_has_a_record_of_nothing(desk: Session) -> None:
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    story.stop(story.start(meter=0), 4000)
    told = cdrs.document(records(story)[0], "EUR")
    assert (told["total_cost"]["incl_vat"], told["total_energy"], told["currency"]) == ("0.00", "4", "EUR")


@pytest.mark.seed("000", "Charge detail record")
def test_sessions_of_before_there_were_records_get_theirs_in_portions(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unrecorded, "MOST_LOOKED_AT", 3)
    monkeypatch.setattr(unrecorded, "MOST_MADE", 2)
    session, hour = story.session, timedelta(hours=1)
    for i in range(8):
        begin, end = NOW - (20 - 2 * i) * hour, NOW - (19 - 2 * i) * hour
        story.stop(story.start(meter=4000 * i, at=begin.isoformat()), 4000 * (i + 1), end.isoformat())
    of_today = {x.transaction_id: x for x in records(story)}
    session.execute(delete(Cdr).where(Cdr.id != min(x.id for x in of_today.values())))
    assert sum("no charge record" in x for x in verify(session, at=NOW)) == 7
    session.add(Serial(name=unrecorded.MARK, last=0))
    store(session)
    assert verify(session, at=NOW) == []  # they may still come
    made = []
    while unrecorded.looked_at(session) is not None:
        made.append(unrecorded.record_past(session, NOW))
        store(session)
        assert verify(session, at=NOW) == []
    assert (sum(made), max(made)) == (7, 2)
    assert unrecorded.record_past(session, NOW) == 0
    for one in records(story):
        before = of_today[one.transaction_id]
        assert (one.total_cents, one.vat_cents, one.energy_wh) == (
            before.total_cents,
            before.vat_cents,
            before.energy_wh,
        )
        assert (
            cdrs.document(one, "EUR")["charging_periods"] == cdrs.document(before, "EUR")["charging_periods"]
        )
