"""OCPP-J messages: text in, a Call, CallResult, CallError or Garbage out; and ours put together (OCPP-J 1.6 §4.2)."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import orjson

from csms import masks
from csms.domain.frames import Deviation
from csms.sentences import told

CALL, CALL_RESULT, CALL_ERROR = 2, 3, 4
MOST_DEPTH = 32
MOST_VALUES = 10_000  # in one message; but a StopTransaction with days of samples is legal (1.6 errata 3.89)
LONGEST_ECHO = 255  # longer ones are not even told what is wrong with them
LONGEST_ID = 36  # 2.0.1 part 4 §4.1.4; 1.6 gives no length but this is the schema's

_HEADING = re.compile(r'\[2,"([ !#-\[\]-~]{1,36})","(\w{1,64})",')
_CALL_ID = re.compile(r'\s*\[\s*2\s*,\s*"([ !#-\[\]-~]{1,36})"\s*,')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

MessageId = (
    str | int
)  # an integer where a charger numbers its messages instead: it gets the same integer back


@dataclass(slots=True)
class Call:
    """[2, id, action, payload]. `repairs`: what was wrong with the text, which could be read all the same.

    `doubt`: why it must not be acted on, unless it would be lost for good: it tells of a transaction.
    """

    id: MessageId
    action: str
    payload: Any
    repairs: tuple[Deviation, ...] = ()
    doubt: str | None = None


class Heading(NamedTuple):
    """What a CALL says before its payload."""

    id: str
    action: str


@dataclass(slots=True)
class CallResult:
    """[3, id, payload]."""

    id: MessageId
    payload: Any


@dataclass(slots=True)
class CallError:
    """[4, id, code, description, details]."""

    id: MessageId
    code: str
    description: str
    details: Any


@dataclass(slots=True)
class Garbage:
    """No message. `id` if one could be read; `is_type_unknown`: well-formed, but of a type that does not exist."""

    reason: str
    id: MessageId | None = None
    is_type_unknown: bool = False
    deviation: Deviation = Deviation.MESSAGE_SHAPE


Message = Call | CallResult | CallError | Garbage


def heading(text: str) -> Heading | None:
    """How a CALL begins, if it is written without frills. What follows may still turn out to be Garbage."""
    found = _HEADING.match(text)
    return Heading(found[1], found[2]) if found else None


def parse(text: str) -> Message:
    """Read one frame's text. Never raises: what cannot be read is Garbage with its reason."""
    try:
        value, doubts = _read(text)
    except ValueError as error:
        return Garbage(
            told("not valid JSON: %(error)s", error=error)[:200], _id_in(text), deviation=Deviation.NOT_JSON
        )
    message_id = _readable_id(value)
    answered_under = (
        message_id if isinstance(value, list) and value and value[0] == CALL else None
    )  # answers get no answer
    if not isinstance(value, list) or not value:
        return Garbage(told("not an OCPP message: [type, id, …] is expected"))
    if type(value[0]) is not int or value[0] not in (CALL, CALL_RESULT, CALL_ERROR):
        return Garbage(told("there is no such message type"), message_id, is_type_unknown=True)
    if len(value) < 3:
        return Garbage(told("not an OCPP message: [type, id, …] is expected"), answered_under)
    if message_id is None or (isinstance(message_id, str) and len(message_id) > LONGEST_ID):
        return Garbage(told("the message id must be a string of 1 to 36 characters"), answered_under)
    if value[0] == CALL:
        return _call(value, message_id, doubts)
    if doubts is not None and Deviation.TOO_BIG in doubts.repairs:
        return Garbage(doubts.why or "", deviation=Deviation.TOO_BIG)
    if value[0] == CALL_RESULT:
        return CallResult(message_id, value[2])
    given = value[2:5]
    blank: list[Any] = ["", "", {}]
    code, description, details = [*given, *blank[len(given) :]]
    return CallError(message_id, str(code)[:50], str(description)[:255], details)


def _call(value: list[Any], message_id: MessageId, doubts: "_Doubts | None") -> Call | Garbage:
    if not isinstance(value[2], str) or not value[2]:
        return Garbage(told("the action must be a string"), message_id)
    if len(value) == 4 and doubts is None and type(message_id) is str:
        return Call(message_id, value[2], value[3])
    if len(value) > 4:
        return Garbage(told("a CALL has four elements"), message_id)
    doubts = doubts or _Doubts()
    if type(message_id) is int:
        doubts.note(Deviation.MESSAGE_ID_NUMBER)
    if len(value) == 3:  # OCPP-J 1.6 §4.2.1: nothing to say may be null or {}; some leave it out
        doubts.note(Deviation.PAYLOAD_NULL)
        value.append({})
    return Call(message_id, value[2], value[3], tuple(doubts.repairs), doubts.why)


def _readable_id(value: object) -> MessageId | None:
    """The id of a message if it can be answered under it. Numbers are taken as some firmware sends them (F39)."""
    if not isinstance(value, list) or len(value) < 2:
        return None
    candidate = value[1]
    if isinstance(candidate, str):
        return candidate if 0 < len(candidate) <= LONGEST_ECHO else None
    return candidate if type(candidate) is int and abs(candidate) < 2**63 else None


def _id_in(text: str) -> str | None:
    """The id of a CALL that is no valid JSON (F30): whoever sent it is told so, and need not wait for an answer."""
    found = _CALL_ID.match(text)
    return found[1] if found else None


@dataclass(slots=True)
class _Doubts:
    """What reading a text has found against it. `why`: the worst of it in words, if it can mean two things."""

    repairs: list[Deviation] = field(default_factory=list)
    why: str | None = None

    def note(self, deviation: Deviation, why: str | None = None) -> None:
        if deviation not in self.repairs:
            self.repairs.append(deviation)
        self.why = self.why or why

    def object_of(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """The last of equal keys counts, as it does for most parsers; with different values that is a guess (F31)."""
        value = dict(pairs)
        if len(value) != len(pairs):
            is_same = all(value[key] == given for key, given in pairs)
            self.note(Deviation.KEY_TWICE, None if is_same else told("a key stands twice in one object"))
        return value


def _read(text: str) -> tuple[Any, _Doubts | None]:
    """(value, what is against it, if anything). Raises ValueError for what is no JSON at all (F30 to F32)."""
    doubts = None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        doubts = _Doubts()
        value = _reread(text, error, doubts)
        _refuse_depth(value)
    else:
        if text.count("[") + text.count("{") > MOST_DEPTH:
            _refuse_depth(value)
        if _may_have_twins(text, value):
            doubts = _Doubts()
            json.loads(text, object_pairs_hook=doubts.object_of, parse_constant=_refuse_constant)
    if len(text) > 2 * MOST_VALUES and text.count(",") >= MOST_VALUES and _count(value) > MOST_VALUES:
        doubts = doubts or _Doubts()
        doubts.note(Deviation.TOO_BIG, told("more than %(most)s values in one message", most=MOST_VALUES))
    return value, doubts if doubts and doubts.repairs else None


def _may_have_twins(text: str, value: Any) -> bool:
    """The strict parser keeps the last of two equal keys. Then quotation marks are missing from what it kept."""
    kept = orjson.dumps(value)
    if kept == text.encode():  # written as we would: that is all of it
        return False
    return text.count('"') != kept.count(b'"') or "\\u0022" in text


def _reread(text: str, error: ValueError, doubts: _Doubts) -> Any:
    """Read text whose only fault is a lone surrogate in a string, which becomes U+FFFD. Raises `error` otherwise."""
    try:
        value = json.loads(text, object_pairs_hook=doubts.object_of, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise error from None
    cleaned = _LONE_SURROGATE.sub("�", json.dumps(value, ensure_ascii=False))
    doubts.note(Deviation.BAD_UNICODE)
    try:
        return orjson.loads(cleaned)
    except orjson.JSONDecodeError:
        raise error from None


def _count(value: Any) -> int:
    """How many values there are in a value, itself and containers included."""
    total, rest = 0, [value]
    while rest:
        total += 1
        last = rest.pop()
        if isinstance(last, (list, dict)):
            rest += last.values() if isinstance(last, dict) else last
    return total


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _refuse_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise ValueError(f"nested deeper than {MOST_DEPTH}")
        level = [
            child
            for parent in level
            if isinstance(parent, (list, dict))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]


def call(message_id: str, action: str, payload: dict[str, Any]) -> str:
    """The text of a CALL of ours."""
    return orjson.dumps([CALL, message_id, action, payload]).decode()


def result(message_id: MessageId, payload: dict[str, Any]) -> str:
    """The text of an answer."""
    return orjson.dumps([CALL_RESULT, message_id, payload]).decode()


def error(message_id: MessageId, code: str, description: str) -> str:
    """The text of a refusal. The description is ours: it never repeats what was sent."""
    return orjson.dumps([CALL_ERROR, message_id, code, description[:255], {}]).decode()


# What must not stand in the journal: keys and passwords, in whichever order a configuration item has its members.
_HIDDEN = r"(?:AuthorizationKey|BasicAuthPassword|SecurityCtrlr\.BasicAuthPassword)"
_SECRETS = (
    re.compile(
        rf'("(?:key|name)"\s*:\s*"{_HIDDEN}"[^{{}}]*?"value"\s*:\s*")(?:[^"\\]|\\.)*(")', re.IGNORECASE
    ),
    re.compile(
        rf'("value"\s*:\s*")(?:[^"\\]|\\.)*("[^{{}}]*?"(?:key|name)"\s*:\s*"{_HIDDEN}")', re.IGNORECASE
    ),
    re.compile(
        rf'("attributeValue"\s*:\s*")(?:[^"\\]|\\.)*("(?:[^{{}}]|{{[^{{}}]*}})*?{_HIDDEN})',
        re.IGNORECASE,
    ),
    re.compile(
        rf'({_HIDDEN}(?:[^{{}}]|{{[^{{}}]*}}|}})*?"attributeValue"\s*:\s*")(?:[^"\\]|\\.)*(")',
        re.IGNORECASE,
    ),
    # Up to the last @ before a path: passwords may contain one.
    re.compile(r"(\b(?:https?|ftps?|sftp)://[^/@:\s\"]*:)[^/\s\"]*(@)", re.IGNORECASE),
    # The secret part of our own addresses for logs and firmware.
    re.compile(r"(/transfers/)[\w-]{22}()"),
)


_KEY, _PASSWORD = masks.SECRET_KEYS


def _may_hold_secret(text: str) -> bool:
    """Looks for what is quick to look for: a colon stands in every message, and two slashes in few that have one."""
    if "/" in text and "//" in text:
        return True
    folded = text.casefold()
    return _KEY in folded or _PASSWORD in folded


# What is to be escaped in a line becomes NUL, all else of ASCII small: one walk, and what follows looks for it quickly.
_FOLDED = bytes(0 if x < 0x20 or x >= 0x7F else ord(chr(x).lower()) for x in range(256))


def is_plain(text: str) -> bool:
    """Whether it is ASCII with nothing to hide or to escape: so are nearly all texts, and many together as well."""
    if not text.isascii() or ("/" in text and "//" in text):
        return False
    folded = text.encode().translate(_FOLDED)
    return b"\x00" not in folded and not any(word.encode() in folded for word in masks.SECRET_KEYS)


def without_secrets(value: dict[str, Any]) -> dict[str, Any]:
    """A JSON object without keys and passwords."""
    cleaned: dict[str, Any] = orjson.loads(redacted(orjson.dumps(value).decode()))
    return cleaned


def held_secret(redacted_text: str) -> bool:
    """Was a key or password taken out of this text? What is left of such a message is of no use to another system."""
    return _may_hold_secret(redacted_text) and any(x.search(redacted_text) for x in _SECRETS)


def redacted(text: str) -> str:
    """`text` without keys and passwords, as the journal keeps it; NUL becomes U+FFFD, which any database can hold."""
    if "\x00" in text:
        text = text.replace("\x00", "�")
    if _may_hold_secret(text):
        for pattern in _SECRETS:
            text = pattern.sub(r"\1…\2", text)
    return text
