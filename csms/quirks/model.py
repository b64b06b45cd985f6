"""What a quirk profile can say, and how it is read from its file. A misspelt or wrong member stops the program."""

import dataclasses
import enum
import re
import types
import typing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

NUMBER = re.compile(r"\d+")


class QuirkError(ValueError):
    """A profile's file is wrong; the message says where and how."""


class Register(enum.StrEnum):
    """What a charger's energy register counts: all that it ever gave, or each session from 0."""

    LIFETIME = "lifetime"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Match:
    """Which chargers it is for: shell patterns, capital or not. `firmware_up_to`: this one included."""

    vendor: str = "*"
    model: str = "*"
    firmware: str = "*"
    firmware_up_to: str = ""

    def fits(self, vendor: str, model: str, firmware: str) -> bool:
        pairs = ((vendor, self.vendor), (model, self.model), (firmware, self.firmware))
        if not all(fnmatchcase(given.casefold(), pattern.casefold()) for given, pattern in pairs):
            return False
        return not self.firmware_up_to or (
            bool(firmware) and _version(firmware) <= _version(self.firmware_up_to)
        )

    @property
    def weight(self) -> int:
        """The more it says, the closer it fits."""
        letters = sum(len(x.replace("*", "")) for x in (self.vendor, self.model, self.firmware))
        return letters + 100 * bool(self.firmware_up_to)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(x) for x in NUMBER.findall(text))


@dataclass(frozen=True, slots=True)
class Cards:
    """How the number that it sends becomes the card's. `cut_from`: this text and what follows is not the card's."""

    cut_from: str = ""
    reversed_bytes: bool = False

    def canonical(self, tag: str) -> str:
        """The card's number in what a charger has sent."""
        if self.cut_from and self.cut_from in tag[1:]:
            tag = tag[: tag.index(self.cut_from, 1)]
        if self.reversed_bytes and len(tag) % 2 == 0:
            tag = "".join(tag[n : n + 2] for n in range(len(tag) - 2, -1, -2))
        return tag


@dataclass(frozen=True, slots=True)
class Meter:
    """How its energy is to be read. `energy_factor`: what it calls Wh times this are Wh, in every message.

    `closes_late`: the last MeterValues come after the StopTransaction.
    """

    register: Register = Register.LIFETIME
    energy_factor: int = 1
    closes_late: bool = False


@dataclass(frozen=True, slots=True)
class Charging:
    """What limits it obeys. Empty: all. `units`: A, W · `kinds`: of charging profiles · `steps_a`: nothing between."""

    units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    most_stack_level: int | None = None
    steps_a: tuple[float, ...] = ()
    least_a: float = 0.0
    is_whole_amps: bool = False

    def fit_a(self, limit_a: float) -> float:
        """The most that it obeys and that is no more than `limit_a`, in A per phase; 0: it can only pause."""
        if self.is_whole_amps:
            limit_a = float(int(limit_a))
        if self.steps_a:
            limit_a = max((x for x in self.steps_a if x <= limit_a), default=0.0)
        return limit_a if limit_a >= self.least_a else 0.0


@dataclass(frozen=True, slots=True)
class Connection:
    """`connects_within_s`: how long it may take to appear. `redials`: it comes back by itself when it was cut off."""

    connects_within_s: int = 0
    redials: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that it cannot take: our word for it, and the action's in the protocol; why, and what to do instead."""

    order: str
    action: str
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class Key:
    """A configuration key to be careful with. `least`: a smaller number is not obeyed."""

    name: str
    why: str
    may_write: bool = True
    may_read: bool = True
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to enter at the charger. In `value`: {url} {scheme} {host} {port} {path} {identity} are filled in."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Address:
    """How its configuration asks for this server."""

    fields: tuple[Field, ...] = ()
    note: str = ""

    def filled(self, url: str) -> list[tuple[str, str]]:
        """(label, what to enter) for a charger whose whole address is `url`: ws://host:port/path/identity."""
        parts = urlsplit(url)
        path, _, identity = parts.path.rpartition("/")
        port = str(parts.port or (443 if parts.scheme == "wss" else 80))
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        given = {"url": url, "scheme": parts.scheme, "host": host, "port": port, "path": path}
        return [(x.label, x.value.format(**given, identity=identity)) for x in self.fields]


@dataclass(frozen=True, slots=True)
class Profile:
    """The habits of one family of chargers. `key` is its file's name; one without `match` is only ever chosen."""

    key: str
    name: str
    summary: str
    match: tuple[Match, ...] = ()
    cards: Cards = Cards()
    meter: Meter = Meter()
    charging: Charging = Charging()
    connection: Connection = Connection()
    needs_remote_start: bool = False
    refuses: tuple[Refused, ...] = ()
    keys: tuple[Key, ...] = ()
    address: Address = Address()
    hints: tuple[str, ...] = ()

    def match_of(self, vendor: str, model: str, firmware: str) -> Match | None:
        """The closest of its matches that fits."""
        fitting = [x for x in self.match if x.fits(vendor, model, firmware)]
        return max(fitting, key=lambda x: x.weight, default=None)


def read(key: str, table: dict[str, Any]) -> Profile:
    """The profile of a file's content. Raises QuirkError."""
    profile: Profile = _build(Profile, {"key": key, **table}, f"{key}.toml")
    for field in profile.address.fields:
        try:
            field.value.format(url="", scheme="", host="", port="", path="", identity="")
        except (KeyError, IndexError, ValueError) as error:
            raise QuirkError(
                f"{key}.toml: address, {field.label}: {field.value!r} asks for {error}"
            ) from None
    return profile


def _build(cls: Any, table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise QuirkError(f"{where}: a table is expected, not {table!r}")
    kinds = typing.get_type_hints(cls)
    unknown = sorted(set(table) - set(kinds))
    if unknown:
        raise QuirkError(f"{where}: unknown member {unknown[0]!r}; there are {', '.join(sorted(kinds))}")
    needed = {x.name for x in dataclasses.fields(cls) if x.default is dataclasses.MISSING}
    missing = sorted(needed - set(table))
    if missing:
        raise QuirkError(f"{where}: {missing[0]!r} is missing")
    return cls(**{name: _value(kinds[name], value, f"{where}, {name}") for name, value in table.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, types.UnionType):
        kind = next(x for x in typing.get_args(kind) if x is not type(None))
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise QuirkError(f"{where}: a list is expected, not {value!r}")
        return tuple(_value(typing.get_args(kind)[0], x, where) for x in value)
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in [x.value for x in kind]:
            raise QuirkError(f"{where}: {value!r} is none of {', '.join(x.value for x in kind)}")
        return kind(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise QuirkError(f"{where}: {kind.__name__} is expected, not {value!r}")
    return value
