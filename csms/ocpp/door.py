"""What all links of this process share: the lane, the bus, who is here, and the pings that keep it honest."""

import logging
import os
import secrets
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import gevent
from gevent.lock import Semaphore
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.bus import LocalBus
from csms.domain import chargers, commands
from csms.domain.base import Refused
from csms.domain.chargers import AuthorizationPolicy, Charger, Fenced, LinkLease
from csms.domain.roaming.authorization import Shown
from csms.gauges import Gauges
from csms.ocpp import on_behalf, units
from csms.ocpp.dispatch import Actions, Station
from csms.ocpp.link import PROBE_S, Link
from csms.ocpp.sweeper import Sweeper
from csms.ocpp.websocket import Server
from csms.ocpp.wire_log import WireLog
from csms.work import Lane

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.2
CLOSE_RESTART = 1012
LARGEST_CLOSE_S = 10.0


class Door:
    """The chargers of this process. `node` names the process in leases; `versions` are those of the protocol.

    `ask_issuer` is told of a card and of the charger (its id) where it was shown, and may wait for others.
    """

    def __init__(
        self,
        database_url: str,
        bus: LocalBus,
        *,
        heartbeat_interval_s: int,
        ping_interval_s: int,
        command_timeout_s: int,
        versions: Mapping[str, Actions],
        operator_name: str = "",
        gauges: Gauges | None = None,
        wire_log: WireLog | None = None,
        ask_issuer: Callable[[Lane, Shown, int], None] | None = None,
    ) -> None:
        self.bus = bus
        self.ask_issuer = ask_issuer
        self.wire_log = wire_log
        self.gauges = gauges or Gauges()
        self.gauges.connected = lambda: len(self.links)
        self.lane = Lane(database_url, bus, units.gather, self.gauges)
        self.node = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.heartbeat_interval_s = heartbeat_interval_s
        self.ping_interval_s = ping_interval_s
        self.command_timeout_s = command_timeout_s
        self.versions = versions
        self.operator_name = operator_name
        # One newcomer and one leaver at a time: a failing network sends thousands in one turn of the loop.
        self.turnstile, self.way_out = Semaphore(1), Semaphore(1)
        self.links: dict[int, Link] = {}
        self._named: dict[str, Link] = {}  # by identity, without case
        self.at_work = 0  # greenlets of links, which may have something to store even when their link is over
        self.sweeper = Sweeper(
            interval_s=ping_interval_s, silence_s=min(2.5 * ping_interval_s, 50.0), on_round=self._each_round
        )

    def start(self) -> None:
        self.sweeper.start()
        if self.wire_log is not None:
            self.wire_log.start()

    def stop(self) -> None:
        """Let every charger know that we are coming back, finish what is under way, store it. At most 10 s."""
        self.sweeper.stop()
        closing = [
            gevent.spawn(link.server.close, CLOSE_RESTART, "restarting") for link in self.links.values()
        ]
        give_up_at = time.monotonic() + LARGEST_CLOSE_S
        gevent.joinall(closing, timeout=LARGEST_CLOSE_S / 2)
        for link in tuple(self.links.values()):
            link.server.abort("restarting")
        with gevent.Timeout(give_up_at - time.monotonic(), False):
            while self.at_work:
                gevent.sleep(0.01)
        self.lane.stop()
        if self.wire_log is not None:
            self.wire_log.stop()

    def enter(self, link: Link) -> None:
        """A link is open: it takes the place of an older one of the same charger."""
        charger_id = link.station.charger_id
        older = self.links.get(charger_id)
        self.links[charger_id] = self._named[link.station.identity.casefold()] = link
        self.bus.subscribe((f"link:{charger_id}",), link.wake)
        self.bus.subscribe((f"probe:{charger_id}",), link.prove)
        self.sweeper.add(link.server)
        if older is not None:
            log.info("charger_replaced", extra={"charger": link.station.identity})
            older.server.abort("replaced by a newer connection")

    def leave(self, link: Link) -> None:
        """A link is over. A newer one of the same charger stays untouched."""
        charger_id = link.station.charger_id
        self.bus.unsubscribe((f"link:{charger_id}",), link.wake)
        self.bus.unsubscribe((f"probe:{charger_id}",), link.prove)
        self.sweeper.discard(link.server)
        link.abandon()
        if self.links.get(charger_id) is link:
            del self.links[charger_id]
            self._named.pop(link.station.identity.casefold(), None)

    def link_to(self, identity: str) -> Link | None:
        """The connection of the charger with this identity, if this process holds it."""
        return self._named.get(identity.casefold())

    def tell(
        self, charger_id: int, protocol: str, action: str, payload: dict[str, Any], by: str
    ) -> list[Any]:
        """Take a message as if the charger had sent it, in its turn. The reply, as OCPP-J has it, goes to no charger.

        Raises Refused when the charger is connected to another process, StorageFailed.
        """
        actions = self.versions[protocol]
        told = on_behalf.Told(
            charger_id, actions, action, payload, by, self.node, clock.now(), self.station_of
        )
        link = self.links.get(charger_id)
        try:
            if link is None:
                return self.lane.run(told)
            with link.turn:
                reply = self.lane.run(told)
        except Fenced:
            raise Refused("The charger has just connected anew: try again.") from None
        if told.is_station_old:
            link.wake("")
        return reply

    def lease_end(self) -> datetime:
        """Until when a link that is alive now counts as online."""
        return clock.now() + timedelta(seconds=2 * self.ping_interval_s + 10)

    def is_held(self, charger_id: int, *, is_elsewhere: bool) -> bool:
        """Does a connection that answers own this charger already? Takes up to 3 s when the old one is dead (F21)."""
        link = self.links.get(charger_id)
        if link is not None:
            return link.server.is_open and link.server.probe(PROBE_S)
        if not is_elsewhere or not self.bus.reaches_others:
            return False  # without others, a lease that is not ours was left behind by a process that died
        asked_at = clock.now()
        self.bus.publish((f"probe:{charger_id}",))
        give_up_at = time.monotonic() + PROBE_S + 1
        while time.monotonic() < give_up_at:
            if self.lane.run(lambda session: _has_proved(session, charger_id, asked_at)):
                return True
            gevent.sleep(LOOK_AGAIN_S)
        return False

    def station_of(self, charger: Charger, protocol: str) -> Station:
        """What a link needs to know of its charger."""
        return Station(
            charger_id=charger.id,
            identity=charger.identity,
            protocol=protocol,
            admission=charger.admission,
            needs_known_card=charger.policy is not AuthorizationPolicy.OPEN,
            needs_credit=charger.policy is AuthorizationPolicy.CREDIT,
            tariff_id=charger.tariff_id,
            heartbeat_interval_s=charger.heartbeat_interval_s
            or _spread(charger.identity, self.heartbeat_interval_s),
            was_accepted=charger.accepted_at is not None,
            is_strict=charger.is_strict,
            quirks=chargers.quirks_of(charger),
            own_tag=charger.own_tag,
            operator_name=self.operator_name,
        )

    def _each_round(self, live: list[Server]) -> None:
        """Renew the leases of those that are alive, and look for orders whose wake-up was lost."""
        alive = set(live)
        links = [link for link in self.links.values() if link.server in alive]
        rows = [(x.station.charger_id, x.epoch, _ms(x.server.rtt_s)) for x in links]
        until, at = self.lease_end(), clock.now()
        self.lane.run(lambda session: chargers.renew(session, rows, until=until))
        ids = [row[0] for row in rows]
        for charger_id in self.lane.run(lambda session: commands.chargers_with_work(session, ids, at)):
            if charger_id in self.links:
                self.links[charger_id].wake("")


def _spread(identity: str, interval_s: int) -> int:
    """`interval_s` give or take a tenth, always the same for one charger: a fleet that boots at once beats apart."""
    share = zlib.crc32(identity.casefold().encode()) / 0xFFFFFFFF
    return round(interval_s * (0.9 + 0.2 * share))


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _has_proved(session: Session, charger_id: int, since: datetime) -> bool:
    probed_at = session.scalar(select(LinkLease.probed_at).where(LinkLease.charger_id == charger_id))
    return probed_at is not None and probed_at >= since
