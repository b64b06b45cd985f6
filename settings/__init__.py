"""What a setting is, and how its text becomes a value. `config.py` declares them all."""

import contextlib
import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple, TypeVar, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parents[1]
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


class ConfigError(ValueError):
    """Some settings are wrong. The message has one line for each and says what to write."""


class UnknownChargers(StrEnum):
    """What happens when a charger connects that nobody has registered."""

    ACCEPT = "accept"
    PENDING = "pending"
    REFUSE = "refuse"


class Home(StrEnum):
    """What is shown at `/` to those who come by a name that nobody has entered."""

    UI = "ui"
    README = "readme"


class DistanceUnit(StrEnum):
    """What distances are read in."""

    KM = "km"
    MI = "mi"


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


class Networks(tuple[IPv4Network | IPv6Network, ...]):
    """Networks of IP addresses."""

    __slots__ = ()

    def __contains__(self, address: object) -> bool:
        """Whether an address, given as text, is in one of them; what is no address is in none."""
        try:
            known = ip_address(str(address))
        except ValueError:
            return False
        plain = (isinstance(known, IPv6Address) and known.ipv4_mapped) or known
        return any(plain in network for network in self)

    def __str__(self) -> str:
        return ",".join(str(network) for network in self)


class Setting(NamedTuple):
    """One environment variable: its default as one would write it, its meaning, its parser."""

    name: str
    default: str
    meaning: str
    parse: Callable[[str], object]
    secret: bool
    alias: str = ""  # what a system that we replace called it


# Parsers: text in, value out, Unfit("write …") when it cannot be meant.


def text(value: str) -> str:
    """Any one line."""
    if not value.isprintable():
        raise Unfit("write one line without control characters")
    return value


def lines(most: int, longest: int) -> Callable[[str], str]:
    r"""Text of a few lines, without what is blank. Where only one line can be written, `\n` stands for a break."""
    where = "one line" if most == 1 else f"at most {most} lines, with \\n between them"

    def parse(value: str) -> str:
        found = [" ".join(x.split()) for x in re.split(r"\n|\\n", value)]
        kept = [x for x in found if x]
        kept_text = "\n".join(kept)
        if len(kept_text) > longest or len(kept) > most or not all(x.isprintable() for x in kept):
            raise Unfit(f"write at most {longest} printable characters on {where}")
        return kept_text

    return parse


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


def networks(value: str) -> Networks:
    """IP addresses and networks, with commas between."""
    try:
        return Networks(ip_network(part.strip()) for part in value.split(","))
    except ValueError:
        raise Unfit("write addresses or networks such as 127.0.0.1,10.0.0.0/8") from None


def pem_file(value: str) -> str:
    """The absolute path of a file that can be read."""
    path = ROOT / text(value)
    try:
        path.read_bytes()
    except OSError:
        raise Unfit("write the path of a PEM file that the server can read") from None
    return str(path)


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


def kept_secret_key(directory: Path) -> str:
    """The installation's own key: made once, readable by its owner alone. Raises ConfigError if it is not."""
    path = directory / "secret_key"
    try:
        if not path.exists():
            _make_secret_key(path)
        if path.stat().st_mode & 0o077:
            raise ConfigError(
                f"Others can read {path}: run chmod 600 {path}, or remove it to have a new one made."
            )
        return secret_key(path.read_text().strip())
    except (Unfit, UnicodeDecodeError):
        raise ConfigError(f"{path} holds no usable key: remove it to have a new one made.") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be used ({error.strerror}): set SECRET_KEY or INSTANCE_DIR."
        ) from None


def _make_secret_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"secret_key.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    # A link appears whole or not at all, and never replaces the key of a process that was faster.
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def is_any(host: str) -> bool:
    """Does a server that listens there hear whatever address of the machine is called?"""
    return host in ("0.0.0.0", "::")  # noqa: S104  it is asked for, not bound


def http_url(host: str, port: int) -> str:
    """The address of a server, without a path."""
    bracketed = f"[{host}]" if ":" in host else host
    return f"http://{bracketed}:{port}"


def lan_address() -> str:
    """This machine's address in its network, or 127.0.0.1 when it has none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket only asks the routing table (192.0.2.1 is kept for documentation).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def setting(
    name: str,
    default: str,
    meaning: str,
    parse: Callable[[str], Value],
    *,
    secret: bool = False,
    alias: str = "",
) -> Value:
    """Declare a field of `Config`. An empty default means nothing, or is settled while reading."""
    declared = Setting(name, default, meaning, parse, secret, alias)
    value = parse(default) if default else cast(Value, "")
    return field(default=value, metadata={"setting": declared}, repr=not secret)


def written_in(declared: Setting, environ: Mapping[str, str]) -> str:
    """The setting's text, "" when it is not given. A secret may also stand in a file that NAME_FILE names."""
    written = environ.get(declared.name, "").strip() or environ.get(declared.alias, "").strip()
    file = environ.get(f"{declared.name}_FILE", "").strip() if declared.secret else ""
    if written and file:
        raise Unfit(f"{declared.name}_FILE is set too: keep one of them")
    try:
        return Path(file).read_text().strip() if file else written
    except UnicodeDecodeError:
        raise Unfit("it is no text: write the path of a file that is") from None


def sentence(declared: Setting, environ: Mapping[str, str], error: Exception) -> str:
    """What is wrong with a setting, and what to write."""
    if isinstance(error, OSError):
        return f"{declared.name}_FILE: {error.filename} cannot be read: write the path of a file that can."
    names = [declared.name, declared.alias, f"{declared.name}_FILE"]
    name = next(x for x in names if environ.get(x, "").strip())
    shown = "" if declared.secret else f" is {environ[name].strip()!r}"
    return f"{name}{shown}: {error}."
