"""Which chargers' second backends this process speaks with. Who does is settled in the database, as for simulators."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import gevent
from gevent.event import Event
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import forwarding
from csms.ocpp.door import Door
from csms.ocpp.forwarding.courier import Courier
from csms.ocpp.relay import Relay
from csms.seal import Seal
from csms.work import StorageFailed

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
END_S = 3.0


@dataclass(slots=True)
class _Round:
    """A courier at work, and for which state of its forwarder it was sent out."""

    revision: int
    greenlet: gevent.Greenlet


class PostOffice:
    """Sends out a courier for each forwarder that is this process's, and calls back those that are not any more."""

    def __init__(self, door: Door, relays: Mapping[str, Relay], seal: Seal, *, may_be_private: bool) -> None:
        self._door, self._relays, self._seal = door, relays, seal
        self._may_be_private = may_be_private
        self._rounds: dict[int, _Round] = {}
        self._news = Event()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        self._door.bus.subscribe((forwarding.TOPIC,), self._wake)
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Leave them to the next process. The door's lane must still work."""
        if self._greenlet is not None:
            self._greenlet.kill()
        gone = [x.greenlet for x in self._rounds.values()]
        gevent.killall(gone, block=True, timeout=END_S)
        self._rounds.clear()
        try:
            self._door.lane.run(lambda session: forwarding.release(session, self._door.node))
        except StorageFailed as error:  # the claims end by themselves
            log.warning("forwarders_not_released", extra={"error": str(error)})

    def _wake(self, _topic: str) -> None:
        self._news.set()

    def _run(self) -> None:
        while True:
            try:
                self._look()
            except StorageFailed as error:
                log.warning("forwarders_postponed", extra={"error": str(error)})
            except Exception:  # the outermost door of the post office: the next round must come
                log.exception("forwarders_failed")
            self._news.wait(LOOK_EVERY_S)
            self._news.clear()

    def _look(self) -> None:
        node, is_alone = self._door.node, not self._door.bus.reaches_others

        def unit(session: Session) -> dict[int, int]:
            claimed = forwarding.claim(session, node, clock.now(), is_alone=is_alone)
            return {row.charger_id: row.revision for row in claimed}

        mine = self._door.lane.run(unit)
        for charger_id in self._rounds.keys() - mine.keys():
            self._call_back(charger_id)
        for charger_id, revision in mine.items():
            underway = self._rounds.get(charger_id)
            if underway is not None and underway.revision == revision and not underway.greenlet.dead:
                continue
            self._call_back(charger_id)
            courier = Courier(
                self._door, self._relays, charger_id, self._seal, may_be_private=self._may_be_private
            )
            self._rounds[charger_id] = _Round(revision, gevent.spawn(courier.run))

    def _call_back(self, charger_id: int) -> None:
        underway = self._rounds.pop(charger_id, None)
        if underway is not None:
            underway.greenlet.kill(block=True, timeout=END_S)
