"""Settings as an operator meets them: what the defaults do, and what is said when a value is wrong."""

import ast
import stat
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import config
from config import Config
from settings import ROOT, ConfigError, LogFormat, MapCenter, UnknownChargers, lan_address

KEY = "k3Yx-0aQ9vT7mB2nL5pR8sW1dF4gH6jZcXeUiOyA"

Read = Callable[..., Config]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read settings in an instance directory of the test's own."""

    def read(**environ: str) -> Config:
        return Config.from_environment({"INSTANCE_DIR": str(tmp_path), **environ})

    return read


def test_nothing_needs_to_be_set(read: Read, tmp_path: Path) -> None:
    settings = read()
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert settings.database_url == f"sqlite:///{tmp_path}/amberline.db"
    assert settings.time_zone == ZoneInfo("UTC")
    assert settings.map_center == MapCenter(25.6866, -100.3161)
    assert settings.log_format is LogFormat.CONSOLE


def test_an_empty_value_is_the_default(read: Read) -> None:
    assert read(PORT="", REDIS_URL=" ").port == 8000


def test_the_documentation_holds_the_table_of_all_settings() -> None:
    assert config.table() in (ROOT / "docs" / "configuration.md").read_text()


def test_the_settings_know_nothing_of_the_program() -> None:
    for path in (ROOT / "config.py", *(ROOT / "settings").glob("*.py")):
        imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert not [each.module for each in imports if each.module and each.module.startswith("csms")]


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("PORT", "80a", "PORT is '80a': write a whole number from 1 to 65535, for example 8000."),
        ("PORT", "0", "write a whole number from 1 to 65535"),
        ("PORT", "70000", "write a whole number from 1 to 65535"),
        ("CSMS_LAB", "yes", "CSMS_LAB is 'yes': write 1 for yes or 0 for no."),
        ("PUBLIC_BASE_URL", "charging.example.org", "write it like https://charging.example.org"),
        ("PUBLIC_BASE_URL", "https://charging.example.org/", "without a path or a slash at the end"),
        ("PUBLIC_BASE_URL", "https://charging.example.org/ocpp", "without a path"),
        ("PUBLIC_BASE_URL", "https://user:word@charging.example.org", "write it like"),
        ("PUBLIC_BASE_URL", "ws://charging.example.org", "write it like https://"),
        ("PUBLIC_BASE_URL", "http://charging.example.org:99999", "write it like https://"),
        ("COMMAND_TIMEOUT_S", "5", "write a whole number from 10 to 120"),
        ("PING_INTERVAL_S", "31", "write a whole number from 5 to 30"),  # who is dead is to be seen within 60
        ("UNKNOWN_CHARGERS", "maybe", "write one of: accept, pending, refuse"),
        ("CURRENCY", "euro", "write three capital letters"),
        ("TIME_ZONE", "Monterrey", "write an IANA name"),
        ("MAP_CENTER", "25.7", "write latitude,longitude"),
        ("MAP_CENTER", "95,0", "write latitude,longitude"),
        ("TILE_URL", "https://tiles.example.org/", "{z}/{x}/{y}"),
        ("HELP_PHONE", "ring Joe", "write a telephone number"),
        ("ORGANISATION", "two\nlines", "write one line"),
        ("POSTAL_ADDRESS", "\\n".join("1234567"), r"on at most 6 lines, with \n between them"),
        ("TAX_NUMBER", "B" * 41, "write at most 40 printable characters on one line"),
        ("LOG_LEVEL", "loud", "write one of: DEBUG, INFO, WARNING, ERROR"),
        ("REDIS_URL", "localhost", "write redis://host:6379/0"),
        ("DATABASE_URL", "nonsense", "write postgresql://user:password@host:5432/name"),
        ("DATABASE_URL", "mysql://root@localhost/csms", "only SQLite and PostgreSQL"),
        ("DATABASE_URL", "postgresql+psycopg2://localhost/csms", "only the driver psycopg 3"),
        ("DATABASE_URL", "postgresql://localhost", "it names no database"),
        ("DATABASE_URL", "sqlite://", "SQLite needs a file"),
        ("DATABASE_URL", "sqlite:///:memory:", "SQLite needs a file"),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write(read: Read, name: str, value: str, advice: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(**{name: value})
    assert str(refusal.value).startswith(name)
    assert advice in str(refusal.value)


def test_an_address_has_lines_though_the_environment_has_one(read: Read) -> None:
    for written in (r"Calle Mayor 1\n 28013 Madrid", "Calle Mayor 1\r\n28013 Madrid\n"):
        assert read(POSTAL_ADDRESS=written).postal_address == "Calle Mayor 1\n28013 Madrid"


def test_all_wrong_values_are_told_at_once(read: Read) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(PORT="x", CURRENCY="x")
    assert [line.split()[0] for line in str(refusal.value).splitlines()] == ["PORT", "CURRENCY"]


def test_unknown_chargers_are_accepted_in_lab_mode_and_pending_outside(read: Read) -> None:
    assert read(CSMS_LAB="1").unknown_chargers is UnknownChargers.ACCEPT
    assert read(CSMS_LAB="0").unknown_chargers is UnknownChargers.PENDING
    assert read(CSMS_LAB="1", UNKNOWN_CHARGERS="Refuse").unknown_chargers is UnknownChargers.REFUSE


def test_a_subprotocol_is_required_outside_lab_mode(read: Read) -> None:
    assert read().requires_subprotocol
    assert not read(CSMS_LAB="1").requires_subprotocol


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg_3(read: Read, scheme: str) -> None:
    url = read(DATABASE_URL=f"{scheme}://amber:p%40ss@db/csms").database_url
    assert url == "postgresql+psycopg://amber:p%40ss@db/csms"


def test_postgresql_in_parts_is_used_when_no_url_is_given(read: Read) -> None:
    parts = {"POSTGRES_DB": "csms", "POSTGRES_USER": "amber", "POSTGRES_PASSWORD": "p@ss/word"}
    settings = read(**parts, POSTGRES_HOST="db", POSTGRES_PORT="5433")
    assert settings.database_url == "postgresql+psycopg://amber:p%40ss%2Fword@db:5433/csms"


def test_a_url_wins_over_the_parts(read: Read) -> None:
    assert read(POSTGRES_DB="csms", DATABASE_URL="sqlite:////srv/a.db").database_url == "sqlite:////srv/a.db"


def test_a_relative_sqlite_file_starts_at_the_program() -> None:
    settings = Config.from_environment({"SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///instance/x.db"})
    assert settings.database_url == f"sqlite:///{ROOT}/instance/x.db"


def test_chargers_are_given_the_public_address(read: Read) -> None:
    assert read(PUBLIC_BASE_URL="https://csms.example").websocket_base_url == "wss://csms.example"
    assert read(PUBLIC_BASE_URL="http://10.0.0.2:8000").websocket_base_url == "ws://10.0.0.2:8000"


def test_without_a_public_address_the_networks_one_is_guessed(read: Read) -> None:
    settings = read(PORT="8123")
    assert settings.public_base_url == f"http://{lan_address()}:8123"
    assert settings.local_url == "http://localhost:8123"


def test_a_server_for_one_address_is_announced_with_it(read: Read) -> None:
    assert read(HOST="127.0.0.1").public_base_url == "http://127.0.0.1:8000"
    assert read(HOST="::1").public_base_url == "http://[::1]:8000"


def test_the_secret_key_is_made_once_and_for_the_owner_alone(read: Read, tmp_path: Path) -> None:
    first = read().secret_key
    assert len(first) >= 32
    assert read().secret_key == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret_key"]


def test_a_secret_key_that_others_can_read_is_refused(read: Read, tmp_path: Path) -> None:
    read()
    (tmp_path / "secret_key").chmod(0o644)
    with pytest.raises(ConfigError, match="run chmod 600"):
        read()


def test_a_spoilt_secret_key_file_is_refused(read: Read, tmp_path: Path) -> None:
    read()
    for content in (b"", b"\xf2\xff\x00"):
        (tmp_path / "secret_key").write_bytes(content)
        with pytest.raises(ConfigError, match="remove it to have a new one made"):
            read()


@pytest.mark.parametrize(
    "key",
    [
        "tiny",
        "a" * 64,
        "changeme-" + KEY,
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    ],
)
def test_a_guessable_or_published_secret_key_is_refused_and_not_repeated(read: Read, key: str) -> None:
    with pytest.raises(ConfigError, match="SECRET_KEY: it is short, guessable or published") as refusal:
        read(SECRET_KEY=key)
    assert key not in str(refusal.value)


def test_a_secret_may_stand_in_a_file(read: Read, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    assert read(SECRET_KEY_FILE=str(tmp_path / "key")).secret_key == KEY


def test_a_missing_secret_file_is_named(read: Read, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"SECRET_KEY_FILE: .*/absent cannot be read"):
        read(SECRET_KEY_FILE=str(tmp_path / "absent"))


def test_a_secret_file_that_holds_no_secret_is_named(read: Read, tmp_path: Path) -> None:
    for content in (b"\xf2\xff\x00", b"short"):
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(ConfigError, match="SECRET_KEY_FILE: it"):
            read(SECRET_KEY_FILE=str(tmp_path / "key"))


def test_a_secret_given_twice_is_refused(read: Read) -> None:
    with pytest.raises(ConfigError, match="keep one of them"):
        read(SECRET_KEY=KEY, SECRET_KEY_FILE="/nowhere")


def test_secrets_do_not_show_when_the_settings_are_printed(read: Read) -> None:
    shown = repr(
        read(SECRET_KEY=KEY, DATABASE_URL="postgresql://a:hidden@db/c", REDIS_URL="redis://:hidden@r/0")
    )
    assert KEY not in shown
    assert "hidden" not in shown


def test_the_reloader_is_for_lab_mode_alone(read: Read) -> None:
    assert read(DEV_RELOAD="1", CSMS_LAB="1").dev_reload
    with pytest.raises(ConfigError, match="CSMS_LAB=1"):
        read(DEV_RELOAD="1")
