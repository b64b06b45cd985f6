"""One greenlet that pings every live websocket of the process and hangs up on the dead ones."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

import gevent

from csms.ocpp.websocket import Server

log = logging.getLogger(__name__)

# A round over many connections lets the others run after this many.
_BATCH = 200


class Sweeper:
    """Pings each connection every `interval_s`; aborts it when nothing at all was heard for `silence_s`.

    It looks four times per interval, so a dead peer is gone after at most `silence_s + interval_s / 4`:
    55 s as given. `on_round` gets the list of live connections once per interval, in a greenlet of its own;
    a call longer than an interval is not overtaken by the next. Everything is on the monotonic clock.
    """

    def __init__(
        self,
        *,
        interval_s: float = 20.0,
        silence_s: float = 50.0,
        on_round: Callable[[list[Server]], None] | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._silence_s = silence_s
        self._on_round = on_round
        self._ping_at: dict[Server, float] = {}
        self._round: gevent.Greenlet | None = None
        self._greenlet: gevent.Greenlet | None = None

    def __len__(self) -> int:
        return len(self._ping_at)

    def add(self, server: Server) -> None:
        """Look after `server` until it is closed or discarded."""
        # A random phase: ten thousand chargers that reconnected together shall not be pinged together.
        self._ping_at[server] = time.monotonic() + random.uniform(0.0, self._interval_s)  # noqa: S311

    def discard(self, server: Server) -> None:
        self._ping_at.pop(server, None)

    def live(self) -> list[Server]:
        return [server for server in self._ping_at if server.is_open]

    def start(self) -> None:
        """Begin sweeping; call it once, after gevent has patched."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End the sweeping; the connections stay as they are."""
        gevent.killall([greenlet for greenlet in (self._greenlet, self._round) if greenlet is not None])

    def _run(self) -> None:
        looks = 0
        while True:
            gevent.sleep(self._interval_s / 4)
            self._look()
            looks += 1
            if looks % 4 == 0 and self._on_round is not None and (self._round is None or self._round.ready()):
                self._round = gevent.spawn(self._tell, self._on_round)

    def _look(self) -> None:
        for count, server in enumerate(list(self._ping_at), start=1):
            self._look_at(server, time.monotonic())
            if count % _BATCH == 0:
                gevent.sleep(0)

    def _look_at(self, server: Server, now: float) -> None:
        if not server.is_open:
            self.discard(server)
        elif now - server.last_received > self._silence_s and not server.has_unread():
            # Unread bytes would mean that the handler is busy, not that the peer is dead.
            log.info("websocket_silent", extra={"silent_s": round(now - server.last_received)})
            server.abort("nothing heard")
        elif now >= self._ping_at.get(server, now + 1) and server.ping():
            self._ping_at[server] = now + self._interval_s

    def _tell(self, on_round: Callable[[list[Server]], None]) -> None:
        try:
            on_round(self.live())
        except Exception:  # a round that failed (database away) must not end the next ones
            log.exception("sweeper_round_failed")
