"""What can be ordered of many chargers at once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from csms.domain.base import Invalid
from csms.domain.commands import Kind

# Keys that decide who is let in: what is asked of a connection must follow them, so they are set one charger at a time.
GUARDED = frozenset({"authorizationkey", "securityprofile"})
MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked. `includes_busy`: also of chargers at which somebody charges, who is interrupted by it."""

    kind: Kind
    arguments: Mapping[str, Any]
    includes_busy: bool = False

    @property
    def interrupts(self) -> bool:
        """Does it end or disturb sessions?"""
        return self.kind in (Kind.RESET, Kind.UNLOCK)

    @property
    def is_grave(self) -> bool:
        """Must somebody confirm that they mean so many?"""
        is_closing = self.kind is Kind.AVAILABILITY and not self.arguments["is_operative"]
        return self.interrupts or is_closing or self.kind is Kind.CHANGE_CONFIGURATION

    @property
    def is_by_connector(self) -> bool:
        """Is it asked once for each connector?"""
        return self.kind is Kind.UNLOCK and "evse" not in self.arguments


def checked(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an order, as commands have them. Raises Invalid."""
    if kind not in KINDS:
        raise Invalid("This can not be asked of many chargers at once: %(kind)s.", "kind", kind=kind)
    wanted = KINDS[kind]
    if unknown := given.keys() - wanted.keys():
        raise Invalid("There is no %(unknown)s in this order.", min(unknown), unknown=min(unknown))
    found = {name: check(name, given.get(name)) for name, check in wanted.items()}
    return {name: value for name, value in found.items() if value is not None}


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid("Say yes or no.", name)
    return value


def _evse(name: str, value: Any) -> int | None:
    """None: the whole charger, or each of its connectors."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1000:
        raise Invalid("A connector is a number from 1 on.", name)
    return value


def _text(longest: int, *, is_needed: bool = True) -> Callable[[str, Any], str | None]:
    def check(name: str, value: Any) -> str | None:
        if value is None or value == "":
            if is_needed:
                raise Invalid("Something is missing: fill in every field.", name)
            return None
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            raise Invalid("At most %(longest)s printable characters, please.", name, longest=longest)
        return value

    return check


def _changeable(name: str, value: Any) -> str | None:
    text = _text(50)(name, value)
    if text is not None and text.casefold() in GUARDED:
        raise Invalid("This one is changed at each charger, under Security, where the server follows.", name)
    return text


def _value(name: str, value: Any) -> str:
    return _text(500, is_needed=False)(name, value) or ""


def _names(name: str, value: Any) -> list[str] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list) or len(value) > MOST_NAMES:
        raise Invalid("Name at most %(most_names)s keys.", name, most_names=MOST_NAMES)
    return [x for x in (_text(50)(name, y) for y in value) if x]


KINDS: Mapping[Kind, Mapping[str, Callable[[str, Any], Any]]] = {
    Kind.RESET: {"is_hard": _flag},
    Kind.AVAILABILITY: {"is_operative": _flag, "evse": _evse},
    Kind.TRIGGER: {"message": _text(50), "evse": _evse},
    Kind.UNLOCK: {"evse": _evse},
    Kind.GET_CONFIGURATION: {"keys": _names},
    Kind.CHANGE_CONFIGURATION: {"name": _changeable, "value": _value},
    Kind.CLEAR_CACHE: {},
    Kind.SEND_LOCAL_LIST: {"is_full": _flag},
    Kind.DATA_TRANSFER: {
        "vendor_id": _text(255),
        "message_id": _text(50, is_needed=False),
        "data": _text(4000, is_needed=False),
    },
}
