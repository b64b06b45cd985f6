"""One charger's forwarder at work: dials, greets as the charger would, tells what the journal has, and comes again."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Mapping
from datetime import timedelta

import gevent
from gevent.event import Event
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import forwarding
from csms.domain.forwarding import ForwardState, Traffic, pause_s
from csms.ocpp.door import Door
from csms.ocpp.forwarding.inbound import Inbound
from csms.ocpp.forwarding.units import Dismissed, Look, Parcel, Plan, Settle, greeting, owned, plan
from csms.ocpp.forwarding.wire import Destination, Line, Lost, dial
from csms.ocpp.message import CallError, CallResult
from csms.ocpp.relay import Relay, Told
from csms.outbound import Barred, Unreachable
from csms.seal import Seal, Unreadable
from csms.sentences import told
from csms.work import StorageFailed

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0  # a wake-up may get lost; and nobody wakes us for what another process has stored
IDLE_S = 30.0
LINGER_S = 60.0  # a charger that is away for a moment does not take its second connection with it
STEADY_S = 60.0  # a connection that has held for so long was a good one
MOST_TRIES = 3  # of a transaction's message that they answer with an error
RETRY_S = 10.0  # before the second try, and twice that before the third
HEARTBEAT_S, LEAST_S, MOST_S = 300, 10, 3_600
MISTAKES = (Barred, Unreachable, Lost)


class Courier:
    """`seal` opens passwords. `run` ends when the forwarder is not this process's affair any more."""

    def __init__(
        self, door: Door, relays: Mapping[str, Relay], charger_id: int, seal: Seal, *, may_be_private: bool
    ) -> None:
        self._door, self._relays, self._seal = door, relays, seal
        self._may_be_private = may_be_private
        self.charger_id = charger_id
        self._news = Event()
        self._failures = 0
        self._tries = 0  # of the message that is being told

    def run(self) -> None:
        topics = (f"charger:{self.charger_id}",)
        self._door.bus.subscribe(topics, self._wake)
        try:
            while True:
                self._turn()
        except Dismissed:
            log.info("forwarder_dismissed", extra={"charger_id": self.charger_id})
        finally:
            self._door.bus.unsubscribe(topics, self._wake)

    def _wake(self, _topic: str = "") -> None:
        self._news.set()

    def _turn(self) -> None:
        """One connection, or one pause. Raises Dismissed."""
        began = time.monotonic()
        try:
            self._go()
            return
        except MISTAKES as error:
            why = str(error)
        except StorageFailed as error:
            log.warning("forwarder_postponed", extra={"charger_id": self.charger_id, "error": str(error)})
            gevent.sleep(LOOK_EVERY_S)
            return
        except Dismissed:
            raise
        except Exception as error:  # the outermost door of a courier: it must come again
            log.exception("forwarder_failed", extra={"charger_id": self.charger_id})
            why = f"{type(error).__name__}"
        self._failures = 1 if time.monotonic() - began > STEADY_S else self._failures + 1
        wait_s = pause_s(self._failures)
        with contextlib.suppress(StorageFailed):
            self._note(ForwardState.AWAY, why, next_in_s=wait_s)
        gevent.sleep(wait_s)

    def _go(self) -> None:
        node = self._door.node
        made = self._door.lane.run(lambda x: plan(x, self.charger_id, node, clock.now(), self._relays))
        relay = self._relays.get(made.protocol or "")
        if relay is None or not (made.is_online or made.is_behind):
            self._note(ForwardState.IDLE)
            self._rest(IDLE_S)
            return
        to = self._destination(made)
        connection = dial(to)
        inbound = Inbound(self._door, made, relay, self._door.versions[to.protocol], to.host)
        line = Line(connection, inbound.answer, self._news.set)
        try:
            self._visit(line, made, relay)
        finally:
            line.close()

    def _destination(self, made: Plan) -> Destination:
        """Raises Unreachable when its password cannot be read."""
        try:
            password = self._seal.open(made.password_sealed) if made.password_sealed else None
        except Unreadable:
            raise Unreachable(told("SECRET_KEY has changed: enter the password again.")) from None
        where = forwarding.address(made.url, made.their_identity)
        return Destination(where, made.their_identity, made.protocol or "", password, self._may_be_private)

    def _visit(self, line: Line, made: Plan, relay: Relay) -> None:
        """Be connected, until the charger is away and everything is told. Raises Lost, Dismissed, StorageFailed."""
        at = clock.now()
        greets = self._door.lane.run(lambda session: greeting(session, self.charger_id, relay, at))
        interval_s = self._boot(line, greets.hello, relay)
        if Traffic.STATUS in made.traffic:
            for one in greets.standing:
                self._say(line, one)
        self._note(ForwardState.CONNECTED)
        log.info("forwarder_connected", extra={"charger_id": self.charger_id})
        beat_at, seen_at = time.monotonic() + interval_s, time.monotonic()
        while True:
            self._news.clear()
            look = Look(
                self.charger_id,
                self._door.node,
                made.revision,
                relay,
                greets.until_id,
                clock.now(),
            )
            parcel = self._door.lane.run(look)
            if parcel is not None:
                self._tell(line, parcel, made, relay)
            elif not look.has_more:
                seen_at = time.monotonic() if look.is_online else seen_at
                if time.monotonic() - seen_at > LINGER_S:
                    return
                self._rest(min(LOOK_EVERY_S, max(0.0, beat_at - time.monotonic())))
            if time.monotonic() >= beat_at:
                self._say(line, relay.heartbeat)
                beat_at = time.monotonic() + interval_s
            if not line.is_open:
                raise Lost(line.lost_why)

    def _boot(self, line: Line, hello: Told, relay: Relay) -> int:
        """Say who we are until we are let in; seconds between heartbeats. Raises Lost, Dismissed."""
        while True:
            reply = self._say(line, hello)
            is_in, interval = relay.admission(reply.payload if isinstance(reply, CallResult) else None)
            interval_s = min(max(interval or HEARTBEAT_S, LEAST_S), MOST_S)
            if is_in:
                return interval_s
            word = reply.code if isinstance(reply, CallError) else str(reply.payload.get("status"))
            why = told("It answers the boot with %(word)s.", word=word[:40])
            self._note(ForwardState.NOT_ACCEPTED, why, next_in_s=interval_s)
            give_up_at = time.monotonic() + interval_s
            while time.monotonic() < give_up_at:
                self._rest(LOOK_EVERY_S)
                self._news.clear()
                self._door.lane.run(lambda session: owned(session, self.charger_id, self._door.node))
                if not line.is_open:
                    raise Lost(line.lost_why)

    def _say(self, line: Line, what: Told) -> CallResult | CallError:
        """Something of no importance beyond this connection. Raises Lost."""
        action, payload = what
        return line.call(str(uuid.uuid4()), action, payload)

    def _tell(self, line: Line, parcel: Parcel, made: Plan, relay: Relay) -> None:
        """Tell a message of the journal, and keep what they answer. Raises Lost, Dismissed, StorageFailed."""
        reply = line.call(parcel.message_id, parcel.letter.action, parcel.letter.payload)
        self._tries += 1
        is_last = self._tries >= MOST_TRIES
        settle = Settle(
            self.charger_id,
            self._door.node,
            made.revision,
            relay,
            parcel,
            reply,
            is_last,
            clock.now(),
        )
        if self._door.lane.run(settle):
            self._tries = 0
        else:
            gevent.sleep(RETRY_S * self._tries)

    def _note(self, state: ForwardState, detail: str | None = None, next_in_s: float | None = None) -> None:
        at = clock.now()
        next_try_at = None if next_in_s is None else at + timedelta(seconds=next_in_s)

        def unit(session: Session) -> None:
            row = owned(session, self.charger_id, self._door.node)
            forwarding.note_state(session, row, state, at=at, detail=detail, next_try_at=next_try_at)

        self._door.lane.run(unit)

    def _rest(self, for_s: float) -> None:
        self._news.wait(for_s)
