"""A message of a charger's that somebody else tells in its name: the same rules, journal and ledger, marked as told."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

from csms.domain import chargers
from csms.domain.base import Refused
from csms.domain.chargers import Charger, LinkLease
from csms.ocpp import message, units
from csms.ocpp.dispatch import Actions, Station
from csms.ocpp.message import Call


@dataclass(slots=True)
class Told:
    """A unit of work. Its result is the reply: [3, id, payload] or [4, id, code, description, details].

    Raises Refused for a charger that is connected to another process: only there its messages have an order.
    """

    charger_id: int
    actions: Actions
    action: str
    payload: dict[str, Any]
    by: str
    node: str
    at: datetime
    station_of: Callable[[Charger, str], Station]
    is_station_old: bool = field(default=False, init=False)

    def __call__(self, session: Session) -> list[Any]:
        charger = chargers.get(session, self.charger_id)
        lease = session.get(LinkLease, self.charger_id, with_for_update=True)
        if lease is None:
            raise Refused("%(title)s has just been added: try again.", title=charger.title)
        if lease.is_online(self.at) and lease.node != self.node:
            raise Refused(
                "%(title)s is connected to another process of this installation: try again.",
                title=charger.title,
            )
        message_id = f"api-{uuid.uuid4().hex[:32]}"
        received = units.Received(
            self.actions,
            self.station_of(charger, self.actions.protocol),
            lease.epoch,
            message.call(message_id, self.action, self.payload),
            self.at,
            time.perf_counter(),
            Call(message_id, self.action, self.payload),
            by=self.by,
        )
        reply: list[Any] = orjson.loads(received(session))
        self.is_station_old = received.is_station_old
        return reply
