"""TLS for a client with two threads: OpenSSL wants one of them at a time."""

from __future__ import annotations

import errno
import functools
import select
import ssl
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

LOOKS_UP_S = 1.0  # one who waits for a connection that somebody else closes is not woken


class InTurns(ssl.SSLSocket):
    """A connection that one thread reads while another writes: each has it for one step that waits for nothing.

    Without that about one request in a hundred never arrives whole (before Python 3.13).
    """

    @functools.cached_property
    def _turn(self) -> threading.Lock:
        return threading.Lock()

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        return self._in_turn(functools.partial(super().recv, buflen, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        return self._in_turn(functools.partial(super().send, data, flags))

    def _in_turn(self, step: Callable[[], T]) -> T:
        reading: list[ssl.SSLSocket]
        writing: list[ssl.SSLSocket]
        while self.fileno() >= 0:
            with self._turn:
                self.settimeout(0)
                try:
                    return step()
                except ssl.SSLWantReadError:
                    reading, writing = [self], []
                except ssl.SSLWantWriteError:
                    reading, writing = [], [self]
            select.select(reading, writing, [], LOOKS_UP_S)
        raise OSError(errno.EBADF, "the connection is closed")


def in_turns(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context, for the client library, whose connections are read by a thread of their own."""
    context.sslsocket_class = InTurns
    return context
