"""Frames as no charger should send them: good ones of 1.6, bent by a seeded hand."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

AT = "2026-03-14T09:26:53Z"
SAMPLE = {"value": "1204.5", "context": "Sample.Periodic", "measurand": "Power.Active.Import", "unit": "W"}
VALUES = [{"timestamp": AT, "sampledValue": [SAMPLE, {"value": "1500", "phase": "L1", "unit": "Wh"}]}]
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Authorize", {"idTag": "04A2B39F"}),
    ("BootNotification", {"chargePointVendor": "Fuzz", "chargePointModel": "F1", "firmwareVersion": "1.0"}),
    ("DataTransfer", {"vendorId": "org.example", "messageId": "hello", "data": "x"}),
    ("DiagnosticsStatusNotification", {"status": "Uploading"}),
    ("FirmwareStatusNotification", {"status": "Downloading"}),
    ("Heartbeat", {}),
    ("MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": VALUES}),
    ("StartTransaction", {"connectorId": 1, "idTag": "04A2B39F", "meterStart": 12, "timestamp": AT}),
    ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": AT}),
    ("StopTransaction", {"transactionId": 7, "meterStop": 90, "timestamp": AT, "transactionData": VALUES}),
    ("SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": AT}),
    (
        "SignCertificate",
        {"csr": "-----BEGIN CERTIFICATE REQUEST-----\nMII=\n-----END CERTIFICATE REQUEST-----"},
    ),
    ("LogStatusNotification", {"status": "Uploaded", "requestId": 4}),
    ("SignedFirmwareStatusNotification", {"status": "Installed", "requestId": 5}),
)
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**40,
    1e308,
    21.4,
    "",
    " ",
    "0",
    "-1",
    "12,5",
    "NaN",
    "Celcius",
    "accepted",
    "\x00",
    "\u202e<script>alert(1)</script>",
    "'; DROP TABLE charger; --",
    "{{ 7 * 7 }}",
    "x" * 300,
    "é" * 5_000,
    "1970-01-01T00:00:00Z",
    "2026-03-14T09:26:60.123456789+25:00",
    [],
    {},
    [[[[[[]]]]]],
    {"": {"": {}}},
)
RAW = (
    "NaN",
    "Infinity",
    "1e999",
    '"\\ud800"',
    "9" * 5_000,
    "[" * 200 + "]" * 200,
    '{"a":1,"a":2}',
    "",
    "tru",
    "'x'",
)


def good(dice: random.Random, number: int) -> str:
    """A frame as it should be."""
    action, payload = dice.choice(CALLS)
    return json.dumps([2, f"f{number}", action, payload])


def bent(dice: random.Random, number: int) -> str | bytes:
    """A frame with something wrong: in its shape, in its values, or in its very text."""
    action, payload = dice.choice(CALLS)
    frame: list[Any] = [2, f"f{number}", action, copy.deepcopy(payload)]
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        dice.choice(WAYS)(dice, frame)
    text = json.dumps(frame)
    return dice.choice(TEXT_WAYS)(dice, text) if dice.random() < 0.4 else text


def _odd(dice: random.Random) -> Any:
    """One of its own: what is bent further must not bend all others, nor come to hold itself."""
    return copy.deepcopy(dice.choice(ODD))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in (
        list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    ):
        yield value, key
        yield from _places(value[key])


def _a_place(dice: random.Random, frame: list[Any]) -> tuple[Any, Any]:
    places = list(_places(frame[3:])) if len(frame) > 3 else []
    return dice.choice(places[1:]) if len(places) > 1 else (frame, len(frame) - 1)


def _replace(dice: random.Random, frame: list[Any]) -> None:
    if frame:
        holder, key = _a_place(dice, frame)
        holder[key] = _odd(dice)


def _remove(dice: random.Random, frame: list[Any]) -> None:
    if frame:
        holder, key = _a_place(dice, frame)
        del holder[key]


def _add(dice: random.Random, frame: list[Any]) -> None:
    if frame and isinstance(frame[-1], dict):
        frame[-1][dice.choice(("vendorExtra", "status", "idTag", "", "__proto__"))] = _odd(dice)


def _repeat(dice: random.Random, frame: list[Any]) -> None:
    holder, key = _a_place(dice, frame) if frame else (frame, 0)
    if isinstance(holder, list) and holder:
        holder.extend(copy.deepcopy(holder[key : key + 1]) * dice.choice((1, 20)))


def _reshape(dice: random.Random, frame: list[Any]) -> None:
    """Another kind of message, another id, another name, one member more or less."""
    way = dice.randrange(5)
    if way == 0 and frame:
        frame[0] = dice.choice((3, 4, 1, 5, "2", 2.0, None, -2, 10**20))
    elif way == 1 and len(frame) > 1:
        frame[1] = dice.choice((None, 7, "", "i" * 60, {}, True, "\x00"))
    elif way == 2 and len(frame) > 2:
        frame[2] = dice.choice(("", "heartbeat", "Nonsense", None, 4, "H" * 5_000, "RemoteStartTransaction"))
    elif way == 3:
        frame.append(_odd(dice))
    elif frame:
        frame.pop()


def _cut(dice: random.Random, text: str) -> str:
    return text[: dice.randrange(len(text) + 1)]


def _flip(dice: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(dice.randint(1, 4)):
        if letters:
            letters[dice.randrange(len(letters))] = chr(
                dice.choice((0, 34, 44, 58, 91, 93, 123, 125, 0x2028, 0x1F50C))
            )
    return "".join(letters)


def _splice(dice: random.Random, text: str) -> str:
    place = text.find(":") + 1
    return text[:place] + dice.choice(RAW) + "," + text[place:] if place else text


def _other(dice: random.Random, text: str) -> str:
    return dice.choice(
        ("", "[]", "null", "{}", "[2]", "]", "\ufeff" + text, text * 2, f"[{text}]", " " * 70_000)
    )


def _binary(dice: random.Random, text: str) -> str | bytes:
    """What is no text frame ends the connection (with 1003), so it comes seldom."""
    return text.encode() if dice.random() < 0.02 else text


Way = Callable[[random.Random, list[Any]], None]
IN_PLACE: tuple[Way, ...] = (_replace, _replace, _remove, _add, _repeat)  # the frame itself stays whole
WAYS: tuple[Way, ...] = (*IN_PLACE, _reshape)
TEXT_WAYS: tuple[Callable[[random.Random, str], str | bytes], ...] = (_cut, _flip, _splice, _other, _binary)
