"""When a connector was out: pure reckoning, by the words of 23 CFR 680.116(b)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from csms.domain.reports.rules import Ordered, Told, reckon

MIDNIGHT = datetime(2026, 3, 14, tzinfo=UTC)
DAY_S = 86_400


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def day(*events: Told | Ordered, evse: int = 1) -> tuple[float, float, float]:
    """(known, out, excluded) in hours of the day from midnight."""
    told = [x for x in events if isinstance(x, Told)]
    ordered = [x for x in events if isinstance(x, Ordered)]
    sums = reckon(told, ordered, evse, MIDNIGHT, at(24))
    return sums.known_s / 3600, sums.outage_s / 3600, sums.excluded_s / 3600


def test_what_nobody_said_counts_neither_for_nor_against_it():
    assert day() == (0, 0, 0)
    assert day(Told(at(18), 1, "Available")) == (6, 0, 0)


def test_a_state_from_the_days_before_holds_until_the_next_one():
    assert day(Told(at(-40), 1, "Faulted"), Told(at(6), 1, "Available")) == (24, 6, 0)


def test_faulted_unavailable_and_offline_are_out():
    events = (
        Told(at(-1), 1, "Available"),
        Told(at(2), 1, "Faulted"),
        Told(at(3), 1, "Charging"),
        Told(at(5), 1, "Unavailable"),
        Told(at(7), 1, "Available"),
        Told(at(10), 0, "Disconnected"),
        Told(at(14), 0, "Connected"),
    )
    assert day(*events) == (24, 1 + 2 + 4, 0)


def test_only_the_connector_itself_and_the_connection_of_its_charger_count():
    events = (Told(at(-1), 1, "Available"), Told(at(1), 2, "Faulted"), Told(at(2), 0, "Faulted"))
    assert day(*events) == (24, 0, 0)
    assert day(*events, evse=2) == (23, 23, 0)


def test_out_of_service_by_order_is_excluded_until_the_order_back():
    events = (
        Told(at(-1), 1, "Available"),
        Ordered(at(1), 1, is_operative=False),
        Told(at(1), 1, "Unavailable"),
        Ordered(at(5), 1, is_operative=True),
        Told(at(6), 1, "Available"),
        Told(at(8), 1, "Unavailable"),  # by itself: nobody ordered it
        Told(at(9), 1, "Available"),
    )
    assert day(*events) == (24, 6, 4)


def test_an_order_for_the_whole_charger_excludes_each_connector_but_no_fault():
    events = (
        Told(at(-2), 2, "Available"),
        Ordered(at(0), 0, is_operative=False),
        Told(at(0), 2, "Unavailable"),
        Told(at(4), 2, "Faulted"),
        Told(at(6), 2, "Unavailable"),
    )
    assert day(*events, evse=2) == (24, 24, 22)
