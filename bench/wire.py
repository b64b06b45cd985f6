"""Websocket bytes by hand, from the charger's side: a client library costs more than the server under test.

Client frames must be masked (RFC 6455 §5.3). Our mask is four zero bytes: legal on the wire, no work for
us, and the same work for the server, which unmasks with whatever key it is given.
"""

from struct import pack, unpack_from

SUBPROTOCOL = "ocpp1.6"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # what RFC 6455 §1.3 says a server answers to KEY
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
WHOLE_TEXT = 0x80 | TEXT  # first byte of an unfragmented text frame


def _header(opcode: int, length: int) -> bytes:
    if length < 126:
        return pack("!BB4x", 0x80 | opcode, 0x80 | length)
    return pack("!BBH4x", 0x80 | opcode, 0x80 | 126, length)


_TEXT_HEADERS = [_header(TEXT, length) for length in range(4096)]


def text_frame(payload: bytes) -> bytes:
    """A masked text frame; raises IndexError beyond 4,095 bytes, which no script here comes near."""
    return _TEXT_HEADERS[len(payload)] + payload


def text_of(frame: bytes) -> bytes:
    """The payload of a `text_frame`."""
    return frame[6:] if frame[1] & 0x7F < 126 else frame[8:]


def pong_frame(payload: bytes) -> bytes:
    return _header(PONG, len(payload)) + payload


def take_frame(inbox: bytes) -> tuple[int, bytes, bytes] | None:
    """(opcode, payload, the bytes after it), or None while the first frame is not whole.

    Raises ValueError on what a CSMS never sends: a fragment, a mask, or more than 64 KiB.
    """
    if len(inbox) < 2:
        return None
    if not inbox[0] & 0x80 or inbox[0] & 0x70 or inbox[1] >= 127:
        raise ValueError(f"unexpected frame header {inbox[:4]!r}")
    start, length = 2, inbox[1]
    if length == 126:
        if len(inbox) < 4:
            return None
        start, length = 4, unpack_from("!H", inbox, 2)[0]
    end = start + length
    return (inbox[0] & 0x0F, inbox[start:end], inbox[end:]) if len(inbox) >= end else None


def handshake(host: str, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    ).encode()


def opened(head: bytes) -> bool:
    """Whether the server's answer is a websocket that speaks our subprotocol."""
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    return (
        head.startswith(b"HTTP/1.1 101 ")
        and fields.get(b"sec-websocket-accept") == ACCEPT
        and fields.get(b"sec-websocket-protocol") == SUBPROTOCOL.encode()
        and b"sec-websocket-extensions" not in fields
    )
