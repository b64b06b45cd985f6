"""A TCP connection taken from gevent.pywsgi, plain or under TLS: one non-blocking descriptor, waits with deadlines, a
real close.

It talks to the native socket first and asks the event loop only when that would block: a small frame costs
one system call and no timer. One greenlet may wait to read and one to write; turns are the caller's affair.
"""

from __future__ import annotations

import _socket
import contextlib
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import gevent.monkey
import gevent.socket
import gevent.ssl

_READ_BYTES = 8192
_LINGER_NOT = struct.pack("ii", 1, 0)
# After a refusal: what a peer in mid-message may still send us before it sees our close frame.
_LINGER_S, _LINGER_BYTES, _LINGER_PIECE = 3.0, 32 << 20, 64 << 10
_LINGER_READS = 64  # of what TLS has decrypted already
# A failing network ends thousands of connections in one turn of the event loop. Once a turn has taken this long,
# whoever is woken in it lets the others go on first: timers, pages and those who only have a message.
_LONG_TURN_S = 0.01
# The one that really does not wait.
_poll: Any = gevent.monkey.get_original("select", "poll")


class Foreign(Exception):
    """The request did not come over a connection of gevent.pywsgi, so it cannot be taken."""


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
        Raises Foreign under any other server.
        """
        source = environ["wsgi.input"]
        rfile = getattr(source, "rfile", source)
        sock: Any = getattr(getattr(rfile, "raw", None), "_sock", None)
        is_tls = isinstance(sock, gevent.ssl.SSLSocket)
        if not isinstance(sock, gevent.socket.socket) and not is_tls:
            raise Foreign
        sock.settimeout(0.0)  # peek() reads when nothing is buffered, and shall not wait
        try:
            unread = bytes(rfile.peek())
        except ssl.SSLWantReadError:
            unread = b""
        rfile.close()
        family, kind, session = sock.family, sock.type, (sock._sslobj, sock._sock) if is_tls else None
        native = _socket.socket(family, kind, 0, fileno=sock.detach())
        return (cls(native) if session is None else Tls(native, *session)), unread

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
            sent = self._send(data)
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
            sent = self._send(data)
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
                    data = data[self._send(data) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise Lost("connection lost") from None
        except BaseException:
            # Also a caller's own Timeout or kill: half a frame is out, and nothing may follow it.
            self.reset()
            raise

    def listen(self, heard: Callable[[], None] | None) -> None:
        """Have `heard` called whenever `take` has something to tell; None ends that, and has to before `close`.

        It is called in the event loop's own greenlet, where nothing may wait. Nobody else may wait to read.
        """
        self._readable.stop()
        if heard is None:
            self._release_if_closed()
        else:
            self._readable.start(heard)

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
            else:
                timeout = gevent.Timeout(max(deadline - time.monotonic(), 0.0))
                try:
                    with timeout:
                        hub.wait(watcher)
                except gevent.Timeout as passed:
                    if passed is not timeout:
                        raise  # a caller's own
                    return False
        finally:
            self._release_if_closed()
        if time.time() - hub.loop.now() > _LONG_TURN_S:  # noqa: TID251  the loop's clock, which stands still in a turn
            gevent.sleep(0)
        return True

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
        deadline, left = time.monotonic() + _LINGER_S, _LINGER_BYTES
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while left > 0 and Tcp.wait_readable(self, deadline):
                piece = self._sock.recv(_LINGER_PIECE)
                if not piece:
                    return
                left -= len(piece)
        except OSError:
            return  # reset by the peer: nothing left to be polite about

    def _send(self, data: bytes | memoryview) -> int:
        """How much of `data` was taken. Raises BlockingIOError for nothing, OSError when the connection is lost."""
        return self._sock.send(data)

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


class Tls(Tcp):
    """The same under TLS. The session (OpenSSL's) reads and writes the descriptor by itself, and never waits.

    `_anchor` is the socket that the session was made for: without it the session thinks the connection gone.
    """

    __slots__ = ("_anchor", "_session")

    def __init__(self, sock: _socket.socket, session: Any, anchor: Any) -> None:
        super().__init__(sock)
        self._session = session
        self._anchor = anchor

    def take(self) -> bytes | None:
        if not self.is_open:
            return b""  # the descriptor's number may be another connection's by now
        try:
            return bytes(self._session.read(_READ_BYTES))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError:  # ssl.SSLError is one
            return b""

    def has_unread(self) -> bool:
        return self.is_open and (self._session.pending() > 0 or super().has_unread())

    def write_now(self, data: bytes) -> bool:
        # Once OpenSSL was given data it must be given the same again, so it is only asked when there is room.
        if not self.is_open:
            raise self._lost("connection lost")
        room = _poll()
        room.register(self._sock, select.POLLOUT)
        if not room.poll(0):
            return False
        if not super().write_now(data):
            raise self._lost("frame half sent")
        return True

    def wait_readable(self, deadline: float | None) -> bool:
        # What has been deciphered already does not make the descriptor readable again.
        return (self.is_open and self._session.pending() > 0) or super().wait_readable(deadline)

    def close(self) -> None:
        if self.is_open:
            with contextlib.suppress(OSError):
                self._session.shutdown()  # close_notify, as far as it can be sent without waiting
        super().close()

    def reset(self) -> None:
        if self.is_open:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            super().close()

    def linger(self) -> None:
        for _ in range(_LINGER_READS):
            if not self.take():
                break
        with contextlib.suppress(OSError):
            self._session.shutdown()
        super().linger()

    def _send(self, data: bytes | memoryview) -> int:
        if not self.is_open:
            raise OSError("closed")
        try:
            return int(self._session.write(data))
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            raise BlockingIOError from None
