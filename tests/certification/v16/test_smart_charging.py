"""Limits on what a charger draws."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.certification.v16.charge_point import ChargePoint, utc
from tests.certification.v16.operators import CARD, Operator

PERIODS = [{"startPeriod": 0, "limit": 10}, {"startPeriod": 1800, "limit": 16}]
SCHEDULE = {"duration": 3600, "chargingRateUnit": "A", "chargingSchedulePeriod": PERIODS}


def test_tc_056_csms_profile_for_all_sessions(cp: ChargePoint, operator: Operator) -> None:
    """A profile that holds for every session to come. 1.6 §5.16, §3.13"""
    installed(cp, operator, "TxDefaultProfile")


def test_tc_057_csms_profile_for_one_session(cp: ChargePoint, operator: Operator) -> None:
    """A profile for the session that runs, which it names. 1.6 §5.16, §7.8"""
    cp.shows("Preparing")
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    profile = installed(cp, operator, "TxProfile")
    assert profile["transactionId"] == transaction_id
    cp.stops(transaction_id)


def test_tc_059_csms_remote_start_with_a_profile(cp: ChargePoint, operator: Operator) -> None:
    """A remote start brings the limit for its own session: a TxProfile that names no transaction yet. 1.6 §5.11"""
    cp.shows("Preparing")
    order = operator.starts_with(evse=1, id_token=CARD, profile=wanted("TxProfile"))
    given = cp.expects("RemoteStartTransaction", idTag=CARD, connectorId=1).answers(status="Accepted")
    as_wanted(given["chargingProfile"], "TxProfile")
    assert "transactionId" not in given["chargingProfile"]
    order.ends("accepted", "Accepted")
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    assert order.is_seen()["transaction_id"] == transaction_id
    cp.stops(transaction_id)


def test_tc_066_csms_what_the_charger_will_draw(cp: ChargePoint, operator: Operator) -> None:
    """The operator sees the schedule that all profiles together come to. 1.6 §5.7"""
    installed(cp, operator, "TxDefaultProfile")
    operator.asks_for_composite(evse=1, duration_s=3600)
    asked = cp.expects("GetCompositeSchedule", connectorId=1, duration=3600, chargingRateUnit="A")
    told = {"connectorId": 1, "scheduleStart": utc(), "chargingSchedule": SCHEDULE}
    asked.answers(status="Accepted", **told)
    steps = operator.sees_composite(evse=1)["told"]["steps"]
    assert [x["limit"] for x in steps[:2]] == [10, 16]


def test_tc_067_csms_profiles_are_cleared(cp: ChargePoint, operator: Operator) -> None:
    """A profile is taken back by its number, and others by what they are for. 1.6 §5.5"""
    number = installed(cp, operator, "TxDefaultProfile")["chargingProfileId"]
    order = operator.clears(number=number)
    assert cp.expects("ClearChargingProfile").answers(status="Accepted") == {"id": number}
    order.ends("accepted", "Accepted")
    assert operator.profiles() == []
    kind = {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}
    order = operator.clears(evse=1, purpose="TxDefaultProfile", stack_level=0)
    assert cp.expects("ClearChargingProfile").answers(status="Unknown") == kind
    order.ends("rejected", "Unknown")


def wanted(purpose: str) -> dict[str, Any]:
    """10 A for half an hour from now, and 16 A for another, as operators put it."""
    periods = [{"start_s": x["startPeriod"], "limit": x["limit"]} for x in PERIODS]
    schedule = {"unit": "A", "starts_at": utc(), "duration_s": 3600, "periods": periods}
    return {"purpose": purpose, "kind": "Absolute", "schedules": [schedule]}


def as_wanted(profile: dict[str, Any], purpose: str) -> None:
    """The profile says in 1.6's words what the operator wanted."""
    assert (profile["chargingProfilePurpose"], profile["chargingProfileKind"]) == (purpose, "Absolute")
    schedule = profile["chargingSchedule"]
    begin = datetime.fromisoformat(schedule["startSchedule"])
    assert abs(begin - datetime.fromisoformat(utc())).total_seconds() < 60
    assert (schedule["duration"], schedule["chargingRateUnit"]) == (3600, "A")
    steps = [(x["startPeriod"], x["limit"]) for x in schedule["chargingSchedulePeriod"]]
    assert steps == [(0, 10), (1800, 16)]


def installed(cp: ChargePoint, operator: Operator, purpose: str) -> dict[str, Any]:
    """A profile for connector 1 that the charger has taken on, as it was sent; the operator sees that it holds."""
    operator.sets_profile(evse=1, profile=wanted(purpose))
    given = cp.expects("SetChargingProfile", connectorId=1).answers(status="Accepted")
    profile = dict(given["csChargingProfiles"])
    as_wanted(profile, purpose)
    operator.sees_profile(profile["chargingProfileId"], "installed")
    return profile
