"""What we ask of a charger, over a live connection: one thing at a time, each with an end that can be seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from csms.domain.frames import Frame, Verdict
from tests.desk import Desk, wait_for
from tests.flows.peer import Peer, dial
from tests.live import LiveServer
from tests.nursery import ForkedServer

ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def peer(live: LiveServer) -> Iterator[Peer]:
    peer = dial(live)
    peer.boot()
    yield peer
    peer.close()


def ended(desk: Desk, command_id: str) -> dict[str, object]:
    return desk.command_when(command_id, lambda command: not command["is_waiting"])


def test_a_command_is_sent_answered_and_its_effect_observed(desk: Desk, peer: Peer) -> None:
    command_id = desk.order("Reset", {"type": "Soft"})
    order = peer.order()
    assert (order.action, order.payload) == ("Reset", {"type": "Soft"})
    assert desk.command(command_id)["state"] == "sent"
    peer.answer(order, ACCEPTED)
    answered = desk.command_when(command_id, lambda command: command["state"] == "accepted")
    assert (answered["is_waiting"], answered["effect"], answered["observed_at"]) == (True, "booted", None)
    peer.boot()
    assert ended(desk, command_id)["observed_at"] is not None


def test_one_command_is_in_flight_at_a_time_and_in_the_order_of_asking(desk: Desk, peer: Peer) -> None:
    asked = [desk.order("GetConfiguration", {"key": [f"Key{n}"]}) for n in range(3)]
    for number, command_id in enumerate(asked):
        order = peer.order()
        assert order.payload == {"key": [f"Key{number}"]}
        with pytest.raises(TimeoutError):
            peer.order(0.2)
        peer.answer(order, {"unknownKey": [f"Key{number}"]})
        assert ended(desk, command_id)["state"] == "accepted"


def test_a_late_answer_is_kept_and_taken_for_no_other_commands(servers: Callable[..., ForkedServer]) -> None:
    server = servers()
    server.module = "tests.flows.hasty_server"
    server.start()
    desk, peer = Desk(server), dial(server)
    peer.boot()
    first_id = desk.order("ClearCache", {})
    first = peer.order()
    assert ended(desk, first_id)["state"] == "timeout"
    second_id = desk.order("GetConfiguration", {"key": ["A"]})
    second = peer.order()
    peer.answer(first, {"status": "Rejected"})
    late = desk.command_when(first_id, lambda command: command["is_late"])
    assert late["state"] == "rejected"
    assert desk.command(second_id)["state"] == "sent"
    peer.answer(second, {"unknownKey": ["A"]})
    assert ended(desk, second_id)["answer"] == {"unknownKey": ["A"]}
    peer.close()
    desk.close()


def test_an_error_ends_the_command_and_not_the_connection(desk: Desk, peer: Peer) -> None:
    command_id = desk.order("ClearCache", {})
    order = peer.order()
    peer.send(json.dumps([4, order.id, "NotSupported", "No cache here", {}]))
    command = ended(desk, command_id)
    assert (command["state"], command["answer_status"]) == ("error", "NotSupported")
    assert "No cache here" in str(command["detail"])
    assert peer.tell("Heartbeat", {})


def test_an_answer_that_makes_no_sense_ends_the_command_and_not_the_connection(
    desk: Desk, peer: Peer
) -> None:
    for answer in ({"status": "Perhaps"}, {}, [], "Accepted", {"status": 7}, None):
        command_id = desk.order("ClearCache", {})
        peer.answer(peer.order_to("ClearCache"), answer)
        assert ended(desk, command_id)["state"] in ("error", "rejected"), answer
    assert peer.tell("Heartbeat", {})


def test_what_cannot_be_made_of_an_answer_settles_the_command_and_costs_no_connection(
    desk: Desk, peer: Peer
) -> None:
    given = {"certificateType": "ManufacturerRootCertificate", "certificate": "none at all"}
    command_id = desk.order("InstallCertificate", given)
    peer.answer(peer.order(), {"status": "Accepted"})
    assert desk.command_when(command_id, lambda seen: seen["state"] != "sent")["state"] == "accepted"
    peer.tell("Heartbeat", {})
    assert desk.server.faults() == []


def test_an_answer_to_nothing_is_kept_and_ignored(desk: Desk, peer: Peer) -> None:
    peer.send('[3,"never-asked",{"status":"Accepted"}]')
    peer.send('[4,"never-asked","InternalError","",{}]')
    assert peer.tell("Heartbeat", {})
    with desk.reading() as session:
        query = select(Frame.verdict).where(Frame.message_id == "never-asked")
        assert session.scalars(query).all() == [Verdict.IGNORED, Verdict.IGNORED]


@pytest.mark.parametrize("text", ['[2,"broken","Heartbeat",{]', '[2,"broken","StartTransaction",{]'])
def test_what_only_begins_like_a_call_is_refused_under_its_id_and_kept(
    desk: Desk, peer: Peer, text: str
) -> None:
    peer.send(text)
    assert peer.reply("broken")[:3] == [4, "broken", "FormationViolation"]
    assert peer.tell("Heartbeat", {})
    with desk.reading() as session:
        [frame] = session.scalars(select(Frame).where(Frame.message_id == "broken"))
        assert (frame.verdict, frame.action, frame.text) == (Verdict.GARBAGE, None, text)


def test_a_charger_with_a_command_in_hand_is_answered_all_the_same(desk: Desk, peer: Peer) -> None:
    command_id = desk.order("ClearCache", {})
    order = peer.order()
    for _ in range(50):
        assert peer.tell("Heartbeat", {})
    assert desk.command(command_id)["state"] == "sent"
    peer.answer(order, ACCEPTED)
    assert ended(desk, command_id)["state"] == "accepted"


def test_what_changes_while_a_command_is_in_flight_holds_at_once(desk: Desk, peer: Peer) -> None:
    command_id = desk.order("ClearCache", {})
    peer.order()  # and no answer, for as long as it takes
    desk.call("PATCH", "/chargers/CP-1", json={"admission": "rejected"})
    assert peer.close_code() == 1008
    assert ended(desk, command_id)["state"] == "unknown"


def test_a_cut_in_flight_leaves_the_command_unknown_and_it_is_not_sent_again(
    live: LiveServer, desk: Desk, peer: Peer
) -> None:
    command_id = desk.order("UnlockConnector", {"connectorId": 1})
    peer.order()
    peer.hang_up()
    command = ended(desk, command_id)
    assert command["state"] == "unknown"
    again = dial(live)
    again.boot()
    with pytest.raises(TimeoutError):
        again.order(0.5)
    again.close()


def test_an_order_leaves_only_when_the_reply_is_written(servers: Callable[..., ForkedServer]) -> None:
    server = servers()
    server.module = "tests.flows.slow_server"
    server.start()
    desk, peer = Desk(server), dial(server)
    desk.call("GET", "/chargers")  # logs in, which takes a moment
    wait_for(lambda: desk.is_online(), bool)
    peer.send('[2,"boot","BootNotification",{"chargePointVendor":"Test","chargePointModel":"Peer"}]')
    wait_for(lambda: desk.charger().booted_at, lambda booted_at: booted_at is not None)
    desk.order("ClearCache", {})  # after the boot was stored, before it is answered
    frames = [json.loads(peer.ws.recv(5)) for _ in range(2)]
    assert [(frame[0], frame[2] if frame[0] == 2 else frame[1]) for frame in frames] == [
        (3, "boot"),
        (2, "ClearCache"),
    ]
    peer.close()
    desk.close()
