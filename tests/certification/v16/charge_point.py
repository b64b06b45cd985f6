"""A charger of 1.6 that says and answers what a test tells it to, and holds what it hears against the specification.

It knows the websocket and the schema files of the `ocpp` package, and nothing of the server's code:

    cp.sends("BootNotification", chargePointVendor="V", chargePointModel="M").gets(status="Accepted")
    cp.expects("Reset", type="Hard").answers(status="Accepted")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from ocpp.messages import MessageType

from tests.flows.peer import Order, Peer, basic, dial
from tests.live import LiveServer
from tests.spec16 import complaints

BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model", "firmwareVersion": "1.0"}
TIMES = {"currentTime", "expiryDate", "timestamp", "validFrom", "validTo", "startSchedule", "retrieveDate"}
TIMES |= {
    "retrieveDateTime",
    "installDateTime",
    "startTime",
    "stopTime",
    "oldestTimestamp",
    "latestTimestamp",
}


@dataclass(frozen=True)
class Answer:
    """What came back on a message of the charger's."""

    payload: dict[str, Any]

    def gets(self, **fields: Any) -> dict[str, Any]:
        """The answer holds `fields`; objects in them need only hold what is named. Returns all of it."""
        check_fields(self.payload, fields)
        return self.payload


@dataclass(frozen=True)
class Request:
    """What the server asks of the charger."""

    peer: Peer
    order: Order

    @property
    def payload(self) -> dict[str, Any]:
        return self.order.payload

    def answers(self, **payload: Any) -> dict[str, Any]:
        """Answer it. Returns what was asked."""
        conforms(MessageType.CallResult, self.order.action, payload)
        self.peer.answer(self.order, payload)
        return self.payload


@dataclass
class ChargePoint:
    """One charger, with a meter that goes on by 100 Wh whenever it is read."""

    server: LiveServer
    identity: str
    meter_wh: int = 1000
    _peer: Peer | None = field(default=None, init=False)

    @property
    def peer(self) -> Peer:
        assert self._peer is not None, "the charger is not connected"
        return self._peer

    @property
    def is_connected(self) -> bool:
        return self._peer is not None

    def connects(self, *, password: str | bytes | None = None, **how: Any) -> Self:
        """Dial. Raises websockets.exceptions.InvalidStatus when the server refuses."""
        how["authorization"] = None if password is None else basic(self.identity, password)
        self._peer = dial(self.server, f"/ws/ocpp/{self.identity}", **how)
        return self

    def disconnects(self) -> None:
        """Close the connection properly."""
        self.peer.close()
        self._peer = None

    def loses_connection(self) -> None:
        """The line is cut."""
        self.peer.hang_up()
        self._peer = None

    def sends(self, action: str, **payload: Any) -> Answer:
        """Send a message, and wait for its answer; a CALLERROR fails the test."""
        conforms(MessageType.Call, action, payload)
        reply = self.peer.tell(action, payload)
        conforms(MessageType.CallResult, action, reply)
        check_times(reply)
        return Answer(reply)

    def expects(self, action: str, **fields: Any) -> Request:
        """The next thing that the server asks is this; objects in `fields` need only hold what is named."""
        order = self.peer.order()
        assert order.action == action, f"expected {action}, got {order}"
        conforms(MessageType.Call, action, order.payload)
        check_times(order.payload)
        check_fields(order.payload, fields)
        return Request(self.peer, order)

    def is_left_in_peace(self) -> None:
        """Nothing that no operator has asked for has come: the server's answers are in the order of the wire."""
        if self.is_connected:
            self.sends("Heartbeat")
            assert self.peer.pending() == []

    # What a charger says by itself, told the same way in many cases.

    def boots(self, status: str = "Accepted") -> dict[str, Any]:
        """Connect where it is not, boot, and show every connector as free."""
        if not self.is_connected:
            self.connects()
        booted = self.sends("BootNotification", **BOOT).gets(status=status)
        for connector in (0, 1):
            self.shows("Available", connector)
        return booted

    def shows(self, status: str, connector: int = 1, error: str = "NoError") -> None:
        told = {"connectorId": connector, "status": status, "errorCode": error, "timestamp": utc()}
        assert self.sends("StatusNotification", **told).payload == {}

    def authorizes(self, id_tag: str, status: str = "Accepted") -> dict[str, Any]:
        """The idTagInfo of an Authorize."""
        info = self.sends("Authorize", idTag=id_tag).gets(idTagInfo={"status": status})["idTagInfo"]
        return dict(info)

    def starts(self, id_tag: str, status: str = "Accepted", **more: Any) -> int:
        """The transactionId of a StartTransaction."""
        told = {"connectorId": 1, "idTag": id_tag, "meterStart": self.reads(), "timestamp": utc()}
        begun = self.sends("StartTransaction", **told | more).gets(idTagInfo={"status": status})
        return int(begun["transactionId"])

    def measures(self, transaction_id: int) -> None:
        value = {"timestamp": utc(), "sampledValue": [{"value": str(self.reads()), "unit": "Wh"}]}
        told = {"connectorId": 1, "transactionId": transaction_id, "meterValue": [value]}
        assert self.sends("MeterValues", **told).payload == {}

    def stops(self, transaction_id: int, reason: str = "Local", **more: Any) -> dict[str, Any]:
        told = {"transactionId": transaction_id, "meterStop": self.reads(), "timestamp": utc()}
        return self.sends("StopTransaction", **told | {"reason": reason} | more).payload

    def reads(self) -> int:
        self.meter_wh += 100
        return self.meter_wh


def utc(after_s: float = 0) -> str:
    """The charger's clock, `after_s` from now."""
    at = datetime.now(UTC) + timedelta(seconds=after_s)  # noqa: TID251  a charger has a clock of its own
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def conforms(kind: int, action: str, payload: dict[str, Any]) -> None:
    """The specification's schema has nothing against it."""
    wrong = complaints(kind, action, payload)
    assert not wrong, f"{action} {payload!r}: {'; '.join(wrong)}"


def check_fields(payload: Any, fields: Any, where: str = "") -> None:
    """What `fields` names is in `payload`, to any depth."""
    if isinstance(fields, dict):
        assert isinstance(payload, dict), f"{where or 'the payload'} is {payload!r}"
        for name, wanted in fields.items():
            assert name in payload, f"{where}/{name} is missing in {payload!r}"
            check_fields(payload[name], wanted, f"{where}/{name}")
    else:
        assert payload == fields, f"{where} is {payload!r}, not {fields!r}"


def check_times(payload: dict[str, Any]) -> None:
    """1.6 §3.14: the central system tells times in UTC."""
    for name, value in _members(payload):
        if name in TIMES:
            assert datetime.fromisoformat(value).utcoffset() == timedelta(), f"{name} is {value}"


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name, member
            yield from _members(member)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item)
