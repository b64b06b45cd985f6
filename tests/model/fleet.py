"""A fleet of chargers that misbehave, and the ledger of what must come of it whatever they do.

A charger keeps what it has to report in a queue until it is confirmed (1.6 §3.7), as real ones do. What is between the
queue and the server may be cut, repeated and reordered; clocks may lie; the server may be killed. When all queues are
empty the books must agree with the ledger to the watt-hour.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed

from csms.domain.transactions import Transaction, TransactionState
from tests.flows.peer import Peer, dial
from tests.live import LiveServer

BEGIN = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
_ids = itertools.count(1)


@dataclass
class Charge:
    """The ledger's line of one charging session. `drawn_wh`: where the register stood when it last gave current."""

    start_wh: int
    drawn_wh: int
    stop_wh: int | None = None
    transaction_id: int | None = None

    def agrees(self, booked: Transaction) -> bool:
        """A session whose Stop came is right to the Wh; one without is an estimate that is never too high, if any."""
        if self.stop_wh is not None:
            return (booked.state, booked.energy_wh) == (
                TransactionState.ENDED,
                self.stop_wh - self.start_wh,
            )
        return booked.energy_wh is None or booked.energy_wh <= self.drawn_wh - self.start_wh


@dataclass
class Report:
    """A message in a charger's queue. The transaction's id is filled in when it is sent: it may not be known before."""

    action: str
    payload: dict[str, Any]
    charge: Charge | None = None
    message_id: str | None = None

    def text(self, *, keeps_id: bool) -> str:
        if self.message_id is None or not keeps_id:
            self.message_id = f"m{next(_ids)}"
        payload = dict(self.payload)
        if self.charge is not None and self.action != "StartTransaction":
            payload["transactionId"] = self.charge.transaction_id
        return json.dumps([2, self.message_id, self.action, payload])


@dataclass
class Charger:
    """One charger with one connector. It sends nothing by itself: `deliver` and its likes do."""

    server: LiveServer
    identity: str
    keeps_id: bool
    meter_wh: int = 1_000
    elapsed: timedelta = timedelta()
    skew: timedelta = timedelta()  # what its clock is off
    running: Charge | None = None
    charges: list[Charge] = field(default_factory=list)
    queue: deque[Report] = field(default_factory=deque)
    confirmed: list[tuple[str, Any]] = field(default_factory=list)
    peer: Peer | None = None

    def begin(self, tag: str) -> None:
        if self.running is not None:
            return
        self.running = Charge(self.meter_wh, self.meter_wh)
        self.charges.append(self.running)
        given = {"connectorId": 1, "idTag": tag, "meterStart": self.meter_wh, "timestamp": self._now()}
        self.queue.append(Report("StartTransaction", given, self.running))

    def measure(self, step_wh: int) -> None:
        """A register moves only while a car charges: that is what an estimate by the next one's start goes by."""
        if self.running is None:
            return
        self.meter_wh += step_wh
        self.running.drawn_wh = self.meter_wh
        values = [{"timestamp": self._now(), "sampledValue": [{"value": str(self.meter_wh)}]}]
        self.queue.append(Report("MeterValues", {"connectorId": 1, "meterValue": values}, self.running))

    def end(self) -> None:
        if self.running is None:
            return
        self.meter_wh += 1
        self.running.stop_wh = self.running.drawn_wh = self.meter_wh
        given = {"meterStop": self.meter_wh, "timestamp": self._now(), "reason": "Local"}
        self.queue.append(Report("StopTransaction", given, self.running))
        self.running = None

    def forget(self) -> None:
        """A power cut that loses the session: its Stop never comes, and its last Wh shows in the next start alone."""
        if self.running is not None:
            self.meter_wh += 1
            self.running.drawn_wh = self.meter_wh
        self.running = None
        self.cut()

    def reorder(self) -> None:
        """The newest two reports change places, if neither begins a session."""
        if len(self.queue) > 2 and all(
            x.action != "StartTransaction" for x in (self.queue[-1], self.queue[-2])
        ):
            self.queue[-1], self.queue[-2] = self.queue[-2], self.queue[-1]

    def deliver(self) -> None:
        """Send the oldest report until it is confirmed, through however many deaths of the connection."""
        while self.queue:
            report = self.queue[0]
            text = report.text(keeps_id=self.keeps_id)
            try:
                answer = self._exchange(text, report.message_id)
            except (ConnectionClosed, OSError):
                self.cut()
                continue
            self.queue.popleft()
            self._note(report, text, answer)
            return

    def mumble(self) -> None:
        """Send the oldest report and lose the connection before anything can be heard."""
        if self.queue:
            with contextlib.suppress(ConnectionClosed, OSError):
                self._connected().send(self.queue[0].text(keeps_id=self.keeps_id))
            self.cut()

    def repeat(self, nth: int) -> None:
        """Say the same bytes again: the answer must be the same."""
        if self.confirmed:
            text, answer = self.confirmed[nth % len(self.confirmed)]
            message = json.loads(text)
            said = self._exchange(text, message[1])
            assert said == answer, f"{self.identity}: {text} was answered {answer}, and again {said}"

    def restate(self, nth: int) -> None:
        """Say the same thing under a new message id: a repeated Start must find its transaction."""
        starts = [x for x in self.confirmed if '"StartTransaction"' in x[0]]
        if starts:
            text, answer = starts[nth % len(starts)]
            message = json.loads(text)
            message[1] = f"m{next(_ids)}"
            said = self._exchange(json.dumps(message), message[1])
            assert said == answer, f"{self.identity}: {text} was answered {answer}, and anew {said}"

    def chat(self, status: str) -> None:
        given = {"connectorId": 1, "status": status, "errorCode": "NoError", "timestamp": self._now()}
        self._exchange(json.dumps([2, f"s{(n := next(_ids))}", "StatusNotification", given]), f"s{n}")

    def reboot(self) -> None:
        self.cut()
        self._connected().boot()

    def cut(self) -> None:
        if self.peer is not None:
            self.peer.hang_up()
            self.peer = None

    def _connected(self) -> Peer:
        if self.peer is None:
            self.peer = dial(self.server, f"/ws/ocpp/{self.identity}")
        return self.peer

    def _exchange(self, text: str, message_id: str | None) -> Any:
        try:
            peer = self._connected()
            peer.send(text)
            answer = peer.reply(str(message_id))
        except ConnectionClosed:
            self.cut()
            raise
        assert answer[0] == 3, f"{self.identity}: {text} was answered {answer}"
        return answer[2]

    def _note(self, report: Report, text: str, answer: Any) -> None:
        self.confirmed.append((text, answer))
        if report.action == "StartTransaction" and report.charge is not None:
            report.charge.transaction_id = answer["transactionId"]

    def _now(self) -> str:
        self.elapsed += timedelta(seconds=7)
        return (BEGIN + self.elapsed + self.skew).isoformat().replace("+00:00", "Z")


def compare(engine: Engine, chargers: list[Charger]) -> None:
    """Every charge is booked once, as the ledger has it; nothing else is."""
    with Session(engine) as session:
        for charger in chargers:
            query = (
                select(Transaction)
                .join(Transaction.charger)
                .where(Transaction.charger.has(identity=charger.identity))
            )
            booked = {x.id: x for x in session.scalars(query)}
            assert set(booked) == {x.transaction_id for x in charger.charges}, charger.identity
            assert len(booked) == len(charger.charges), f"{charger.identity}: one id for two sessions"
            for charge in charger.charges:
                one = booked[charge.transaction_id or 0]
                assert charge.agrees(one), (
                    f"{charger.identity}: {charge} is booked as {one.state} {one.energy_wh} {one.flags}"
                )
