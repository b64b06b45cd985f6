"""Requests to servers whose addresses people have entered: only to where they may go, with an end, and no further.

The name is resolved once, every address of it is looked at, and the connection is made to one of these: a name server
that answers otherwise a moment later changes nothing. Redirects are not followed.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from csms.sentences import told

MOST_BYTES = 1 << 20
CHUNK = 16_384


class Barred(Exception):
    """The address may not be asked. The message is fit to be shown."""


class Unreachable(Exception):
    """No answer, or none that can be read. The message is fit to be shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`location`: where a redirect points to."""

    status: int
    location: str | None
    body: bytes


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, within_s: float, may_be_private: bool
) -> Answer:
    """POST to `url` (http or https), and read at most `MOST_BYTES` of the answer. Raises Barred, Unreachable."""
    return _ask("POST", url, body, headers, within_s, may_be_private)


def send(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, within_s: float, may_be_private: bool
) -> Answer:
    """As `post`, by another method."""
    return _ask(method, url, body, headers, within_s, may_be_private)


def get(
    url: str, headers: Mapping[str, str] | None = None, *, within_s: float, may_be_private: bool
) -> Answer:
    """GET `url`, as `post`."""
    return _ask("GET", url, None, headers or {}, within_s, may_be_private)


def _ask(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    within_s: float,
    may_be_private: bool,
) -> Answer:
    parts = urlsplit(url)
    host, is_secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_secure else 80)
    address = allowed(host, port, may_be_private=may_be_private)
    give_up_at = time.monotonic() + within_s
    connection = (
        _Secure(host, port, address, within_s) if is_secure else _Plain(host, port, address, within_s)
    )
    # Sockets only tell when nothing comes at all: a head may drip for days.
    end = threading.Timer(within_s, _hang_up, (connection,))
    end.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        read = _read(response, give_up_at)
        if time.monotonic() >= give_up_at:  # a head that was cut off passes for a whole one
            raise TimeoutError
    except (OSError, http.client.HTTPException) as error:
        is_late = isinstance(error, TimeoutError) or time.monotonic() >= give_up_at
        raise Unreachable(_why(error, host, within_s if is_late else None)) from None
    finally:
        end.cancel()
        connection.close()
    return Answer(response.status, response.headers.get("Location"), read)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """Whoever waits for the answer hears that there is none."""
    if connection.sock is not None:
        with suppress(OSError):  # it has just ended
            socket.socket.shutdown(
                connection.sock, socket.SHUT_RDWR
            )  # beneath TLS, which would have to answer


def _why(error: Exception, host: str, late_s: float | None) -> str:
    """What went wrong, fit to be shown. `late_s`: there was no answer in so many seconds."""
    if late_s is not None:
        return told("%(host)s did not answer within %(seconds)s s.", host=host, seconds=f"{late_s:g}")
    if isinstance(error, ssl.SSLError):
        return told(
            "%(host)s offers no TLS that can be trusted: %(why)s.", host=host, why=error.reason or error
        )
    return told("%(host)s cannot be reached: %(why)s.", host=host, why=error)


def _read(response: http.client.HTTPResponse, give_up_at: float) -> bytes:
    """The body. Raises TimeoutError when it drips, Unreachable when it is too large."""
    read = b""
    while chunk := response.read1(CHUNK):
        read += chunk
        if len(read) > MOST_BYTES:
            raise Unreachable(told("The answer is too large."))
        if time.monotonic() > give_up_at:
            raise TimeoutError
    return read


def allowed(host: str, port: int, *, may_be_private: bool) -> str:
    """An address of `host`. Raises Unreachable, and Barred if any of its addresses may not be asked."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(told("%(host)s has no address.", host=host)) from None
    addresses = [str(where[0]).partition("%")[0] for *_, where in found]
    for address in addresses:
        if not _may_be_asked(ip_address(address), may_be_private=may_be_private):
            raise Barred(
                told(
                    "%(host)s is at %(address)s, which is no public address: PRIVATE_TARGETS=1 allows such.",
                    host=host,
                    address=address,
                )
            )
    return addresses[0]


def _may_be_asked(address: IPv4Address | IPv6Address, *, may_be_private: bool) -> bool:
    """Public ones; private ones too if wanted. Never those of link-local services, or of many at once."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    plain = mapped or address
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return False
    return plain.is_global or may_be_private


class _Plain(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, address: str, within_s: float) -> None:
        super().__init__(host, port, timeout=within_s)
        self.address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Secure(_Plain):
    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
