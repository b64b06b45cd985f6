"""What a setting is, and how its text becomes a value. `config.py` declares them all."""

import re
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeVar, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent
"""The directory of the program: relative paths in settings start here."""

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)

SECRET_KEY_LENGTH = 32
PUBLISHED_KEYS = frozenset(
    {
        # From documentation and tutorials, where people copy them.
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "5791628bb0b13ce0c676dfde280ba245",
        "you-will-never-guess-this-secret-key",
    }
)
PUBLISHED_WORDS = (
    "changeme",
    "change-me",
    "change_me",
    "insecure",
    "your-secret",
    "your_secret",
    "super-secret",
)


class Unfit(ValueError):
    """What a parser raises: the end of the sentence that begins with the setting and its value."""


class UnknownChargers(StrEnum):
    """What happens when a charger connects that nobody has registered."""

    ACCEPT = "accept"
    PENDING = "pending"
    REFUSE = "refuse"


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least level that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class MapCenter(NamedTuple):
    """A point on the map, in degrees (WGS 84)."""

    latitude: float
    longitude: float


class Setting(NamedTuple):
    """One environment variable: its default as one would write it, its meaning, its parser."""

    name: str
    default: str
    meaning: str
    parse: Callable[[str], object]
    secret: bool


# Parsers: text in, value out, Unfit("write …") when it cannot be meant.


def text(value: str) -> str:
    """Any one line."""
    if not value.isprintable():
        raise Unfit("write one line without control characters")
    return value


def whole(low: int, high: int, example: int) -> Callable[[str], int]:
    """A whole number between two limits, which both belong to it."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise Unfit(f"write a whole number from {low} to {high}, for example {example}")
        return int(value)

    return parse


def flag(value: str) -> bool:
    """0 or 1."""
    if value not in ("0", "1"):
        raise Unfit("write 1 for yes or 0 for no")
    return value == "1"


def one_of(choices: type[Choice]) -> Callable[[str], Choice]:
    """A word of an enumeration, however it is capitalised."""

    def parse(value: str) -> Choice:
        for choice in choices:
            if choice.value.lower() == value.lower():
                return choice
        raise Unfit(f"write one of: {', '.join(choices)}")

    return parse


def matching(pattern: str, advice: str) -> Callable[[str], str]:
    """Text of a certain shape."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise Unfit(advice)
        return value

    return parse


def base_url(value: str) -> str:
    """An absolute address without path, so that paths can be put behind it."""
    advice = "write it like https://charging.example.org, without a path or a slash at the end"
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Unfit(advice) from None
    if not fits or parts.path or parts.query or parts.fragment or "@" in parts.netloc or value[-1] in "/?#":
        raise Unfit(advice)
    return value


def tile_url(value: str) -> str:
    """A template of map tiles' addresses."""
    if not re.match(r"https?://[^/\s]+/", value) or any(part not in value for part in ("{z}", "{x}", "{y}")):
        raise Unfit("write it like https://tiles.example.org/{z}/{x}/{y}.png, or leave it empty for no tiles")
    return value


def database_url(value: str) -> str:
    """A URL for SQLAlchemy: SQLite in a file, or PostgreSQL through psycopg 3."""
    advice = "write postgresql://user:password@host:5432/name or sqlite:///instance/amberline.db"
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise Unfit(advice) from None
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        if not url.database:
            raise Unfit(f"it names no database: {advice}")
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if url.drivername.startswith("postgresql+"):
        raise Unfit(
            "only the driver psycopg 3 is installed: write postgresql:// without another driver's name"
        )
    if url.drivername != "sqlite":
        raise Unfit(f"only SQLite and PostgreSQL are supported: {advice}")
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise Unfit("SQLite needs a file that all connections share: write sqlite:///instance/amberline.db")
    return f"sqlite:///{ROOT / url.database}"


def redis_url(value: str) -> str:
    """Where Redis answers."""
    if not re.match(r"(redis|rediss)://[^/\s]|unix:///\S", value):
        raise Unfit("write redis://host:6379/0, or leave it empty when there is one process")
    return value


def time_zone(value: str) -> ZoneInfo:
    """A zone of the IANA database."""
    if value not in available_timezones():
        raise Unfit("write an IANA name such as UTC, Europe/Madrid or America/Monterrey")
    return ZoneInfo(value)


def map_center(value: str) -> MapCenter:
    """Latitude and longitude in degrees, with a comma between them."""
    advice = "write latitude,longitude in degrees, for example 25.6866,-100.3161"
    if not re.fullmatch(r"-?\d{1,2}(\.\d+)?, ?-?\d{1,3}(\.\d+)?", value):
        raise Unfit(advice)
    latitude, longitude = (float(part) for part in value.split(","))
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise Unfit(advice)
    return MapCenter(latitude, longitude)


def secret_key(value: str) -> str:
    """A key that nobody can guess or look up."""
    published = value in PUBLISHED_KEYS or any(word in value.lower() for word in PUBLISHED_WORDS)
    if published or len(value) < SECRET_KEY_LENGTH or len(set(value)) < 10:
        raise Unfit(
            "it is short, guessable or published: write at least 32 random characters "
            "(python3 -c 'import secrets; print(secrets.token_urlsafe(48))') or leave it empty"
        )
    return value


def setting(
    name: str, default: str, meaning: str, parse: Callable[[str], Value], *, secret: bool = False
) -> Value:
    """Declare a field of `Config`. An empty default means nothing, or is settled while reading."""
    declared = Setting(name, default, meaning, parse, secret)
    value = parse(default) if default else cast(Value, "")
    return field(default=value, metadata={"setting": declared}, repr=not secret)
