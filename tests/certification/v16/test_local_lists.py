"""The list of cards that a charger keeps for when it is offline."""

from __future__ import annotations

from tests.certification.v16.charge_point import ChargePoint, Request
from tests.certification.v16.operators import BLOCKED, CARD, MEMBER, Operator, asks

NEW_CARD = "04CCCCCCCCCC01"


def test_tc_042_1_csms_no_list_is_kept(cp: ChargePoint, operator: Operator) -> None:
    """A charger that keeps no list at all has version -1. 1.6 §5.10"""
    assert told_version(cp, operator, -1) == -1


def test_tc_042_2_csms_the_list_is_empty(cp: ChargePoint, operator: Operator) -> None:
    """An empty list has version 0. 1.6 §5.10"""
    assert told_version(cp, operator, 0) == 0


def test_tc_043_1_csms_lists_are_not_supported(cp: ChargePoint, operator: Operator) -> None:
    """The charger cannot keep a list, and the operator is told so. 1.6 §5.15, §7.47"""
    sent(cp, operator, "on", 0).answers(status="NotSupported")
    operator.sees_list("unsupported")


def test_tc_043_3_csms_a_list_is_refused(cp: ChargePoint, operator: Operator) -> None:
    """The charger could not take the list, and the operator is told so. 1.6 §5.15, §7.47"""
    entries = [{"idTag": CARD, "idTagInfo": {"status": "Accepted"}}]
    given = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
    asks(cp, operator, "Failed", "SendLocalList", **given).ends("rejected", "Failed")


def test_tc_043_4_csms_a_whole_list(cp: ChargePoint, operator: Operator) -> None:
    """A whole list has every card with its verdict; its version is then the charger's. 1.6 §5.15, §7.1"""
    given = sent(cp, operator, "on", 0).answers(status="Accepted")
    assert given["updateType"] == "Full"
    assert given["listVersion"] > 0
    told = {x["idTag"]: x["idTagInfo"]["status"] for x in given["localAuthorizationList"]}
    assert (told[CARD], told[MEMBER]) == ("Accepted", "Accepted")
    assert told.get(BLOCKED) != "Accepted"
    assert operator.sees_list("in_step")["version"] == given["listVersion"]


def test_tc_043_5_csms_changes_to_a_list(cp: ChargePoint, operator: Operator) -> None:
    """Only what changed is sent, under a higher version. 1.6 §5.15"""
    first = sent(cp, operator, "on", 0).answers(status="Accepted")
    operator.sees_list("in_step")
    operator.adds_card(NEW_CARD)
    second = sent(cp, operator, "send", first["listVersion"]).answers(status="Accepted")
    assert second["updateType"] == "Differential"
    assert second["listVersion"] > first["listVersion"]
    assert [x["idTag"] for x in second["localAuthorizationList"]] == [NEW_CARD]
    assert operator.sees_list("in_step")["version"] == second["listVersion"]


def sent(cp: ChargePoint, operator: Operator, order: str, version: int) -> Request:
    """The list that comes when an operator orders it and the charger has said which version it has."""
    operator.orders_list(order)
    cp.expects("GetLocalListVersion").answers(listVersion=version)
    return cp.expects("SendLocalList")


def told_version(cp: ChargePoint, operator: Operator, version: int) -> int:
    """The version that the operator sees when the charger says `version`."""
    order = operator.orders("GetLocalListVersion")
    assert cp.expects("GetLocalListVersion").answers(listVersion=version) == {}
    return int(order.ends("accepted")["answer"]["listVersion"])
