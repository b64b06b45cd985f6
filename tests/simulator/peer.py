"""A central system for the simulator's tests, of plain frames; it shares no code with the product.

Every frame that the charger sends is checked against the schemas of OCPP 1.6.
"""

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, Queue
from typing import Any

from ocpp.messages import MessageType
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.spec16 import complaints

NOW = "2026-03-01T12:00:00Z"
PATIENCE_S = 20.0
Payload = dict[str, Any]


def _call_error(code: str) -> tuple[str, str]:
    return code, "on purpose"


@dataclass
class Peer:
    """`answers` may be set to a payload, a CALLERROR code, None (silence), or a function of the request."""

    password: str | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    received: list[list[Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    handshakes: list[tuple[str, str | None]] = field(default_factory=list)
    closes: list[int | None] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._transaction_ids = count(101)
        self._replies: dict[str, Queue[list[Any]]] = {}
        self._asked: dict[str, str] = {}
        self._ids: set[str] = set()
        self._socket: ServerConnection | None = None
        self._server: Server = serve(
            self._talk, "127.0.0.1", 0, subprotocols=["ocpp1.6"], process_request=self._admit
        )
        self._server.SHUTDOWN_POLLING_INTERVAL = 0.005
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/ocpp"

    @property
    def port(self) -> int:
        return int(self._server.socket.getsockname()[1])

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(30)

    def hang_up(self) -> None:
        """Drop the charger's socket without a close frame."""
        assert self._socket is not None
        self._socket.close_socket()

    def actions(self, *, without: tuple[str, ...] = ("Heartbeat",)) -> list[str]:
        return [frame[2] for frame in list(self.received) if frame[0] == 2 and frame[2] not in without]

    def calls(self, action: str) -> list[Payload]:
        return [frame[3] for frame in list(self.received) if frame[0] == 2 and frame[2] == action]

    def statuses(self, connector: int) -> list[str]:
        calls = self.calls("StatusNotification")
        return [call["status"] for call in calls if call["connectorId"] == connector]

    def wait_for(self, action: str, times: int = 1, timeout_s: float = PATIENCE_S) -> Payload:
        """The last of `times` calls of the action."""
        self.wait(lambda: len(self.calls(action)) >= times, f"{times} {action}", timeout_s)
        return self.calls(action)[times - 1]

    def wait_for_connection(self, number: int) -> None:
        """Until the charger has come so often, and can be asked on its new connection."""
        self.wait(lambda: self.connections == number, f"connection {number}")

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"no {what}; got {self.actions()}"
            time.sleep(0.01)

    def ask(self, action: str, payload: Payload, timeout_s: float = PATIENCE_S) -> Any:
        """Send a CALL: the payload of the CALLRESULT, or the code of the CALLERROR as a text."""
        assert self._socket is not None
        message_id = f"peer-{len(self._asked)}"
        self._asked[message_id] = action
        self._replies[message_id] = Queue()
        self._socket.send(json.dumps([2, message_id, action, payload]))
        try:
            frame = self._replies[message_id].get(timeout=timeout_s)
        except Empty:
            raise AssertionError(f"no answer to {action}") from None
        return frame[2]

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append((request.path, request.headers.get("Authorization")))
        if self.password is None:
            return None
        identity = request.path.rpartition("/")[2]
        expected = "Basic " + base64.b64encode(f"{identity}:{self.password}".encode()).decode()
        if request.headers.get("Authorization") == expected:
            return None
        return connection.respond(401, "who are you?")

    def _talk(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._ids.clear()  # OCPP-J §4.1.4: they are unique on one connection
        self.connections += 1
        try:
            while True:
                self._handle(socket, str(socket.recv()))
        except ConnectionClosed:
            self.closes.append(socket.close_code)

    def _handle(self, socket: ServerConnection, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            self.received.append([0, text])
            return
        self._check(frame)
        self.received.append(frame)
        if frame[0] == 2:
            answer = self.answers.get(frame[2], self._usual)
            reply = answer(frame[3]) if callable(answer) else answer
            self._reply(socket, frame, reply)
        else:
            self._replies[frame[1]].put(frame)

    def _reply(self, socket: ServerConnection, frame: list[Any], reply: Any) -> None:
        if isinstance(reply, str):
            socket.send(json.dumps([4, frame[1], *_call_error(reply), {}]))
        elif reply is not None:
            payload = reply or self._default(frame[2])
            socket.send(json.dumps([3, frame[1], payload]))

    def _usual(self, request: Payload) -> Payload:
        return {}

    def _default(self, action: str) -> Payload:
        match action:
            case "BootNotification":
                return {"status": "Accepted", "currentTime": NOW, "interval": 300}
            case "Heartbeat":
                return {"currentTime": NOW}
            case "Authorize":
                return {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                return {"transactionId": next(self._transaction_ids), "idTagInfo": {"status": "Accepted"}}
        return {}

    def _check(self, frame: list[Any]) -> None:
        """Collects instead of raising: we are in the server's thread."""
        if frame[0] == 4:
            return
        if frame[0] == 2:
            if frame[1] in self._ids:
                self.complaints.append(f"message id used twice: {frame}")
            self._ids.add(frame[1])
        action, payload = (frame[2], frame[3]) if frame[0] == 2 else (self._asked[frame[1]], frame[2])
        kind = MessageType.Call if frame[0] == 2 else MessageType.CallResult
        self.complaints += [f"{action}: {words}" for words in complaints(kind, action, payload)]
