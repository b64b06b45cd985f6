"""The orders that a charger gets on its wire, and its answers to them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from make import Wire, store

from csms.ocpp import message, units
from csms.ocpp.v16 import version


@dataclass(frozen=True)
class Taken:
    """A CALL of ours that has been sent to the charger."""

    id: str
    action: str
    payload: dict[str, Any]


def take(wire: Wire, at: datetime | None = None) -> Taken | None:
    """Send the charger its next order, if there is one."""
    outgoing = units.Claim(version, wire.station, wire.epoch, at or wire.now, 30)(wire.session)
    store(wire.session)
    return None if outgoing is None else Taken(*json.loads(outgoing.text)[1:])


def answer(wire: Wire, order: Taken, payload: dict[str, Any], at: datetime | None = None) -> None:
    """The charger's CALLRESULT."""
    _hear(wire, json.dumps([3, order.id, payload]), at)


def fail(wire: Wire, order: Taken, code: str = "NotSupported", at: datetime | None = None) -> None:
    """The charger's CALLERROR."""
    _hear(wire, json.dumps([4, order.id, code, "", {}]), at)


def _hear(wire: Wire, text: str, at: datetime | None) -> None:
    reply = message.parse(text)
    assert isinstance(reply, (message.CallResult, message.CallError))
    unit = units.Answered(version, wire.station, wire.epoch, text, at or wire.now, time.perf_counter(), reply)
    assert unit(wire.session) is not None, "that was no order of ours"
    store(wire.session)
