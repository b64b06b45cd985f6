"""Sessions through crashes: a charger talks, the server dies at a chosen point, comes back, and is told again.

Everything follows from the seed: where it dies, whether the charger repeats itself under the same message id, whether
it boots when it is back, and its figures.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed

from csms.domain.chargers import Charger
from csms.domain.frames import Frame
from csms.domain.transactions import Reading, Transaction, TransactionState
from tests.flows.peer import Peer, dial
from tests.nursery import ForkedServer

ACTIONS = ("StartTransaction", "MeterValues", "StopTransaction")
POINTS = ("before_commit", "after_commit", "before_send")
PLACES = tuple(itertools.product(POINTS, ACTIONS))
METER_VALUES = 3


@dataclass
class Plan:
    """One seed's session."""

    seed: int
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.identity = f"CRASH-{self.seed}"
        self.point, self.action = PLACES[self.seed % len(PLACES)]
        self.times = self.dice.randint(1, METER_VALUES) if self.action == "MeterValues" else 1
        self.keeps_id = self.dice.random() < 0.5
        self.boots_again = self.dice.random() < 0.5
        self.begin_wh = self.dice.randint(0, 5_000_000)
        self.steps_wh = [self.dice.randint(1, 900) for _ in range(METER_VALUES)]
        self.end_wh = self.begin_wh + sum(self.steps_wh)

    @property
    def fuse(self) -> str:
        return f"{self.identity}:{self.point}:{self.action}:{self.times}"


@dataclass
class Teller:
    """A charger that repeats what was not confirmed, and remembers what was."""

    server: ForkedServer
    plan: Plan
    next_fuse: str | None
    acknowledged: list[tuple[str, str]] = field(default_factory=list)  # (CALL, the reply's payload) as texts
    deaths: int = 0
    recovery_s: float = 0.0

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)
        self._peer = self._dial()
        self._peer.boot()

    def tell(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        message_id = self._new_id()
        died_at = 0.0
        while True:
            text = json.dumps([2, message_id, action, payload])
            try:
                self._peer.send(text)
                answer = self._peer.reply(message_id)
            except ConnectionClosed:
                died_at = time.monotonic()
                self._come_back()
                message_id = message_id if self.plan.keeps_id else self._new_id()
                continue
            assert answer[0] == 3, answer
            if died_at:
                self.recovery_s = time.monotonic() - died_at
            self.acknowledged.append((text, json.dumps(answer[2])))
            return dict(answer[2])

    def repeat(self, text: str) -> str:
        """The payload of the answer to the very same bytes once more."""
        self._peer.send(text)
        return json.dumps(self._peer.reply(json.loads(text)[1])[2])

    def close(self) -> None:
        self._peer.close()

    def _come_back(self) -> None:
        assert self.server.process is not None
        assert self.server.process.wait(10) == -9, "the server should have been killed"
        self._peer.close()
        self.deaths += 1
        self.server.arguments = (self.next_fuse,) if self.next_fuse else ()
        self.server.start()
        self._peer = self._dial()
        if self.plan.boots_again:
            self._peer.boot()

    def _dial(self) -> Peer:
        return dial(self.server, f"/ws/ocpp/{self.plan.identity}")

    def _new_id(self) -> str:
        return f"{self.plan.seed}-{next(self._ids)}"


def crash(server: ForkedServer, engine: Engine, seed: int, *, then: int | None) -> float:
    """Play one session on a server whose fuse is this seed's; leaves it running with the fuse of the seed `then`.

    Returns how many seconds passed from the death to the confirmation. Raises AssertionError.
    """
    plan = Plan(seed)
    teller = Teller(server, plan, Plan(then).fuse if then is not None else None)
    try:
        transaction_id = _charge(teller, plan)
        for text, reply in teller.acknowledged:
            assert teller.repeat(text) == reply, "a repetition was answered otherwise"
    finally:
        teller.close()
    assert teller.deaths == 1, f"died {teller.deaths} times"
    with Session(engine) as session:
        _check(session, plan, transaction_id, teller.acknowledged)
    return teller.recovery_s


def _charge(teller: Teller, plan: Plan) -> int:
    start = {"connectorId": 1, "idTag": "CRASH", "meterStart": plan.begin_wh, "timestamp": _at(0)}
    transaction_id = teller.tell("StartTransaction", start)["transactionId"]
    meter_wh = plan.begin_wh
    for minute, step_wh in enumerate(plan.steps_wh, start=1):
        meter_wh += step_wh
        values = [{"timestamp": _at(minute), "sampledValue": [{"value": str(meter_wh)}]}]
        payload = {"connectorId": 1, "transactionId": transaction_id, "meterValue": values}
        assert teller.tell("MeterValues", payload) == {}
    stop = {
        "transactionId": transaction_id,
        "meterStop": meter_wh,
        "timestamp": _at(METER_VALUES + 1),
        "idTag": "CRASH",
        "transactionData": [
            {
                "timestamp": _at(METER_VALUES + 1),
                "sampledValue": [{"value": str(meter_wh), "context": "Transaction.End"}],
            }
        ],
    }
    assert teller.tell("StopTransaction", stop)["idTagInfo"]["status"] == "Accepted"
    return int(transaction_id)


def _check(session: Session, plan: Plan, transaction_id: int, acknowledged: list[tuple[str, str]]) -> None:
    """Nothing that was confirmed is lost, nothing is there twice, and the energy is right."""
    charger = session.scalars(select(Charger).where(Charger.identity == plan.identity)).one()
    transaction = session.scalars(select(Transaction).where(Transaction.charger_id == charger.id)).one()
    assert transaction.id == transaction_id
    assert transaction.state is TransactionState.ENDED
    assert transaction.energy_wh == plan.end_wh - plan.begin_wh
    readings = session.scalars(select(Reading).where(Reading.transaction_id == transaction_id)).all()
    times = sorted(reading.measured_at.isoformat() for reading in readings)
    assert len(times) == len(set(times)), "a reading is there twice"
    assert len(times) >= METER_VALUES + 1
    journal = {
        frame.text: json.dumps(json.loads(frame.reply)[2])
        for frame in session.scalars(select(Frame).where(Frame.charger_id == charger.id))
        if frame.reply is not None
    }
    for text, reply in acknowledged:
        assert journal[text] == reply


def _at(minute: int) -> str:
    return f"2025-03-14T09:{minute:02}:00Z"
