"""OCPP-J frames of both versions: reading, writing and remembering them (OCPP-J 1.6 §4.2)."""

import json
import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from itertools import count
from typing import Any

from csms.simulator.clock import real_now

Payload = dict[str, Any]


class MessageType(IntEnum):
    CALL = 2
    CALLRESULT = 3
    CALLERROR = 4


@dataclass(frozen=True)
class Call:
    message_id: str
    action: str
    payload: Payload

    def text(self) -> str:
        return _text([MessageType.CALL, self.message_id, self.action, self.payload])


@dataclass(frozen=True)
class CallResult:
    message_id: str
    payload: Payload

    def text(self) -> str:
        return _text([MessageType.CALLRESULT, self.message_id, self.payload])


@dataclass(frozen=True)
class CallError:
    message_id: str
    code: str
    description: str = ""

    def text(self) -> str:
        return _text([MessageType.CALLERROR, self.message_id, self.code, self.description, {}])


Message = Call | CallResult | CallError


def read_message(text: str) -> Message:
    """Raises ValueError when the text is no OCPP-J frame."""
    frame = json.loads(text)
    match frame:
        case [MessageType.CALL, str(message_id), str(action), dict(payload)]:
            return Call(message_id, action, payload)
        case [MessageType.CALLRESULT, str(message_id), dict(payload)]:
            return CallResult(message_id, payload)
        case [MessageType.CALLERROR, str(message_id), str(code), str(description), *_]:
            return CallError(message_id, code, description)
    raise ValueError(f"not an OCPP-J frame: {text[:80]}")


def _text(frame: list[Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))


class Direction(StrEnum):
    SENT = "sent"
    RECEIVED = "received"
    NOTE = "note"
    """Not a frame: something that happened to the connection."""


@dataclass(frozen=True)
class LoggedFrame:
    number: int
    at: datetime
    direction: Direction
    text: str


class FrameLog:
    """The last frames of one charger, oldest first. Any thread may add and read."""

    def __init__(self, size: int = 200) -> None:
        self._frames: deque[LoggedFrame] = deque(maxlen=size)
        self._numbers = count(1)

    def add(self, direction: Direction, text: str) -> None:
        """Stamped with real UTC time, whatever the simulated clock says; a new password is not kept."""
        text = re.sub(r'("AuthorizationKey", ?"value": ?")[^"]*', r"\1…", text)
        self._frames.append(LoggedFrame(next(self._numbers), real_now(), direction, text))

    def frames(self, after: int = 0) -> list[LoggedFrame]:
        """Those with a number above `after`, so that a page asks only for news."""
        return [frame for frame in self._frames.copy() if frame.number > after]
