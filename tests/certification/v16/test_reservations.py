"""Connectors that are kept for somebody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.certification.v16.charge_point import ChargePoint, utc
from tests.certification.v16.operators import CARD, GROUP, MEMBER, OTHER_MEMBER, Operator


def test_tc_046_csms_reservation_is_used(cp: ChargePoint, operator: Operator) -> None:
    """Whom it was kept for comes and charges; the start names the reservation. 1.6 §3.11, §5.13"""
    number = reserved(cp, operator)
    cp.shows("Preparing")
    cp.authorizes(CARD)
    transaction_id = cp.starts(CARD, reservationId=number)
    cp.shows("Charging")
    used = operator.reservation(number)
    assert (used["state"], used["transaction_id"]) == ("used", transaction_id)
    assert [(x["id"], x["state"]) for x in operator.sessions()] == [(transaction_id, "active")]
    cp.stops(transaction_id)


def test_tc_047_csms_reservation_runs_out(cp: ChargePoint, operator: Operator) -> None:
    """Nobody came until the time that the charger was given: the connector is free again. 1.6 §5.13"""
    number = reserved(cp, operator, expires_at=utc(1))
    cp.shows("Available")
    operator.sees_connector("Available")
    operator.sees_reservation(number, "expired")
    assert operator.sessions() == []


def test_tc_048_1_csms_no_reservation_of_a_faulted_connector(cp: ChargePoint, operator: Operator) -> None:
    """The connector is broken: no reservation, and the operator is told why. 1.6 §5.13, §7.40"""
    cp.shows("Faulted", error="GroundFailure")
    refused(cp, operator, "Faulted")


def test_tc_048_2_csms_no_reservation_of_an_occupied_connector(cp: ChargePoint, operator: Operator) -> None:
    """Somebody is there already: no reservation, and the operator is told why. 1.6 §5.13, §7.40"""
    cp.shows("Preparing")
    refused(cp, operator, "Occupied")


def test_tc_048_3_csms_no_reservation_of_an_unavailable_connector(
    cp: ChargePoint, operator: Operator
) -> None:
    """The connector is out of use: no reservation, and the operator is told why. 1.6 §5.13, §7.40"""
    cp.shows("Unavailable")
    refused(cp, operator, "Unavailable")


def test_tc_048_4_csms_reservation_is_rejected(cp: ChargePoint, operator: Operator) -> None:
    """The charger takes no reservations, and the operator is told so. 1.6 §5.13, §7.40"""
    refused(cp, operator, "Rejected")


def test_tc_049_csms_reservation_of_the_whole_charger(cp: ChargePoint, operator: Operator) -> None:
    """No connector in particular is kept: any one may be used. 1.6 §5.13, §3.11"""
    number = reserved(cp, operator, evse=0)
    cp.shows("Preparing")
    transaction_id = cp.starts(CARD, reservationId=number)
    cp.shows("Charging")
    assert operator.reservation(number)["transaction_id"] == transaction_id
    cp.stops(transaction_id)


def test_tc_051_csms_reservation_is_cancelled(cp: ChargePoint, operator: Operator) -> None:
    """A reservation is taken back by its number. 1.6 §5.1"""
    number = reserved(cp, operator)
    operator.gives_up(number)
    cp.expects("CancelReservation", reservationId=number).answers(status="Accepted")
    cp.shows("Available")
    operator.sees_reservation(number, "cancelled")
    operator.sees_connector("Available")


def test_tc_052_csms_cancelling_is_rejected(cp: ChargePoint, operator: Operator) -> None:
    """The charger knows of no such reservation, and the operator is told so. 1.6 §5.1, §7.5"""
    number = reserved(cp, operator)
    operator.gives_up(number)
    cp.expects("CancelReservation", reservationId=number).answers(status="Rejected")
    assert "no such reservation" in operator.sees_reservation(number, "lost")["detail"]


def test_tc_053_csms_reservation_for_a_group(cp: ChargePoint, operator: Operator) -> None:
    """Kept for one card of a group, used by another: both have the parent idTag that the charger compares. 1.6 §3.10"""
    number = reserved(cp, operator, id_token=MEMBER, for_group=True)
    cp.shows("Preparing")
    assert cp.authorizes(OTHER_MEMBER)["parentIdTag"] == GROUP
    transaction_id = cp.starts(OTHER_MEMBER, reservationId=number)
    cp.shows("Charging")
    assert operator.reservation(number)["transaction_id"] == transaction_id
    cp.stops(transaction_id)


def asked(cp: ChargePoint, operator: Operator, status: str, **more: Any) -> int:
    """The operator keeps connector 1 for an hour, which the charger answers with `status`; the reservation's number."""
    wanted = {"charger": cp.identity, "evse": 1, "id_token": CARD, "expires_at": utc(3600)} | more
    number = operator.reserves(**wanted)
    group = {"parentIdTag": GROUP} if wanted.get("for_group") else {}
    given = {"connectorId": wanted["evse"], "idTag": wanted["id_token"], "reservationId": number} | group
    told = cp.expects("ReserveNow", **given).answers(status=status)
    assert datetime.fromisoformat(told["expiryDate"]) == datetime.fromisoformat(wanted["expires_at"])
    return number


def reserved(cp: ChargePoint, operator: Operator, **more: Any) -> int:
    """The number of a reservation that the charger has taken on, and shows."""
    number = asked(cp, operator, "Accepted", **more)
    operator.sees_reservation(number, "reserved")
    if more.get("evse") != 0:  # 1.6 §5.13: no connector in particular is Reserved then
        cp.shows("Reserved")
        operator.sees_connector("Reserved")
    return number


def refused(cp: ChargePoint, operator: Operator, status: str) -> None:
    """The charger does not reserve, for a reason that the operator is told."""
    number = asked(cp, operator, status)
    assert operator.sees_reservation(number, "refused")["answer_status"] == status
