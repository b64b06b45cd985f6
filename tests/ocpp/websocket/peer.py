"""The charger's end of a websocket, byte by byte, and what the server's process says of itself."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import time
import urllib.request
import zlib
from collections.abc import Callable
from typing import Any

from tests import pki

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 §1.3


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit, length = (0x80 if masked else 0), len(payload)
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += struct.pack("!BH", bit | 126, length)
    else:
        head += struct.pack("!BQ", bit | 127, length)
    if not masked:
        return head + payload
    mask = bytes([1, 2, 3, 4])
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def text(message: str) -> bytes:
    return frame(TEXT, message.encode())


def deflated(payload: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-12)
    return (compress.compress(payload) + compress.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Charger:
    """The other end: writes what it is told, reads frame by frame."""

    tags = itertools.count()

    def __init__(
        self,
        port: int,
        path: str = "/echo",
        *,
        deflate: bool = False,
        after: bytes = b"",
        tls_port: int | None = None,
    ) -> None:
        extensions = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else ""
        self.port, self.tag = port, str(next(self.tags))
        path += ("&" if "?" in path else "?") + "tag=" + self.tag
        self.sock = socket.create_connection(("127.0.0.1", tls_port or port), timeout=30)
        if tls_port is not None:
            self.sock = pki.client_context().wrap_socket(self.sock, server_hostname="localhost")
        self.sock.sendall(request(path, extensions).encode() + after)
        self.head = self._head()

    def _head(self) -> str:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.sock.recv(1)
            if not byte:
                break
            head += byte
        return head.decode()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def frame(self) -> tuple[int, bytes]:
        """(first byte, payload); EOFError when TCP ended."""
        first, length = self._exactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._exactly(8))
        return first, self._exactly(length)

    def frames_until_hung_up(self) -> None:
        """Read on for ever; only an exception ends it: EOFError, or ConnectionResetError."""
        while True:
            self.frame()

    def text(self) -> str:
        first, payload = self.frame()
        assert first == 0x80 | TEXT
        return payload.decode()

    def close_code(self) -> int:
        """The code of the close frame, which must be the next frame, and TCP must end at once after it."""
        first, payload = self.frame()
        assert first == 0x80 | CLOSE
        (code,) = struct.unpack("!H", payload[:2])
        self.assert_hung_up()
        return int(code)

    def told(self, within_s: float = 10.0) -> list[dict[str, object]]:
        """What the server's side of this connection noted: how it ended, what its probe found."""
        deadline = time.monotonic() + within_s
        while True:
            noted = [
                {name: value for name, value in note.items() if name != "tag"}
                for note in facts(self.port)["notes"]
                if note["tag"] == self.tag
            ]
            if noted or time.monotonic() >= deadline:
                return noted
            time.sleep(0.02)

    def assert_hung_up(self, within_s: float = 5.0) -> None:
        began = time.monotonic()
        assert self.sock.recv(1000) == b""
        assert time.monotonic() - began < within_s


Connect = Callable[..., Charger]


def request(path: str = "/echo", more: str = "", *, without: str = "", **changed: str) -> str:
    headers = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    headers.update({name.replace("_", "-"): value for name, value in changed.items()})
    headers.pop(without, None)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\n{lines}{more}\r\n"


def facts(port: int) -> dict[str, Any]:
    """What the process says of itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/facts", timeout=30) as response:
        return dict(json.load(response))
