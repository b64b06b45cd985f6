"""Carries the names of what has changed, never the data: whoever is woken reads the truth from the database.

`LocalBus` serves one process. `RedisBus` adds the others; it may lose a name when Redis is away, and whoever waits
looks again by itself after a while, so a lost name costs seconds and never a fact.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable

import gevent
import gevent.queue
import redis

log = logging.getLogger(__name__)

Wake = Callable[[str], None]


class LocalBus:
    """Topics within this process. Callbacks run in the publisher's greenlet: they may set an event, not work."""

    reaches_others = False  # is anybody in another process told?

    def __init__(self) -> None:
        # Tuples: small for the many topics with one listener, and safe to walk while somebody comes or goes.
        self._waiting: dict[str, tuple[Wake, ...]] = {}

    def subscribe(self, topics: Iterable[str], wake: Wake) -> None:
        for topic in topics:
            self._waiting[topic] = (*self._waiting.get(topic, ()), wake)

    def unsubscribe(self, topics: Iterable[str], wake: Wake) -> None:
        for topic in topics:
            others = tuple(x for x in self._waiting.get(topic, ()) if x != wake)
            if others:
                self._waiting[topic] = others
            else:
                self._waiting.pop(topic, None)

    def publish(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for wake in self._waiting.get(topic, ()):
                wake(topic)

    def start(self) -> None:
        """Nothing to start: everything happens in `publish`."""


class RedisBus(LocalBus):
    """Topics among all processes of an installation, over one Redis channel."""

    reaches_others = True
    CHANNEL = "amberline:topics"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = redis.Redis.from_url(
            url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=20
        )
        self._url = url
        self._me = secrets.token_hex(8)
        self._outbox: gevent.queue.SimpleQueue[str] = gevent.queue.SimpleQueue(maxsize=10_000)

    def publish(self, topics: Iterable[str]) -> None:
        topics = list(topics)
        super().publish(topics)
        for topic in topics:
            if not self._outbox.full():  # the others look by themselves; better late than a stalled charger
                self._outbox.put(topic)

    def start(self) -> None:
        gevent.spawn(self._send)
        gevent.spawn(self._listen)

    def _send(self) -> None:
        while True:
            topics = {self._outbox.get()}
            while not self._outbox.empty():
                topics.add(self._outbox.get())
            try:
                self._redis.publish(self.CHANNEL, "\n".join([self._me, *topics]))
            except redis.RedisError as error:
                log.warning("bus_unreachable", extra={"error": str(error), "topics": len(topics)})

    def _listen(self) -> None:
        while True:
            try:
                with redis.Redis.from_url(self._url, health_check_interval=20).pubsub() as channel:  # type: ignore[no-untyped-call]
                    channel.subscribe(self.CHANNEL)
                    for message in channel.listen():
                        if message["type"] == "message":
                            sender, *topics = message["data"].decode().split("\n")
                            if sender != self._me:
                                super().publish(topics)
            except redis.RedisError as error:
                log.warning("bus_lost", extra={"error": str(error)})
                gevent.sleep(2)
