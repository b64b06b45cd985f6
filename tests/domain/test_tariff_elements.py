"""Tariffs with elements: windows, thresholds and steps, to the second and the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session
from story import Story

from csms.domain import cdrs, tariffs
from csms.domain.base import Invalid
from csms.domain.tariffs import Bill, Period, Terms, Usage, as_json, from_json, simple
from csms.domain.transactions import bill_of
from csms.domain.verify import verify

MADRID = "Europe/Madrid"


def component(kind: str, price: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "price": price, **more}


def terms(*elements: tuple[list[dict[str, Any]], dict[str, Any]], **more: Any) -> Terms:
    told = [{"price_components": x, "restrictions": y} for x, y in elements]
    return Terms("EUR", from_json(told), time_zone=MADRID, **more)


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(MADRID), fold=fold).astimezone(UTC)


def charging(begin: datetime, hours: float, energy_wh: int, idle_s: int = 0) -> Usage:
    usage = Usage(energy_wh, round(hours * 3600), idle_s, begin)
    return replace(usage, course=usage.periods)


def told(bill: Bill) -> list[tuple[str, str, int]]:
    return [(x.kind, str(x.quantity), x.cents) for x in bill.lines]


NIGHT = terms(
    ([component("ENERGY", "0.30")], {"start_time": "22:00", "end_time": "06:00"}),
    ([component("ENERGY", "0.60"), component("FLAT", "1")], {}),
)


def test_energy_is_priced_by_the_window_in_which_it_came() -> None:
    bill = tariffs.price(NIGHT, charging(local("2026-03-14T21:00"), 2, 10_000))
    assert told(bill) == [("energy", "5", 300), ("energy", "5", 150), ("start", "1", 100)]
    day, night, _ = bill.lines
    assert (day.element, night.element) == (2, 1)
    assert day.spans[0].ends_at == night.spans[0].begins_at == local("2026-03-14T22:00")


@pytest.mark.parametrize(("begin", "kinds"), [("21:59:59", [(1, 1), (2, 1)]), ("22:00:00", [(1, 2)])])
def test_a_window_begins_at_its_second(begin: str, kinds: list[tuple[int, int]]) -> None:
    bill = tariffs.price(NIGHT, charging(local(f"2026-03-14T{begin}"), 2 / 3600, 2))
    energy = [x for x in bill.lines if x.kind == "energy"]
    assert sorted((x.element, int(x.quantity * 1000)) for x in energy) == kinds


@pytest.mark.parametrize(
    ("day", "night_hours"),
    [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-01", 8)],
)
def test_the_night_has_the_hours_that_the_clock_on_the_wall_gives_it(day: str, night_hours: int) -> None:
    asked = terms(([component("TIME", "1")], {"start_time": "22:00", "end_time": "06:00"}))
    bill = tariffs.price(asked, charging(local(f"{day}T12:00"), 24, 0))
    assert told(bill) == [("time", f"{night_hours}.0000", night_hours * 100)]


def test_an_hour_that_there_is_twice_is_in_its_window_twice() -> None:
    asked = terms(([component("TIME", "1.20")], {"start_time": "02:00", "end_time": "03:00"}))
    bill = tariffs.price(asked, charging(local("2026-10-25T00:00"), 12, 0))
    assert told(bill) == [("time", "120.00", 240)]
    assert tariffs.price(asked, charging(local("2026-03-29T00:00"), 12, 0)).lines == ()


def test_days_dates_thresholds_and_reservations() -> None:
    asked = terms(
        ([component("ENERGY", "9")], {"reservation": "RESERVATION"}),
        ([component("ENERGY", "0.10")], {"day_of_week": ["SUNDAY"], "max_kwh": "2"}),
        ([component("ENERGY", "0.20")], {"min_power": "22"}),
        ([component("ENERGY", "0.40")], {"end_date": "2026-03-16"}),
        ([component("FLAT", "5"), component("ENERGY", "0.80")], {"min_duration": 3600}),
    )
    sunday = tariffs.price(asked, charging(local("2026-03-15T12:00"), 1, 5_000))
    assert told(sunday) == [("energy", "2", 20), ("energy", "3", 120)]
    fast = tariffs.price(asked, charging(local("2026-03-16T12:00"), 1, 50_000))
    assert told(fast) == [("energy", "50", 1000)]
    long = tariffs.price(asked, charging(local("2026-03-16T12:00"), 2, 4_000))
    assert told(long) == [("energy", "2", 160), ("start", "1", 500)]


def test_blocks_are_filled_once_by_the_price_that_was_used_last() -> None:
    asked = terms(
        ([component("ENERGY", "1", step_size=500)], {"max_kwh": "1"}),
        ([component("ENERGY", "2", step_size=1000), component("TIME", "6", step_size=600)], {}),
    )
    bill = tariffs.price(asked, charging(NOW, 0.25, 1_100))
    assert told(bill) == [("energy", "1", 100), ("energy", "1", 200), ("time", "20.00", 200)]


def test_where_parking_is_billed_its_blocks_count_and_those_of_time_do_not() -> None:
    asked = terms(
        ([component("TIME", "6", step_size=600), component("PARKING_TIME", "12", step_size=300)], {})
    )
    bill = tariffs.price(asked, charging(NOW, 0.25, 0, idle_s=400))
    assert told(bill) == [("time", "8.33", 83), ("idle", "10.00", 200)]


@pytest.mark.parametrize(("energy_wh", "total"), [(0, 200), (1_000, 200), (5_000, 500), (50_000, 1000)])
def test_a_session_costs_no_less_and_no_more_than_it_may(energy_wh: int, total: int) -> None:
    asked = terms(([component("ENERGY", "1")], {}), min_price=Decimal(2), max_price=Decimal(10))
    assert tariffs.price(asked, charging(NOW, 1, energy_wh)).total_cents == total


def test_each_rate_of_vat_is_reckoned_for_itself() -> None:
    asked = terms(
        ([component("ENERGY", "1.21"), component("FLAT", "1.10", vat="10")], {}), vat_percent=Decimal(21)
    )
    assert tariffs.price(asked, charging(NOW, 1, 10_000)).vat_cents == 210 + 10


@pytest.mark.parametrize(
    "element",
    [
        {},
        {"price_components": []},
        {"price_components": [{"type": "WATER", "price": "1"}]},
        {"price_components": [{"type": "ENERGY", "price": "-1"}]},
        {"price_components": [{"type": "ENERGY", "price": "1"}], "restrictions": {"start_time": "25:00"}},
        {"price_components": [{"type": "ENERGY", "price": "1"}], "restrictions": {"moon": "full"}},
    ],
)
def test_what_is_no_element_is_refused_by_its_number(element: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="Element 1"):
        from_json([element])


prices = st.decimals(0, 50, places=4).map(str)
clocks = st.times().map(lambda x: x.replace(microsecond=0).isoformat())
windows = st.fixed_dictionaries(
    {},
    optional={
        "start_time": clocks,
        "end_time": clocks,
        "day_of_week": st.lists(st.sampled_from(tariffs.DAYS), unique=True),
        "min_kwh": st.integers(0, 20).map(str),
    },
)
elements = st.builds(
    lambda price, window: {
        "price_components": [component("ENERGY", price)],
        "restrictions": window,
    },
    prices,
    windows,
)
timed = st.builds(
    lambda price, idle, window: {
        "price_components": [component("TIME", price), component("PARKING_TIME", idle)],
        "restrictions": {k: v for k, v in window.items() if k != "min_kwh"},
    },
    prices,
    prices,
    windows,
)
any_terms = st.builds(
    lambda energy, time: Terms("EUR", from_json([*energy, *time]), Decimal(21), time_zone=MADRID),
    st.lists(elements, max_size=3),
    st.lists(timed, max_size=2),
)
begins = st.integers(0, 300 * 86_400).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


@settings(max_examples=40)
@given(any_terms, begins, st.integers(1, 60), st.integers(1, 6), st.integers(0, 900))
def test_cutting_a_period_changes_nothing(
    asked: Terms, begin: datetime, minutes: int, pieces: int, each_wh: int
) -> None:
    step = timedelta(minutes=minutes)
    whole = (Period(begin, begin + pieces * step, pieces * each_wh),)
    cut = tuple(Period(begin + i * step, begin + (i + 1) * step, each_wh) for i in range(pieces))
    usage = Usage(pieces * each_wh, pieces * 60 * minutes, 0, begin)
    one, many = (tariffs.price(asked, replace(usage, course=x)) for x in (whole, cut))
    assert told(one) == told(many)
    assert [x.spans for x in one.lines] == [x.spans for x in many.lines]


@settings(max_examples=40)
@given(
    st.lists(prices, min_size=4, max_size=4), st.integers(0, 90), st.integers(0, 10**5), st.integers(0, 9_000)
)
def test_without_restrictions_the_sums_are_priced_as_the_course_is(
    asked: list[str], grace: int, energy_wh: int, idle_s: int
) -> None:
    kwh, minute, idle, start = (Decimal(x) for x in asked)
    flat = simple("EUR", kwh, minute, idle, grace, start, Decimal(21))
    usage = Usage(energy_wh, 10_000, idle_s, NOW)
    assert told(tariffs.price(flat, usage)) == told(tariffs.price(flat, replace(usage, course=usage.periods)))
    assert from_json(as_json(flat.elements)) == flat.elements


def test_live_receipt_and_books_agree_and_tell_what_they_stand_on(desk: Session) -> None:
    asked = terms(
        ([component("ENERGY", "0.20")], {"start_time": "10:10", "end_time": "10:20"}),
        ([component("ENERGY", "0.50")], {}),
    )
    tariffs.create(desk, "Windows", asked, at=NOW, is_default=True)
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    transaction_id = story.start(meter=1_000, at="2026-03-14T09:00:00Z")
    story.read("2026-03-14T09:10:00Z", {"value": "2000"})
    story.read("2026-03-14T09:20:00Z", {"value": "4000"})
    end = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
    live = bill_of(story.transaction(), end)
    story.stop(transaction_id, 4_000, "2026-03-14T09:30:00Z")
    store(desk)
    receipt = bill_of(story.transaction(), NOW)
    assert told(live) == told(receipt) == [("energy", "1", 50), ("energy", "2", 40)]
    assert [(x.element, x.spans[0].first_wh, x.spans[0].last_wh) for x in receipt.lines] == [
        (2, 1_000, 2_000),
        (1, 2_000, 4_000),
    ]
    assert story.transaction().cost_cents == 90
    record = cdrs.last_of(desk, transaction_id)
    assert record is not None
    assert record.total_cents == 90
    periods = cdrs.document(record, "EUR")["charging_periods"]
    assert [x["dimensions"][0]["volume"] for x in periods] == ["1", "2", "0"]
    assert verify(desk, at=NOW) == []
