"""Frames into messages: what a charger may send, and how much of what is no message. Pure."""

from __future__ import annotations

import codecs
import io
import logging
import struct
from collections.abc import Generator
from dataclasses import dataclass

from websockets.frames import BINARY, CLOSE, CONT, PONG, TEXT, CloseCode, Frame
from websockets.frames import apply_mask as unmask  # type: ignore[attr-defined]  # the compiled one, if there is
from websockets.protocol import OPEN, Protocol, Side
from websockets.streams import StreamReader
from websockets.typing import BytesLike

# RFC 6455 §5.2: the first byte of a message that is one frame of text, the bit of a masked one's second byte, and
# the lowest of the lengths that stand elsewhere: in the two bytes that follow.
FINAL_TEXT, MASKED, SIZE_FOLLOWS = 0x81, 0x80, 126

# A ping carries the moment it was sent at, so that its pong tells the round trip.
PING = struct.Struct("!d")


@dataclass(frozen=True)
class Limits:
    """What one connection may cost us; seconds and frames."""

    send_s: float = 15.0  # a frame that the peer's TCP did not take by then ends the connection
    close_s: float = 3.0  # for the peer's answer to our close frame
    message_s: float = 60.0  # from a message's first byte to its last
    control_frames_per_s: int = 20  # pings, pongs and fragments without payload


LIMITS = Limits()


class Violation(Exception):
    """A peer's breach of the rules, with the close code (RFC 6455 §7.4.1) that answers it."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class FrameReader(StreamReader):
    """Knows whether what is fed next begins a frame: between two of them the protocol asks whether that was all."""

    is_between_frames = True

    def feed_data(self, data: bytes | bytearray) -> None:
        self.is_between_frames = False
        super().feed_data(data)

    def at_eof(self) -> Generator[None, None, bool]:
        self.is_between_frames = not self.buffer
        return super().at_eof()


class ChargerProtocol(Protocol):
    """The library's server side, but for one strictness, and with a short way for nearly all that chargers say."""

    reader: FrameReader

    def __init__(self, side: Side, *, max_size: int, logger: logging.Logger) -> None:
        super().__init__(side, max_size=max_size, logger=logger)
        self.reader = FrameReader()
        self.parser = self.parse()
        next(self.parser)  # it waits for the first frame, as it did for the library's reader

    def whole_text(self, data: bytes) -> bytes | bytearray | None:
        """The payload, if `data` is one whole message, text and not deflated; None: for `receive_data` to see."""
        if not self.reader.is_between_frames or self.current_size is not None or self.extensions:
            return None
        if len(data) < 6 or data[0] != FINAL_TEXT or self.state is not OPEN:
            return None
        size, begin = data[1] - MASKED, 6
        if size == SIZE_FOLLOWS:
            size, begin = int.from_bytes(data[2:4], "big"), 8
        elif size > SIZE_FOLLOWS:
            return None
        if begin + size != len(data) or (self.max_message_size is not None and size > self.max_message_size):
            return None
        payload: bytes | bytearray = unmask(data[begin:], data[begin - 4 : begin])
        return payload

    def send_text(self, data: BytesLike, fin: bool = True) -> None:
        """As the library's, and the same bytes; at a fifth of the price where nothing is special."""
        if not fin or self.extensions or len(data) > 0xFFFF or self.state is not OPEN:
            super().send_text(data, fin)
        elif len(data) < SIZE_FOLLOWS:
            self.writes.append(bytes((FINAL_TEXT, len(data))) + data)
        else:
            self.writes.append(bytes((FINAL_TEXT, SIZE_FOLLOWS, *divmod(len(data), 0x100))) + data)

    def recv_frame(self, frame: Frame) -> None:
        """Let a peer close in the middle of a fragmented message, which RFC 6455 §5.4 allows; not 1002."""
        if frame.opcode is CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class Assembly:
    """Collects frames whose order and size the protocol has already checked; `messages` are whole texts.

    Where binary messages are taken, `messages` has their bytes; where not, they are a violation.

    Moments are `time.monotonic()`. `last_pong` is the last pong's, `rtt_s` belongs to the last ping answered.
    """

    __slots__ = (
        "_control_frames",
        "_control_frames_per_s",
        "_control_window_at",
        "_decoder",
        "_fragments",
        "_takes_binary",
        "last_pong",
        "messages",
        "rtt_s",
    )

    def __init__(self, control_frames_per_s: int, *, takes_binary: bool = False) -> None:
        self.messages: list[str | bytes] = []
        self._takes_binary = takes_binary
        self.last_pong: float | None = None
        self.rtt_s: float | None = None
        self._fragments: io.StringIO | io.BytesIO | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._control_frames_per_s = control_frames_per_s
        self._control_frames = 0
        self._control_window_at = 0.0

    @property
    def is_between_messages(self) -> bool:
        return self._fragments is None

    def take(self, frame: Frame, at: float) -> None:
        """Take one frame that was received at `at`. Raises Violation."""
        opcode = frame.opcode
        try:
            if opcode is TEXT and frame.fin:
                self.take_text(frame.data)
            elif opcode is TEXT or opcode is CONT:
                self._take_fragment(frame, at)
            elif opcode is BINARY:
                if not self._takes_binary:
                    raise Violation(CloseCode.UNSUPPORTED_DATA, "binary messages are not OCPP")
                self._fragments = io.BytesIO()
                self._take_fragment(frame, at)
            elif opcode is not CLOSE:
                self._count(at)
                if opcode is PONG:
                    self._take_pong(bytes(frame.data), at)
        except UnicodeDecodeError:
            raise Violation(CloseCode.INVALID_DATA, "text is not UTF-8") from None

    def take_text(self, data: BytesLike) -> None:
        """Take a whole message. Raises Violation."""
        try:
            self.messages.append(str(data, "utf-8"))
        except UnicodeDecodeError:
            raise Violation(CloseCode.INVALID_DATA, "text is not UTF-8") from None

    def _take_fragment(self, frame: Frame, at: float) -> None:
        # Decoded as they come, into one buffer: eight million fragments of a byte cost no more than one frame
        # of 8 MiB, and bad UTF-8 is refused before its message is whole.
        if self._fragments is None:
            self._fragments, self._decoder = io.StringIO(), codecs.getincrementaldecoder("utf-8")()
        if not frame.data:
            self._count(at)
        if isinstance(self._fragments, io.BytesIO):
            self._fragments.write(frame.data)
        elif self._decoder is not None:
            self._fragments.write(self._decoder.decode(bytes(frame.data), frame.fin))
        if frame.fin:
            self.messages.append(self._fragments.getvalue())
            self._fragments = self._decoder = None

    def _count(self, at: float) -> None:
        if at - self._control_window_at >= 1.0:
            self._control_window_at, self._control_frames = at, 0
        self._control_frames += 1
        if self._control_frames > self._control_frames_per_s:
            raise Violation(CloseCode.POLICY_VIOLATION, "too many control frames")

    def _take_pong(self, payload: bytes, at: float) -> None:
        self.last_pong = at
        if len(payload) == PING.size:
            (sent_at,) = PING.unpack(payload)
            # The payload comes back from the peer, who may have made it up.
            if 0.0 <= at - sent_at <= 3600.0:
                self.rtt_s = at - sent_at
