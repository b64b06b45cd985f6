"""What a stream of server-sent events tells, and when; how it is sent is of no concern here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence

from gevent.event import Event

from csms.bus import LocalBus

GAP_S = 1.0  # at most one event of a name in this time; the first comes at once
TICK_S = 15.0  # proof that the stream is alive
CHECK_S = 60.0  # how long a log-in that has ended may still listen


class News:
    """What has changed and one listener was not told yet.

    `topics` are listened to, each told by an event of its name, or all by the one named `event`. `key` is that of
    the log-in that may listen; None: anybody may. After `lasts_s` it is over. `wake` is called, in the greenlet
    of whoever publishes, when there is something new: it may set an event, not work.
    """

    __slots__ = (
        "_changed",
        "_ends_at",
        "_event",
        "_number",
        "_spoke_at",
        "_told_at",
        "key",
        "topics",
        "wake",
    )

    def __init__(
        self, topics: Sequence[str], *, key: str | None = None, event: str = "", lasts_s: float = math.inf
    ) -> None:
        self.topics = tuple(topics)
        self.key = key
        self.wake: Callable[[News], None] = lambda _news: None
        self._event = event
        self._changed: set[str] = set()
        self._told_at: dict[str, float] = {}
        self._number = 0
        self._spoke_at = time.monotonic()
        self._ends_at = self._spoke_at + lasts_s

    @property
    def opening(self) -> str:
        """What is sent first: how long to wait before coming back. The public come back more slowly."""
        return f"retry: {3000 if self.key is None else 2000}\n\n"

    def note(self, topic: str) -> None:
        """The bus tells."""
        name = self._event or topic
        if name not in self._changed:
            self._changed.add(name)
            self.wake(self)

    @property
    def is_held(self) -> bool:
        """Whether there is something that was told too lately to be told again now."""
        return bool(self._changed)

    def is_over(self, now: float) -> bool:
        return now >= self._ends_at

    def speak(self, now: float) -> str:
        """What is to be sent now, which may be nothing."""
        due = sorted(x for x in self._changed if now >= self._due_at(x))
        self._changed.difference_update(due)
        self._told_at.update(dict.fromkeys(due, now))
        text = "".join(map(self._numbered, due))
        if not text and now - self._spoke_at >= TICK_S:
            text = ": alive\n\n" if self._event else ": alive\n" + self._numbered("tick")
        if text:
            self._spoke_at = now
        return text

    def next_at(self) -> float:
        """Until then there is nothing to say, unless something changes."""
        return min((self._spoke_at + TICK_S, self._ends_at, *map(self._due_at, self._changed)))

    def _due_at(self, name: str) -> float:
        return self._told_at.get(name, -GAP_S) + GAP_S

    def _numbered(self, name: str) -> str:
        self._number += 1
        return f"event: {name}\nid: {self._number}\ndata:\n\n"


def told(news: News, bus: LocalBus, ended: Callable[[set[str]], set[str]]) -> Generator[str]:
    """The stream as a generator, until whoever reads it goes or it is over. `ended`: those of the keys that have."""
    stirred = Event()
    news.wake = lambda _news: stirred.set()
    bus.subscribe(news.topics, news.note)
    try:
        yield news.opening
        checked_at = now = time.monotonic()
        while not news.is_over(now):
            stirred.clear()
            if text := news.speak(now):
                yield text
            stirred.wait(max(0.0, news.next_at() - time.monotonic()))
            now = time.monotonic()
            if news.key is not None and now - checked_at > CHECK_S:
                checked_at = now
                if ended({news.key}):
                    return
    finally:
        bus.unsubscribe(news.topics, news.note)
