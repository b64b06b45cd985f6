"""Every setting of the program, read once from the environment. Nothing is read from anywhere else.

A field of `Config` is its documentation and its parser at once; `python config.py --table` prints
the table of `docs/configuration.md`. A value that cannot be meant is refused at the start, with what to
write instead.
"""

import os
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
    ConfigError,
    DistanceUnit,
    Home,
    MapCenter,
    Networks,
    Setting,
    Unfit,
    UnknownChargers,
    base_url,
    database_url,
    flag,
    http_url,
    is_any,
    kept_secret_key,
    lan_address,
    lines,
    map_center,
    matching,
    networks,
    one_of,
    pem_file,
    redis_url,
    secret_key,
    sentence,
    setting,
    text,
    tile_url,
    time_zone,
    whole,
    written_in,
)
from settings.people import PeopleSettings
from settings.upkeep import UpkeepSettings


@dataclass(frozen=True, kw_only=True)
class Config(PeopleSettings, UpkeepSettings):
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
    proxy_addresses: Networks = setting(
        "PROXY_ADDRESSES",
        "",
        "Where those proxies are, as `127.0.0.1` or `10.0.0.0/8`, with commas between. From elsewhere `X-Forwarded-*` "
        "is not believed. Empty: it is believed from anywhere, and a client certificate in `X-SSL-Client-Cert` from "
        "nowhere.",
        networks,
    )
    tls_port: int = setting(
        "TLS_PORT",
        "8443",
        "The port of our own TLS listener, beside the plain one; it is opened when a certificate is given.",
        whole(1, 65535, 8443),
    )
    tls_host: str = setting(
        "TLS_HOST", "", "The address that the TLS listener listens on. Empty: that of `HOST`.", text
    )
    tls_cert: str = setting(
        "TLS_CERT", "", "PEM file with the server's RSA certificate and what it was signed with.", pem_file
    )
    tls_key: str = setting(
        "TLS_KEY", "", "PEM file with its private key. Empty: it is in the file of the certificate.", pem_file
    )
    tls_cert_ecdsa: str = setting(
        "TLS_CERT_ECDSA",
        "",
        "PEM file with the server's second certificate, of an ECDSA key, for chargers that know no RSA.",
        pem_file,
    )
    tls_key_ecdsa: str = setting(
        "TLS_KEY_ECDSA", "", "PEM file with the private key of that. Empty: as above.", pem_file
    )
    tls_client_ca: str = setting(
        "TLS_CLIENT_CA",
        "",
        "PEM file with further authorities whose certificates chargers may show; our own is always among them.",
        pem_file,
    )
    ca_file: str = setting(
        "CA_FILE",
        "",
        "PEM file with certificate and private key of the authority that signs chargers' certificates. Empty: made "
        "once and kept in `authority.pem` in the instance directory, readable by the owner alone.",
        pem_file,
    )
    cpo_name: str = setting(
        "CPO_NAME",
        "",
        "The organisation in chargers' certificates (CpoName). Chargers with certificates of another name are not let "
        "in by them, so decide early. Empty: `ORGANISATION`.",
        matching(r"[\x20-\x7e]{1,64}", "write 1 to 64 plain characters"),
    )
    lab: bool = setting(
        "CSMS_LAB",
        "0",
        "`1`: lab mode, for trying things out: unknown chargers are accepted, also without a subprotocol. "
        "`make run` and `make demo` set it unless you do.",
        flag,
    )
    dev_reload: bool = setting(
        "DEV_RELOAD",
        "0",
        "`1`: start the server again whenever its code changes. For development: it needs lab mode.",
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
        "Seconds between heartbeats that chargers are asked for, give or take a tenth, "
        "so that a fleet does not beat at once.",
        whole(10, 86400, 300),
    )
    ping_interval_s: int = setting(
        "PING_INTERVAL_S",
        "20",
        "Seconds between the pings that find dead connections (5 to 30: whoever is dead is noticed within 60).",
        whole(5, 30, 20),
    )
    command_timeout_s: int = setting(
        "COMMAND_TIMEOUT_S",
        "30",
        "Seconds that a charger has to answer a command (10 to 120).",
        whole(10, 120, 30),
    )
    repair_after_s: int = setting(
        "REPAIR_AFTER_S",
        "120",
        "Seconds that the evidence of a session's end must be old before the session is closed by itself: its stop "
        "may be on its way (0 to 86400).",
        whole(0, 86400, 120),
    )
    silent_session_h: int = setting(
        "SILENT_SESSION_H",
        "24",
        "Hours that a charger may say nothing before it is proposed to close its session.",
        whole(1, 8760, 24),
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
        "The directory for what belongs to this installation: the SQLite file, the secret key, chargers' logs and "
        "firmware. Several machines must share it.",
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
    postal_address: str = setting(
        "POSTAL_ADDRESS",
        "",
        "Your postal address, shown on receipts below the name, on at most 6 lines with `\\n` between them: "
        "`Calle Mayor 1\\n28013 Madrid`. The page *Settings* may say otherwise. Empty: none.",
        lines(most=6, longest=200),
    )
    tax_number: str = setting(
        "TAX_NUMBER",
        "",
        "Your tax number (VAT number, NIF, RFC …), shown on receipts below the address. The page *Settings* may say "
        "otherwise. Empty: none.",
        lines(most=1, longest=40),
    )
    home_page: Home | None = setting(
        "HOME_PAGE",
        "",
        "What `/` shows under host names that are not on the page *Host names*: `ui` (the dashboard) or `readme`. "
        "Empty: the dashboard while there are none there, the README from then on.",
        one_of(Home),
    )
    distance_unit: DistanceUnit = setting(
        "DISTANCE_UNIT",
        "km",
        "Whether drivers read distances in `km` or `mi`, unless the page *Settings* says otherwise; users may choose "
        "their own.",
        one_of(DistanceUnit),
    )
    help_phone: str = setting(
        "HELP_PHONE",
        "",
        "The number that drivers may call, shown on their pages and on labels, unless the page *Settings* says "
        "otherwise. Empty: none.",
        matching(r"\+?[0-9][0-9 ()/.-]{1,30}", "write a telephone number such as +34 900 123 456"),
    )
    currency: str = setting(
        "CURRENCY",
        "EUR",
        "The currency of all prices (ISO 4217).",
        matching(r"[A-Z]{3}", "write three capital letters such as EUR, USD or MXN"),
    )
    co2_g_per_kwh: str = setting(
        "CO2_G_PER_KWH",
        "",
        "Grams of CO₂ that a kWh of your electricity stands for, as its supplier tells; reports then say what was "
        "emitted for the delivered energy. The page *Settings* may say otherwise. Empty: they say nothing of CO₂.",
        matching(r"[0-9]{1,4}", "write whole grams from 0 to 9999, for example 380"),
    )
    time_zone: ZoneInfo = setting(
        "TIME_ZONE",
        "UTC",
        "The zone in which pages show times (IANA), unless the page *Settings* says otherwise.",
        time_zone,
    )
    map_center: MapCenter = setting(
        "MAP_CENTER",
        "25.6866,-100.3161",
        "Where maps begin when there is no charger yet, unless the page *Settings* says otherwise.",
        map_center,
    )
    tile_url: str = setting(
        "TILE_URL",
        "",
        "Map tiles, `https://tiles.example.org/{z}/{x}/{y}.png`; browsers then load them from that host. "
        "Empty: maps without tiles, nothing from other hosts. The page *Settings* may say otherwise.",
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

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read all; may write the secret key's file. Raises a ConfigError that names every wrong setting."""
        given, problems = {}, []
        for name, declared in cls.settings():
            try:
                if written := written_in(declared, environ):
                    given[name] = declared.parse(written)
            except (Unfit, OSError) as error:
                problems.append(sentence(declared, environ, error))
        if given.get("dev_reload") and not given.get("lab"):
            problems.append(
                "DEV_RELOAD is '1': it is for development, so set CSMS_LAB=1 too, or leave it out."
            )
        if problems:
            raise ConfigError("\n".join(problems))
        return cls(**_settled(given))

    @classmethod
    def settings(cls) -> Iterator[tuple[str, Setting]]:
        """Field names and what is declared about them, in the order of the documentation."""
        own = Config.__annotations__
        for each in sorted(
            fields(cls), key=lambda x: (x.name not in own, x.name in PeopleSettings.__annotations__)
        ):
            yield each.name, each.metadata["setting"]

    @property
    def root(self) -> Path:
        """Where the program's own files are."""
        return ROOT

    @property
    def wire_log_dir(self) -> Path | None:
        """Where OCPP messages are logged; None: nowhere."""
        if self.log_dir == "-":
            return None
        return ROOT / self.log_dir if self.log_dir else self.instance_dir / "ocpp-log"

    @property
    def websocket_base_url(self) -> str:
        """The address that chargers are given, without a path: `ws://…` or `wss://…`."""
        return "ws" + self.public_base_url.removeprefix("http")

    @property
    def co2_g(self) -> int | None:
        """Grams of CO₂ for a kWh delivered; None: nobody has told."""
        return int(self.co2_g_per_kwh) if self.co2_g_per_kwh else None

    @property
    def has_tls(self) -> bool:
        """Whether the server ends TLS itself."""
        return bool(self.tls_cert or self.tls_cert_ecdsa)

    @property
    def local_url(self) -> str:
        """The server as a browser on this machine reaches it."""
        return http_url("localhost" if is_any(self.host) else self.host, self.port)

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


def table() -> str:
    """All settings as a Markdown table."""
    rows = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for _, declared in Config.settings():
        default = f"`{declared.default}`" if declared.default else "empty"
        name = f"`{declared.name}`" + (" *" if declared.secret else "")
        known_as = f" Also `{declared.alias}`." if declared.alias else ""
        rows.append(f"| {name} | {default} | {declared.meaning}{known_as} |")
    return "\n".join(rows) + "\n"


def _settled(given: dict[str, Any]) -> dict[str, Any]:
    """Add what depends on other settings or on this machine."""
    config = Config(**given)
    settled: dict[str, Any] = {}
    if not config.public_base_url:
        settled["public_base_url"] = http_url(
            lan_address() if is_any(config.host) else config.host, config.port
        )
    if not config.database_url:
        settled["database_url"] = _postgres_url(config) if config.postgres_db else _sqlite_url(config)
    if config.lab and "unknown_chargers" not in given:
        settled["unknown_chargers"] = UnknownChargers.ACCEPT
    for name in ("sign_up", "card_login"):
        if config.lab and name not in given:
            settled[name] = True
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


if __name__ == "__main__":
    if sys.argv[1:] != ["--table"]:
        sys.exit("usage: python config.py --table")
    sys.stdout.write(table())
