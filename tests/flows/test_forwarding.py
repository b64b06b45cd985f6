"""A charger's second backend is told what the charger says, and may ask what it was allowed to. Over real sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ocpp.v16 import call
from sqlalchemy import select

from csms import clock
from csms.domain import forwarding
from csms.domain.forwarding import Forwarder, Wish
from csms.domain.frames import Frame
from csms.seal import Seal
from tests.desk import Desk, wait_for
from tests.flows.peer import Peer, dial
from tests.live import SECRET_KEY, LiveServer
from tests.second_backend import FIRST_ID, SecondBackend

PASSWORD = "open sesame over there"
METER = [{"timestamp": "2026-11-22T10:00:00Z", "sampledValue": [{"value": "500"}]}]


@pytest.fixture
def live_settings() -> dict[str, str]:
    return {"PRIVATE_TARGETS": "1"}


@pytest.fixture
def other() -> Iterator[SecondBackend]:
    with SecondBackend(password=PASSWORD) as backend:
        yield backend


@pytest.fixture
def peer(live: LiveServer) -> Iterator[Peer]:
    peer = dial(live)
    peer.boot()
    peer.tell("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    yield peer
    peer.close()


def set_up(desk: Desk, other: SecondBackend, **more: Any) -> None:
    """A second backend of CP-1, of which the server hears by itself."""
    with desk.writing() as session:
        charger = desk.charger()
        wish = Wish(other.url, "THERE-7", **more)
        sealed = Seal(SECRET_KEY).close(PASSWORD)
        forwarding.set_up(session, charger, wish, password_sealed=sealed, at=clock.now())
    wait_for(lambda: other.told("StatusNotification"), bool)


def state(desk: Desk) -> Forwarder:
    with desk.reading() as session:
        row = session.scalars(select(Forwarder)).one()
        session.expunge_all()
        return row


def begin(peer: Peer, card: str = "CARD-1") -> int:
    given = {"connectorId": 1, "idTag": card, "meterStart": 100, "timestamp": clock.now().isoformat()}
    return int(peer.tell("StartTransaction", given)["transactionId"])


def end(peer: Peer, number: int, meter: int = 900) -> None:
    given = {"transactionId": number, "meterStop": meter, "timestamp": clock.now().isoformat()}
    peer.tell("StopTransaction", given)


def measure(peer: Peer, number: int) -> None:
    peer.tell("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": METER})


def test_a_session_arrives_there_under_its_own_number_and_the_password_nowhere_else(
    live: LiveServer, desk: Desk, peer: Peer, other: SecondBackend
) -> None:
    set_up(desk, other)
    number = begin(peer)
    assert number != FIRST_ID
    measure(peer, number)
    end(peer, number)
    [stopped] = wait_for(lambda: other.told("StopTransaction"), bool)
    assert (stopped["transaction_id"], stopped["meter_stop"]) == (FIRST_ID, 900)
    [started] = other.told("StartTransaction")
    assert (started["id_tag"], started["meter_start"]) == ("CARD-1", 100)
    [measured] = other.told("MeterValues")
    assert measured["transaction_id"] == FIRST_ID
    assert [name for name, _ in other.heard][:2] == ["BootNotification", "StatusNotification"]
    assert other.told("BootNotification")[0]["charge_point_model"] == "Peer"
    row = wait_for(lambda: state(desk), lambda x: x.sent == 3)
    assert (row.state, row.refused, row.compared, row.differing) == ("connected", 0, 1, 0)
    with desk.reading() as session:
        texts = [f"{x.text} {x.reply}" for x in session.scalars(select(Frame))]
    assert PASSWORD not in " ".join(texts) + live.log.read_text() + str(row.__dict__)
    assert live.faults() == []


def test_what_it_missed_is_told_once_when_it_is_back_and_what_has_passed_is_not(
    live: LiveServer, desk: Desk, peer: Peer, other: SecondBackend
) -> None:
    set_up(desk, other)
    number = begin(peer)
    # That it was heard is not enough: without an answer it is told again.
    wait_for(lambda: state(desk), lambda x: x.sent == 1)
    other.go()
    measure(peer, number)
    peer.tell("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Finishing"})
    peer.tell("Heartbeat", {})
    peer.tell("Authorize", {"idTag": "CARD-1"})
    end(peer, number)
    row = wait_for(lambda: state(desk), lambda x: "127.0.0.1" in (x.detail or ""))
    assert row.state == "away"
    assert row.away_since is not None
    before = len(other.heard)
    other.come()
    wait_for(lambda: other.told("StopTransaction"), bool)
    row = wait_for(lambda: state(desk), lambda x: x.sent == 3)
    assert (row.state, row.away_since) == ("connected", None)
    told = other.heard[before:]
    assert [name for name, _ in told] == [
        "BootNotification",
        "StatusNotification",
        "MeterValues",
        "StopTransaction",
    ]
    assert told[1][1]["status"] == "Finishing"
    assert {x[1].get("transaction_id") for x in told[2:]} == {FIRST_ID}
    assert live.faults() == []


@pytest.mark.sqlite_is_enough
def test_what_waits_outlives_the_server_and_is_told_though_the_charger_is_away(
    live: LiveServer, desk: Desk, peer: Peer, other: SecondBackend
) -> None:
    set_up(desk, other)
    number = begin(peer)
    wait_for(lambda: state(desk), lambda x: x.sent == 1)
    other.go()
    end(peer, number)
    live.kill()
    other.come()
    live.start()
    [stopped] = wait_for(lambda: other.told("StopTransaction"), bool)
    assert stopped["transaction_id"] == FIRST_ID
    assert len(other.told("StartTransaction")) == 1
    wait_for(lambda: state(desk), lambda x: (x.state, x.sent) == ("connected", 2))


def test_who_only_listens_is_refused_in_the_specifications_words(
    live: LiveServer, desk: Desk, peer: Peer, other: SecondBackend
) -> None:
    set_up(desk, other)
    number = begin(peer)
    wait_for(lambda: other.told("StartTransaction"), bool)
    assert other.ask(call.RemoteStopTransaction(transaction_id=FIRST_ID)).status == "Rejected"
    assert other.ask(call.UnlockConnector(connector_id=1)).status == "NotSupported"
    assert other.ask(call.GetConfiguration()) is None
    assert other.ask(call.Reset(type="Hard")).status == "Rejected"
    with pytest.raises(TimeoutError):
        peer.order(0.3)
    end(peer, number)


def test_what_it_is_allowed_reaches_the_charger_and_the_answer_goes_back(
    live: LiveServer, desk: Desk, peer: Peer, other: SecondBackend
) -> None:
    set_up(desk, other, permits=("stop", "start"))
    number = begin(peer)
    wait_for(lambda: other.told("StartTransaction"), bool)
    answers: list[Any] = []
    asking = threading.Thread(
        target=lambda: answers.append(other.ask(call.RemoteStopTransaction(transaction_id=FIRST_ID)))
    )
    asking.start()
    order = peer.order()
    assert (order.action, order.payload) == ("RemoteStopTransaction", {"transactionId": number})
    peer.answer(order, {"status": "Accepted"})
    asking.join(30)
    assert [x.status for x in answers] == ["Accepted"]
    assert other.ask(call.RemoteStopTransaction(transaction_id=99)).status == "Rejected"
    assert other.ask(call.Reset(type="Soft")).status == "Rejected"
    [command] = desk.call("GET", "/commands")["data"]
    assert (command["requested_by"], command["action"]) == ("127.0.0.1", "RemoteStopTransaction")
    end(peer, number)
    assert live.faults() == []


def test_only_the_sessions_of_its_cards_are_told_and_answers_that_differ_are_kept(
    live: LiveServer, desk: Desk, peer: Peer, other: SecondBackend
) -> None:
    other.verdict = "Blocked"
    set_up(desk, other, cards=("fleet-9",))
    for card in ("SOMEBODY", "FLEET-9"):
        peer.tell("Authorize", {"idTag": card})
        number = begin(peer, card)
        measure(peer, number)
        end(peer, number)
    wait_for(lambda: other.told("StopTransaction"), bool)
    assert [x["id_tag"] for x in other.told("StartTransaction")] == ["FLEET-9"]
    assert [x["id_tag"] for x in other.told("Authorize")] == ["FLEET-9"]
    row = wait_for(lambda: state(desk), lambda x: x.sent == 4)
    assert (row.compared, row.differing) == (2, 2)
    newest = row.differences[0]
    assert (newest["action"], newest["ours"], newest["theirs"]) == ("StartTransaction", "Accepted", "Blocked")
    with desk.reading() as session:
        frame = session.get_one(Frame, newest["frame"])
        assert json.loads(frame.text)[3]["idTag"] == "FLEET-9"


def test_a_wrong_password_and_a_redirect_are_told_and_do_not_hinder_the_charger(
    live: LiveServer, desk: Desk, peer: Peer, other: SecondBackend
) -> None:
    other.password = "another one"
    with desk.writing() as session:
        wish = Wish(other.url, "THERE-7")
        sealed = Seal(SECRET_KEY).close(PASSWORD)
        forwarding.set_up(session, desk.charger(), wish, password_sealed=sealed, at=clock.now())
    row = wait_for(lambda: state(desk), lambda x: x.state == "away")
    assert "look at identity and password" in (row.detail or "")
    number = begin(peer)
    end(peer, number)
    assert other.heard == []
    assert state(desk).sent == 0
    other.password, other.moved_to = PASSWORD, "ws://127.0.0.1:1/"
    wait_for(lambda: state(desk).detail or "", lambda x: "refused the connection with 302" in x)
    assert live.faults() == []
