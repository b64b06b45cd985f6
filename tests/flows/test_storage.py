"""A database that cannot be written (F6): chargers are not lied to, they are sent away to come again."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from sqlalchemy import select

from csms.domain.transactions import Transaction
from csms.domain.verify import verify
from tests.desk import Desk, wait_for
from tests.flows.peer import dial, knock
from tests.live import LiveServer

TRY_AGAIN_LATER = 1013
START = {"connectorId": 1, "idTag": "A", "meterStart": 7, "timestamp": "2026-03-14T09:00:00Z"}

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


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


@on_sqlite
def test_a_short_lock_is_waited_for(live: LiveServer) -> None:
    peer = dial(live)
    peer.boot()
    with locked(live):
        peer.send('[2,"1","Heartbeat",{}]')
        began = time.monotonic()
        assert requests.get(f"{live.url}/healthz", timeout=5).ok
        assert time.monotonic() - began < 0.5, "the lock holds up everybody"
        time.sleep(1.0)
    assert peer.reply("1")[0] == 3
    peer.close()


@on_sqlite
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
        assert time.monotonic() - began < 0.5, "newcomers wait to be refused"
        assert requests.get(f"{live.url}/healthz", timeout=5).ok
    assert wait_for(lambda: status_of(live, "/ws/ocpp/CP-3"), lambda status: status != 503, 2.0) == 101
    peer = dial(live)
    transaction_id = peer.tell("StartTransaction", START)["transactionId"]
    with desk.reading() as session:
        assert session.scalars(select(Transaction.id)).all() == [transaction_id]
        assert verify(session) == []
    peer.close()
