"""A database that cannot be written (F6): chargers are not lied to, they are sent away to come again."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from sqlalchemy import select

from csms.domain.transactions import Transaction
from csms.domain.verify import verify
from tests.desk import Desk
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


@on_sqlite
def test_a_short_lock_is_waited_for(live: LiveServer, desk: Desk) -> None:
    peer = dial(live)
    peer.boot()
    with locked(live):
        release = threading.Timer(1.0, lambda: None)
        release.start()
        peer.send('[2,"1","Heartbeat",{}]')
        began = time.monotonic()
        assert requests.get(f"{live.url}/healthz", timeout=5).ok
        assert time.monotonic() - began < 0.5, "the lock holds up everybody"
        release.join()
    assert peer.reply("1")[0] == 3
    peer.close()


@on_sqlite
def test_a_long_lock_gets_no_reply_no_newcomers_and_no_lasting_harm(live: LiveServer, desk: Desk) -> None:
    peer = dial(live)
    peer.boot()
    with locked(live):
        peer.send(
            '[2,"1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":7,"timestamp":"2026-03-14T09:00:00Z"}]'
        )
        assert peer.close_code() == TRY_AGAIN_LATER
        for path in ("/ws/ocpp/CP-2", "/ws/ocpp/not:one"):
            shake = knock(live, path)
            assert shake.status == (503 if path.endswith("2") else 400), shake.text
        assert int(knock(live, "/ws/ocpp/CP-2").headers["retry-after"]) > 0
        assert requests.get(f"{live.url}/healthz", timeout=5).ok
    peer = dial(live)
    transaction_id = peer.tell("StartTransaction", START)["transactionId"]
    with desk.reading() as session:
        assert session.scalars(select(Transaction.id)).all() == [transaction_id]
        assert verify(session) == []
    peer.close()
