"""What tests arrange with: plain functions, and the wire of a charger without a socket."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import argon2
from sqlalchemy.orm import Session

from csms.domain import base, chargers
from csms.domain.accounts import TokenStatus
from csms.domain.chargers import Admission, AuthorizationPolicy, Charger
from csms.domain.transactions import Source, Transaction, TransactionState
from csms.domain.transactions.opened import complete
from csms.ocpp import message, units
from csms.ocpp.dispatch import Station
from csms.ocpp.v16 import version

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


def store(session: Session) -> None:
    """Commit what a test has arranged or done, as a unit of work does, and begin the next one."""
    base.settle(session)
    session.commit()
    base.forget(session)
    session.expire_all()
    session.connection(execution_options={"writes": True})


@functools.cache
def quick_hash(password: str) -> str:
    """What is stored of a password, without the costs. They stand in it, so that checking it is quick as well."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


def make_charger(
    session: Session,
    identity: str = "CP-1",
    *,
    at: datetime = NOW,
    admission: Admission = Admission.ACCEPTED,
    policy: AuthorizationPolicy = AuthorizationPolicy.OPEN,
    online: bool = False,
    connectors: int = 1,
    **more: Any,
) -> Charger:
    """A charger with its connectors, committed; `online`: with a lease that lasts an hour."""
    charger = chargers.add(session, identity, admission=admission, policy=policy, at=at)
    for name, value in more.items():
        setattr(charger, name, value)
    for number in range(1, connectors + 1):
        chargers.connector_of(session, charger.id, number)
    if online:
        chargers.open_link(
            session,
            charger,
            node="test",
            address="127.0.0.1",
            is_secure=False,
            protocol="ocpp1.6",
            path=f"/{identity}",
            at=at,
            online_until=at + timedelta(hours=1),
        )
    store(session)
    return charger


def add_session(session: Session, number: int, **given: Any) -> None:
    """A row of a session, as no charger has told it; over, and otherwise as most are, where nothing else is given."""
    row = {
        "id": number,
        "reference": str(number),
        "source": Source.LOCAL,
        "authorization": TokenStatus.ACCEPTED,
        "state": TransactionState.ENDED,
        "start_received_at": NOW,
        "flags": [],
    }
    session.add(Transaction(**complete(row | given)))


@dataclass
class Wire:
    """One charger's frames, handled as a link would have them handled: each in a unit of work of its own."""

    session: Session
    charger: Charger
    station: Station
    epoch: int = 0
    now: datetime = NOW

    def answer(self, frame: str, at: datetime | None = None) -> list[Any]:
        """The reply to a CALL's text, decoded."""
        reply: list[Any] = json.loads(self.send(frame, at))
        return reply

    def send(self, frame: str, at: datetime | None = None) -> str:
        """The reply to a CALL's text, as it goes over the wire."""
        call = message.parse(frame)
        assert isinstance(call, message.Call), call
        unit = units.Received(
            version, self.station, self.epoch, frame, at or self.now, time.perf_counter(), call
        )
        reply = unit(self.session)
        store(self.session)
        return reply

    def call(self, action: str, payload: dict[str, Any], *, id: str = "1", at: datetime | None = None) -> Any:
        """The payload of the confirmation of a CALL; fails on a CALLERROR."""
        reply = self.answer(json.dumps([2, id, action, payload]), at)
        assert reply[0] == 3, reply
        return reply[2]


def make_wire(session: Session, charger: Charger) -> Wire:
    assert charger.lease is not None
    station = Station(
        charger_id=charger.id,
        identity=charger.identity,
        protocol="ocpp1.6",
        admission=charger.admission,
        needs_known_card=charger.policy is not AuthorizationPolicy.OPEN,
        needs_credit=charger.policy is AuthorizationPolicy.CREDIT,
        tariff_id=charger.tariff_id,
        heartbeat_interval_s=300,
        was_accepted=charger.accepted_at is not None,
    )
    return Wire(session, charger, station, charger.lease.epoch)
