"""Charging from the charger's side: plugging in, cards that are good or not, and what happened while it was offline."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.certification.v16.charge_point import BOOT, ChargePoint, utc
from tests.certification.v16.operators import BLOCKED, CARD, EXPIRED, UNKNOWN, Operator


def test_tc_001_csms_cold_boot(new_cp: ChargePoint, operator: Operator) -> None:
    """A charger that starts is registered, told the time and an interval, and may send heartbeats. 1.6 §4.2, §4.6"""
    booted = new_cp.connects().sends("BootNotification", **BOOT).gets(status="Accepted")
    assert booted["interval"] > 0
    assert abs(datetime.fromisoformat(booted["currentTime"]) - now()).total_seconds() < 5
    for connector in (0, 1):
        new_cp.shows("Available", connector)
    beat = new_cp.sends("Heartbeat").gets()
    assert abs(datetime.fromisoformat(beat["currentTime"]) - now()).total_seconds() < 5
    assert operator.charger()["vendor"] == BOOT["chargePointVendor"]
    operator.sees_connector("Available")


def test_tc_003_csms_session_plug_first(cp: ChargePoint, operator: Operator) -> None:
    """The cable first, then the card; one transactionId from start to stop. 1.6 §4.1, §4.8, §4.10"""
    cp.shows("Preparing")
    cp.authorizes(CARD)
    charge(cp, operator)


def test_tc_004_1_csms_session_card_first(cp: ChargePoint, operator: Operator) -> None:
    """The card first, then the cable. 1.6 §4.1, §4.8"""
    cp.authorizes(CARD)
    cp.shows("Preparing")
    charge(cp, operator)


def test_tc_004_2_csms_card_first_and_no_cable(cp: ChargePoint, operator: Operator) -> None:
    """A card was held to the charger and no cable came: it is free again, and there was no session. 1.6 §4.9"""
    cp.authorizes(CARD)
    cp.shows("Preparing")
    cp.shows("Available")  # ConnectionTimeOut has passed at the charger
    operator.sees_connector("Available")
    assert operator.sessions() == []


def test_tc_005_1_csms_unplugged_at_the_car(cp: ChargePoint, operator: Operator) -> None:
    """The cable is pulled at the car: the session stops with just that reason. 1.6 §4.10, §9.1"""
    cp.shows("Preparing")
    cp.authorizes(CARD)
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    cp.shows("SuspendedEV")
    cp.stops(transaction_id, "EVDisconnected")
    cp.shows("Finishing")
    cp.shows("Available")
    ended = the_session(operator, transaction_id)
    assert (ended["state"], ended["stop_reason"]) == ("ended", "EVDisconnected")


def test_tc_007_csms_cached_card(cp: ChargePoint, operator: Operator) -> None:
    """The charger knows the card and starts without asking: the start is answered with a verdict. 1.6 §3.5.1, §4.8"""
    cp.shows("Preparing")
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    assert the_session(operator, transaction_id)["state"] == "active"
    cp.stops(transaction_id)


def test_tc_023_1_csms_unknown_card(cp: ChargePoint, operator: Operator) -> None:
    """A card that nobody knows is Invalid. 1.6 §4.1, §7.2"""
    cp.shows("Preparing")
    cp.authorizes(UNKNOWN, "Invalid")
    cp.shows("Available")
    assert operator.sessions() == []


def test_tc_023_2_csms_expired_card(cp: ChargePoint, operator: Operator) -> None:
    """A card that has run out is Expired. 1.6 §4.1, §7.2"""
    cp.shows("Preparing")
    cp.authorizes(EXPIRED, "Expired")
    cp.shows("Available")
    assert operator.sessions() == []


def test_tc_023_3_csms_blocked_card(cp: ChargePoint, operator: Operator) -> None:
    """A card that was blocked is Blocked. 1.6 §4.1, §7.2"""
    cp.shows("Preparing")
    cp.authorizes(BLOCKED, "Blocked")
    cp.shows("Available")
    assert operator.sessions() == []


def test_tc_024_csms_lock_failure(cp: ChargePoint, operator: Operator) -> None:
    """The connector's lock fails: the fault is heard and shown, and there is no session. 1.6 §4.9, §7.6"""
    cp.authorizes(CARD)
    cp.shows("Preparing")
    cp.shows("Faulted", error="ConnectorLockFailure")
    operator.sees_connector("Faulted")
    assert operator.charger()["connectors"][0]["error_code"] == "ConnectorLockFailure"
    assert operator.sessions() == []


def test_tc_032_1_csms_power_failure_ends_sessions(cp: ChargePoint, operator: Operator) -> None:
    """The power fails during a session: the charger boots and stops it; what it charged counts. 1.6 §4.2, §4.10"""
    cp.shows("Preparing")
    cp.authorizes(CARD)
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    cp.loses_connection()
    cp.boots()
    assert cp.stops(transaction_id, "PowerLoss", idTag=CARD)["idTagInfo"]["status"] == "Accepted"
    ended = the_session(operator, transaction_id)
    assert (ended["state"], ended["stop_reason"], ended["energy_wh"]) == ("ended", "PowerLoss", 100)


def test_tc_037_1_csms_offline_start_with_a_good_card(cp: ChargePoint, operator: Operator) -> None:
    """A session that began offline is told later, with the time at which it began. 1.6 §3.5, §4.8"""
    cp.loses_connection()
    began = utc(-60)
    cp.connects()
    cp.shows("Preparing")
    transaction_id = cp.starts(CARD, timestamp=began)
    cp.shows("Charging")
    session = the_session(operator, transaction_id)
    assert session["state"] == "active"
    assert datetime.fromisoformat(session["started_at"]) == datetime.fromisoformat(began)
    cp.stops(transaction_id)


def test_tc_037_3_csms_offline_start_with_a_bad_card(cp: ChargePoint, operator: Operator) -> None:
    """The card of a session that began offline is none: the answer says so, the charger stops. 1.6 §4.8, §9.1"""
    cp.loses_connection()
    began = utc(-60)
    cp.connects()
    transaction_id = cp.starts(UNKNOWN, "Invalid", timestamp=began)
    cp.stops(transaction_id, "DeAuthorized")
    ended = the_session(operator, transaction_id)
    assert (ended["state"], ended["stop_reason"]) == ("ended", "DeAuthorized")


def test_tc_039_csms_offline_session(cp: ChargePoint, operator: Operator) -> None:
    """A whole session happened offline: both its messages are taken afterwards, in their order. 1.6 §3.5, §3.7.1"""
    cp.loses_connection()
    began, ended = utc(-3600), utc(-60)
    cp.connects()
    transaction_id = cp.starts(CARD, timestamp=began)
    cp.stops(transaction_id, idTag=CARD, timestamp=ended)
    session = the_session(operator, transaction_id)
    assert session["state"] == "ended"
    assert session["energy_wh"] == 100
    assert datetime.fromisoformat(session["ended_at"]) == datetime.fromisoformat(ended)


def charge(cp: ChargePoint, operator: Operator) -> None:
    """A session as it should be, from the start to the connector's being free again."""
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    cp.measures(transaction_id)
    assert the_session(operator, transaction_id)["state"] == "active"
    cp.authorizes(CARD)
    assert cp.stops(transaction_id, idTag=CARD)["idTagInfo"]["status"] == "Accepted"
    cp.shows("Finishing")
    cp.shows("Available")
    session = the_session(operator, transaction_id)
    assert (session["state"], session["id_token"], session["energy_wh"]) == ("ended", CARD, 200)


def the_session(operator: Operator, transaction_id: int) -> dict[str, object]:
    """The only session there is, and it is this one."""
    (session,) = operator.sessions()
    assert session["id"] == transaction_id
    return session


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  what the charger's time is held against
