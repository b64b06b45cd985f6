"""One live connection for each identity (F21, F22), within one process and among several."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import services
from sqlalchemy import select
from websockets.exceptions import InvalidStatus

from csms.domain.chargers import Attempt, RefusalCause
from csms.domain.frames import Frame
from csms.domain.transactions import Transaction
from tests.desk import Desk, wait_for
from tests.flows.peer import Handshake, Peer, basic, dial, knock
from tests.live import LiveServer
from tests.nursery import ForkedServer
from tests.ocpp.websocket.peer import text

PROBE_S = 3.0  # an old connection has so long to show that it lives
PATIENCE_S = 20.0  # and a dead one would else be noticed after 60 s
START = '[2,"old","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":0,"timestamp":"2026-03-14T09:00:00Z"}]'


def refused(server: LiveServer) -> int:
    with pytest.raises(InvalidStatus) as refusal:
        dial(server)
    return refusal.value.response.status_code


def dial_within(server: LiveServer, seconds: float) -> Peer:
    began = time.monotonic()
    peer = dial(server)
    peer.boot()
    assert time.monotonic() - began < seconds
    return peer


def silent(desk: Desk, server: LiveServer) -> Handshake:
    """A connection that is open and owns the charger, and will never say anything: its cable was pulled."""
    shake = knock(server, "/ws/ocpp/CP-1")
    assert shake.is_upgraded, shake.text
    wait_for(lambda: desk.is_online(), bool)
    return shake


def is_hung_up(shake: Handshake) -> bool:
    shake.sock.settimeout(5)  # a close frame may come first, and be waited upon
    try:
        while shake.sock.recv(4096):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def test_a_second_charger_of_the_same_name_is_refused_while_the_first_answers(
    live: LiveServer, desk: Desk
) -> None:
    first = dial(live)
    first.boot()
    assert refused(live) == 409
    with desk.reading() as session:
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.cause, attempt.identity) == (RefusalCause.DUPLICATE_IDENTITY, "CP-1")
        assert attempt.remedy
    assert first.tell("Heartbeat", {})
    first.close()


def test_a_newcomer_with_a_wrong_key_does_not_touch_the_connection(live: LiveServer, desk: Desk) -> None:
    first = dial(live)
    first.boot()
    key = desk.call("POST", "/chargers/CP-1/key", 201)["key"]
    began = time.monotonic()
    assert knock(live, "/ws/ocpp/CP-1", authorization=basic("CP-1", "F" * 40)).status == 401
    assert time.monotonic() - began < PROBE_S  # nobody was asked for a sign of life
    assert first.tell("Heartbeat", {})
    first.close()
    wait_for(lambda: desk.is_online(), lambda online: not online)
    dial(live, authorization=basic("CP-1", key)).close()


@pytest.mark.seed("all", "Old connection, new connection")
def test_a_charger_is_let_in_again_while_its_old_connection_hangs(live: LiveServer, desk: Desk) -> None:
    old = silent(desk, live)
    peer = dial_within(live, PATIENCE_S)
    assert is_hung_up(old)
    old.sock.close()
    time.sleep(0.2)
    assert desk.is_online()
    lease = desk.charger().lease
    assert lease is not None
    assert (lease.epoch, lease.close_reason) == (2, None)
    assert peer.tell("Heartbeat", {})
    peer.close()
    wait_for(lambda: desk.is_online(), lambda online: not online)


# Two processes on one database. SQLite is for one process, so this is PostgreSQL's and Redis's.

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)
several = pytest.mark.parametrize("database_url", [POSTGRESQL], indirect=True)
Nodes = tuple[ForkedServer, ForkedServer, Desk]


@pytest.fixture
def module() -> str:
    """Which program the nodes run."""
    return "wsgi"


@pytest.fixture
def nodes(servers: Callable[..., ForkedServer], module: str) -> Iterator[Nodes]:
    redis = services.redis_server()
    if redis.url is None:
        pytest.skip(redis.reason)
    a, b = (servers(REDIS_URL=redis.url) for _ in range(2))
    for server in (a, b):
        server.module = module
        server.start()
    desk = Desk(b)
    yield a, b, desk
    desk.close()


@several
@pytest.mark.redis
def test_a_newcomer_at_another_process_is_refused_while_the_first_answers(nodes: Nodes) -> None:
    a, b, _ = nodes
    first = dial(a)
    first.boot()
    assert refused(b) == 409
    assert first.tell("Heartbeat", {})
    first.close()


@several
@pytest.mark.redis
def test_a_hanging_connection_at_another_process_is_replaced_and_fenced(nodes: Nodes) -> None:
    a, b, desk = nodes
    old = silent(desk, a)
    peer = dial_within(b, PATIENCE_S)
    old.sock.sendall(text(START))  # what was thought dead speaks after all
    assert is_hung_up(old)
    old.sock.close()
    with desk.reading() as session:
        assert session.scalars(select(Transaction)).all() == []
        assert session.scalars(select(Frame).where(Frame.message_id == "old")).all() == []
    assert desk.is_online()
    assert peer.tell("Heartbeat", {})
    peer.close()


@several
@pytest.mark.redis
def test_a_command_reaches_a_charger_at_another_process(nodes: Nodes) -> None:
    a, b, desk = nodes
    peer = dial(a)
    peer.boot()
    command_id = desk.order("ClearCache", {}, server=b)
    order = peer.order(3.0)
    peer.answer(order, {"status": "Accepted"})
    assert desk.command_when(command_id, lambda x: not x["is_waiting"], 3.0)["state"] == "accepted"
    peer.close()


@several
@pytest.mark.redis
@pytest.mark.parametrize("module", ["tests.flows.hasty_server"])
def test_when_a_process_dies_its_chargers_go_offline_and_its_commands_unknown(nodes: Nodes) -> None:
    a, _, desk = nodes
    peer = dial(a)
    peer.boot()
    wait_for(desk.is_online, bool)  # its lease is short, and a busy machine may renew it late
    command_id = desk.order("ClearCache", {})
    peer.order()
    a.kill()
    peer.close()
    command = desk.command_when(command_id, lambda x: not x["is_waiting"], 20.0)
    assert command["state"] == "unknown"
    wait_for(lambda: desk.is_online(), lambda online: not online, 20.0)
    peer = dial(nodes[1])
    peer.boot()
    with pytest.raises(TimeoutError):
        peer.order(0.5)  # what may have worked is not asked again
    peer.close()
