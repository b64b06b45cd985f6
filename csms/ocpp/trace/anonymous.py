"""A trace without who, where and which: made-up names take the places of identities, cards, serial numbers, addresses.

The same name always for the same thing, so that a trace still plays. What is not known to be harmless is replaced: only
words of the specification, numbers and times pass, and a frame that cannot be read is left blank.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from csms.ocpp.message import CALL_ERROR
from csms.ocpp.trace.shapes import CardLine, ChargerLine, FrameLine, Line, SessionLine

# Members whose texts are words of the specification, times, or the make of a charger.
_HARMLESS = frozenset(
    (
        "certificateType",
        "chargePointModel",
        "chargePointVendor",
        "chargingProfileKind",
        "chargingProfilePurpose",
        "chargingRateUnit",
        "context",
        "currentTime",
        "errorCode",
        "expiryDate",
        "firmwareVersion",
        "format",
        "hashAlgorithm",
        "installDateTime",
        "key",
        "latestTimestamp",
        "logType",
        "measurand",
        "messageId",
        "meterType",
        "oldestTimestamp",
        "phase",
        "reason",
        "recurrencyKind",
        "requestedMessage",
        "retrieveDate",
        "retrieveDateTime",
        "scheduleStart",
        "startSchedule",
        "startTime",
        "status",
        "stopTime",
        "timestamp",
        "type",
        "unit",
        "unknownKey",
        "updateType",
        "validFrom",
        "validTo",
        "vendorErrorCode",
        "vendorId",
    )
)
_KINDS = {
    "CARD": ("idTag", "parentIdTag"),
    "SERIAL": ("chargePointSerialNumber", "chargeBoxSerialNumber", "meterSerialNumber", "iccid", "imsi"),
    "PLACE": ("location", "remoteLocation", "fileName"),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_OUTLETS = frozenset(
    {"Body", "Cable", "EV", "Inlet", "Outlet"}
)  # 1.6 §7.30: where at the charger, not where on earth
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?|true|false", re.IGNORECASE)


class Names:
    """Made-up names, in the order in which what they stand for came up. Compared without case, as cards are."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()

    def of(self, kind: str, value: str) -> str:
        """The name of `value`, such as CARD-3; nothing stays nothing."""
        key = (kind, value.casefold())
        if value and key not in self._given:
            self._counts[kind] += 1
            self._given[key] = f"{kind}-{self._counts[kind]}"
        return self._given.get(key, value)


def anonymous(lines: Iterable[Line]) -> Iterator[Line]:
    """The trace with made-up names."""
    names = Names()
    for line in lines:
        match line:
            case ChargerLine():
                yield line.model_copy(update={"identity": names.of("CHARGER", line.identity)})
            case FrameLine():
                reply = None if line.reply is None else _frame(line.reply, names)
                yield line.model_copy(update={"frame": _frame(line.frame, names), "reply": reply})
            case SessionLine():
                yield line.model_copy(update={"id_tag": _card(line.id_tag, names)})
            case CardLine():
                parent_uid = _card(line.parent_uid, names)
                yield line.model_copy(update={"uid": _card(line.uid, names), "parent_uid": parent_uid})
            case _:
                yield line


def _card(uid: str | None, names: Names) -> str | None:
    return None if uid is None else names.of("CARD", uid)


def _frame(text: str, names: Names) -> str:
    """A message with made-up names in its payload and for its id; blank for what is no message."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(frame, list) or len(frame) < 3 or not isinstance(frame[0], int):
        return ""
    kind, message_id, *rest = frame
    if isinstance(message_id, str):
        message_id = names.of("ID", message_id)
    word = [rest.pop(0)] if isinstance(rest[0], str) else []  # an action, or the code of an error
    if kind == CALL_ERROR and rest and isinstance(rest[0], str):
        word.append(names.of("TEXT", rest.pop(0)))
    return orjson.dumps([kind, message_id, *word, *(_value("", x, names) for x in rest)]).decode()


def _value(name: str, value: Any, names: Names) -> Any:
    if isinstance(value, dict):
        return {member: _value(member, x, names) for member, x in value.items()}
    if isinstance(value, list):
        return [_value(name, x, names) for x in value]
    if not isinstance(value, str) or name in _HARMLESS:
        return value
    if (name == "value" and _NUMBER.fullmatch(value)) or (name == "location" and value in _OUTLETS):
        return value
    return names.of(_KIND_OF.get(name, "TEXT"), value)
