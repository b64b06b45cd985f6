"""Card numbers and keys, made unreadable for those who need not read them. For every door alike."""

from __future__ import annotations

import re
from typing import Any

import orjson

CARD_NAMES = frozenset({"idTag", "parentIdTag", "idToken", "groupIdToken"})
SIGNED = "SignedData"  # the format of a value that a meter has put its signature to (1.6 §7.33)
OCMF = "OCMF|"  # how every text in the Open Charge Metering Format begins
_SIGNED_NAMES = frozenset({"value", "raw"})
SECRET_KEYS = ("authorizationkey", "basicauthpassword")  # without case
# Up to the last @ before a path: passwords may contain one.
_PASSWORD_IN_ADDRESS = re.compile(r"(://[^/@:\s]*:)[^/\s]+(@)")
DOTS = "•••"
LEFT_OUT = "…"  # stands where the password of an address was


def card(uid: str) -> str:
    """The first two and the last two characters."""
    return f"{uid[:2]}{DOTS}{uid[-2:]}" if len(uid) >= 8 else DOTS


def cards(value: Any) -> Any:
    """A payload of OCPP, or samples of a reading, with every card's number masked."""
    if isinstance(value, list):
        return [cards(each) for each in value]
    if not isinstance(value, dict):
        return value
    hidden = _SIGNED_NAMES if value.get("format") == SIGNED else frozenset()
    return {name: _masked(name, each, hidden) for name, each in value.items()}


def _masked(name: str, value: Any, hidden: frozenset[str]) -> Any:
    if not isinstance(value, str):
        return cards(value)
    if name in hidden or value.startswith(OCMF):
        return DOTS  # what a meter has signed names the card somewhere in it, in an encoding of its own
    return card(value) if name in CARD_NAMES else value


def cards_in_text(text: str | None) -> str | None:
    """A frame's text with card numbers masked; None for what cannot be read, as it may hold one."""
    if text is None:
        return None
    try:
        return orjson.dumps(cards(orjson.loads(text))).decode()
    except orjson.JSONDecodeError:
        return None


def keys(value: Any) -> Any:
    """A command's payload without the value of a charger's key (1.6 ChangeConfiguration, 2.0.1 SetVariables) and
    without passwords in addresses.
    """
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, list):
        return [keys(each) for each in value]
    if not isinstance(value, dict):
        return value
    variable = value.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else value.get("key")
    if isinstance(name, str) and name.casefold() in SECRET_KEYS:
        return {
            field: DOTS if field in ("value", "attributeValue") else each for field, each in value.items()
        }
    return {field: keys(each) for field, each in value.items()}


def without_password(text: str) -> str:
    """An address without its password, but with a sign that there is one; any other text as it is."""
    return _PASSWORD_IN_ADDRESS.sub(rf"\1{LEFT_OUT}\2", text) if "://" in text else text


def holds_password(text: str) -> bool:
    """Is there a password in an address, or the sign that one was there?"""
    return "://" in text and _PASSWORD_IN_ADDRESS.search(text) is not None


def lacks_password(text: str) -> bool:
    """Is it an address whose password was left out? It is of no use to whom it is sent."""
    return holds_password(text) and f":{LEFT_OUT}@" in text


def is_secret(name: str, *values: str | None) -> bool:
    """Is this configuration key a charger's own key, or is there a password in an address among its values?"""
    return name.casefold() in SECRET_KEYS or any(x and holds_password(x) for x in values)
