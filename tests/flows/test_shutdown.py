"""An orderly end in the middle of everything (F5): chargers are told, and nothing that was confirmed is lost."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed

from csms.domain.transactions import Transaction, TransactionState
from csms.domain.verify import verify
from tests.desk import Desk
from tests.flows.peer import Peer, dial
from tests.live import LiveServer

CHARGERS = 50
STEP_WH = 10
ENDS_WITHIN_S = 20.0  # ten for the chargers, and what a busy machine needs besides
SERVICE_RESTART = 1012


class Session:
    """A charger that charges, and says so as fast as it is answered."""

    def __init__(self, live: LiveServer, number: int, gate: threading.Barrier) -> None:
        self.live = live
        self.identity = f"CP-{number}"
        self.gate = gate
        self.meter_wh = 1000 * number
        self.begin_wh = self.meter_wh
        self.confirmed = 0
        self._seconds = itertools.count(1)
        self._unanswered: tuple[str, dict[str, Any]] | None = None
        self.transaction_id = 0

    def until_the_end(self) -> int | None:
        """Charge until the server closes; how it did."""
        peer = self._dial()
        try:
            start = {"connectorId": 1, "idTag": "A", "meterStart": self.begin_wh, "timestamp": self._at()}
            self.transaction_id = peer.tell("StartTransaction", start)["transactionId"]
            self.gate.wait(60)
            while True:
                self._tell(peer, "MeterValues", self._values())
        except ConnectionClosed:
            return peer.ws.close_code
        finally:
            peer.close()

    def to_its_end(self) -> None:
        """Come back, repeat what was not confirmed, and stop."""
        peer = self._dial()
        if self._unanswered is not None:
            self._tell(peer, *self._unanswered)
        stop = {"transactionId": self.transaction_id, "meterStop": self.meter_wh, "timestamp": self._at()}
        self._tell(peer, "StopTransaction", stop)
        peer.close()

    def _tell(self, peer: Peer, action: str, payload: dict[str, Any]) -> None:
        self._unanswered = action, payload
        peer.tell(action, payload)
        self._unanswered = None

    def _dial(self) -> Peer:
        return dial(self.live, f"/ws/ocpp/{self.identity}")

    def _values(self) -> dict[str, Any]:
        self.meter_wh += STEP_WH
        values = [{"timestamp": self._at(), "sampledValue": [{"value": str(self.meter_wh)}]}]
        return {"connectorId": 1, "transactionId": self.transaction_id, "meterValue": values}

    def _at(self) -> str:
        minute, second = divmod(next(self._seconds), 60)
        return f"2025-03-14T{9 + minute // 60:02}:{minute % 60:02}:{second:02}Z"


@pytest.mark.seed("all", "Restart")
def test_fifty_sessions_outlive_a_restart(live: LiveServer, desk: Desk) -> None:
    gate = threading.Barrier(CHARGERS + 1)
    sessions = [Session(live, number, gate) for number in range(1, CHARGERS + 1)]
    with ThreadPoolExecutor(CHARGERS) as pool:
        codes = pool.map(Session.until_the_end, sessions)
        gate.wait(60)
        time.sleep(0.5)  # all of them talk
        assert _seconds_to_end(live) < ENDS_WITHIN_S
        assert set(codes) == {SERVICE_RESTART}
        live.start()
        list(pool.map(Session.to_its_end, sessions))
    with desk.reading() as session:
        stored = {x.charger.identity: x for x in session.scalars(select(Transaction))}
        assert len(stored) == CHARGERS
        for each in sessions:
            transaction = stored[each.identity]
            assert transaction.id == each.transaction_id
            assert transaction.state is TransactionState.ENDED
            assert transaction.energy_wh == each.meter_wh - each.begin_wh
        assert verify(session) == []


@pytest.mark.seed("all", "Restart")
def test_a_command_in_flight_is_unknown_after_a_restart(live: LiveServer, desk: Desk) -> None:
    peer = dial(live)
    peer.boot()
    command_id = desk.order("UnlockConnector", {"connectorId": 1})
    peer.order()
    assert _seconds_to_end(live) < ENDS_WITHIN_S
    peer.close()
    live.start()
    command = desk.command(command_id)
    assert command["state"] == "unknown"
    assert not desk.is_online()


def _seconds_to_end(live: LiveServer) -> float:
    began = time.monotonic()
    live.stop()
    assert live.process is not None
    assert live.process.poll() == 0
    return time.monotonic() - began
