"""A few chargers that cut, repeat, reorder and have wrong clocks, against a ledger kept by hand: what really flowed.

Two thousand steps by a seed that is printed; a seed that failed can be given back as FLEET_SEED.
"""

from __future__ import annotations

import json
import os
import random
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from make import NOW, Wire, make_charger, make_wire
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import chargers
from csms.domain.chargers import Charger
from csms.domain.transactions import Flag, Transaction, TransactionState

STEPS = 2_000
CHARGERS = 4


@dataclass
class Told:
    """The oracle: what a session really took, and the one id that every confirmation must give it."""

    meter_start: int
    meter_stop: int | None = None
    ids: set[int] = field(default_factory=set)
    was_stopped: bool = False


@dataclass
class Device:
    """A charger with a register, a queue that survives cuts, and a clock that may be wrong."""

    wire: Wire
    dice: random.Random
    register: int = 0
    skew: timedelta = timedelta()
    now: datetime = NOW
    running: Told | None = None
    sessions: list[Told] = field(default_factory=list)
    queue: list[tuple[str, dict[str, Any], Told]] = field(default_factory=list)
    counter: int = 0

    def step(self) -> None:
        self.now += timedelta(seconds=self.dice.randint(1, 240))
        act = self.dice.choices(
            [self.plug, self.charge, self.deliver, self.cut, self.noise], [2, 5, 6, 1, 1]
        )[0]
        act()

    def plug(self) -> None:
        """A session begins, or the one that runs ends. The register may move on unseen between two."""
        if self.running is None:
            self.register += self.dice.choice([0, 0, 0, 700])
            self.skew = timedelta(minutes=self.dice.choice([0, 0, 0, -10, 10]))
            self.running = Told(self.register)
            self.sessions.append(self.running)
            tag = self.dice.choice(["04A2", "04a2", "STRANGER"])
            self._enqueue("StartTransaction", {"connectorId": 1, "idTag": tag, "meterStart": self.register})
        else:
            told, self.running = self.running, None
            told.meter_stop = self.register
            self._enqueue("StopTransaction", {"meterStop": self.register}, told)

    def charge(self) -> None:
        if self.running is not None:
            self.register += self.dice.randint(0, 900)
            sampled = [{"value": f"{self.register / 1000:.3f}", "unit": "kWh"}]
            self._enqueue(
                "MeterValues",
                {"connectorId": 1, "meterValue": [{"timestamp": self._clock(), "sampledValue": sampled}]},
            )

    def deliver(self) -> None:
        """The queue goes out in its order; a confirmation may be lost, and the message then comes again."""
        for _ in range(self.dice.randint(1, 6)):
            if not self.queue:
                return
            self._reorder()
            action, payload, told = self.queue[0]
            self.counter += 1
            for _ in range(self.dice.choices([1, 2, 3], [8, 2, 1])[0]):
                if self.dice.random() < 0.5:
                    self.counter += 1  # this firmware gives a repetition a new id
                self._send(action, payload, told)
            self.queue.pop(0)

    def _reorder(self) -> None:
        """Some firmware lets a reading be overtaken by the next one, or by the end of its session."""
        if len(self.queue) < 2 or self.dice.random() > 0.1:
            return
        first, second = self.queue[:2]
        if first[0] == "MeterValues" and first[2] is second[2]:
            self.queue[:2] = second, first

    def _send(self, action: str, payload: dict[str, Any], told: Told) -> None:
        if action != "StartTransaction":
            payload = payload | {"transactionId": next(iter(told.ids))}
        reply = self.wire.answer(json.dumps([2, str(self.counter), action, payload]), self.now)
        assert reply[:2] == [3, str(self.counter)], reply
        if action == "StartTransaction":
            told.ids.add(reply[2]["transactionId"])
        told.was_stopped |= action == "StopTransaction"

    def cut(self) -> None:
        """A new connection; after a power cut its message ids begin again at 1, and old news is played back."""
        session, charger = self.wire.session, self.wire.session.get_one(Charger, self.wire.charger.id)
        epoch = chargers.open_link(
            session, charger, node="test", address="::1", is_secure=False, protocol="ocpp1.6", path="/",
            at=self.now, online_until=self.now + timedelta(hours=9),
        )  # fmt: skip
        self.wire = replace(self.wire, epoch=epoch)
        if self.dice.random() < 0.5:
            self.counter = 0
            self._other("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})

    def noise(self) -> None:
        """What other messages come in between, some of them about sessions that are nobody's."""
        status = self.dice.choice(["Charging", "SuspendedEV", "Available", "Finishing"])
        at = (self.now - timedelta(minutes=self.dice.choice([0, 90]))).isoformat()
        self._other(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": at},
        )
        self._other("Heartbeat", {})
        stranger = {"transactionId": self.dice.choice([0, 4711]), "meterStop": 7, "timestamp": at}
        self._other("StopTransaction", stranger)

    def _other(self, action: str, payload: dict[str, Any]) -> None:
        self.counter += 1
        assert self.wire.answer(json.dumps([2, str(self.counter), action, payload]), self.now)[0] == 3

    def _enqueue(self, action: str, payload: dict[str, Any], told: Told | None = None) -> None:
        told = told or self.running
        assert told is not None
        stamped = payload if "meterValue" in payload else payload | {"timestamp": self._clock()}
        self.queue.append((action, stamped, told))

    def _clock(self) -> str:
        return (self.now + self.skew).isoformat()


def check(device: Device, session: Session) -> None:
    """Each session is there once, under its one id, with the energy that really flowed."""
    query = select(Transaction).where(Transaction.charger_id == device.wire.charger.id)
    kept = {x.id: x for x in session.scalars(query) if x.state is not TransactionState.ORPHAN}
    confirmed = [told for told in device.sessions if told.ids]
    assert all(len(told.ids) == 1 for told in confirmed)
    assert set(kept) == {next(iter(told.ids)) for told in confirmed}
    for told in confirmed:
        transaction = kept[next(iter(told.ids))]
        if told.was_stopped and told.meter_stop is not None:
            assert transaction.state is TransactionState.ENDED
            assert transaction.energy_wh == told.meter_stop - told.meter_start
            assert Flag.DIFFERING_STOP not in transaction.flags
        else:
            assert transaction.state is TransactionState.ACTIVE


@pytest.mark.parametrize("session", ["sqlite"], indirect=True)
def test_whatever_a_fleet_goes_through_every_session_is_there_once_with_its_energy(session: Session) -> None:
    seed = os.environ.get("FLEET_SEED") or secrets.token_hex(4)
    print(f"FLEET_SEED={seed}")
    dice = random.Random(seed)
    fleet = [
        Device(make_wire(session, make_charger(session, f"CP-{n}", online=True)), random.Random(f"{seed}{n}"))
        for n in range(CHARGERS)
    ]
    for _ in range(STEPS):
        dice.choice(fleet).step()
    for device in fleet:
        while device.queue:
            device.deliver()
        check(device, session)
    assert sum(len(device.sessions) for device in fleet) > STEPS / 20
