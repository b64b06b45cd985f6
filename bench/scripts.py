"""What a charger says: one generator per mode, so that a fleet of thousands costs no thread and no task.

A script yields a whole frame and is sent the server's `[3,…]` text. It yields None once, when it is set
up: the fleet waits there for its last member, and what follows is what is measured.
"""

import time
from collections.abc import Callable, Generator
from itertools import count
from uuid import uuid4

import orjson

from bench.wire import text_frame

Script = Generator[bytes | None, bytes, None]

BOOT = (
    b'"BootNotification",{"chargePointVendor":"Bench","chargePointModel":"One",'
    b'"chargePointSerialNumber":"%b","firmwareVersion":"1.0.0"}'
)
HEARTBEAT = b'"Heartbeat",{}'
AUTHORIZE = b'"Authorize",{"idTag":"%b"}'
STATUS = b'"StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"%b","timestamp":"%b"}'
START = b'"StartTransaction",{"connectorId":1,"idTag":"%b","meterStart":%d,"timestamp":"%b"}'
STOP = (
    b'"StopTransaction",{"transactionId":%d,"idTag":"%b","meterStop":%d,"timestamp":"%b",'
    b'"reason":"EVDisconnected"}'
)


def _sample(value: str, measurand: str, unit: str, phase: str = "", location: str = "Outlet") -> str:
    on_phase = f'"phase":"{phase}",' if phase else ""
    return (
        f'{{"value":"{value}","context":"Sample.Periodic","format":"Raw","measurand":"{measurand}",'
        f'{on_phase}"location":"{location}","unit":"{unit}"}}'
    )


# Ten samples, as a three-phase wallbox sends them each minute: 1.5 kB of text.
METER_VALUES = (
    '"MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%b","sampledValue":['
    + ",".join(
        (
            _sample("%d", "Energy.Active.Import.Register", "Wh"),
            _sample("%d", "Power.Active.Import", "W"),
            *(
                _sample(f"{15 + number / 10:.1f}", "Current.Import", "A", f"L{number}")
                for number in (1, 2, 3)
            ),
            *(_sample(f"{229 + number}.4", "Voltage", "V", f"L{number}-N") for number in (1, 2, 3)),
            _sample("16.0", "Current.Offered", "A"),
            _sample("41.5", "Temperature", "Celsius", location="Body"),
        )
    )
    + "]}]}"
).encode()


class Clock:
    """UTC to the millisecond as OCPP text, at the price of one division: the second's text is kept."""

    def __init__(self) -> None:
        self.second = 0
        self.text = ""

    def stamp(self, at_ms: int) -> bytes:
        second, rest_ms = divmod(at_ms, 1000)
        if second != self.second:
            self.second, self.text = second, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        return f"{self.text}{rest_ms:03d}Z".encode()


CLOCK = Clock()


class Voice:
    """Makes one charger's CALLs: unique ids of 36 characters, times that only go forward, a running meter."""

    def __init__(self, identity: str, number: int) -> None:
        self.identity = identity
        self.number = number
        self.id_tag = f"BENCH{number:07d}".encode()
        self.prefix = uuid4().hex[:24].encode()
        self.serial = 0
        self.last_ms = 0
        self.energy_wh = 1_000_000 + number
        self.expected = b""  # how the answer to the open CALL begins

    def call(self, body: bytes) -> bytes:
        self.serial += 1
        message_id = b"%b%012x" % (self.prefix, self.serial)
        self.expected = b'[3,"%b",' % message_id
        return text_frame(b'[2,"%b",%b]' % (message_id, body))

    def now(self) -> bytes:
        """The time of a new reading; never the same twice, or a CSMS may rightly take it for a repetition."""
        self.last_ms = max(self.last_ms + 1, time.time_ns() // 1_000_000)
        return CLOCK.stamp(self.last_ms)

    def boot(self) -> bytes:
        return self.call(BOOT % self.identity.encode())

    def status(self, status: bytes) -> bytes:
        return self.call(STATUS % (status, self.now()))

    def start(self) -> bytes:
        return self.call(START % (self.id_tag, self.energy_wh, self.now()))

    def meter_values(self, transaction_id: int) -> bytes:
        self.energy_wh += 1
        power_w = 10_000 + self.energy_wh % 1000
        return self.call(METER_VALUES % (transaction_id, self.now(), self.energy_wh, power_w))

    def stop(self, transaction_id: int) -> bytes:
        return self.call(STOP % (transaction_id, self.id_tag, self.energy_wh, self.now()))


class RefusedError(Exception):
    """The server answered, but not as the script needs: not accepted, or no transaction."""


def accepted(answer: bytes) -> None:
    if b'"Accepted"' not in answer:
        raise RefusedError(answer.decode(errors="replace"))


def transaction_of(answer: bytes) -> int:
    accepted(answer)
    return int(orjson.loads(answer)[2]["transactionId"])


def heartbeat(voice: Voice) -> Script:
    accepted((yield voice.boot()))
    yield None
    while True:
        yield voice.call(HEARTBEAT)


def meter_values(voice: Voice) -> Script:
    """MeterValues of ten samples without end, in one transaction begun before the start."""
    accepted((yield voice.boot()))
    transaction_id = transaction_of((yield voice.start()))
    yield None
    while True:
        yield voice.meter_values(transaction_id)


SESSION_MESSAGES = 10


def sessions(voice: Voice) -> Script:
    """Whole charging sessions of ten messages, one after the other.

    Charger n says n messages of its first session before the start: a fleet in step would send all its
    cheap messages together, and a window would catch a mix that is not a session's.
    """
    accepted((yield voice.boot()))
    messages = _endless_sessions(voice)
    frame = next(messages)
    for number in count():
        if number == voice.number % SESSION_MESSAGES:
            yield None
        frame = messages.send((yield frame))


def _endless_sessions(voice: Voice) -> Generator[bytes, bytes, None]:
    while True:
        yield voice.status(b"Preparing")
        accepted((yield voice.call(AUTHORIZE % voice.id_tag)))
        transaction_id = transaction_of((yield voice.start()))
        yield voice.status(b"Charging")
        for _ in range(3):
            yield voice.meter_values(transaction_id)
        yield voice.stop(transaction_id)
        yield voice.status(b"Finishing")
        yield voice.status(b"Available")


def storm(voice: Voice) -> Script:
    """Connect and boot; the time until every charger is through is the figure."""
    accepted((yield voice.boot()))
    yield None


def hold(voice: Voice) -> Script:
    """An idle charger: booted, one connector available, silent, but it answers what it is asked."""
    accepted((yield voice.boot()))
    yield voice.status(b"Available")
    yield None


SCRIPTS: dict[str, Callable[[Voice], Script]] = {
    "heartbeat": heartbeat, "metervalues": meter_values, "sessions": sessions, "storm": storm, "hold": hold,
}  # fmt: skip
