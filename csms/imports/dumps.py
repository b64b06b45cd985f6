"""Django's `dumpdata`, as JSON or a JSON object a line; and the users that every Django project has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from csms.domain.accounts import Profile, Role
from csms.domain.accounts.passwords import is_first_tried, taken_over
from csms.domain.base import Invalid
from csms.imports.records import Account, Ignored, LeftOut, Row, User
from csms.imports.values import Item, each, structure

# Of Django itself: nothing of it is needed here.
OWN = frozenset({"session", "contenttype", "permission", "logentry", "group", "migration", "site"})


class Unreadable(Exception):
    """The file is no dump; the message is for whoever gave it."""


class Dump:
    """The rows of a dump by the name of their model; the application that it is of does not matter."""

    def __init__(self, path: Path) -> None:
        self._rows: dict[str, list[Item]] = {}
        self._used: set[str] = set()
        for row in _rows(path.read_bytes()):
            try:
                model, key, fields = row["model"], row.get("pk"), row["fields"]
            except (TypeError, KeyError):
                raise Unreadable("A row of a dump has model, pk and fields: write it by dumpdata.") from None
            self._rows.setdefault(model.rpartition(".")[2].lower(), []).append(Item(str(key), fields))

    def rows(self, *models: str) -> list[Item]:
        """The rows of these models, in the order of the dump."""
        self._used.update(models)
        return [row for model in models for row in self._rows.get(model, [])]

    def has(self, model: str) -> bool:
        return model in self._rows

    def rest(self, reasons: dict[str, str]) -> Iterator[Ignored]:
        """What nobody has asked for."""
        for model, rows in self._rows.items():
            if model not in self._used | OWN:
                yield Ignored(model, len(rows), reasons.get(model, "there is no such thing here"))


def _rows(text: bytes) -> Iterator[dict[str, Any]]:
    try:
        if text.lstrip().startswith(b"["):
            yield from orjson.loads(text)
        else:
            yield from (orjson.loads(line) for line in text.splitlines() if line.strip())
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"The dump is no JSON: {error}") from None


def account_key(user: object) -> str:
    """What the account of a user is called."""
    return f"user:{user}"


def accounts_of(dump: Dump, owners: set[str]) -> Iterator[Row]:
    """An account for each user who drives, or who is among `owners` (of cards, cars or credit)."""
    for item in dump.rows("user"):
        if item.key in owners or _role(item) is Role.DRIVER:
            yield Account(account_key(item.key), _name(item), item.text("email"))


def users_of(dump: Dump, owners: set[str], more: Mapping[str, Item] = MappingProxyType({})) -> Iterator[Row]:
    """Those who log in, with the passwords that they have; `more`: what a table of profiles says of them, by user."""
    for row in each("user", dump.rows("user"), lambda item: _user(item, owners, more.get(item.key))):
        yield row
        if isinstance(row, User) and row.password_hash is None:
            yield LeftOut("password", row.username, "It cannot be taken over: set a new one.")


def _user(item: Item, owners: set[str], more: Item | None) -> User:
    username = item.text("username")
    if username is None:
        raise Invalid("It has no username.")
    role = _role(item)
    stored = taken_over(item.text("password") or "")
    if stored and role is not Role.DRIVER and is_first_tried(stored, username):
        stored = None  # a password that anybody would try opens no operator's account
    return User(
        key=item.key,
        username=username,
        password_hash=stored,
        role=role,
        email=item.text("email"),
        is_enabled=bool(item.fields.get("is_active", True)),
        account=account_key(item.key) if item.key in owners or role is Role.DRIVER else None,
        profile=_profile(item, more),
    )


def _profile(item: Item, more: Item | None) -> Profile:
    wish = more.given("tariff_preference") if more else None
    return Profile(
        first_name=item.text("first_name"),
        last_name=item.text("last_name"),
        phone_number=item.text("phone_number"),
        language=None,
        time_zone=more.text("timezone") if more else None,
        image=None,
        sockets=tuple(structure((more.given("chargepoint_sockets") if more else None) or [])),
        tariff_preference=Decimal(str(wish)) if wish is not None else None,
    )


def _role(item: Item) -> Role:
    if item.given("is_superuser"):
        return Role.OWNER
    return Role.OPERATOR if item.given("is_staff") else Role.DRIVER


def _name(item: Item) -> str:
    full = " ".join(x for x in (item.text("first_name"), item.text("last_name")) if x)
    return full or item.text("username") or f"User {item.key}"
