"""The fleet: thousands of chargers over one epoll, each waiting for its answer before it speaks again."""

import gc
import heapq
import select
import socket
import time
from dataclasses import dataclass, field
from enum import Enum, auto

import orjson

from bench import wire
from bench.scripts import SCRIPTS, RefusedError, Script, Voice

READ_AT_ONCE = 65_536
CONFIGURATION = {  # the keys that 1.6 §9.1 requires, so that a server need not ask again
    "AuthorizeRemoteTxRequests": "true",
    "ClockAlignedDataInterval": "900",
    "ConnectionTimeOut": "60",
    "ConnectorPhaseRotation": "1.RST",
    "GetConfigurationMaxKeys": "50",
    "HeartbeatInterval": "300",
    "LocalAuthorizeOffline": "true",
    "LocalPreAuthorize": "false",
    "MeterValuesAlignedData": "Energy.Active.Import.Register",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
    "MeterValueSampleInterval": "60",
    "NumberOfConnectors": "1",
    "ResetRetries": "1",
    "StopTransactionOnEVSideDisconnect": "true",
    "StopTransactionOnInvalidId": "true",
    "StopTxnAlignedData": "",
    "StopTxnSampledData": "",
    "SupportedFeatureProfiles": "Core,FirmwareManagement",
    "TransactionMessageAttempts": "3",
    "TransactionMessageRetryInterval": "60",
    "UnlockConnectorOnEVSideDisconnect": "true",
}
ANSWERS: dict[str, dict[str, object]] = {  # to a server's CALL; every other one is {"status": "Accepted"}
    "GetConfiguration": {
        "configurationKey": [{"key": x, "readonly": False, "value": y} for x, y in CONFIGURATION.items()]
    },
    "GetLocalListVersion": {"listVersion": 0},
    "GetDiagnostics": {},
    "UpdateFirmware": {},
    "UnlockConnector": {"status": "Unlocked"},
    "TriggerMessage": {"status": "NotImplemented"},
}


class Phase(Enum):
    CONNECTING = auto()
    HANDSHAKE = auto()
    OPEN = auto()
    WAITING = auto()  # set up, silent until the start
    LOST = auto()


class Charger:
    """One socket with its script."""

    __slots__ = ("due_at", "inbox", "phase", "script", "sent_at", "sock", "voice")

    def __init__(self, voice: Voice, script: Script, sock: socket.socket) -> None:
        self.voice = voice
        self.script = script
        self.sock = sock
        self.phase = Phase.CONNECTING
        self.inbox = b""
        self.sent_at = 0.0  # monotonic; 0 while no answer is awaited
        self.due_at = 0.0


@dataclass
class Tally:
    """What one window saw. Times in seconds, monotonic."""

    began_at: float = 0.0
    ended_at: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    calls_answered: int = 0


class FleetError(Exception):
    """Something other than a good answer: the measurement is void."""


class Fleet:
    """N chargers in one mode. `rate` (messages/s of the whole fleet) paces them; None is a closed loop."""

    def __init__(
        self, mode: str, host: str, port: int, path: str, prefix: str, rate: float | None = None
    ) -> None:
        self.mode, self.host, self.port, self.path, self.prefix = mode, host, port, path, prefix
        self.rate = rate
        self.period_s = 0.0
        self.epoll = select.epoll()
        self.chargers: dict[int, Charger] = {}
        self.waiting = 0
        self.due: list[tuple[float, int, Charger, bytes]] = []
        self.tally = Tally()
        self.faults: list[str] = []

    def connect(self, number: int) -> None:
        """Begin to connect charger `number`, from a loopback address of its own, as in the field."""
        voice = Voice(f"{self.prefix}{number:05d}", number)
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.host.startswith("127."):
            sock.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
        charger = Charger(voice, SCRIPTS[self.mode](voice), sock)
        self.chargers[sock.fileno()] = charger
        sock.connect_ex((self.host, self.port))
        self.epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def set_up(self, size: int, timeout_s: float) -> float:
        """Connect `size` chargers at once, bring each to its start; returns the seconds that took.

        Raises FleetError when one of them fails or the time is up.
        """
        began_at = time.perf_counter()
        for number in range(size):
            self.connect(number)
            if number % 50 == 49:
                self.turn(0)
        while self.waiting < size:
            self.turn(0.1)
            if self.faults:
                raise FleetError(self.faults[0])
            if time.perf_counter() - began_at > timeout_s:
                raise FleetError(
                    f"only {self.waiting} of {size} chargers were set up within {timeout_s:.0f} s"
                )
        return time.perf_counter() - began_at

    def start(self) -> None:
        """Let everybody speak: at once, or paced and spread evenly over the first period."""
        gc.collect()
        gc.freeze()
        gc.disable()
        now = time.perf_counter()
        self.period_s = len(self.chargers) / self.rate if self.rate else 0.0
        for number, charger in enumerate(self.chargers.values()):
            charger.phase = Phase.OPEN
            if self.rate:
                self._later(charger, now + number / self.rate, b"")
            else:
                self._advance(charger, b"", now)

    def run(self, seconds: float) -> Tally:
        """Turn for so long, and return what was answered in that time. Raises FleetError."""
        self.tally = Tally(began_at=time.perf_counter())
        until = self.tally.began_at + seconds
        while time.perf_counter() < until:
            self.turn(min(0.05, max(0.0, self.due[0][0] - time.perf_counter())) if self.due else 0.05)
        self.tally.ended_at = time.perf_counter()
        if self.faults:
            raise FleetError(f"{len(self.faults)} bad answers, the first: {self.faults[0]}")
        return self.tally

    def oldest_wait_s(self) -> float:
        """How long the longest unanswered CALL has been waiting."""
        now = time.perf_counter()
        return max(
            (now - charger.sent_at for charger in self.chargers.values() if charger.sent_at), default=0.0
        )

    def turn(self, timeout_s: float) -> None:
        """Serve what is ready once."""
        for descriptor, _ in self.epoll.poll(timeout_s):
            charger = self.chargers[descriptor]
            try:
                if charger.phase is Phase.CONNECTING:
                    self._greet(charger)
                else:
                    self._read(charger)
            except (OSError, ValueError, RefusedError) as error:
                self._lose(charger, f"{charger.voice.identity}: {type(error).__name__} {error}")
        now = time.perf_counter()
        while self.due and self.due[0][0] <= now:
            due_at, _, charger, answer = heapq.heappop(self.due)
            self._advance(charger, answer, due_at)

    def _greet(self, charger: Charger) -> None:
        if error := charger.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "cannot connect")
        charger.sock.send(
            wire.handshake(f"{self.host}:{self.port}", self.path.format(id=charger.voice.identity))
        )
        charger.phase = Phase.HANDSHAKE
        self.epoll.modify(charger.sock.fileno(), select.EPOLLIN)

    def _read(self, charger: Charger) -> None:
        data = charger.sock.recv(READ_AT_ONCE)
        if not data:
            raise ValueError("the server closed the connection")
        if (
            charger.phase is Phase.OPEN
            and not charger.inbox
            and data[0] == wire.WHOLE_TEXT
            and len(data) == data[1] + 2
        ):
            self._hear(charger, data[2:])  # nearly every answer: one short frame, alone
            return
        charger.inbox += data
        if charger.phase is Phase.HANDSHAKE and not self._opened(charger):
            return
        while charger.inbox and (frame := wire.take_frame(charger.inbox)) is not None:
            opcode, payload, charger.inbox = frame
            if opcode == wire.TEXT:
                self._hear(charger, payload)
            elif opcode == wire.PING:
                charger.sock.send(wire.pong_frame(payload))
            elif opcode != wire.PONG:
                raise ValueError(f"the server sent opcode {opcode}: {payload!r}")

    def _opened(self, charger: Charger) -> bool:
        """Whether the server's whole answer to the handshake is here; then the charger has spoken first."""
        head, end, rest = charger.inbox.partition(b"\r\n\r\n")
        if not end:
            return False
        if not wire.opened(head):
            raise ValueError(f"no websocket: {head[:300].decode(errors='replace')}")
        charger.inbox = rest
        charger.phase = Phase.OPEN
        self._advance(charger, None, time.perf_counter())
        return True

    def _hear(self, charger: Charger, text: bytes) -> None:
        expected = charger.voice.expected
        if charger.sent_at and (
            text.startswith(expected) or text.replace(b", ", b",", 2).startswith(expected)
        ):
            now = time.perf_counter()
            self.tally.latencies_s.append(now - charger.sent_at)
            charger.sent_at = 0.0
            if self.period_s:
                self._later(charger, charger.due_at + self.period_s, text)
            else:
                self._advance(charger, text, now)
        elif text.startswith(b"[2,"):
            _, message_id, action, _ = orjson.loads(text)
            answer = ANSWERS.get(action, {"status": "Accepted"})
            charger.sock.send(wire.text_frame(orjson.dumps([3, message_id, answer])))
            self.tally.calls_answered += 1
        else:
            raise ValueError(f"not the answer: {text[:300].decode(errors='replace')}")

    def _later(self, charger: Charger, due_at: float, answer: bytes) -> None:
        charger.due_at = due_at
        heapq.heappush(self.due, (due_at, charger.voice.number, charger, answer))

    def _advance(self, charger: Charger, answer: bytes | None, at: float) -> None:
        """Let the script speak on. `at` is when that was due: what a slow server delays counts as waiting."""
        frame = next(charger.script) if answer is None else charger.script.send(answer)
        if frame is None:
            charger.phase = Phase.WAITING
            self.waiting += 1
            return
        charger.sent_at = at
        if charger.sock.send(frame) != len(frame):
            raise OSError("the server does not read: a frame was cut")

    def _lose(self, charger: Charger, fault: str) -> None:
        self.faults.append(fault)
        charger.phase = Phase.LOST
        charger.sent_at = 0.0
        self.epoll.unregister(charger.sock.fileno())
        charger.sock.close()
