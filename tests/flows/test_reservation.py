"""A place kept at a charger on its socket: waited for, used, and given up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from csms import clock
from csms.domain.verify import verify
from csms.simulator import ChargerOptions
from tests.desk import Desk, wait_for
from tests.flows.peer import PATIENCE_S, Peer, dial
from tests.live import LiveServer
from tests.simulated import simulated

WAIT = {"Prefer": "wait=20"}


def show(peer: Peer, status: str) -> None:
    report = {"connectorId": 1, "errorCode": "NoError", "status": status}
    peer.tell("StatusNotification", report)


def meanwhile(do: Callable[[], Any], charger: Callable[[], None]) -> Any:
    """What `do` returns, while the charger acts."""
    with ThreadPoolExecutor(1) as pool:
        done: Future[Any] = pool.submit(do)
        charger()
        return done.result(30)


def book(desk: Desk, peer: Peer, **more: Any) -> dict[str, Any]:
    """A place that the charger has accepted and shows."""
    until = (clock.now() + timedelta(hours=1)).isoformat()
    given = {"charger": "CP-1", "evse": 1, "id_token": "04A2", "expires_at": until} | more

    def keep() -> None:
        order = peer.order()
        assert order.action == "ReserveNow"
        peer.answer(order, {"status": "Accepted"})
        show(peer, "Reserved")

    return dict(meanwhile(lambda: desk.call("POST", "/reservations", 201, json=given, headers=WAIT), keep))


def test_a_place_is_kept_seen_and_used_by_its_card(live: LiveServer, desk: Desk) -> None:
    peer = dial(live)
    peer.boot()
    show(peer, "Available")
    booked = book(desk, peer)
    assert booked["state"] == "reserved"
    assert desk.command(booked["command_id"])["observed_at"] is not None
    started = peer.tell(
        "StartTransaction",
        {
            "connectorId": 1,
            "idTag": "04A2",
            "meterStart": 0,
            "timestamp": clock.now().isoformat(),
            "reservationId": booked["id"],
        },
    )
    used = desk.call("GET", f"/reservations/{booked['id']}")
    assert (used["state"], used["transaction_id"]) == ("used", started["transactionId"])
    with desk.reading() as session:
        assert verify(session) == []


def test_a_place_is_given_up_when_the_connector_is_free_again(live: LiveServer, desk: Desk) -> None:
    peer = dial(live)
    peer.boot()
    show(peer, "Available")
    booked = book(desk, peer)

    def let_go() -> None:
        order = peer.order()
        assert (order.action, order.payload) == ("CancelReservation", {"reservationId": booked["id"]})
        peer.answer(order, {"status": "Accepted"})
        show(peer, "Available")

    path = f"/reservations/{booked['id']}"
    gone = meanwhile(lambda: desk.call("DELETE", path, headers=WAIT), let_go)
    assert gone["state"] == "cancelled"
    assert desk.command(gone["cancel_command_id"])["observed_at"] is not None


def test_a_place_for_later_is_asked_for_by_itself(live: LiveServer, desk: Desk) -> None:
    peer = dial(live)
    peer.boot()
    show(peer, "Available")
    desk.call("GET", "/chargers")  # logged in before the clock runs
    soon, until = clock.now() + timedelta(seconds=3), clock.now() + timedelta(hours=1)
    given = {"charger": "CP-1", "evse": 1, "id_token": "04A2"}
    given |= {"starts_at": soon.isoformat(), "expires_at": until.isoformat()}
    booked = desk.call("POST", "/reservations", 201, json=given)
    assert booked["state"] == "planned"
    order = peer.order()
    assert order.payload["reservationId"] == booked["id"]
    peer.answer(order, {"status": "Occupied"})
    refused = wait_for(
        lambda: desk.call("GET", f"/reservations/{booked['id']}"), lambda x: x["state"] == "refused"
    )
    assert refused["detail"] == "The connector is in use, or kept for somebody already."


def test_our_own_charger_keeps_a_place_and_its_card_uses_it(live: LiveServer, desk: Desk) -> None:
    with simulated(live, "SIM-1", ChargerOptions(connectors=1, speed=60.0)) as charger:
        until = (clock.now() + timedelta(hours=2)).isoformat()
        given = {"charger": "SIM-1", "evse": 1, "id_token": "04A2", "expires_at": until}
        booked = desk.call("POST", "/reservations", 201, json=given, headers=WAIT)
        assert booked["state"] == "reserved"
        assert desk.command(booked["command_id"])["observed_at"] is not None
        charger.plug(1).result(PATIENCE_S)
        assert charger.swipe(1, "OTHER").result(PATIENCE_S) == "Reserved"
        assert charger.swipe(1, "04A2").result(PATIENCE_S) == "Accepted"
        path = f"/reservations/{booked['id']}"
        used = wait_for(lambda: desk.call("GET", path), lambda x: x["state"] == "used")
        assert used["transaction_id"] is not None
