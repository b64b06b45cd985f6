"""A charger's end of the wire in a test's own hands: it sends just what it is told, and shows just what came."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.live import LiveServer
from tests.turns import in_turns

PATIENCE_S = 30.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

_ids = itertools.count(1)


@dataclass(frozen=True)
class Order:
    """A CALL of the server."""

    id: str
    action: str
    payload: dict[str, Any]


class Peer:
    """One connection. Pings are answered by themselves; nothing else is."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws
        self._orders: deque[Order] = deque()

    @property
    def subprotocol(self) -> str | None:
        return self.ws.subprotocol

    def send(self, text: str) -> None:
        self.ws.send(text)

    def reply(self, message_id: str) -> list[Any]:
        """The answer to a CALL of ours; orders that come meanwhile are kept for `order`."""
        while True:
            message = self._next(PATIENCE_S)
            if message[0] == 2:
                self._orders.append(Order(*message[1:]))
            elif message[1] == message_id:
                return message

    def exchange(self, action: str, payload: dict[str, Any], message_id: str | None = None) -> list[Any]:
        """The whole answer, also if it is a CALLERROR."""
        message_id = message_id or f"test-{next(_ids)}"
        self.send(json.dumps([2, message_id, action, payload]))
        return self.reply(message_id)

    def tell(self, action: str, payload: dict[str, Any], message_id: str | None = None) -> dict[str, Any]:
        """The confirmation's payload."""
        answer = self.exchange(action, payload, message_id)
        assert answer[0] == 3, answer
        return dict(answer[2])

    def boot(self) -> dict[str, Any]:
        return self.tell("BootNotification", {"chargePointVendor": "Test", "chargePointModel": "Peer"})

    def order(self, timeout_s: float = PATIENCE_S) -> Order:
        """The next CALL of the server. Raises TimeoutError."""
        if self._orders:
            return self._orders.popleft()
        message = self._next(timeout_s)
        assert message[0] == 2, message
        return Order(*message[1:])

    def order_to(self, action: str) -> Order:
        """The next CALL of this action. What the server asks by itself meanwhile, this charger does not support."""
        while (order := self.order()).action != action:
            self.send(json.dumps([4, order.id, "NotSupported", "", {}]))
        return order

    def answer(self, order: Order, payload: Any) -> None:
        self.send(json.dumps([3, order.id, payload]))

    def pending(self) -> list[Order]:
        """CALLs of the server that came before an answer and were not looked at yet."""
        return list(self._orders)

    def close_code(self) -> int | None:
        """The code with which the server closes; None without a close frame. What came before is dropped."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.ws.recv(PATIENCE_S)
        return self.ws.close_code

    def hang_up(self) -> None:
        """End TCP without a close frame."""
        with contextlib.suppress(OSError):
            self.ws.socket.shutdown(socket.SHUT_RDWR)
        self.ws.close()

    def close(self) -> None:
        self.ws.close()

    def _next(self, timeout_s: float) -> list[Any]:
        return list(json.loads(self.ws.recv(timeout_s)))


def dial(
    server: LiveServer,
    path: str = "/ws/ocpp/CP-1",
    *,
    offered: Sequence[str] | None = ("ocpp1.6",),
    authorization: str | None = None,
    context: ssl.SSLContext | None = None,
) -> Peer:
    """Connect, with `context` over TLS. Raises websockets.exceptions.InvalidStatus when the server refuses."""
    headers = {"Authorization": authorization} if authorization else {}
    ws = connect(
        (server.ws_url if context is None else f"wss://localhost:{server.settings['TLS_PORT']}") + path,
        ssl=None if context is None else in_turns(context),
        subprotocols=None if offered is None else [Subprotocol(name) for name in offered],
        additional_headers=headers,
        open_timeout=PATIENCE_S,
        close_timeout=1,
        ping_interval=None,
        compression=None,
        max_size=None,
        legacy=True,  # not as a context manager: a test ends a connection in many ways
    )
    return Peer(ws)


def basic(user: str | bytes, password: str | bytes) -> str:
    """An Authorization header; user and password may be any bytes."""
    user, password = (x.encode() if isinstance(x, str) else x for x in (user, password))
    return "Basic " + base64.b64encode(user + b":" + password).decode()


@dataclass
class Handshake:
    """What the server said to an upgrade that was asked for byte by byte, and the connection after it."""

    sock: socket.socket
    status: int
    headers: dict[str, str]
    text: str

    @property
    def is_upgraded(self) -> bool:
        return self.status == 101


def knock(
    server: LiveServer,
    path: str,
    *,
    offered: str | None = "ocpp1.6",
    authorization: str | None = None,
    source: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
) -> Handshake:
    """Ask for an upgrade; the path goes over the wire as it is. Nothing is ever answered afterwards: not even pings."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    if offered is not None:
        lines.append(f"Sec-WebSocket-Protocol: {offered}")
    if authorization is not None:
        lines.append(f"Authorization: {authorization}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S, (source, 0))
    sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    head, _, body = _until(sock, b"\r\n\r\n").partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    missing = int(told.get("content-length", 0)) - len(body)
    while missing > 0 and (piece := sock.recv(missing)):
        body, missing = body + piece, missing - len(piece)
    shake = Handshake(sock, int(first.split()[1]), told, body.decode())
    if not shake.is_upgraded:
        sock.close()
    return shake


def _until(sock: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        piece = sock.recv(4096 if not data else 1)
        if not piece:
            break
        data += piece
    return data
