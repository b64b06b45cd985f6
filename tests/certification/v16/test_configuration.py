"""Configuration keys read and changed, the cache of cards, and vendors' own data."""

from __future__ import annotations

from tests.certification.v16.charge_point import ChargePoint
from tests.certification.v16.operators import Operator, asks

HEARTBEAT = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
CONNECTORS = {"key": "NumberOfConnectors", "readonly": True, "value": "1"}


def test_tc_019_1_csms_all_keys(cp: ChargePoint, operator: Operator) -> None:
    """All keys are asked for by naming none, and the operator sees what the charger told. 1.6 §5.8"""
    order = operator.orders("GetConfiguration")
    asked = cp.expects("GetConfiguration").answers(configurationKey=[HEARTBEAT, CONNECTORS])
    assert asked.get("key", []) == []
    assert order.ends("accepted")["answer"]["configurationKey"] == [HEARTBEAT, CONNECTORS]


def test_tc_019_2_csms_one_key(cp: ChargePoint, operator: Operator) -> None:
    """Just one key is asked for; one that the charger has not is told as unknown. 1.6 §5.8"""
    order = operator.orders("GetConfiguration", key=["HeartbeatInterval"])
    cp.expects("GetConfiguration", key=["HeartbeatInterval"]).answers(configurationKey=[HEARTBEAT])
    assert order.ends("accepted")["answer"]["configurationKey"] == [HEARTBEAT]
    order = operator.orders("GetConfiguration", key=["NoSuchKey"])
    cp.expects("GetConfiguration", key=["NoSuchKey"]).answers(unknownKey=["NoSuchKey"])
    assert order.ends("accepted")["answer"]["unknownKey"] == ["NoSuchKey"]


def test_tc_021_csms_change_a_key(cp: ChargePoint, operator: Operator) -> None:
    """A key is changed to the value that the operator gave. 1.6 §5.3"""
    order = asks(cp, operator, "Accepted", "ChangeConfiguration", key="MeterValueSampleInterval", value="60")
    order.ends("accepted", "Accepted")


def test_tc_040_1_csms_unknown_key(cp: ChargePoint, operator: Operator) -> None:
    """The charger has no such key, and the operator is told that. 1.6 §5.3, §7.22"""
    order = asks(cp, operator, "NotSupported", "ChangeConfiguration", key="NoSuchKey", value="1")
    order.ends("rejected", "NotSupported")


def test_tc_040_2_csms_impossible_value(cp: ChargePoint, operator: Operator) -> None:
    """The value is none that the key can have, and the operator is told that. 1.6 §5.3, §7.22"""
    order = asks(cp, operator, "Rejected", "ChangeConfiguration", key="MeterValueSampleInterval", value="-1")
    order.ends("rejected", "Rejected")


def test_tc_061_csms_clear_the_cache(cp: ChargePoint, operator: Operator) -> None:
    """The charger forgets the cards that it remembered. 1.6 §5.4"""
    asks(cp, operator, "Accepted", "ClearCache").ends("accepted", "Accepted")


def test_tc_064_csms_data_from_the_charger(cp: ChargePoint) -> None:
    """A vendor's own data is answered with one of four statuses, never with an error. 1.6 §4.3, §7.23"""
    told = cp.sends("DataTransfer", vendorId="com.example", messageId="Hello", data="42").gets()
    assert told["status"] in ("Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId")
