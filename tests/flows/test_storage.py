"""A database that cannot be written (F6, F9): chargers are not lied to, they are sent away to come again."""

from __future__ import annotations

import json
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, create_engine, select
from websockets.exceptions import ConnectionClosed

from csms.domain.transactions import Transaction
from csms.domain.verify import verify
from csms.work import LOCKED_FOR_S
from tests.desk import Desk, wait_for
from tests.flows.peer import Peer, dial, knock
from tests.live import LiveServer

TRY_AGAIN_LATER = 1013
START = {"connectorId": 1, "idTag": "A", "meterStart": 7, "timestamp": "2026-03-14T09:00:00Z"}


@contextmanager
def locked(server: LiveServer) -> Iterator[None]:
    """Somebody else writes the database, and takes his time: a backup, a shell left open."""
    connection = sqlite3.connect(server.database_url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def status_of(server: LiveServer, path: str) -> int:
    shake = knock(server, path)
    shake.sock.close()
    return shake.status


@pytest.mark.sqlite_is_enough
def test_a_short_lock_is_waited_for(live: LiveServer) -> None:
    peer = dial(live)
    peer.boot()
    with locked(live):
        peer.send('[2,"1","Heartbeat",{}]')
        began = time.monotonic()
        assert requests.get(f"{live.url}/healthz", timeout=30).ok
        assert time.monotonic() - began < LOCKED_FOR_S - 1, "the lock holds up everybody"
        time.sleep(1.0)
    assert peer.reply("1")[0] == 3
    peer.close()


@pytest.mark.sqlite_is_enough
def test_a_long_lock_gets_no_reply_no_newcomers_and_no_lasting_harm(live: LiveServer, desk: Desk) -> None:
    peer = dial(live)
    peer.boot()
    with locked(live):
        peer.send(json.dumps([2, "1", "StartTransaction", START]))
        assert peer.close_code() == TRY_AGAIN_LATER
        assert status_of(live, "/ws/ocpp/CP-2") == 503
        assert (
            status_of(live, "/ws/ocpp/not:one") == 400
        )  # which cannot be remembered, and is no fault of ours
        began = time.monotonic()
        assert int(knock(live, "/ws/ocpp/CP-2").headers["retry-after"]) > 0
        assert time.monotonic() - began < LOCKED_FOR_S - 1, "newcomers wait to be refused"
        assert requests.get(f"{live.url}/healthz", timeout=30).ok
    assert wait_for(lambda: status_of(live, "/ws/ocpp/CP-3"), lambda status: status != 503) == 101
    peer = dial(live)
    transaction_id = peer.tell("StartTransaction", START)["transactionId"]
    with desk.reading() as session:
        assert session.scalars(select(Transaction.id)).all() == [transaction_id]
        assert verify(session) == []
    peer.close()


@contextmanager
def full_disk(server: LiveServer) -> Iterator[None]:
    """No file of the server's can grow."""
    assert server.process is not None
    kept = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, kept[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, kept)


@pytest.mark.sqlite_is_enough
def test_a_full_disk_gets_no_reply_and_no_newcomers_until_there_is_room(  # F7
    live: LiveServer, desk: Desk
) -> None:
    peer = dial(live)
    peer.boot()
    with full_disk(live):
        peer.send(json.dumps([2, "1", "StartTransaction", START]))
        assert peer.close_code() == TRY_AGAIN_LATER
        for _ in range(3):
            time.sleep(0.7)  # looks whether it is back, meanwhile
            assert requests.get(f"{live.url}/readyz", timeout=30).status_code == 503
            assert status_of(live, "/ws/ocpp/CP-2") == 503
        assert requests.get(f"{live.url}/healthz", timeout=30).ok
    assert wait_for(lambda: status_of(live, "/ws/ocpp/CP-3"), lambda status: status != 503) == 101
    assert requests.get(f"{live.url}/readyz", timeout=30).ok
    peer = dial(live)
    transaction_id = peer.tell("StartTransaction", START, "1")["transactionId"]
    with desk.reading() as session:
        assert session.scalars(select(Transaction.id)).all() == [transaction_id]
        assert verify(session) == []
    peer.close()


@contextmanager
def slow_commits(engine: Engine) -> Iterator[None]:
    """Every commit that stores a frame takes a second: time enough to end its connection in the middle."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION dawdle() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END' LANGUAGE plpgsql"
        )
        connection.exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON frame DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER dawdle ON frame")
            connection.exec_driver_sql("DROP FUNCTION dawdle()")


def end_committers(engine: Engine) -> int:
    """End the connections that are in the middle of a COMMIT; how many there were."""
    with engine.begin() as connection:
        ended = connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'"
        )
        return len(ended.all())


def first_answer(server: LiveServer, peer: Peer) -> dict[str, Any]:
    """What the charger is told in the end: whether it was stored was looked up, or it was sent away to ask again."""
    try:
        return dict(peer.reply("first")[2])
    except ConnectionClosed:
        wait_for(lambda: status_of(server, "/CP-2"), lambda status: status == 101)
        again = dial(server)
        begun = again.tell("StartTransaction", START, "first")
        again.close()
        return begun


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_lost_in_the_middle_of_a_commit_loses_and_doubles_nothing(
    live: LiveServer, desk: Desk
) -> None:
    engine = create_engine(live.database_url)
    peer = dial(live)
    peer.boot()
    with slow_commits(engine):
        peer.send(json.dumps([2, "first", "StartTransaction", START]))
        wait_for(lambda: end_committers(engine), lambda ended: ended > 0)
    begun = first_answer(live, peer)
    again = dial(live, "/CP-1") if peer.ws.close_code else peer
    assert again.tell("StartTransaction", START, "second") == begun
    again.close()
    with desk.reading() as session:
        assert [x.id for x in session.scalars(select(Transaction))] == [begun["transactionId"]]
        assert list(verify(session)) == []
    engine.dispose()
