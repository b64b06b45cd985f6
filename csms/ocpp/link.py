"""One live charger: what it says goes through the lane in its order, what we want of it goes out one at a time.

`turn` is held from the receipt of a frame until its reply is written, and while a command is claimed and written: so
the frames of one charger are stored in the order of the wire, and nothing of ours overtakes a reply.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import gevent
from gevent.event import Event
from gevent.lock import Semaphore
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers
from csms.domain.chargers import Admission, Fenced
from csms.domain.commands import CommandState
from csms.domain.frames import Verdict
from csms.ocpp import message, orders, units
from csms.ocpp.arrival import Opening, Peer
from csms.ocpp.dispatch import Actions, Station
from csms.ocpp.message import Call, CallError, CallResult, Garbage, Heading
from csms.ocpp.orders import Claim, Outgoing, Placing
from csms.ocpp.websocket import ConnectionClosed, Server
from csms.sentences import told
from csms.work import Lane, StorageFailed

if TYPE_CHECKING:
    from csms.ocpp.door import Door

log = logging.getLogger(__name__)

T = TypeVar("T")
Frame = tuple[Actions, Station, int, str, datetime, float]  # what every unit of `units.Incoming` begins with

SIZE_BEFORE_ACCEPTANCE = 64 << 10
SIZE_AFTER_ACCEPTANCE = 8 << 20  # a StopTransaction with days of samples is legal (1.6 errata 3.89)
PROBE_S = 3.0  # how long a connection has to prove itself alive to a newcomer
POLICY, TRY_LATER = 1008, 1013
NOT_HEARD = "not heard here any more"  # a newer connection owns the charger, or it was sent away


class Link:
    """The connection of one charger, from its first frame to its close."""

    __slots__ = (
        "_answered",
        "_has_news",
        "_is_working",
        "_waiting_for",
        "actions",
        "door",
        "epoch",
        "peer",
        "server",
        "station",
        "turn",
    )

    def __init__(self, door: Door, server: Server, station: Station, actions: Actions, peer: Peer) -> None:
        self.door = door
        self.server = server
        self.station = station
        self.actions = actions
        self.peer = peer
        self.epoch = 0
        self.turn = Semaphore(1)
        self._has_news = self._is_working = False
        self._waiting_for: str | None = None  # the message id of our CALL in flight
        self._answered: Event | None = None

    def serve(self, server: Server) -> None:
        """Serve the charger until the connection ends. Raises ConnectionClosed when it does."""
        reason = told("closed by the server")
        self.door.at_work += 1
        try:
            self._open()
            while True:
                text = server.receive()
                if text is not None:
                    with self.turn:
                        self._handle(text)
        except ConnectionClosed as closed:
            reason = f"{closed.code} {closed.reason}".strip()
            raise
        except StorageFailed:
            # What cannot be stored must not be answered: the charger keeps it and comes again.
            reason = told("the database was not available")
            server.close(TRY_LATER, "try again later")
        except Fenced:
            reason = NOT_HEARD
            self._hang_up()
        finally:
            self._close(reason)
            self.door.at_work -= 1

    def wake(self, _topic: str) -> None:
        """There is work, or what we hold of the charger is old. Sets a greenlet to it; never blocks."""
        self._has_news = True
        if not self._is_working:
            self._begin_work()
            gevent.spawn(self._work)
        elif self._answered is not None:  # the worker waits for the charger, and may do so for long
            gevent.spawn(self._learn)

    def prove(self, _topic: str) -> None:
        """A newcomer at another process claims this identity: show there whether this connection is alive."""
        gevent.spawn(self._prove)

    def _prove(self) -> None:
        if self.server.probe(PROBE_S):
            charger_id, epoch, at = self.station.charger_id, self.epoch, clock.now()
            try:
                self.door.lane.run(lambda session: chargers.note_probe(session, charger_id, epoch, at=at))
            except StorageFailed as error:
                log.warning(
                    "probe_not_stored", extra={"charger": self.station.identity, "reason": str(error)}
                )

    def _open(self) -> None:
        opening = Opening(self.station, self.peer, self.door.node, clock.now(), self.door.lease_end())
        self.epoch, has_work = self.door.lane.run(opening)
        self.door.enter(self)
        log.info("charger_connected", extra={"charger": self.station.identity, "epoch": self.epoch})
        if has_work:
            self.wake("")

    def _close(self, reason: str) -> None:
        with self.door.way_out:
            gevent.sleep(0)  # others are heard between two leavers
            self.door.leave(self)
        if not self.epoch:
            return
        log.info("charger_disconnected", extra={"charger": self.station.identity, "reason": reason})
        at, charger_id, epoch = clock.now(), self.station.charger_id, self.epoch
        try:
            self.door.lane.run(
                lambda session: chargers.close_link(session, charger_id, epoch, reason=reason, at=at)
            )
        except StorageFailed:
            log.warning(
                "disconnect_not_stored", extra={"charger": self.station.identity}
            )  # its lease runs out

    def _handle(self, text: str) -> None:
        at = clock.now()
        if self.door.wire_log is not None:
            self.door.wire_log.heard(self.station.identity, text, at)
        received = units.first_look(self.actions, text)
        if isinstance(received, Call):
            self._ask_issuer(received)
            at = clock.now()  # that may have taken a while
        frame = (self.actions, self.station, self.epoch, text, at, time.perf_counter())
        if isinstance(received, (Heading, Call)):
            unit = units.Received(*frame, received)
            reply = answered(self.door.lane, unit)
            if unit.garbage is not None:
                self._reject(unit.garbage, frame)
                return
            self._count(unit)
            if unit.is_station_old:
                self._refresh()  # the reply may let it in, or its model's habits be known now, for what it says next
            self._send(reply)
        elif isinstance(received, (CallResult, CallError)):
            answer = units.Answered(*frame, received)
            message_id = settled(self.door.lane, answer)
            self._count(answer)
            if message_id is not None and message_id == self._waiting_for and self._answered is not None:
                self._answered.set()
        else:
            self._reject(received, frame)

    def _ask_issuer(self, call: Call) -> None:
        """Where a card's issuer must be asked, that is done here: this charger waits for it, and the lane does not."""
        verb = self.actions.verbs.get(call.action)
        ask = self.door.ask_issuer
        if verb is None or verb.asks_about is None or ask is None:
            return
        if self.station.admission is not Admission.ACCEPTED:  # nobody asks others for a stranger
            return
        shown = verb.asks_about(self.station, call.payload)
        if shown is not None:
            ask(self.door.lane, shown, self.station.charger_id)

    def _send(self, text: str) -> None:
        """Raises ConnectionClosed."""
        self.server.send(text)
        if self.door.wire_log is not None:
            self.door.wire_log.said(self.station.identity, text)

    def _count(self, unit: units.Incoming) -> None:
        self.door.gauges.frames[unit.kind, unit.kept_as or Verdict.FAILED] += 1

    def _rejection(self, garbage: Garbage) -> str | None:
        """1.6: a message of an unknown type is ignored (§4.1.3); one whose id can be read is told what is wrong."""
        if garbage.id is None or garbage.is_type_unknown:
            return None
        return message.error(garbage.id, self.actions.unreadable_code, garbage.reason)

    def _reject(self, garbage: Garbage, frame: Frame) -> None:
        log.info("frame_unreadable", extra={"charger": self.station.identity, "reason": garbage.reason})
        unit = units.Noise(*frame, garbage, self._rejection(garbage))
        self.door.lane.run(unit)
        self._count(unit)
        if unit.reply is not None:
            self._send(unit.reply)

    # What we want of the charger.

    def place(self, asking: Callable[[Session], T]) -> T:
        """Store an order for this charger, and send it in the same breath if the charger is free for it.

        A commit less than storing it and waking the link, and whoever waits for the answer feels each of them.
        Raises what `asking` raises, and StorageFailed.
        """
        if self._is_working or not self.server.is_open:
            return self.door.lane.run(asking)
        self._begin_work()
        sent = None
        try:
            with self.turn:
                placing = Placing(asking, self._claim())
                asked = self.door.lane.run(placing)
                self._take(placing.claim.station)
                self._has_news = self._has_news or placing.claim.has_more
                sent = placing.outgoing
                if sent is not None:
                    self._put(sent)
        except Fenced:
            self._has_news = True  # whose look ends this connection
            return self.door.lane.run(asking)
        except ConnectionClosed:  # what became of the order is stored
            sent = None
        finally:
            gevent.spawn(self._work, sent)
        return asked

    def _begin_work(self) -> None:
        """From now on the orders are this greenlet's, until `_work` is over."""
        self._is_working = True
        self.door.at_work += 1

    def _work(self, sent: Outgoing | None = None) -> None:
        try:
            if sent is not None:
                self._hear(sent)
            while self._has_news and self.server.is_open:
                self._has_news = (
                    False  # what comes from here on may be too late for this look: it asks for another
                )
                while self.server.is_open and self._send_next():
                    pass
        except (ConnectionClosed, StorageFailed) as error:
            log.info("commands_interrupted", extra={"charger": self.station.identity, "reason": str(error)})
        except Fenced:
            self._hang_up()
        finally:
            self._is_working = False
            self.door.at_work -= 1

    def _learn(self) -> None:
        try:
            self._refresh()
        except StorageFailed as error:
            log.info("not_refreshed", extra={"charger": self.station.identity, "reason": str(error)})
        except Fenced:
            self._hang_up()

    def _hang_up(self) -> None:
        """This connection is not the charger's any more: it need not talk to nobody until its next message."""
        self.server.close(POLICY, NOT_HEARD)

    def _claim(self) -> Claim:
        door = self.door
        return Claim(
            self.actions, self.station, self.epoch, clock.now(), door.command_timeout_s, door.station_of
        )

    def _send_next(self) -> bool:
        """Learn anew of the charger, send one command and wait for its answer. False when there are no more."""
        with self.turn:
            claim = self._claim()
            outgoing = self.door.lane.run(claim)
            self._take(claim.station)
            if outgoing is None:
                return False
            self._put(outgoing)
        self._hear(outgoing)
        return claim.has_more

    def _put(self, outgoing: Outgoing) -> None:
        """Send what has been claimed. In the link's turn."""
        self._waiting_for, self._answered = outgoing.message_id, Event()
        try:
            self._send(outgoing.text)
        except ConnectionClosed:
            self._give_up(
                outgoing, CommandState.UNKNOWN, told("The connection was lost while it was being sent.")
            )
            raise

    def _hear(self, outgoing: Outgoing) -> None:
        """Wait for the answer to what has been sent."""
        answered = self._answered
        if answered is None or not answered.wait(self.door.command_timeout_s):
            self._give_up(outgoing, CommandState.TIMEOUT, told("The charger gave no answer in time."))
        elif not self.server.is_open:
            self._give_up(outgoing, CommandState.UNKNOWN, told("The connection was lost before the answer."))
        self._waiting_for = self._answered = None

    def _give_up(self, outgoing: Outgoing, state: CommandState, detail: str) -> None:
        self.door.lane.run(orders.give_up(outgoing.command_id, state, detail, clock.now()))

    def abandon(self) -> None:
        """The connection is over: whoever waits for an answer need not wait any longer."""
        if self._answered is not None:
            self._answered.set()

    def _refresh(self) -> None:
        """Learn anew what a message needs of its charger: an operator may have changed it."""
        station, epoch, station_of = self.station, self.epoch, self.door.station_of
        self._take(self.door.lane.run(lambda session: orders.reread(session, station, epoch, station_of)))

    def _take(self, station: Station) -> None:
        self.station = station
        is_accepted = self.station.admission is Admission.ACCEPTED
        self.server.max_size = SIZE_AFTER_ACCEPTANCE if is_accepted else SIZE_BEFORE_ACCEPTANCE


def answered(lane: Lane, unit: units.Received) -> str:
    """The reply to a CALL, once it is stored. Raises StorageFailed, Fenced."""
    try:
        return lane.run(unit)
    except (StorageFailed, Fenced):
        raise
    except Exception as error:  # the outermost door of a message: a bug must not block the charger's queue
        log.exception("message_failed", extra={"charger": unit.station.identity, "action": unit.call.action})
        salvaged = units.Salvaged(
            unit.actions,
            unit.station,
            unit.epoch,
            unit.text,
            unit.at,
            unit.began,
            unit.call,
            f"{type(error).__name__}: {error}",
        )
        return lane.run(salvaged)


def settled(lane: Lane, unit: units.Answered) -> str | None:
    """The message id of the order that an answer has settled, once that is stored. Raises StorageFailed, Fenced."""
    try:
        return lane.run(unit)
    except (StorageFailed, Fenced):
        raise
    except Exception as error:  # an outermost door too: what an answer leads to must not cost the connection
        log.exception("answer_failed", extra={"charger": unit.station.identity})
        unit.fault = f"{type(error).__name__}: {error}"[:255]
        return lane.run(unit)
