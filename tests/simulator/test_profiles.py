"""Which charging profile holds: purposes, levels, schedules (1.6 §3.13)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.simulator.battery import AC_22KW, Car, Meter
from csms.simulator.connector import Connector
from csms.simulator.profiles import ChargingProfiles

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def connector() -> Connector:
    """A transaction that began at noon."""
    connector = Connector(1, AC_22KW, Meter(AC_22KW))
    connector.plug(Car(phases=3))
    connector.begin("CARD0001", None, NOON)
    return connector


def profile(purpose: str, limit: float, *, level: int = 0, unit: str = "A", **more: Any) -> dict[str, Any]:
    periods = more.pop("periods", [{"startPeriod": 0, "limit": limit}])
    schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": periods} | more.pop("schedule", {})
    return {
        "chargingProfileId": hash((purpose, limit, level)),
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    } | more


def test_the_transactions_own_profile_overrules_the_default(connector: Connector) -> None:
    profiles = ChargingProfiles()
    profiles.install(0, profile("TxDefaultProfile", 10))
    assert profiles.limit_a(connector, NOON) == 10
    profiles.install(1, profile("TxProfile", 16))
    assert profiles.limit_a(connector, NOON) == 16
    profiles.transaction_ended(1)
    assert profiles.limit_a(connector, NOON) == 10


def test_the_chargers_maximum_caps_all(connector: Connector) -> None:
    profiles = ChargingProfiles()
    profiles.install(1, profile("TxProfile", 16))
    fixed = {"startSchedule": "2026-03-01T00:00:00Z"}
    profiles.install(0, profile("ChargePointMaxProfile", 8, chargingProfileKind="Absolute", schedule=fixed))

    assert profiles.limit_a(connector, NOON) == 8


def test_the_higher_level_holds_while_it_says_something(connector: Connector) -> None:
    profiles = ChargingProfiles()
    profiles.install(1, profile("TxProfile", 16))
    profiles.install(1, profile("TxProfile", 6, level=1, schedule={"duration": 600}))

    assert profiles.limit_a(connector, NOON) == 6
    assert profiles.limit_a(connector, NOON + timedelta(minutes=10)) == 16


def test_periods_follow_one_another_from_the_start_of_the_transaction(connector: Connector) -> None:
    profiles = ChargingProfiles()
    periods = [{"startPeriod": 0, "limit": 16}, {"startPeriod": 60, "limit": 0}]
    profiles.install(1, profile("TxProfile", 0, periods=periods))

    assert profiles.limit_a(connector, NOON + timedelta(seconds=59)) == 16
    assert profiles.limit_a(connector, NOON + timedelta(seconds=60)) == 0


def test_watts_are_shared_by_the_phases(connector: Connector) -> None:
    profiles = ChargingProfiles()
    profiles.install(1, profile("TxProfile", 6900, unit="W"))

    assert profiles.limit_a(connector, NOON) == 10


def test_a_daily_profile_comes_again_every_day(connector: Connector) -> None:
    daily = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}
    periods = [{"startPeriod": 0, "limit": 6}, {"startPeriod": 6 * 3600, "limit": 32}]
    profiles = ChargingProfiles()
    profiles.install(
        1,
        profile("TxProfile", 0, periods=periods, schedule={"startSchedule": "2026-01-01T08:00:00Z"}, **daily),
    )

    assert profiles.limit_a(connector, NOON) == 6
    assert profiles.limit_a(connector, NOON + timedelta(hours=3)) == 32


def test_a_profile_out_of_its_validity_says_nothing(connector: Connector) -> None:
    profiles = ChargingProfiles()
    profiles.install(1, profile("TxProfile", 6, validTo="2026-03-01T12:00:00Z"))

    assert profiles.limit_a(connector, NOON) is None


def test_clearing_by_criteria_spares_the_others(connector: Connector) -> None:
    profiles = ChargingProfiles()
    profiles.install(0, profile("TxDefaultProfile", 10))
    profiles.install(1, profile("TxProfile", 16))

    profiles.remove(profiles.matching({"connectorId": 1, "chargingProfilePurpose": "TxProfile"}))
    assert profiles.limit_a(connector, NOON) == 10
    assert len(profiles.matching({})) == 1
