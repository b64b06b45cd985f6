"""Orders from afar: start, stop, reset, unlock; done as promised, refused, or never seen to happen."""

from __future__ import annotations

from tests.certification.v16.charge_point import ChargePoint
from tests.certification.v16.operators import CARD, Given, Operator, asks


def test_tc_010_csms_remote_start_plugged(cp: ChargePoint, operator: Operator) -> None:
    """A remote start where the cable is in already: the session begins with the card of the order. 1.6 §5.11"""
    cp.shows("Preparing")
    order = remote_start(cp, operator)
    cp.authorizes(CARD)
    begins(cp, operator, order)


def test_tc_011_1_csms_remote_start_before_the_cable(cp: ChargePoint, operator: Operator) -> None:
    """A remote start comes first and the cable after it: one session, known as the order's. 1.6 §5.11"""
    order = remote_start(cp, operator)
    cp.authorizes(CARD)
    cp.shows("Preparing")
    begins(cp, operator, order)


def test_tc_011_2_csms_remote_start_and_no_cable(cp: ChargePoint, operator: Operator) -> None:
    """A remote start was accepted and no cable came: there is no session, and nobody is told there was. 1.6 §5.11"""
    order = remote_start(cp, operator)
    cp.shows("Preparing")
    cp.shows("Available")  # ConnectionTimeOut has passed at the charger
    assert operator.sessions() == []
    assert order.ends("accepted")["observed_at"] is None
    operator.sees_connector("Available")


def test_tc_012_csms_remote_stop(cp: ChargePoint, operator: Operator) -> None:
    """A remote stop names the transaction that the charger was given; its end is seen as the order's. 1.6 §5.12"""
    transaction_id = charging(cp)
    order = operator.orders("RemoteStopTransaction", transactionId=transaction_id)
    cp.expects("RemoteStopTransaction", transactionId=transaction_id).answers(status="Accepted")
    order.ends("accepted", "Accepted")
    cp.stops(transaction_id, "Remote")
    cp.shows("Finishing")
    cp.shows("Available")
    assert order.is_seen()["transaction_id"] == transaction_id
    assert [(x["state"], x["stop_reason"]) for x in operator.sessions()] == [("ended", "Remote")]


def test_tc_013_csms_hard_reset(cp: ChargePoint, operator: Operator) -> None:
    """A hard reset during a session: the session ends for that reason, the charger comes back. 1.6 §5.14"""
    transaction_id = charging(cp)
    order = operator.orders("Reset", type="Hard")
    cp.expects("Reset", type="Hard").answers(status="Accepted")
    order.ends("accepted", "Accepted")
    cp.loses_connection()
    cp.boots()
    cp.stops(transaction_id, "HardReset")
    order.is_seen()
    assert [x["stop_reason"] for x in operator.sessions()] == ["HardReset"]


def test_tc_014_csms_soft_reset(cp: ChargePoint, operator: Operator) -> None:
    """A soft reset during a session: it is stopped in order first, then the charger comes back. 1.6 §5.14"""
    transaction_id = charging(cp)
    order = operator.orders("Reset", type="Soft")
    cp.expects("Reset", type="Soft").answers(status="Accepted")
    cp.stops(transaction_id, "SoftReset")
    cp.disconnects()
    cp.boots()
    order.is_seen()
    assert [x["stop_reason"] for x in operator.sessions()] == ["SoftReset"]


def test_tc_017_1_csms_unlock_a_free_connector(cp: ChargePoint, operator: Operator) -> None:
    """A connector with a lock is unlocked while nobody charges. 1.6 §5.18"""
    asks(cp, operator, "Unlocked", "UnlockConnector", connectorId=1).ends("accepted", "Unlocked")


def test_tc_017_2_csms_unlock_a_fixed_cable(cp: ChargePoint, operator: Operator) -> None:
    """A cable that is part of the charger cannot be unlocked, and the operator is told just that. 1.6 §5.18, §7.46"""
    order = asks(cp, operator, "NotSupported", "UnlockConnector", connectorId=1)
    order.ends("rejected", "NotSupported")


def test_tc_018_1_csms_unlock_while_charging(cp: ChargePoint, operator: Operator) -> None:
    """Unlocking during a session ends it first, for that reason. 1.6 §5.18"""
    transaction_id = charging(cp)
    asks(cp, operator, "Unlocked", "UnlockConnector", connectorId=1).ends("accepted", "Unlocked")
    cp.stops(transaction_id, "UnlockCommand")
    cp.shows("Finishing")
    cp.shows("Available")
    assert [(x["state"], x["stop_reason"]) for x in operator.sessions()] == [("ended", "UnlockCommand")]


def test_tc_026_csms_remote_start_rejected(cp: ChargePoint, operator: Operator) -> None:
    """The charger refuses a remote start: so the operator is told, and there is no session. 1.6 §5.11"""
    order = asks(cp, operator, "Rejected", "RemoteStartTransaction", idTag=CARD, connectorId=1)
    order.ends("rejected", "Rejected")
    assert operator.sessions() == []


def test_tc_028_csms_remote_stop_rejected(cp: ChargePoint, operator: Operator) -> None:
    """The charger refuses a remote stop: the operator is told, and the session goes on. 1.6 §5.12"""
    transaction_id = charging(cp)
    order = asks(cp, operator, "Rejected", "RemoteStopTransaction", transactionId=transaction_id)
    order.ends("rejected", "Rejected")
    assert [x["state"] for x in operator.sessions()] == ["active"]


def test_tc_030_csms_unlock_failed(cp: ChargePoint, operator: Operator) -> None:
    """The lock did not open: the operator is told so. 1.6 §5.18, §7.46"""
    asks(cp, operator, "UnlockFailed", "UnlockConnector", connectorId=1).ends("rejected", "UnlockFailed")


def test_tc_031_csms_unlock_an_unknown_connector(cp: ChargePoint, operator: Operator) -> None:
    """There is no connector of that number: the charger says so, and the operator is told. 1.6 §5.18"""
    order = asks(cp, operator, "NotSupported", "UnlockConnector", connectorId=3)
    order.ends("rejected", "NotSupported")


def remote_start(cp: ChargePoint, operator: Operator) -> Given:
    """An accepted remote start at connector 1."""
    order = operator.orders("RemoteStartTransaction", idTag=CARD, connectorId=1)
    cp.expects("RemoteStartTransaction", idTag=CARD, connectorId=1).answers(status="Accepted")
    order.ends("accepted", "Accepted")
    return order


def begins(cp: ChargePoint, operator: Operator, order: Given) -> None:
    """The session of a remote start, with its order."""
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    assert order.is_seen()["transaction_id"] == transaction_id
    (session,) = operator.sessions()
    assert (session["id"], session["state"], session["id_token"]) == (transaction_id, "active", CARD)
    assert session["source"] == "remote"


def charging(cp: ChargePoint) -> int:
    """A session under way; its transactionId."""
    cp.shows("Preparing")
    cp.authorizes(CARD)
    transaction_id = cp.starts(CARD)
    cp.shows("Charging")
    return transaction_id
