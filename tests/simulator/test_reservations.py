"""How the simulated charger keeps places."""

from datetime import timedelta
from typing import Any

import pytest

from csms.simulator import Charger
from csms.simulator.clock import real_now
from tests.simulator.peer import Peer


def reserve(peer: Peer, connector: int = 1, seconds: float = 7200, **more: Any) -> str:
    until = (real_now() + timedelta(seconds=seconds)).isoformat()
    given = {"connectorId": connector, "expiryDate": until, "idTag": "CARD0001", "reservationId": 7}
    return str(peer.ask("ReserveNow", given | more)["status"])


def test_a_place_is_kept_for_its_card_alone(peer: Peer, charger: Charger) -> None:
    assert reserve(peer) == "Accepted"
    charger.wait_until_status(1, "Reserved")
    charger.plug(1).result(2)
    assert charger.swipe(1, "OTHER").result(2) == "Reserved"
    assert charger.swipe(1, "card0001").result(2) == "Accepted"
    assert peer.wait_for("StartTransaction")["reservationId"] == 7
    charger.wait_until_status(1, "Charging")


def test_a_place_is_kept_for_a_group(peer: Peer, charger: Charger) -> None:
    peer.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": "VANS"}}
    assert reserve(peer, parentIdTag="VANS") == "Accepted"
    charger.plug(1).result(2)
    assert charger.swipe(1, "CARD0002").result(2) == "Accepted"
    assert peer.wait_for("StartTransaction")["reservationId"] == 7


def test_a_place_is_given_up_once(peer: Peer, charger: Charger) -> None:
    reserve(peer)
    charger.wait_until_status(1, "Reserved")
    assert peer.ask("CancelReservation", {"reservationId": 7}) == {"status": "Accepted"}
    charger.wait_until_status(1, "Available")
    assert peer.ask("CancelReservation", {"reservationId": 7}) == {"status": "Rejected"}


def test_a_place_is_free_again_when_its_time_is_over(peer: Peer, charger: Charger) -> None:
    assert reserve(peer, seconds=30) == "Accepted"  # half a second of this charger's
    charger.wait_until_status(1, "Reserved")
    charger.wait_until_status(1, "Available")


def test_any_connector_leaves_one_for_the_card(peer: Peer, charger: Charger) -> None:
    assert reserve(peer, 0) == "Accepted"
    charger.plug(1).result(2)
    assert charger.swipe(1, "OTHER").result(2) == "Accepted"
    charger.wait_until_status(1, "Charging")
    charger.plug(2).result(2)
    assert charger.swipe(2, "OTHER").result(2) == "Reserved"
    assert charger.swipe(2, "CARD0001").result(2) == "Accepted"


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda x: x.plug(1), "Occupied"),
        (lambda x: x.fault(1, "GroundFailure"), "Faulted"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(
    peer: Peer, charger: Charger, spoil: Any, status: str
) -> None:
    spoil(charger).result(2)
    assert reserve(peer) == status
    assert reserve(peer, 9) == "Rejected"


def test_a_fault_ends_what_is_kept(peer: Peer, charger: Charger) -> None:
    reserve(peer)
    charger.wait_until_status(1, "Reserved")
    charger.fault(1, "GroundFailure").result(2)
    charger.clear_fault(1).result(2)
    charger.wait_until_status(1, "Available")
