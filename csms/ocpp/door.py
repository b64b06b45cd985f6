"""What all links of this process share: the lane, the bus, who is here, and the pings that keep it honest."""

import logging
import os
import secrets
import socket
import time
from datetime import datetime, timedelta

import gevent
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.bus import LocalBus
from csms.domain import chargers, commands
from csms.domain.chargers import AuthorizationPolicy, Charger, LinkLease
from csms.ocpp import units
from csms.ocpp.dispatch import Station
from csms.ocpp.link import PROBE_S, Link
from csms.ocpp.sweeper import Sweeper
from csms.ocpp.websocket import Server
from csms.work import Lane

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.2
CLOSE_RESTART = 1012
LARGEST_CLOSE_S = 10.0


class Door:
    """The chargers of this process. `node` names the process in leases."""

    def __init__(
        self,
        database_url: str,
        bus: LocalBus,
        *,
        heartbeat_interval_s: int,
        ping_interval_s: int,
        command_timeout_s: int,
    ) -> None:
        self.bus = bus
        self.lane = Lane(database_url, bus, units.gather)
        self.node = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.heartbeat_interval_s = heartbeat_interval_s
        self.ping_interval_s = ping_interval_s
        self.command_timeout_s = command_timeout_s
        self.links: dict[int, Link] = {}
        self.at_work = 0  # greenlets of links, which may have something to store even when their link is over
        self.sweeper = Sweeper(
            interval_s=ping_interval_s, silence_s=min(2.5 * ping_interval_s, 50.0), on_round=self._each_round
        )

    def start(self) -> None:
        self.sweeper.start()

    def stop(self) -> None:
        """Let every charger know that we are coming back, finish what is under way, store it. At most 10 s."""
        self.sweeper.stop()
        closing = [
            gevent.spawn(link.server.close, CLOSE_RESTART, "restarting") for link in self.links.values()
        ]
        gevent.joinall(closing, timeout=LARGEST_CLOSE_S)
        for link in tuple(self.links.values()):
            link.server.abort("restarting")
        with gevent.Timeout(LARGEST_CLOSE_S, False):
            while self.at_work:
                gevent.sleep(0.01)
        self.lane.stop()

    def enter(self, link: Link) -> None:
        """A link is open: it takes the place of an older one of the same charger."""
        charger_id = link.station.charger_id
        older = self.links.get(charger_id)
        self.links[charger_id] = link
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
            heartbeat_interval_s=charger.heartbeat_interval_s or self.heartbeat_interval_s,
            was_accepted=charger.accepted_at is not None,
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


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _has_proved(session: Session, charger_id: int, since: datetime) -> bool:
    probed_at = session.scalar(select(LinkLease.probed_at).where(LinkLease.charger_id == charger_id))
    return probed_at is not None and probed_at >= since
