"""A TCP connection taken from gevent.pywsgi: one non-blocking descriptor, waits with deadlines, a real close.

It talks to the native socket first and asks the event loop only when that would block: a small frame costs
one system call and no timer. One greenlet may wait to read and one to write; turns are the caller's affair.
"""

from __future__ import annotations

import _socket
import contextlib
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

import gevent
import gevent.socket
import gevent.ssl

from csms.ocpp.handshake import HandshakeRefused

_READ_BYTES = 8192
_LINGER_NOT = struct.pack("ii", 1, 0)
# After a refusal: what a peer in mid-message may still send us before it sees our close frame.
_LINGER_S, _LINGER_BYTES, _LINGER_READS = 1.0, 64 << 10, 64


class Lost(Exception):
    """The connection is gone, or was given up; the message says why."""


class Tcp:
    """See the module. `is_open` turns False at once in `close` and `reset`; waiting greenlets wake."""

    __slots__ = ("_readable", "_sock", "_writable", "is_open")

    def __init__(self, sock: _socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._readable: Any = gevent.get_hub().loop.io(sock.fileno(), 1)
        self._writable: Any = None
        self.is_open = True

    @classmethod
    def detach(cls, environ: Mapping[str, Any]) -> tuple[Tcp, bytes]:
        """The request's connection, and what pywsgi had read beyond its head.

        pywsgi is left with a closed file, which it asks for no further request, and nothing to write to.
        Raises HandshakeRefused(501) under any other server.
        """
        source = environ["wsgi.input"]
        rfile = getattr(source, "rfile", source)
        sock = getattr(getattr(rfile, "raw", None), "_sock", None)
        if not isinstance(sock, gevent.socket.socket) or isinstance(sock, gevent.ssl.SSLSocket):
            raise HandshakeRefused(501, "websockets need gevent.pywsgi, without TLS of its own")
        sock.settimeout(0.0)  # peek() reads when nothing is buffered, and shall not wait
        unread = bytes(rfile.peek())
        rfile.close()
        family, kind = sock.family, sock.type
        return cls(_socket.socket(family, kind, 0, fileno=sock.detach())), unread

    def take(self) -> bytes | None:
        """What the kernel has, 8 KiB at most; None when it has nothing yet, b"" at the end. Never waits."""
        try:
            return self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def has_unread(self) -> bool:
        """Whether `take` would return bytes."""
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def write_now(self, data: bytes) -> bool:
        """Hand `data` to the kernel without waiting: wholly (True) or not at all (False). Raises Lost."""
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            return False
        except OSError:
            raise self._lost("connection lost") from None
        if sent < len(data):
            raise self._lost("frame half sent")  # whatever followed would be read as its rest
        return True

    def write(self, data: bytes, deadline: float) -> None:
        """Hand all of `data` to the kernel, or reset the connection and raise Lost: never a part of it."""
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            raise self._lost("connection lost") from None
        if sent < len(data):
            self._write_rest(memoryview(data)[sent:], deadline)

    def _write_rest(self, data: memoryview, deadline: float) -> None:
        if self._writable is None:
            self._writable = gevent.get_hub().loop.io(self._sock.fileno(), 2)
        try:
            while data:
                if not self._wait(self._writable, deadline):
                    raise Lost("send deadline passed")
                try:
                    data = data[self._sock.send(data) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise Lost("connection lost") from None
        except BaseException:
            # Also a caller's own Timeout or kill: half a frame is out, and nothing may follow it.
            self.reset()
            raise

    def wait_readable(self, deadline: float | None) -> bool:
        """Sleep until `take` has something to tell; False when the deadline passed first."""
        return self._wait(self._readable, deadline)

    def _wait(self, watcher: Any, deadline: float | None) -> bool:
        if not self.is_open:
            return True
        hub = gevent.get_hub()
        try:
            if deadline is None:
                hub.wait(watcher)
                return True
            timeout = gevent.Timeout(max(deadline - time.monotonic(), 0.0))
            try:
                with timeout:
                    hub.wait(watcher)
            except gevent.Timeout as passed:
                if passed is not timeout:
                    raise  # a caller's own
                return False
            return True
        finally:
            self._release_if_closed()

    def close(self) -> None:
        """Close the descriptor; what was written before is still delivered."""
        if self.is_open:
            self.is_open = False
            self._release_if_closed()

    def reset(self) -> None:
        """Close the descriptor and forget what is unsent, which TCP would resend for 15 minutes."""
        if self.is_open:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            self.close()

    def linger(self) -> None:
        """Half-close, and read what is under way, so that no reset overtakes the close frame we wrote."""
        deadline = time.monotonic() + _LINGER_S
        try:
            self._sock.shutdown(socket.SHUT_WR)
            for _ in range(_LINGER_READS):
                if not self.wait_readable(deadline) or not self._sock.recv(_LINGER_BYTES):
                    return
        except OSError:
            return  # reset by the peer: nothing left to be polite about

    def _lost(self, reason: str) -> Lost:
        self.reset()
        return Lost(reason)

    def _release_if_closed(self) -> None:
        if self.is_open or self._sock.fileno() == -1:
            return
        # A descriptor must not be closed under a waiting greenlet: wake it, and the last one to wake closes.
        if self._readable.active or (self._writable is not None and self._writable.active):
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            return
        self._readable.close()
        if self._writable is not None:
            self._writable.close()
        self._sock.close()
