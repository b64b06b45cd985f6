"""Waiting for a row to change, woken by the bus: nothing is asked again and again, and nothing is missed."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from gevent.event import Event

from csms.bus import LocalBus
from csms.extensions import db


class Watch:
    """Follow topics from before the commit that announces them until the end of the `with`."""

    def __init__(self, bus: LocalBus) -> None:
        self._bus = bus
        self._topics: list[str] = []
        self._words = 0
        self._woken = Event()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bus.unsubscribe(self._topics, self._wake)

    def follow(self, topic: str) -> None:
        self._topics.append(topic)
        self._bus.subscribe([topic], self._wake)

    def until(self, is_done: Callable[[], bool], wait_s: float) -> None:
        """Return as soon as it `is_done`, asked after each word of it, or when `wait_s` are over.

        No database connection is held while waiting. Whoever called looks once more, so a word that a bus has lost
        costs waiting and never the truth.
        """
        give_up_at = time.monotonic() + wait_s
        words = 0
        db.session.remove()
        while (left_s := give_up_at - time.monotonic()) > 0:
            if self._words == words:
                self._woken.clear()
                self._woken.wait(left_s)
                continue
            words = self._words
            if is_done():
                return
            db.session.remove()

    def _wake(self, _topic: str) -> None:
        self._words += 1
        self._woken.set()
