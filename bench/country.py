"""A database with a country of chargers and two years of their sessions: made once a day, copied for each server.

python -m bench.country FOLDER      # puts it there, as bench.sqlite
"""

import hashlib
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from bench.server import PASSWORD, ROOT, environment_of
from csms import clock
from csms.domain import reports, tariffs
from csms.domain.base import settle
from csms.domain.tariffs import simple

CHARGERS, SESSIONS = 2_000, 1_000_000
OWNER, DRIVER = "bench", "driver"
STATEMENTS = Path(__file__).with_name("country.sql")
KEEP = Path("/var/tmp/bench-country")  # noqa: S108  on a disk, as databases are
PREPARE = (
    "flask --app wsgi db upgrade",
    f"flask --app wsgi create-user --username {OWNER} --role owner --password {PASSWORD}",
    f"flask --app wsgi create-user --username {DRIVER} --role driver --password {PASSWORD}",
)
LINE = '[{"kind":"energy","quantity":"%d","unit":"kWh","price":"0.50","cents":%d}]'  # filled in by SQLite's printf
FAST = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY")


def place(folder: Path) -> None:
    """Put the database into `folder`; it is made first if the one that is kept is of another day or another shape."""
    kept = KEEP / f"{_key()}.sqlite"
    if not kept.exists():
        shutil.rmtree(KEEP, ignore_errors=True)
        KEEP.mkdir(parents=True)
        _make(KEEP)
        (KEEP / "bench.sqlite").rename(kept)
    shutil.copyfile(kept, folder / "bench.sqlite")


def _key() -> str:
    """The day, because sessions begin and end around now, and whatever the database is made from."""
    sources = [STATEMENTS, Path(__file__), *sorted((ROOT / "migrations" / "versions").glob("*.py"))]
    digest = hashlib.sha256(b"".join(x.read_bytes() for x in sources)).hexdigest()
    return f"{clock.now():%Y-%m-%d}-{digest[:12]}"


def _make(folder: Path) -> None:
    environment = environment_of(8250, folder)  # nothing listens there: it only must be a port
    for command in PREPARE:
        subprocess.run(shlex.split(command), cwd=ROOT, env=environment, check=True)
    now = clock.now()
    _price(folder, now)
    with sqlite3.connect(folder / "bench.sqlite", isolation_level=None) as database:
        for pragma in FAST:
            database.execute(f"PRAGMA {pragma}")
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''"
        ).fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        _fill(database, now)
        for _, statement in indexes:  # at the end, which is several times as fast
            database.execute(statement)
        database.execute("PRAGMA journal_mode = WAL")
    _count(folder)


def _count(folder: Path) -> None:
    """As the round does that counts what sessions brought, which it would take a while for so many at once."""
    engine = create_engine(f"sqlite:///{folder / 'bench.sqlite'}")
    with Session(engine) as session, session.begin():
        reports.recount_sessions(session)
    engine.dispose()


def _price(folder: Path, at: datetime) -> None:
    """The tariff that all sessions have."""
    terms = simple(currency="EUR", price_per_kwh=Decimal("0.50"), vat_percent=Decimal(21))
    engine = create_engine(f"sqlite:///{folder / 'bench.sqlite'}")
    with Session(engine) as session, session.begin():
        tariffs.create(session, "Standard", terms, at=at, is_default=True)
        settle(session)
    engine.dispose()


def _fill(database: sqlite3.Connection, now: datetime) -> None:
    given = {
        "chargers": CHARGERS,
        "sessions": SESSIONS,
        "now": f"{now:%Y-%m-%d %H:%M:%S}.000000",
        "begun": f"{now.replace(year=now.year - 2, day=1):%Y-%m-%d %H:%M:%S}.000000",
        "line": LINE,
        "driver": DRIVER,
    }
    database.execute("BEGIN")
    for statement in STATEMENTS.read_text().split("\n\n"):
        database.execute(statement, given)
    database.execute("COMMIT")


if __name__ == "__main__":
    os.umask(0o077)
    place(Path(sys.argv[1]))
