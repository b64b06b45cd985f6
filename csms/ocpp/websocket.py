"""A charger's websocket under gevent.pywsgi: one greenlet each, over `websockets`' sans-IO protocol.

    if not is_upgrade(environ): ...answer as HTTP
    try:
        server = Server.accept(environ, "ocpp1.6", max_size=64 << 10)
    except HandshakeRefused as refusal: ...answer refusal.status, refusal.reason, refusal.headers
    server.run(link.serve)              # its own greenlet: serve(server), then the close
    return Hijacked()                   # a flask.Response whose __call__ is `hijacked`; route(websocket=True)

`accept` takes the connection away from pywsgi altogether: the descriptor is detached, the request's buffers
are closed, so that pywsgi neither writes nor parses another byte, and the request (environ, Flask contexts)
is freed at once. Authenticate *before*: afterwards there is no HTTP answer to give.

`run(serve)` gives the connection a bare greenlet with an empty context. When `serve` returns the close is
1000, when it raises ConnectionClosed nothing is left to do; another exception is logged and closed with 1011.
(`receive` in the request's own greenlet works too, ended by `close`; it keeps the request in memory.)

In the serving greenlet: `receive(timeout_s)` gives the next whole text, None after `timeout_s`, or raises
ConnectionClosed(code, reason): the peer's code, ours when we refused, 1006 without a close frame. Bytes are
read only while somebody is in `receive` (or `probe`, `close`): a busy handler is the back-pressure.
In any greenlet: `send(message)`, `ping()`, `probe(timeout_s)`, `close(code, reason)`, `abort()`; `max_size` may
be assigned at any time. `last_received`, `last_pong` are `time.monotonic()` moments, `rtt_s` the last ping's.
Refusals, by close code: 1003 binary · 1002 bad order or bits · 1007 bad UTF-8 · 1009 larger than `max_size`
when inflated · 1008 more than 20 control frames a second, or a message not whole after 60 s.

`Sweeper` (sweeper.py) pings all connections from one greenlet: `sweeper.add(server)` after `accept`.

The deadline for a request's head (slowloris) belongs to pywsgi, which has none. Give WSGIServer this
handler_class, and `backlog=4096`:

    class Handler(WSGIHandler):
        def handle_one_request(self):
            with gevent.Timeout(10, False) as self.deadline:
                return super().handle_one_request()     # None, which closes, when the deadline passed
        def get_environ(self):
            self.deadline.cancel()                      # the head is whole
            return super().get_environ()
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import gevent
import gevent.event
import gevent.hub
import gevent.lock
from websockets.frames import CloseCode
from websockets.protocol import Side

from csms.ocpp.assembly import LIMITS, PING, ChargerProtocol, Limits
from csms.ocpp.connection import Connection, ConnectionClosed
from csms.ocpp.handshake import Environ, HandshakeRefused, is_upgrade, negotiate
from csms.tcp import Foreign, Lost, Tcp

__all__ = ["LIMITS", "ConnectionClosed", "HandshakeRefused", "Limits", "Server", "hijacked", "is_upgrade"]

log = logging.getLogger(__name__)
_protocol_log = logging.getLogger("websockets.server")

# What a probe may read ahead of a busy handler.
_READ_AHEAD_BYTES = 64 << 10


def hijacked(environ: object, start_response: object) -> list[bytes]:
    """The WSGI answer after `Server.accept`: nothing at all."""
    return []


class Server(Connection):
    """The server's end of one websocket. The module says who may call what, and from where."""

    __slots__ = ()

    @classmethod
    def accept(
        cls,
        environ: Environ,
        subprotocol: str | None,
        *,
        max_size: int,
        limits: Limits = LIMITS,
        takes_binary: bool = False,
    ) -> Server:
        """Answer the upgrade with 101 and take the connection from gevent.pywsgi.

        `max_size` is in bytes of one message, inflated. `subprotocol` is the caller's choice among what was
        offered, None for none. `takes_binary`: for `receive_any`; chargers send none. Raises HandshakeRefused, with
        the connection left to HTTP.
        """
        response, extensions = negotiate(environ, subprotocol)
        try:
            tcp, unread = Tcp.detach(environ)
        except Foreign:
            raise HandshakeRefused(501, "websockets need gevent.pywsgi") from None
        protocol = ChargerProtocol(Side.SERVER, max_size=max_size, logger=_protocol_log)
        protocol.extensions = extensions
        server = cls(tcp, protocol, subprotocol, limits, unread, takes_binary=takes_binary)
        try:
            tcp.write(response, time.monotonic() + limits.close_s)
        except Lost as lost:
            server.abort(str(lost))  # the first receive says so
        return server

    def run(self, serve: Callable[[Server], None]) -> None:
        """Call `serve(self)` in a greenlet of its own; close the connection when it returns or raises."""
        # A bare greenlet: gevent's own would copy the request's context variables and keep the request alive.
        gevent.hub.spawn_raw(self._serve, serve)

    def _serve(self, serve: Callable[[Server], None]) -> None:
        code = CloseCode.NORMAL_CLOSURE
        try:
            serve(self)
        except ConnectionClosed:
            pass  # `end` says how; close() below only makes sure
        except Exception:  # the outermost frame of a charger's greenlet
            log.exception("websocket_handler_failed")
            code = CloseCode.INTERNAL_ERROR
        finally:
            self.close(code)

    @property
    def max_size(self) -> int:
        """The largest message, in bytes after inflation; a new value holds from the next frame on."""
        return self._protocol.max_message_size or 0

    @max_size.setter
    def max_size(self, size: int) -> None:
        self._protocol.max_message_size = size

    @property
    def last_pong(self) -> float | None:
        """The monotonic moment of the last pong that was parsed; None before the first."""
        return self._assembly.last_pong

    @property
    def rtt_s(self) -> float | None:
        """The round trip of the last answered ping; a busy handler's delay is part of it."""
        return self._assembly.rtt_s

    def receive(self, timeout_s: float | None = None) -> str | None:
        """The next whole text; None when none came within `timeout_s`. Raises ConnectionClosed."""
        text: str | None = self.receive_any(timeout_s)  # type: ignore[assignment]  # no bytes where none are taken
        return text

    def receive_any(self, timeout_s: float | None = None) -> str | bytes | None:
        """The next whole message, a text or bytes; None when none came within `timeout_s`. Raises ConnectionClosed."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        if not self._read_turn.acquire(timeout=timeout_s):
            return None
        try:
            messages = self._assembly.messages
            while not messages:
                if self._end is not None:
                    raise self._closed()
                if self._raw:
                    self._parse()
                elif not self._read(deadline):
                    return None
            return messages.pop(0)
        finally:
            self._read_turn.release()

    def send(self, message: str | bytes) -> None:
        """Write one message, whole or not at all: after `limits.send_s` the connection is torn down.

        Raises ConnectionClosed; UnicodeEncodeError for a lone surrogate, with the connection untouched.
        """
        data = message.encode() if isinstance(message, str) else message
        deadline = time.monotonic() + self._limits.send_s
        if not self._send_turn.acquire(timeout=self._limits.send_s):
            raise self._gave_up("send deadline passed")
        try:
            if not self.is_open:
                raise self._closed()
            (self._protocol.send_text if isinstance(message, str) else self._protocol.send_binary)(data)
            self._tcp.write(b"".join(self._protocol.data_to_send()), deadline)
        except Lost as lost:
            raise self._gave_up(str(lost)) from None
        finally:
            self._send_turn.release()

    def ping(self) -> bool:
        """Send a ping without ever waiting; False when the socket, or another sender, is in the way."""
        if not self.is_open or not self._send_turn.acquire(blocking=False):
            return False
        try:
            if self._protocol.writes:  # a pong is about to be sent, and must not be lost with our ping
                return False
            self._protocol.send_ping(PING.pack(time.monotonic()))
            return self._tcp.write_now(b"".join(self._protocol.data_to_send()))
        except Lost as lost:
            self.abort(str(lost))
            return False
        finally:
            self._send_turn.release()

    def probe(self, timeout_s: float) -> bool:
        """Ask the peer for a sign of life; True when it gave one within `timeout_s`. For any greenlet.

        While the handler is busy, and so nobody receives, the probe reads ahead itself (64 KiB at most, kept
        for `receive`). What had come before the question does not count, unless it was more than that.
        """
        deadline = time.monotonic() + timeout_s
        if self._read_turn.acquire(blocking=False):
            try:
                while len(self._raw) < _READ_AHEAD_BYTES and self._take():
                    pass
            finally:
                self._read_turn.release()
            if len(self._raw) >= _READ_AHEAD_BYTES:
                return self.is_open
        while self.is_open and self._tcp.has_unread() and time.monotonic() < deadline:
            gevent.sleep(0.001)  # somebody receives, and will take it
        heard_at = self.last_received
        self.ping()
        while self.is_open and self.last_received == heard_at and time.monotonic() < deadline:
            self._await_bytes(deadline)
        return self.is_open and self.last_received != heard_at

    def has_unread(self) -> bool:
        """Whether something was sent to us that no `receive` has returned yet."""
        return bool(self._assembly.messages or self._raw or self._tcp.has_unread())

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Send a close frame, wait `limits.close_s` for the peer's, and close TCP. Harmless when closed.

        Messages that nobody had received are dropped. `reason` has 123 bytes at most.
        """
        deadline = time.monotonic() + self._limits.close_s
        if self.is_open and self._send_turn.acquire(timeout=self._limits.close_s):
            try:
                if self.is_open:
                    self._protocol.send_close(code, reason)
                    self._tcp.write(b"".join(self._protocol.data_to_send()), deadline)
            except Lost as lost:
                self.abort(str(lost))
            finally:
                self._send_turn.release()
        while self._end is None and time.monotonic() < deadline:
            self._await_bytes(deadline, discard=True)
        self.abort("close not answered")
