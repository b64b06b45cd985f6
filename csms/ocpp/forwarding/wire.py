"""A websocket to a second backend, as a charger opens one: dialled where it may go, read by a greenlet of its own.

One CALL of ours is in flight at a time; those of the other side are answered beside it, few at once.
"""

from __future__ import annotations

import base64
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.event import AsyncResult
from gevent.pool import Pool
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms import outbound
from csms.ocpp import message
from csms.ocpp.message import Call, CallError, CallResult
from csms.outbound import Unreachable
from csms.sentences import told

log = logging.getLogger(__name__)

DIAL_S, HANDSHAKE_S, CLOSE_S, PING_S = 10.0, 10.0, 1.0, 30.0
ANSWER_S = 30.0
MOST_AT_ONCE = 4  # CALLs of theirs, of which a central system sends one at a time
MOST_BYTES = 1 << 20

_silent = logging.getLogger("csms.forwarding.websocket")  # what its library has to say is said in our words
_silent.disabled = True


@dataclass(frozen=True, slots=True)
class Destination:
    """`address`: ws or wss, with the identity."""

    address: str
    identity: str
    protocol: str
    password: str | None = field(repr=False)
    may_be_private: bool

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""


class Lost(Exception):
    """The connection is gone, or was given up. The message is fit to be shown."""


def dial(to: Destination) -> ClientConnection:
    """Raises Barred, Unreachable."""
    parts = urlsplit(to.address)
    is_secure = parts.scheme == "wss"
    port = parts.port or (443 if is_secure else 80)
    found = outbound.allowed(to.host, port, may_be_private=to.may_be_private)
    sock = None
    try:
        sock = socket.create_connection((found, port), DIAL_S)
        return connect(
            to.address,
            sock=sock,
            ssl=ssl.create_default_context() if is_secure else None,
            server_hostname=to.host if is_secure else None,
            subprotocols=[Subprotocol(to.protocol)],
            additional_headers=_headers(to),
            user_agent_header="Amberline",
            compression=None,
            proxy=None,
            open_timeout=HANDSHAKE_S,
            close_timeout=CLOSE_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            max_size=MOST_BYTES,
            logger=_silent,
            legacy=True,
        )
    except Exception as error:
        if sock is not None:
            sock.close()
        raise Unreachable(_why(to, error)) from error


def _headers(to: Destination) -> dict[str, str]:
    """OCPP-J 1.6 §6.2.2."""
    if to.password is None:
        return {}
    pair = f"{to.identity}:{to.password}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def _why(to: Destination, error: Exception) -> str:
    """A failed dial in words. Raises `error` where it is a fault of ours."""
    if isinstance(error.__cause__, InvalidStatus):  # a redirect, which its library would not follow
        error = error.__cause__
    match error:
        case InvalidStatus() if error.response.status_code in (401, 403):
            return told("%(host)s does not let us in: look at identity and password.", host=to.host)
        case InvalidStatus():
            status = error.response.status_code
            return told("%(host)s refused the connection with %(status)s.", host=to.host, status=status)
        case TimeoutError():
            return told("%(host)s did not answer within %(seconds)s s.", host=to.host, seconds=f"{DIAL_S:g}")
        case ssl.SSLError():
            why = error.reason or error
            return told("%(host)s offers no TLS that can be trusted: %(why)s.", host=to.host, why=why)
        case OSError() | WebSocketException() | EOFError():
            why = str(error) or type(error).__name__
            return told("%(host)s cannot be reached: %(why)s.", host=to.host, why=why)
    raise error


class Line:
    """A live connection. `answer` is given each CALL of theirs, and returns the text of the reply."""

    def __init__(
        self, connection: ClientConnection, answer: Callable[[Call], str], changed: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._answer = answer
        self._changed = changed
        self._waiting: tuple[str, AsyncResult[CallResult | CallError]] | None = None
        self._pool = Pool(MOST_AT_ONCE)
        self.is_open = True
        self.lost_why = told("the connection broke")
        self._reader = gevent.spawn(self._read)

    def call(self, message_id: str, action: str, payload: dict[str, Any]) -> CallResult | CallError:
        """Send a CALL and wait for its answer. Raises Lost, also when there is none in time."""
        waiter: AsyncResult[CallResult | CallError] = AsyncResult()
        self._waiting = message_id, waiter
        if not self.is_open:
            raise Lost(self.lost_why)
        self.send(message.call(message_id, action, payload))
        try:
            reply: CallResult | CallError = waiter.get(timeout=ANSWER_S)
        except gevent.Timeout:
            raise Lost(
                told("It gave no answer to %(action)s within %(seconds)s s.", action=action, seconds="30")
            ) from None
        finally:
            self._waiting = None
        return reply

    def send(self, text: str) -> None:
        """Raises Lost."""
        try:
            self._connection.send(text)
        except (ConnectionClosed, OSError):
            self._end()
            raise Lost(self.lost_why) from None

    def close(self) -> None:
        """Say goodbye, within `CLOSE_S`."""
        self._pool.kill(block=False)
        self._connection.close()
        self._reader.kill(block=False)

    def _read(self) -> None:
        try:
            while True:
                text = self._connection.recv()
                if isinstance(text, str):
                    self._take(message.parse(text))
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            reason = closed.rcvd.reason if closed.rcvd else ""
            self.lost_why = told("It ended the connection: %(why)s", why=f"{code} {reason}".strip())
        except OSError as error:
            self.lost_why = told("It ended the connection: %(why)s", why=error)
        finally:
            self._end()

    def _take(self, received: message.Message) -> None:
        if isinstance(received, Call):
            if self._pool.full():
                self.send(message.error(received.id, "InternalError", "Too many requests at once."))
            else:
                self._pool.spawn(self._reply, received)
        elif isinstance(received, (CallResult, CallError)):
            waiting = self._waiting
            if waiting is not None and waiting[0] == received.id:
                waiting[1].set(received)

    def _reply(self, call: Call) -> None:
        began = time.monotonic()
        try:
            text = self._answer(call)
        except Exception:  # the outermost door of a request of theirs
            log.exception("forward_request_failed", extra={"action": call.action})
            text = message.error(call.id, "InternalError", "The request could not be handled.")
        try:
            self.send(text)
        except Lost as lost:
            log.info("forward_reply_lost", extra={"action": call.action, "reason": str(lost)})
        log.debug("forward_request", extra={"took_ms": round((time.monotonic() - began) * 1000)})

    def _end(self) -> None:
        self.is_open = False
        if self._waiting is not None:
            self._waiting[1].set_exception(Lost(self.lost_why))
        self._changed()
