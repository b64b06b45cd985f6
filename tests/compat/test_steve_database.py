"""SteVe is taken over from its own database, where a MariaDB or MySQL answers that tests may use."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from csms.domain import chargers
from csms.extensions import db
from tests.compat.test_imports import sessions_of

TABLES = Path(__file__).parent / "dumps" / "steve"
URL = os.environ.get("TEST_MARIADB_URL") or "mysql+pymysql://root@127.0.0.1:3306"


@pytest.fixture(scope="module")
def steve() -> Iterator[str]:
    """The address of a database with SteVe's tables."""
    pytest.importorskip("pymysql")
    name = f"amberline_test_{os.getpid()}_{secrets.token_hex(4)}"
    server = create_engine(URL, connect_args={"connect_timeout": 3})
    try:
        with server.begin() as connection:
            connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    except SQLAlchemyError as error:
        pytest.skip(f"MariaDB does not answer: {error}")
    url = make_url(URL).set(drivername="mysql", database=name)
    engine = create_engine(url.set(drivername="mysql+pymysql"))
    try:
        for path in TABLES.glob("*.csv"):
            _fill(engine, path)
        yield url.render_as_string(hide_password=False)
    finally:
        engine.dispose()
        with server.begin() as connection:
            connection.execute(text(f"DROP DATABASE {name}"))
        server.dispose()


def _fill(engine: Engine, path: Path) -> None:
    with path.open(newline="") as file:
        rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    columns = ", ".join(f"`{name}` {_type(name)}" for name in rows[0])
    values = ", ".join(f":{name}" for name in rows[0])
    with engine.begin() as connection:
        connection.execute(text("SET time_zone = '+00:00'"))
        connection.execute(text(f"CREATE TABLE `{path.stem}` ({columns})"))
        connection.execute(text(f"INSERT INTO `{path.stem}` VALUES ({values})"), rows)  # noqa: S608


def _type(column: str) -> str:
    """As SteVe's schema has it."""
    if column.endswith(("_pk", "_count", "_level", "_phases", "_seconds")) or column == "connector_id":
        return "INT NULL"
    if column.endswith(("timestamp", "datetime", "expiry_date", "valid_from", "valid_to", "start_schedule")):
        return "TIMESTAMP(6) NULL"
    if column.startswith("location_l") or column in ("power_limit", "min_charging_rate"):
        return "DECIMAL(15,8) NULL"
    return "VARCHAR(255) NULL"


def run(app: Flask, session: Session, *arguments: str, typed: str | None = None) -> str:
    session.rollback()
    db.session.remove()
    done = app.test_cli_runner().invoke(
        args=["import-steve", "--running-days", "100000", *arguments], input=typed
    )
    assert done.exit_code == 0, done.output
    return str(done.output)


def test_the_database_gives_what_its_tables_as_files_give(app: Flask, session: Session, steve: str) -> None:
    rehearsed = run(app, session, str(TABLES), "--dry-run")
    assert run(app, session, steve, "--dry-run") == rehearsed
    run(app, session, steve)
    charger = chargers.find(session, "AACHEN-1")
    assert charger is not None
    assert (charger.name, charger.latitude) == ("Gate", 50.775)
    assert {name: x.energy_wh for name, x in sessions_of(session, "AACHEN-1").items()} == {
        "steve:11": 7400,
        "steve:12": None,
        "13": 1000,
    }


def test_a_database_that_is_not_there_is_told(app: Flask, session: Session) -> None:
    pytest.importorskip("pymysql")
    session.rollback()
    done = app.test_cli_runner().invoke(args=["import-steve", "mysql://root@127.0.0.1:1/stevedb"])
    assert (done.exit_code, "does not answer" in done.output) == (1, True)
