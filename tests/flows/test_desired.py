"""Desired configuration and lists of cards over a real socket, ordered through the API; and nothing in quiet mode."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from csms import clock
from csms.domain import accounts
from csms.domain.configuration import Upkeep
from tests.desk import Desk, wait_for
from tests.flows.peer import Peer, dial
from tests.live import LiveServer

pytestmark = pytest.mark.sqlite_is_enough


@pytest.fixture
def peer(live: LiveServer) -> Peer:
    peer = dial(live)
    peer.boot()
    return peer


def test_a_charger_is_brought_in_step_with_what_is_wanted_and_with_the_cards(desk: Desk, peer: Peer) -> None:
    wanted = {"name": "Peers", "vendor": "test", "wanted": {"HeartbeatInterval": "900"}, "keeps_list": True}
    desk.call("POST", "/configuration/templates", 201, json=wanted)
    desk.call("POST", "/chargers/CP-1/configuration", 202, json={"order": "read"})
    order = peer.order()
    assert (order.action, order.payload) == ("GetConfiguration", {})
    keys = [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
    peer.answer(order, {"configurationKey": keys})
    rest = peer.order()  # a charger that tells only this has cut its answer
    names = rest.payload["key"]
    peer.answer(rest, {"unknownKey": names})
    desk.call("POST", "/chargers/CP-1/configuration", 202, json={"order": "apply"})
    while (order := peer.order()).action == "GetConfiguration":
        peer.answer(order, {"unknownKey": order.payload["key"]})
    assert order.payload == {"key": "HeartbeatInterval", "value": "900"}
    peer.answer(order, {"status": "Accepted"})
    order = peer.order()
    assert order.payload == {"key": ["HeartbeatInterval"]}
    keys[0]["value"] = "900"
    peer.answer(order, {"configurationKey": keys})
    shown = wait_for(
        lambda: desk.call("GET", "/chargers/CP-1/configuration"),
        lambda x: x["wanted"][0]["state"] == "in_step",
    )
    assert shown["wanted"][0]["value"] == "900"


def test_a_list_of_cards_is_sent_when_it_is_switched_on(desk: Desk, peer: Peer) -> None:
    with desk.writing() as session:
        accounts.add_token(session, "04A2B39F", at=clock.now())
    desk.call("PATCH", "/settings", json={"is_quiet": True})  # what somebody orders is sent all the same
    desk.call("POST", "/chargers/CP-1/local-list", 202, json={"order": "on"})
    order = peer.order()
    assert order.action == "GetLocalListVersion"
    peer.answer(order, {"listVersion": 0})
    order = peer.order()
    assert order.payload == {
        "listVersion": 1,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": "04A2B39F", "idTagInfo": {"status": "Accepted"}}],
    }
    peer.answer(order, {"status": "Accepted"})
    wait_for(lambda: desk.call("GET", "/chargers/CP-1/local-list")["state"], lambda x: x == "in_step")


def test_nothing_at_all_is_sent_after_a_boot_in_quiet_mode(desk: Desk, peer: Peer) -> None:
    desk.call("PATCH", "/settings", json={"is_quiet": True})
    with desk.writing() as session:  # as if the charger had settled
        session.execute(update(Upkeep).values(read_due_at=clock.now()))
    with pytest.raises(TimeoutError):
        peer.order(2.5)
    desk.call("PATCH", "/settings", json={"is_quiet": False})
    assert peer.order().action == "GetConfiguration"
