"""What passes over one websocket, between its TCP connection and its protocol: read, parsed, answered, ended.

`Server` (websocket.py) is what others use; the rules of who may call what are there.
"""

from __future__ import annotations

import time

import gevent.event
import gevent.lock
from websockets.frames import CloseCode, Frame
from websockets.protocol import OPEN

from csms.ocpp.assembly import Assembly, ChargerProtocol, Limits, Violation
from csms.tcp import Lost, Tcp

# Deflate makes up to 1032 bytes of one: fed in slices, what waits inflated stays near 1 MiB a connection.
_SLICE_BYTES = 1024


class ConnectionClosed(Exception):
    """The websocket is over. `code` is RFC 6455 §7.4's; 1006 when there was no close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Connection:
    """One websocket with what was read of it and how it ended."""

    __slots__ = (
        "_assembly",
        "_end",
        "_limits",
        "_news",
        "_protocol",
        "_raw",
        "_read_turn",
        "_send_turn",
        "_tcp",
        "_unfinished_at",
        "last_received",
        "subprotocol",
    )

    def __init__(
        self,
        tcp: Tcp,
        protocol: ChargerProtocol,
        subprotocol: str | None,
        limits: Limits,
        unread: bytes,
        *,
        takes_binary: bool = False,
    ) -> None:
        """Use `accept`. `unread` is what the HTTP server had read beyond the request's head."""
        self.subprotocol = subprotocol
        self.last_received = time.monotonic()
        self._tcp = tcp
        self._protocol = protocol
        self._limits = limits
        self._raw = unread  # read, but not parsed
        self._assembly = Assembly(limits.control_frames_per_s, takes_binary=takes_binary)
        self._unfinished_at: float | None = None
        self._end: ConnectionClosed | None = None
        self._read_turn = gevent.lock.Semaphore(1)
        self._send_turn = gevent.lock.Semaphore(1)
        self._news: gevent.event.Event | None = None

    @property
    def is_open(self) -> bool:
        """False as soon as either side began to close."""
        return self._end is None and self._protocol.state is OPEN

    @property
    def end(self) -> ConnectionClosed | None:
        """How the connection ended; None while it lives."""
        return self._end

    def _read(self, deadline: float | None) -> bool:
        """Read once into `_raw`, or notice the end; False when nothing came before the deadline."""
        if self._unfinished_at is not None:
            whole_by = self._unfinished_at + self._limits.message_s
            if time.monotonic() >= whole_by:
                self._fail(Violation(CloseCode.POLICY_VIOLATION, "message not completed in time"))
                return True
            if deadline is None or whole_by < deadline:
                self._tcp.wait_readable(whole_by)
                self._take()
                return True
        if deadline is not None and time.monotonic() >= deadline:
            return self._take() or self._end is not None
        if not self._tcp.wait_readable(deadline):
            return False
        self._take()
        return True

    def _take(self) -> bool:
        """Append what the kernel has, without waiting; False when it has nothing, or the connection ended."""
        if self._end is not None:
            return False
        data = self._tcp.take()
        if data is None:
            return False
        if not data:
            self._finish(CloseCode.ABNORMAL_CLOSURE, "connection lost")
            return False
        self.last_received = time.monotonic()
        self._raw = self._raw + data if self._raw else data
        if self._news is not None:
            self._news.set()
        return True

    def _parse(self) -> None:
        """Feed what was read to the protocol, write what it answers, keep what it makes of it."""
        protocol, assembly = self._protocol, self._assembly
        raw, self._raw = self._raw, b""
        data = protocol.whole_text(raw)
        if data is not None:
            self._take_text(data)
            return
        if len(raw) > _SLICE_BYTES and protocol.extensions:
            raw, self._raw = raw[:_SLICE_BYTES], raw[_SLICE_BYTES:]
        protocol.receive_data(raw)
        frames = protocol.events_received()
        try:
            for frame in frames:
                if isinstance(frame, Frame):  # the type allows the handshake's events too
                    assembly.take(frame, self.last_received)
        except Violation as violation:
            self._fail(violation)
            return
        if frames and assembly.is_between_messages:
            self._unfinished_at = None
        elif self._unfinished_at is None:
            self._unfinished_at = self.last_received
        if protocol.writes:
            self._settle()

    def _take_text(self, data: bytes | bytearray) -> None:
        try:
            self._assembly.take_text(data)
        except Violation as violation:
            self._fail(violation)
        else:
            self._unfinished_at = None

    def _settle(self) -> None:
        """Write the pongs and the close frame that the protocol made; hang up when it is through."""
        closing = self._protocol.eof_sent
        limit_s = self._limits.close_s if closing else self._limits.send_s
        deadline = time.monotonic() + limit_s
        if not self._send_turn.acquire(timeout=limit_s):
            self.abort("send deadline passed")
            return
        try:
            self._tcp.write(b"".join(self._protocol.data_to_send()), deadline)
        except Lost as lost:
            self.abort(str(lost))  # what was received before still counts: receive() hands it over first
        finally:
            self._send_turn.release()
        if closing and self._end is None:
            if self._protocol.close_rcvd is None:
                self._tcp.linger()
            end = self._closed()
            self._finish(end.code, end.reason)

    def _await_bytes(self, deadline: float, *, discard: bool = False) -> None:
        """Read once, or let the greenlet that is reading do it. `discard` parses, but keeps no message."""
        if not self._read_turn.acquire(blocking=False):
            self._news = self._news or gevent.event.Event()
            self._news.clear()
            # The reader may leave with what it has, and read no more: hence the short naps.
            self._news.wait(max(min(deadline - time.monotonic(), 0.1), 0.0))
            return
        try:
            if not self._raw and self._tcp.wait_readable(deadline):
                self._take()
            while discard and self._raw and self._end is None:
                self._parse()
                self._assembly.messages.clear()
        finally:
            self._read_turn.release()

    def abort(self, reason: str = "aborted") -> None:
        """Reset TCP at once, from any greenlet; whoever waits in this connection gets ConnectionClosed."""
        if self._end is None:
            self._tcp.reset()
            self._finish(CloseCode.ABNORMAL_CLOSURE, reason)

    def _fail(self, violation: Violation) -> None:
        self._raw = b""
        self._protocol.fail(violation.code, violation.reason)
        self._settle()

    def _gave_up(self, reason: str) -> ConnectionClosed:
        self.abort(reason)
        return self._closed()

    def _closed(self) -> ConnectionClosed:
        if self._end is not None:
            return ConnectionClosed(self._end.code, self._end.reason)
        close = self._protocol.close_rcvd or self._protocol.close_sent
        return ConnectionClosed(close.code, close.reason) if close else ConnectionClosed(1006, "")

    def _finish(self, code: int, reason: str) -> None:
        if self._end is None:
            self._end = ConnectionClosed(code, reason)
            self._tcp.close()
        if self._news is not None:
            self._news.set()
