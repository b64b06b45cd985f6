"""One websocket from a charger to its central system. Knows frames; knows nothing of an OCPP version."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms.simulator.frames import (
    Call,
    CallError,
    CallResult,
    Direction,
    FrameLog,
    Message,
    Payload,
    read_message,
)

DIAL_TIMEOUT_S = 1.5
HANDSHAKE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0


class DialFailed(Exception):
    """No websocket came about; the message says why."""


class LinkLost(Exception):
    """The websocket is gone; whether the other side got the message is unknown."""


class NoAnswer(Exception):
    """The CALL was sent, and no answer came in time."""


class CallFailed(Exception):
    """The answer was a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What to reply to a CALL, and what to do once the reply has been written."""

    reply: CallResult | CallError | None
    """None: silence."""
    then: Callable[[], None] | None = None


def basic_authorization(user: str, password: str | bytes) -> str:
    """OCPP-J 1.6 §6.2.2: the identity and the key, whose bytes need not be text."""
    key = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(user.encode() + b":" + key).decode()


class Line:
    """Dials. Kept apart from the link so that a stop can hang up in the middle of a handshake."""

    def __init__(self, url: str, identity: str, subprotocol: str) -> None:
        self.address = f"{url.rstrip('/')}/{quote(identity, safe='')}"
        self.subprotocol = subprotocol
        self._socket: socket.socket | None = None

    @property
    def is_secure(self) -> bool:
        return urlsplit(self.address).scheme == "wss"

    def dial(
        self,
        user: str,
        password: str | bytes | None,
        ping_interval_s: float | None,
        tls: ssl.SSLContext | None,
    ) -> ClientConnection:
        """Raises DialFailed."""
        parts = urlsplit(self.address)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        headers = {} if password is None else {"Authorization": basic_authorization(user, password)}
        try:
            self._socket = socket.create_connection((parts.hostname, port), timeout=DIAL_TIMEOUT_S)
            return connect(
                self.address,
                sock=self._socket,
                ssl=tls,
                subprotocols=[Subprotocol(self.subprotocol)],
                additional_headers=headers,
                compression=None,
                proxy=None,
                open_timeout=HANDSHAKE_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=ping_interval_s,
                legacy=True,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError, EOFError) as error:
            raise DialFailed(str(error) or type(error).__name__) from error
        finally:
            self._socket = None

    def hang_up(self) -> None:
        """End a dial in progress in another thread; nothing happens when there is none."""
        dialling = self._socket
        if dialling is not None:
            try:
                dialling.shutdown(socket.SHUT_RDWR)
            except OSError:  # not connected yet: the dial ends by its own short timeout
                return


class Link:
    """A live websocket: a thread reads, any thread may call."""

    def __init__(
        self, connection: ClientConnection, on_call: Callable[[Call], Answer], log: FrameLog, *, name: str
    ) -> None:
        self._connection = connection
        self._on_call = on_call
        self._log = log
        self._waiting: dict[str, Future[CallResult | CallError]] = {}
        self._lock = threading.Lock()
        self._lost = False
        self._reader = threading.Thread(target=self._read, name=f"{name} reader", daemon=True)
        self._reader.start()

    @property
    def is_open(self) -> bool:
        return not self._lost

    def call(self, call: Call, timeout_s: float) -> Payload:
        """Send a CALL and wait for its answer. Raises LinkLost, NoAnswer or CallFailed."""
        waiter: Future[CallResult | CallError] = Future()
        with self._lock:
            if self._lost:
                raise LinkLost
            self._waiting[call.message_id] = waiter
        try:
            self.send(call.text())
            reply = waiter.result(timeout_s)
        except FutureTimeoutError:
            raise NoAnswer(call.action) from None
        finally:
            self._waiting.pop(call.message_id, None)
        if isinstance(reply, CallError):
            raise CallFailed(reply.code, reply.description)
        return reply.payload

    def send(self, text: str) -> None:
        """Write a text as it is, be it a frame or not. Raises LinkLost."""
        try:
            self._connection.send(text)
        except ConnectionClosed as closed:
            raise LinkLost from closed
        self._log.add(Direction.SENT, text)

    def close(self) -> None:
        """Say goodbye properly, within `CLOSE_TIMEOUT_S`."""
        self._connection.close()
        self._forget()

    def drop(self) -> None:
        """Vanish without a close frame, as when the power or the network goes."""
        self._connection.close_socket()
        self._forget()

    def join(self, timeout_s: float) -> None:
        self._reader.join(timeout_s)

    def _read(self) -> None:
        try:
            while True:
                text = self._connection.recv()
                if isinstance(text, bytes):
                    self._log.add(Direction.NOTE, f"{len(text)} binary bytes ignored")
                else:
                    self._log.add(Direction.RECEIVED, text)
                    self._handle(text)
        except (ConnectionClosed, LinkLost) as closed:
            self._log.add(Direction.NOTE, f"disconnected: {closed.__cause__ or closed}")
        finally:
            self._forget()

    def _handle(self, text: str) -> None:
        try:
            message: Message = read_message(text)
        except ValueError as error:
            self._log.add(Direction.NOTE, str(error))
            return
        if isinstance(message, Call):
            answer = self._on_call(message)
            if answer.reply is not None:
                self.send(answer.reply.text())
            if answer.then is not None:
                answer.then()
            return
        waiter = self._waiting.pop(message.message_id, None)
        if waiter is None:
            self._log.add(Direction.NOTE, f"nobody waits for {message.message_id}")
        else:
            waiter.set_result(message)

    def _forget(self) -> None:
        """Whoever still waits learns that no answer will come."""
        with self._lock:
            self._lost = True
            waiting, self._waiting = list(self._waiting.values()), {}
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(LinkLost())
