"""The opening handshake of a charger's websocket: WSGI environment in, HTTP 101 out. No sockets, no gevent.

RFC 6455 §4.2 decides who is let in, RFC 7692 what may be compressed. Compression never takes its context over
from one message to the next, so that an idle charger holds no zlib window (up to 300 KiB each otherwise).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidMethod, InvalidProtocol, InvalidUpgrade
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import ExtensionParameter

from csms.sentences import told

Environ = Mapping[str, Any]

# Compressing needs a fresh 32 KiB zlib state: below this size it costs more than the bytes are worth.
COMPRESS_FROM_BYTES = 1024
# A window of 4 KiB still finds the repetitions of JSON.
WINDOW_BITS = 12

_HEADERS = {
    "HTTP_CONNECTION": "Connection",
    "HTTP_UPGRADE": "Upgrade",
    "HTTP_SEC_WEBSOCKET_KEY": "Sec-WebSocket-Key",
    "HTTP_SEC_WEBSOCKET_VERSION": "Sec-WebSocket-Version",
    "HTTP_SEC_WEBSOCKET_EXTENSIONS": "Sec-WebSocket-Extensions",
}


class HandshakeRefused(Exception):
    """The request cannot become a websocket; answer it with `status` and `headers` over plain HTTP."""

    def __init__(self, status: int, reason: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.headers = tuple(headers)


class Deflate(PerMessageDeflate):
    """permessage-deflate that leaves short messages as they are (RFC 7692 §6 lets the sender choose)."""

    def encode(self, frame: Frame) -> Frame:
        # We never fragment what we send, so that a frame left alone is a whole message left alone.
        return frame if len(frame.data) < COMPRESS_FROM_BYTES else super().encode(frame)


class DeflateFactory(ServerPerMessageDeflateFactory):
    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        answer, agreed = super().process_request_params(params, accepted_extensions)
        return answer, Deflate(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
            agreed.compress_settings,
        )


_DEFLATE = DeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=WINDOW_BITS,
    client_max_window_bits=WINDOW_BITS,
    compress_settings={"memLevel": 5},
)


def is_upgrade(environ: Environ) -> bool:
    """True when the client asks for a websocket, well or badly; `negotiate` tells which."""
    upgrade = environ.get("HTTP_UPGRADE", "").lower()
    connection = environ.get("HTTP_CONNECTION", "").lower()
    return "websocket" in upgrade and "upgrade" in connection


def negotiate(environ: Environ, subprotocol: str | None) -> tuple[bytes, list[Extension]]:
    """The bytes of the 101 response and the extensions that it agrees to.

    `subprotocol` is the caller's choice among what the client offered; None sends no such header.
    Raises HandshakeRefused.
    """
    _refuse_body(environ)
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION", "13") != "13":
        raise HandshakeRefused(
            426,
            told("websocket version 13 is needed"),
            [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")],
        )
    request = Request(
        environ.get("PATH_INFO", "/"),
        Headers([(name, environ[key]) for key, name in _HEADERS.items() if key in environ]),
        environ.get("REQUEST_METHOD", ""),
        environ.get("SERVER_PROTOCOL", ""),
    )
    protocol = ServerProtocol(extensions=[_DEFLATE])
    try:
        accept_key, extensions, _ = protocol.process_request(request)
    except InvalidHandshake as error:
        raise _refusal(error) from error
    headers = Headers(
        [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key)]
    )
    if extensions is not None:
        headers["Sec-WebSocket-Extensions"] = extensions
    if subprotocol is not None:
        headers["Sec-WebSocket-Protocol"] = subprotocol
    return Response(101, "Switching Protocols", headers).serialize(), protocol.extensions


def _refuse_body(environ: Environ) -> None:
    # What follows the head of an upgrade are frames; a request that also announces a body is a smuggler's.
    if environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ:
        raise HandshakeRefused(400, told("a websocket handshake has no body"))


def _refusal(error: InvalidHandshake) -> HandshakeRefused:
    if isinstance(error, InvalidMethod):
        return HandshakeRefused(405, told("a websocket handshake is a GET"), [("Allow", "GET")])
    if isinstance(error, InvalidProtocol):
        return HandshakeRefused(505, told("a websocket handshake needs HTTP/1.1"))
    if isinstance(error, InvalidUpgrade):
        return HandshakeRefused(426, str(error), [("Upgrade", "websocket")])
    return HandshakeRefused(400, str(error))
