"""What can be saved of a payload that its schema refuses. Pure; only ever called when there is something against it.

The schema itself says what was meant: a number where a text belongs is written out, a word in other letters becomes
the word. Whatever has no sure meaning stays as it is, for the handler to judge. Every step is named.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from csms.domain.frames import Deviation, Found

_COMMA = re.compile(r"\s*(-?\d+),(\d+)\s*")
_THOUSANDS = re.compile(r"\s*-?\d{1,3}(?:,\d{3})+\s*")
_SEPARATORS = str.maketrans("", "", " ._-")
_GONE = object()


def decimal(text: str) -> float | None:
    """The number of "12.5", and of "12,5" as some chargers write it; None for no number, or one that may be two."""
    try:
        value = float(text)
    except ValueError:
        comma = _COMMA.fullmatch(text)
        if comma is None or _THOUSANDS.fullmatch(text):
            return None
        value = float(f"{comma[1]}.{comma[2]}")
    return value if math.isfinite(value) else None


def mend(schema: dict[str, Any], payload: Any) -> tuple[Any, list[Found]]:
    """(`payload` as near to `schema` as it can be brought for sure, what was found on the way). The given one stays."""
    mender = _Mender(schema)
    if not isinstance(payload, dict) and schema.get("type") == "object":
        if payload is not None and payload != []:
            mender.note(Deviation.WRONG_TYPE, "")
            return payload, mender.found
        mender.note(Deviation.PAYLOAD_NULL, "")
        payload = {}
    return mender.value(schema, payload, "", is_needed=True), mender.found


@dataclass(slots=True)
class _Mender:
    root: dict[str, Any]
    found: list[Found] = field(default_factory=list)

    def note(self, deviation: Deviation, place: str) -> None:
        self.found.append((deviation, place))

    def value(self, schema: dict[str, Any], given: Any, place: str, *, is_needed: bool) -> Any:
        """The value to take; _GONE when it is better left out."""
        if "$ref" in schema:
            schema = self.root["definitions"][schema["$ref"].rpartition("/")[2]]
        match schema.get("type"):
            case "object":
                return self._object(schema, given, place)
            case "array":
                return self._list(schema, given, place)
            case "string":
                return self._text(schema, given, place, is_needed=is_needed)
            case "integer" | "number" as kind:
                return self._number(kind, given, place, is_needed=is_needed)
            case "boolean":
                return self._truth(given, place)
        return given

    def _object(self, schema: dict[str, Any], given: Any, place: str) -> Any:
        if not isinstance(given, dict):
            self.note(Deviation.WRONG_TYPE, place)
            return given
        members: dict[str, Any] = schema.get("properties", {})
        needed = schema.get("required", ())
        result = {}
        for name, value in self._named(schema, members, given, place).items():
            inner = f"{place}.{name}" if place else name
            if value is None:
                self.note(Deviation.MEMBER_NULL, inner)
                continue
            is_needed = name in needed
            mended = (
                self.value(members[name], value, inner, is_needed=is_needed) if name in members else value
            )
            if mended is not _GONE:
                result[name] = mended
        for name in needed:
            if name not in result:
                self.note(Deviation.MEMBER_MISSING, f"{place}.{name}" if place else name)
        return result

    def _named(
        self, schema: dict[str, Any], members: dict[str, Any], given: dict[str, Any], place: str
    ) -> dict[str, Any]:
        """The members under their right names, without those that there are not."""
        folded = {_folded(name): name for name in members}
        named = {}
        for name, value in given.items():
            right = name if name in members else folded.get(_folded(name))
            if right is not None and (right == name or right not in given):
                if right != name:
                    self.note(Deviation.MEMBER_MISSPELT, f"{place}.{right}" if place else right)
                named[right] = value
            elif schema.get("additionalProperties") is False:
                self.note(Deviation.MEMBER_UNEXPECTED, place)  # names of strangers' own are not for our books
            else:
                named[name] = value
        return named

    def _list(self, schema: dict[str, Any], given: Any, place: str) -> Any:
        if isinstance(given, dict):
            self.note(Deviation.SINGLE_FOR_LIST, place)
            given = [given]
        if not isinstance(given, list):
            self.note(Deviation.WRONG_TYPE, place)
            return given
        if len(given) < schema.get("minItems", 0):
            self.note(Deviation.LIST_EMPTY, place)
        if None in given:
            self.note(Deviation.MEMBER_NULL, place)
        items = schema.get("items", {})
        mended = [self.value(items, x, place, is_needed=True) for x in given if x is not None]
        return [x for x in mended if x is not _GONE]

    def _text(self, schema: dict[str, Any], given: Any, place: str, *, is_needed: bool) -> Any:
        if isinstance(given, bool) or not isinstance(given, (str, int, float)):
            self.note(Deviation.WRONG_TYPE, place)
            return given if not isinstance(given, bool) else str(given).lower()
        if not isinstance(given, str):
            self.note(Deviation.NUMBER_FOR_TEXT, place)
            given = str(given)
        words = schema.get("enum")
        if words and given not in words:
            return self._word(words, given, place, is_needed=is_needed)
        if len(given) > schema.get("maxLength", math.inf):
            self.note(Deviation.TEXT_TOO_LONG, place)
        return given

    def _word(self, words: list[str], given: str, place: str, *, is_needed: bool) -> Any:
        if not given.strip() and not is_needed:
            self.note(Deviation.TEXT_EMPTY, place)
            return _GONE
        right = next((word for word in words if _folded(word) == _folded(given)), None)
        self.note(Deviation.WORD_UNKNOWN if right is None else Deviation.WORD_CASE, place)
        return given if right is None else right

    def _number(self, kind: str, given: Any, place: str, *, is_needed: bool) -> Any:
        value = given
        if isinstance(given, str):
            if not given.strip() and not is_needed:
                self.note(Deviation.TEXT_EMPTY, place)
                return _GONE
            value = None if kind == "integer" and "," in given else decimal(given)
            self.note(Deviation.WRONG_TYPE if value is None else Deviation.TEXT_FOR_NUMBER, place)
            if value is None:
                return given
        elif isinstance(given, bool) or not isinstance(given, (int, float)):
            self.note(Deviation.WRONG_TYPE, place)
            return given
        if kind == "integer" and isinstance(value, float):
            if not isinstance(given, str):
                self.note(Deviation.FRACTION_FOR_WHOLE, place)
            return round(value)
        return value

    def _truth(self, given: Any, place: str) -> Any:
        if isinstance(given, bool):
            return given
        truth = {"true": True, "1": True, "false": False, "0": False}.get(str(given).strip().lower())
        self.note(Deviation.WRONG_TYPE if truth is None else Deviation.TEXT_FOR_TRUTH, place)
        return given if truth is None else truth


def _folded(name: str) -> str:
    return name.translate(_SEPARATORS).casefold()
