"""Every setting of the program, read once from the environment. Nothing is read from anywhere else.

A field of `Config` is its documentation and its parser at once; `python config.py --table` prints
the table of `docs/configuration.md`. A value that cannot be meant is refused at the start, with what to
write instead.
"""

import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy.engine import URL

from settings import (
    ROOT,
    LogFormat,
    LogLevel,
    MapCenter,
    Setting,
    Unfit,
    UnknownChargers,
    base_url,
    database_url,
    flag,
    map_center,
    matching,
    one_of,
    redis_url,
    secret_key,
    setting,
    text,
    tile_url,
    time_zone,
    whole,
)


class ConfigError(ValueError):
    """Some settings are wrong. The message has one line for each and says what to write."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings in force. `from_environment` settles what depends on others; `Config()` does not."""

    host: str = setting(
        "HOST",
        "0.0.0.0",  # noqa: S104  chargers come from the network
        "The address to listen on; `127.0.0.1` for this machine alone.",
        text,
    )
    port: int = setting("PORT", "8000", "The port to listen on.", whole(1, 65535, 8000))
    public_base_url: str = setting(
        "PUBLIC_BASE_URL",
        "",
        "The address that people and chargers use, for QR codes and links: `https://charging.example.org`. "
        "Empty: guessed from this machine's address in the local network.",
        base_url,
    )
    trusted_proxies: int = setting(
        "TRUSTED_PROXIES", "0", "How many reverse proxies in front may set `X-Forwarded-*`.", whole(0, 9, 1)
    )
    lab: bool = setting(
        "CSMS_LAB",
        "0",
        "`1`: lab mode, for trying things out: unknown chargers are accepted, also without a subprotocol. "
        "`make run` and `make demo` set it unless you do.",
        flag,
    )
    unknown_chargers: UnknownChargers = setting(
        "UNKNOWN_CHARGERS",
        "pending",
        "What to do with a charger that nobody registered: `accept`, `pending` (it waits for an operator) or "
        "`refuse`. In lab mode the default is `accept`.",
        one_of(UnknownChargers),
    )
    heartbeat_interval_s: int = setting(
        "HEARTBEAT_INTERVAL_S",
        "300",
        "Seconds between heartbeats that chargers are asked for.",
        whole(10, 86400, 300),
    )
    ping_interval_s: int = setting(
        "PING_INTERVAL_S", "20", "Seconds between the pings that find dead connections.", whole(5, 300, 20)
    )
    command_timeout_s: int = setting(
        "COMMAND_TIMEOUT_S",
        "30",
        "Seconds that a charger has to answer a command (10 to 120).",
        whole(10, 120, 30),
    )
    demo_chargers: int = setting(
        "DEMO_CHARGERS",
        "0",
        "How many simulated chargers to start; `make demo` starts 12.",
        whole(0, 100, 12),
    )
    instance_dir: Path = setting(
        "INSTANCE_DIR",
        "instance",
        "The directory for what belongs to this installation: the SQLite file and the secret key.",
        lambda value: ROOT / text(value),
    )
    secret_key: str = setting(
        "SECRET_KEY",
        "",
        "Signs logins and tokens; at least 32 random characters. Empty: made once and kept in "
        "`secret_key` in the instance directory, readable by the owner alone.",
        secret_key,
        secret=True,
    )
    migrate: bool = setting(
        "CSMS_MIGRATE", "0", "`1`: bring the database up to date before serving. `make run` sets it.", flag
    )
    database_url: str = setting(
        "DATABASE_URL",
        "",
        "`sqlite:///instance/amberline.db` or `postgresql://user:password@host:5432/name`. Empty: PostgreSQL "
        "when `POSTGRES_DB` is set, otherwise SQLite in the instance directory.",
        database_url,
        secret=True,
    )
    postgres_db: str = setting("POSTGRES_DB", "", "Database name; used only without `DATABASE_URL`.", text)
    postgres_user: str = setting("POSTGRES_USER", "postgres", "User in PostgreSQL.", text)
    postgres_password: str = setting("POSTGRES_PASSWORD", "", "Password in PostgreSQL.", text, secret=True)
    postgres_host: str = setting("POSTGRES_HOST", "localhost", "PostgreSQL's host.", text)
    postgres_port: int = setting("POSTGRES_PORT", "5432", "PostgreSQL's port.", whole(1, 65535, 5432))
    redis_url: str = setting(
        "REDIS_URL",
        "",
        "`redis://host:6379/0`: several server processes tell each other what changed. Empty: one process.",
        redis_url,
        secret=True,
    )
    organisation: str = setting("ORGANISATION", "Amberline", "The name on pages, receipts and labels.", text)
    help_phone: str = setting(
        "HELP_PHONE",
        "",
        "The number that drivers may call, shown on charger pages and labels. Empty: none.",
        matching(r"\+?[0-9][0-9 ()/.-]{1,30}", "write a telephone number such as +34 900 123 456"),
    )
    currency: str = setting(
        "CURRENCY",
        "EUR",
        "The currency of all prices (ISO 4217).",
        matching(r"[A-Z]{3}", "write three capital letters such as EUR, USD or MXN"),
    )
    time_zone: ZoneInfo = setting("TIME_ZONE", "UTC", "The zone in which pages show times (IANA).", time_zone)
    map_center: MapCenter = setting(
        "MAP_CENTER", "25.6866,-100.3161", "Where maps begin when there is no charger yet.", map_center
    )
    tile_url: str = setting(
        "TILE_URL",
        "",
        "Map tiles, `https://tiles.example.org/{z}/{x}/{y}.png`; browsers then load them from that host. "
        "Empty: maps without tiles, nothing from other hosts.",
        tile_url,
    )
    access_token_lifetime_s: int = setting(
        "ACCESS_TOKEN_LIFETIME_S", "900", "Seconds that an API access token is valid.", whole(60, 86400, 900)
    )
    refresh_token_lifetime_s: int = setting(
        "REFRESH_TOKEN_LIFETIME_S",
        "604800",
        "Seconds that an API refresh token is valid.",
        whole(3600, 31536000, 604800),
    )
    log_format: LogFormat = setting("LOG_FORMAT", "console", "`console` or `json`.", one_of(LogFormat))
    log_level: LogLevel = setting(
        "LOG_LEVEL",
        "INFO",
        "The least level that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
        one_of(LogLevel),
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read all; may write the secret key's file. Raises a ConfigError that names every wrong setting."""
        given, problems = {}, []
        for name, declared in cls.settings():
            try:
                if written := _written(declared, environ):
                    given[name] = declared.parse(written)
            except (Unfit, OSError) as error:
                problems.append(_sentence(declared, environ, error))
        if problems:
            raise ConfigError("\n".join(problems))
        return cls(**_settled(given))

    @classmethod
    def settings(cls) -> Iterator[tuple[str, Setting]]:
        """Field names and what is declared about them, in the order of the documentation."""
        for each in fields(cls):
            yield each.name, each.metadata["setting"]

    @property
    def root(self) -> Path:
        """Where the program's own files are."""
        return ROOT

    @property
    def websocket_base_url(self) -> str:
        """The address that chargers are given, without a path: `ws://…` or `wss://…`."""
        return "ws" + self.public_base_url.removeprefix("http")

    @property
    def local_url(self) -> str:
        """The server as a browser on this machine reaches it."""
        return _url("localhost" if _is_any(self.host) else self.host, self.port)

    @property
    def requires_subprotocol(self) -> bool:
        """Whether a charger must offer an OCPP subprotocol (OCPP-J 1.6 §3.1.2); not in lab mode."""
        return not self.lab

    @property
    def access_token_lifetime(self) -> timedelta:
        return timedelta(seconds=self.access_token_lifetime_s)

    @property
    def refresh_token_lifetime(self) -> timedelta:
        return timedelta(seconds=self.refresh_token_lifetime_s)


def lan_address() -> str:
    """This machine's address in its network, or 127.0.0.1 when it has none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket only asks the routing table (192.0.2.1 is kept for documentation).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


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
    except Unfit:
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


def table() -> str:
    """All settings as a Markdown table."""
    rows = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for _, declared in Config.settings():
        default = f"`{declared.default}`" if declared.default else "empty"
        name = f"`{declared.name}`" + (" *" if declared.secret else "")
        rows.append(f"| {name} | {default} | {declared.meaning} |")
    return "\n".join(rows) + "\n"


def _written(declared: Setting, environ: Mapping[str, str]) -> str:
    """The setting's text, "" when it is not given. A secret may also stand in a file that NAME_FILE names."""
    written = environ.get(declared.name, "").strip()
    file = environ.get(f"{declared.name}_FILE", "").strip() if declared.secret else ""
    if written and file:
        raise Unfit(f"{declared.name}_FILE is set too: keep one of them")
    return Path(file).read_text().strip() if file else written


def _sentence(declared: Setting, environ: Mapping[str, str], error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{declared.name}_FILE: {error.filename} cannot be read: write the path of a file that can."
    shown = "" if declared.secret else f" is {environ[declared.name].strip()!r}"
    return f"{declared.name}{shown}: {error}."


def _settled(given: dict[str, Any]) -> dict[str, Any]:
    """Add what depends on other settings or on this machine."""
    config = Config(**given)
    settled: dict[str, Any] = {}
    if not config.public_base_url:
        settled["public_base_url"] = _url(lan_address() if _is_any(config.host) else config.host, config.port)
    if not config.database_url:
        settled["database_url"] = _postgres_url(config) if config.postgres_db else _sqlite_url(config)
    if config.lab and "unknown_chargers" not in given:
        settled["unknown_chargers"] = UnknownChargers.ACCEPT
    if not config.secret_key:
        settled["secret_key"] = kept_secret_key(config.instance_dir)
    return given | settled


def _postgres_url(config: Config) -> str:
    url = URL.create(
        "postgresql+psycopg",
        username=config.postgres_user,
        password=config.postgres_password or None,
        host=config.postgres_host,
        port=config.postgres_port,
        database=config.postgres_db,
    )
    return url.render_as_string(hide_password=False)


def _sqlite_url(config: Config) -> str:
    return f"sqlite:///{config.instance_dir / 'amberline.db'}"


def _is_any(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104  it is asked for, not bound


def _url(host: str, port: int) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return f"http://{bracketed}:{port}"


if __name__ == "__main__":
    if sys.argv[1:] != ["--table"]:
        sys.exit("usage: python config.py --table")
    sys.stdout.write(table())
