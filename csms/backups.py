"""Backups: the whole database in one file, made while the server works, and put back.

A backup is a gzipped tar of `about.json` and the database: SQLite's as a database file, PostgreSQL's as pg_dump writes
it. What the disk and the processor do for it is done in native threads and other programs, so that no charger waits.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import logging
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Collection, Generator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gevent
import orjson
from flask import Flask, current_app
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from csms import clock, documents, rounds
from csms.extensions import db
from csms.shelf import apart

log = logging.getLogger(__name__)

LOOK_EVERY_S = 300
ABOUT, SQLITE, POSTGRESQL = "about.json", "database.sqlite3", "database.pgdump"
ROOM = 1.5  # so many times the database must be free: the copy, and what it is packed into
_NAME = re.compile(r"amberline-(\d{8}-\d{6})\.tar\.gz")
_STAMP = "%Y%m%d-%H%M%S"


class BackupFailed(Exception):
    """No backup was made, or none put back; what there was is as it was. The message is fit for a person."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup holds. `key` is a fingerprint of SECRET_KEY, without which what it sealed cannot be read."""

    engine: str
    revision: str
    version: str
    made_at: str
    key: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup on this machine's disk."""

    name: str
    size_bytes: int
    made_at: datetime


def directory() -> Path:
    """Where backups are kept."""
    return _settings().instance_dir / "backups"


def listed() -> list[Kept]:
    """Those that are kept, the newest first."""
    found = [(path, _NAME.fullmatch(path.name)) for path in directory().glob("amberline-*.tar.gz")]
    kept = [
        Kept(path.name, path.stat().st_size, datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC))
        for path, match in found
        if match
    ]
    return sorted(kept, key=lambda x: x.name, reverse=True)


def path_of(name: str) -> Path | None:
    """Where a backup of this name lies; None: there is none."""
    path = directory() / name
    return path if _NAME.fullmatch(name) and path.is_file() else None


def why_not() -> str | None:
    """Why no backup can be made here; None: it can."""
    if db.engine.dialect.name == "postgresql" and shutil.which("pg_dump") is None:
        return "pg_dump is not installed here: run it where PostgreSQL is."
    return None


def make(target: Path | None = None) -> Path:
    """Make a backup now, in the directory of backups or as `target`. Raises BackupFailed."""
    if (reason := why_not()) is not None:
        raise BackupFailed(reason)
    directory().mkdir(parents=True, exist_ok=True, mode=0o700)
    at = clock.now()
    target = target or directory() / f"amberline-{at:{_STAMP}}.tar.gz"
    with _alone():
        return _made(target, at)


def _made(target: Path, at: datetime) -> Path:
    """Raises BackupFailed."""
    with tempfile.TemporaryDirectory(dir=directory(), prefix=".making-") as workshop:
        try:
            about, url = _about(at), db.engine.url
            db.session.remove()
            _check_room(url)
            copy = Path(workshop) / (SQLITE if about.engine == "sqlite" else POSTGRESQL)
            if about.engine == "sqlite":
                apart(_copy, str(url.database), copy)
            else:
                _run(["pg_dump", "--format=custom", "--compress=0", "--no-owner", f"--file={copy}"], url)
            apart(_pack, about, copy, target)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise BackupFailed(f"No backup was made: {error}") from error
    log.info("backup_made", extra={"file": target.name, "bytes": target.stat().st_size})
    return target


def about_of(file: Path) -> About:
    """What a backup says of itself. Raises BackupFailed for a file that is none."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            member = archive.extractfile(ABOUT)
            return About(**orjson.loads(member.read(10_000) if member else b""))
    except (OSError, EOFError, tarfile.TarError, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise BackupFailed(f"{file.name} is no backup of Amberline: {error}") from None


def restore(file: Path, revisions: Collection[str], *, replaces: bool) -> Path | None:
    """Put a backup in the place of the database, and keep what was there aside: where. Raises BackupFailed.

    `revisions`: the states of the database that this program knows. `replaces`: also where there are users already.
    The server must not be running on a SQLite file.
    """
    about, url = about_of(file), db.engine.url
    if about.engine != url.get_backend_name():
        raise BackupFailed(
            f"This is a backup of {about.engine}, and the database is {url.get_backend_name()}."
        )
    if about.revision not in revisions:
        raise BackupFailed(f"It was made by a newer version, {about.version}: install that one first.")
    if not replaces and _has_users():
        raise BackupFailed("There are users in this database: --replace puts the backup in its place.")
    db.session.remove()
    db.engine.dispose()
    if about.engine == "sqlite":
        return apart(_put_back, file, Path(str(url.database)))
    return _put_back_by_pg_restore(file, url)


def start(app: Flask) -> gevent.Greenlet:
    """Make backups as often as is set, for as long as the process lives."""

    def turn() -> None:
        try:
            make_due()
        except BackupFailed as error:
            log.warning("backup_failed", extra={"error": str(error)})

    return rounds.start(app, "backups", LOOK_EVERY_S, turn)


def make_due() -> bool:
    """Make a backup if the newest is old enough, and let go of the oldest; True if so. Raises BackupFailed."""
    settings = _settings()
    if not settings.backup_every_h or why_not() is not None:
        return False
    newest = next(iter(listed()), None)
    if newest is not None and clock.now() - newest.made_at < timedelta(hours=settings.backup_every_h):
        return False
    make()
    for old in listed()[settings.backups_kept :]:
        (directory() / old.name).unlink(missing_ok=True)
    return True


def key_of(secret_key: str) -> str:
    """A fingerprint of a secret key, from which nobody learns the key."""
    return hashlib.sha256(b"backups" + secret_key.encode()).hexdigest()[:16]


def _settings() -> Config:
    config: Config = current_app.extensions["settings"]
    return config


@contextmanager
def _alone() -> Generator[None]:
    """One backup at a time, of all processes that share the directory. Raises BackupFailed."""
    with (directory() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed("A backup is being made already: wait for it.") from None
        for left in directory().glob(".making-*"):  # by a crash
            shutil.rmtree(left, ignore_errors=True)
        yield


def _about(at: datetime) -> About:
    settings = _settings()
    revision = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    return About(
        engine=db.engine.dialect.name,
        revision=str(revision),
        version=documents.version(settings.root),
        made_at=at.isoformat(),
        key=key_of(settings.secret_key),
    )


def _check_room(url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        return
    free, needed = shutil.disk_usage(directory()).free, os.path.getsize(str(url.database)) * ROOM
    if free < needed:
        raise BackupFailed(
            f"There are {free // 1_000_000} MB free on the disk, and it takes {needed / 1e6:.0f}."
        )


def _copy(source: str, copy: Path) -> None:
    """One moment of a SQLite file as another. The online backup API would begin anew whenever somebody writes."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))


def _run(command: list[str], url: URL) -> None:
    """A program of PostgreSQL's, with its password where nobody else sees it. Raises BackupFailed."""
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = os.environ | {"PGPASSWORD": str(url.password or "")}
    done = subprocess.run(  # noqa: S603  our own words, and an address from the settings
        [*command, f"--dbname={address}"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupFailed(f"{command[0]}: {done.stderr.strip()[-400:] or 'it ended with an error'}")


def _pack(about: About, copy: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as archive:
                told = orjson.dumps(asdict(about), option=orjson.OPT_INDENT_2)
                head = tarfile.TarInfo(ABOUT)
                head.size = len(told)
                archive.addfile(head, io.BytesIO(told))
                archive.add(copy, copy.name)
            raw.flush()
            os.fsync(raw.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def _has_users() -> bool:
    try:
        return bool(db.session.scalar(text("SELECT count(*) FROM user_")))
    except SQLAlchemyError:  # an empty database has no such table
        return False


def _unpacked(file: Path, member: str, into: Path) -> None:
    """Raises BackupFailed."""
    try:
        with tarfile.open(file, "r:gz") as archive, into.open("wb") as output:
            source = archive.extractfile(member)
            if source is None:
                raise BackupFailed(f"{file.name} holds no database.")
            shutil.copyfileobj(source, output)
            os.fsync(output.fileno())
    except (OSError, EOFError, tarfile.TarError, KeyError) as error:
        raise BackupFailed(f"{file.name} cannot be read to its end: {error}") from None


def _put_back(file: Path, database: Path) -> Path | None:
    fresh = database.with_name(f".{database.name}.restoring")
    try:
        _unpacked(file, SQLITE, fresh)
        _check_whole(fresh)
        aside = _set_aside(database) if database.exists() else None
        fresh.rename(database)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"Nothing was put back: {error}") from None
    finally:
        fresh.unlink(missing_ok=True)
    return aside


def _check_whole(database: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as connection:
            [(verdict,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise BackupFailed(f"The database in the backup is damaged: {verdict}")


def _set_aside(database: Path) -> Path:
    """Give the present file another name. Raises BackupFailed while somebody has it open."""
    try:
        with closing(sqlite3.connect(database, timeout=2, isolation_level=None)) as connection:
            # Only somebody who is alone may leave WAL mode; then all of the database is in the one file.
            [(mode,)] = connection.execute("PRAGMA journal_mode=DELETE").fetchall()
    except sqlite3.OperationalError:
        mode = "locked"
    if mode != "delete":
        raise BackupFailed("The server is running: stop it first.")
    aside = database.with_name(f"{database.name}.before-{clock.now():{_STAMP}}")
    database.rename(aside)
    return aside


def _put_back_by_pg_restore(file: Path, url: URL) -> Path | None:
    aside = make() if _has_users() else None
    db.session.remove()
    db.engine.dispose()
    with tempfile.TemporaryDirectory(prefix="amberline-") as workshop:
        dump = Path(workshop) / POSTGRESQL
        apart(_unpacked, file, POSTGRESQL, dump)
        orders = ["--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
        _run(["pg_restore", *orders, str(dump)], url)
    return aside
