"""Backups: made while somebody writes, put back, and refused where they would do harm."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import services
from click.testing import Result
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from config import Config
from csms import backups, clock, create_app
from csms.backups import making
from csms.domain import accounts
from csms.domain.accounts import Role, User
from csms.domain.transactions import opened
from csms.extensions import db
from csms.work import atomic
from tests.nursery import ForkedServer, Nursery

PASSWORD = "four amber lights ahead"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Flask]:
    """An installation on a PostgreSQL database of its own, which is dropped and made again under nobody else."""
    service = services.postgresql()
    if service.url is None:
        pytest.skip(service.reason)
    with services.scratch_database(service.url) as url:
        app = create_app(_config(tmp_path, url))
        with app.app_context():
            upgrade(directory=str(Path(__file__).parents[1] / "migrations"))
            yield app
            db.session.remove()
            db.engine.dispose()


def _config(directory: Path, url: str) -> Config:
    instance = directory / "instance"
    return replace(Config(), instance_dir=instance, secret_key="k" * 43, database_url=url, backups_kept=2)


@pytest.fixture
def lite(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    """An installation on a SQLite file of its own."""
    file = tmp_path / "amberline.db"
    file.write_bytes(sqlite_template.read_bytes())
    app = create_app(_config(tmp_path, f"sqlite:///{file}"))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def add(username: str) -> None:
    with atomic() as session:
        accounts.create_user(session, username, None, Role.OWNER, at=clock.now())
    db.session.remove()


def names() -> set[str]:
    found = {x for (x,) in db.session.execute(text("SELECT username FROM user_"))}
    db.session.remove()
    return found


def run(app: Flask, *arguments: str) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(args=arguments)


def round_trip(app: Flask, file: Path) -> str:
    """What `restore` said when the owner of a backup came back and another went."""
    add("olga")
    assert run(app, "backup", str(file)).exit_code == 0
    add("late")
    refused = run(app, "restore", str(file))
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    assert names() == {"olga", "late"}
    done = run(app, "restore", "--replace", str(file))
    assert done.exit_code == 0, done.output
    assert names() == {"olga"}
    actions = {x for (x,) in db.session.execute(text("SELECT action FROM audit_entry"))}
    db.session.remove()
    assert "backup.restored" in actions
    return done.output


def test_sqlite_is_backed_up_and_put_back_and_what_was_there_is_kept(lite: Flask, tmp_path: Path) -> None:
    said = round_trip(lite, tmp_path / "there.tar.gz")
    [aside] = tmp_path.glob("amberline.db.before-*")
    assert str(aside) in said
    assert "SECRET_KEY" not in said
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT count(*) FROM user_").fetchone() == (2,)


@pytest.mark.postgresql
def test_postgresql_is_backed_up_and_put_back_and_what_was_there_is_kept(
    house: Flask, tmp_path: Path
) -> None:
    if reason := backups.why_not():
        pytest.skip(reason)
    round_trip(house, tmp_path / "there.tar.gz")
    assert len(backups.listed()) == 1


@pytest.mark.postgresql
def test_what_a_newer_version_has_added_does_not_keep_a_backup_of_before_out(
    house: Flask, tmp_path: Path
) -> None:
    if reason := backups.why_not():
        pytest.skip(reason)
    add("olga")
    file = tmp_path / "there.tar.gz"
    assert run(house, "backup", str(file)).exit_code == 0
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE newer (user_id bigint REFERENCES user_ (id))"))
    done = run(house, "restore", "--replace", str(file))
    assert done.exit_code == 0, done.output
    assert names() == {"olga"}
    with db.engine.begin() as connection:
        assert connection.scalar(text("SELECT to_regclass('newer')")) is None


def test_a_backup_is_of_one_moment_though_somebody_writes(lite: Flask, tmp_path: Path) -> None:
    add("olga")
    with atomic() as session:
        session.add(User(username="half", username_folded="half", password_hash="", role=Role.OWNER,
                         login_key="x", created_at=clock.now()))  # fmt: skip
        session.flush()
        making._copy(str(tmp_path / "amberline.db"), tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT username FROM user_").fetchall() == [("olga",)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def server(request: pytest.FixtureRequest, nursery: Nursery, tmp_path: Path) -> Iterator[ForkedServer]:
    """A server, not started, whose database nobody else is connected to."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'amberline.db'}"
        if request.param == "postgresql":
            service = services.postgresql()
            if service.url is None or shutil.which("pg_dump") is None:
                pytest.skip(service.reason or "pg_dump is not installed")
            url = stack.enter_context(services.scratch_database(service.url))
        server = ForkedServer(nursery, tmp_path, url)
        server.flask("db", "upgrade")
        stack.callback(server.stop)
        yield server


def test_what_is_ordered_is_done_before_the_server_serves(server: ForkedServer) -> None:
    server.flask("create-user", "--username", "olga", "--password", PASSWORD, "--role", "owner")
    server.flask("backup")
    server.flask("create-user", "--username", "late", "--password", PASSWORD, "--role", "owner")
    [kept] = (server.directory / "backups").glob("amberline-*.tar.gz")
    (server.directory / "backups" / ".restore-next").write_text(f'{{"name": "{kept.name}", "by": "olga"}}')
    server.start()
    assert [enters(server, name) for name in ("olga", "late")] == [True, False], server.log.read_text()
    server.stop()
    server.start()
    assert enters(server, "olga")
    assert server.log.read_text().count("backup_restored") == 1


def enters(server: ForkedServer, username: str) -> bool:
    given = {"username": username, "password": PASSWORD}
    return requests.post(f"{server.url}/api/v1/token", json=given, timeout=30).ok


def test_numbers_of_sessions_since_the_backup_are_not_given_to_others(lite: Flask, tmp_path: Path) -> None:
    def given() -> int:
        with atomic() as session:
            number = opened.next_id(session)
        db.session.remove()
        return number

    file = tmp_path / "there.tar.gz"
    assert run(lite, "backup", str(file)).exit_code == 0
    since = {given() for _ in range(5)}
    assert run(lite, "restore", str(file)).exit_code == 0
    assert not since & {given() for _ in range(5)}


def test_two_of_one_second_are_two(lite: Flask, monkeypatch: Any) -> None:
    at = clock.now()
    monkeypatch.setattr(clock, "now", lambda: at)
    assert backups.make() != backups.make()
    assert len(backups.listed()) == 2


def test_another_secret_key_is_told(lite: Flask, tmp_path: Path) -> None:
    file = tmp_path / "there.tar.gz"
    assert run(lite, "backup", str(file)).exit_code == 0
    lite.extensions["settings"] = replace(lite.extensions["settings"], secret_key="z" * 43)
    assert "another SECRET_KEY" in run(lite, "restore", str(file)).output


@pytest.mark.postgresql
def test_a_running_server_on_postgresql_keeps_its_database(house: Flask, tmp_path: Path) -> None:
    if reason := backups.why_not():
        pytest.skip(reason)
    file = tmp_path / "there.tar.gz"
    assert run(house, "backup", str(file)).exit_code == 0
    with psycopg.connect(house.extensions["settings"].database_url.replace("+psycopg", "")):
        refused = run(house, "restore", str(file))
    assert refused.exit_code == 1
    assert "stop it first" in refused.output


def test_a_running_server_keeps_its_database(lite: Flask, tmp_path: Path) -> None:
    file = tmp_path / "there.tar.gz"
    assert run(lite, "backup", str(file)).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "amberline.db")) as server:
        server.execute("SELECT count(*) FROM user_").fetchall()
        refused = run(lite, "restore", str(file))
    assert refused.exit_code == 1
    assert "stop it first" in refused.output


@pytest.mark.parametrize("harm", ["text", "cut", "damaged", "newer", "other"])
def test_what_is_no_good_backup_is_refused_and_nothing_is_lost(
    lite: Flask, tmp_path: Path, harm: str
) -> None:
    add("olga")
    file = tmp_path / "there.tar.gz"
    assert run(lite, "backup", str(file)).exit_code == 0
    if harm == "text":
        file.write_text("not a backup")
    elif harm == "cut":
        file.write_bytes(file.read_bytes()[:-2000])
    else:
        _harmed(file, tmp_path, harm)
    refused = run(lite, "restore", "--replace", str(file))
    assert refused.exit_code == 1, refused.output
    assert names() == {"olga"}
    assert list(tmp_path.glob("*.before-*")) == []


def _harmed(file: Path, tmp_path: Path, harm: str) -> None:
    """The same backup with a damaged database, or with another word about itself."""
    subprocess.run(["tar", "--extract", "--file", file], cwd=tmp_path, check=True)
    about, copy = tmp_path / "about.json", tmp_path / "database.sqlite3"
    if harm == "damaged":
        content = bytearray(copy.read_bytes())
        content[100:8000] = bytes(7900)
        copy.write_bytes(content)
    if harm == "newer":
        about.write_text(about.read_text().replace('"revision": "', '"revision": "9'))
    if harm == "other":
        about.write_text(about.read_text().replace('"sqlite"', '"postgresql"'))
    with tarfile.open(file, "w:gz") as archive:
        archive.add(about, "about.json")
        archive.add(copy, "database.sqlite3")


def test_backups_are_made_by_themselves_and_the_oldest_go(lite: Flask, monkeypatch: Any) -> None:
    assert backups.make_due()
    assert not backups.make_due()
    today = clock.now()
    for days in (1, 2, 3):
        monkeypatch.setattr(clock, "now", lambda days=days: today + timedelta(days=days))
        assert backups.make_due()
    assert len(backups.listed()) == 2
    assert backups.listed()[0].made_at.date() == (today + timedelta(days=3)).date()


def test_two_at_once_are_one_too_many(lite: Flask) -> None:
    backups.directory().mkdir(parents=True)
    with making._alone(), pytest.raises(backups.BackupFailed, match="being made already"):
        backups.make()
