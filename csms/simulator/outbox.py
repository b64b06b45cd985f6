"""The queue of transaction-related messages: in order, kept while offline, tried again (1.6 §3.7)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from csms.simulator.frames import Payload


@dataclass
class Entry:
    """A message to be delivered. It is built when it is sent, for only then the transaction's id is known."""

    action: str
    build: Callable[[], Payload]
    delivered: Callable[[Payload], None]
    given_up: Callable[[], None]
    transmissions: int = 0
    due_s: float = 0.0
    message_id: str | None = None
    """Given when it is sent; None when the next transmission is to have a new one."""


class Outbox:
    """First in, first out; only the first is ever tried, so the order of time is kept."""

    def __init__(self, *, same_id_on_resend: bool = False) -> None:
        self._entries: deque[Entry] = deque()
        self._same_id_on_resend = same_id_on_resend

    def __len__(self) -> int:
        return len(self._entries)

    def add(
        self,
        action: str,
        build: Callable[[], Payload],
        delivered: Callable[[Payload], None] = lambda reply: None,
        given_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._entries.append(Entry(action, build, delivered, given_up))

    def next_due_s(self) -> float | None:
        return self._entries[0].due_s if self._entries else None

    def head(self, now_s: float) -> Entry | None:
        """The first message, if its time has come."""
        return self._entries[0] if self._entries and self._entries[0].due_s <= now_s else None

    def settle(self, entry: Entry, reply: Payload) -> None:
        self._entries.popleft()
        entry.delivered(reply)

    def interrupted(self, entry: Entry) -> None:
        """The connection went away while we waited: nobody failed, so this is no attempt."""
        self._renew(entry)

    def failed(self, entry: Entry, *, now_s: float, attempts: int, retry_interval_s: float) -> bool:
        """The central system failed to process it. True when the message has been given up."""
        entry.transmissions += 1
        if entry.transmissions >= attempts:
            self._entries.popleft()
            entry.given_up()
            return True
        entry.due_s = now_s + retry_interval_s * entry.transmissions
        self._renew(entry)
        return False

    def _renew(self, entry: Entry) -> None:
        if not self._same_id_on_resend:
            entry.message_id = None

    def clear(self) -> None:
        self._entries.clear()
