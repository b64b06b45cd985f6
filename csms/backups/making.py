"""Backups made: one at a time, while the server works, and kept in a directory."""

from __future__ import annotations

import fcntl
import filecmp
import logging
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from csms import clock, documents
from csms.backups import archive
from csms.backups.archive import STAMP, About, BackupFailed, key_of
from csms.extensions import db
from csms.sentences import told
from csms.shelf import apart

log = logging.getLogger(__name__)

ROOM = 1.5  # so many times the database must be free: the copy, and what it is packed into
_NAME = re.compile(r"amberline-(\d{8}-\d{6})\.tar\.gz")


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup on this machine's disk."""

    name: str
    size_bytes: int
    made_at: datetime


def directory() -> Path:
    """Where backups are kept."""
    return settings().instance_dir / "backups"


def listed() -> list[Kept]:
    """Those that are kept, the newest first."""
    found = [(path, _NAME.fullmatch(path.name)) for path in directory().glob("amberline-*.tar.gz")]
    kept = [
        Kept(path.name, path.stat().st_size, datetime.strptime(match[1], STAMP).replace(tzinfo=UTC))
        for path, match in found
        if match
    ]
    return sorted(kept, key=lambda x: x.name, reverse=True)


def path_of(name: str) -> Path | None:
    """Where a backup of this name lies; None: there is none."""
    path = directory() / name
    return path if _NAME.fullmatch(name) and path.is_file() else None


def keep(file: Path, about: About, called: str | None = None) -> str:
    """Put a file that has come among the backups, under the name of its moment and never over another: which.

    Raises BackupFailed for one that is not whole.
    """
    apart(archive.read_through, file, archive.member_of(about), called)
    made_at = datetime.fromisoformat(about.made_at)
    there = _place(made_at)
    if there.exists() and apart(filecmp.cmp, there, file, False):
        return there.name
    return file.rename(_free_place(made_at)).name


def why_not() -> str | None:
    """Why no backup can be made here; None: it can."""
    if db.engine.dialect.name == "postgresql" and shutil.which("pg_dump") is None:
        return told("%(program)s is not installed here: run it where PostgreSQL is.", program="pg_dump")
    return None


def make(target: Path | None = None) -> Path:
    """Make a backup now, in the directory of backups or as `target`. Raises BackupFailed."""
    if (reason := why_not()) is not None:
        raise BackupFailed(reason)
    directory().mkdir(parents=True, exist_ok=True, mode=0o700)
    at = clock.now()
    with _alone():
        return _made(target or _free_place(at), at)


def _free_place(at: datetime) -> Path:
    """Where a backup of this moment goes: not over one of the same second."""
    while (place := _place(at)).exists():
        at += timedelta(seconds=1)
    return place


def _place(at: datetime) -> Path:
    return directory() / f"amberline-{at:{STAMP}}.tar.gz"


def _made(target: Path, at: datetime) -> Path:
    """Raises BackupFailed."""
    with tempfile.TemporaryDirectory(dir=directory(), prefix=".making-") as workshop:
        try:
            about, url = _about(at), db.engine.url
            db.session.remove()
            _check_room(url)
            copy = Path(workshop) / archive.member_of(about)
            if about.engine == "sqlite":
                apart(_copy, str(url.database), copy)
            else:
                archive.run(
                    ["pg_dump", "--format=custom", "--compress=0", "--no-owner", f"--file={copy}"], url
                )
            apart(archive.pack, about, copy, target)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise BackupFailed(told("No backup was made: %(why)s", why=error)) from error
    log.info("backup_made", extra={"file": target.name, "bytes": target.stat().st_size})
    return target


def settings() -> Config:
    config: Config = current_app.extensions["settings"]
    return config


@contextmanager
def _alone() -> Generator[None]:
    """One backup at a time, of all processes that share the directory. Raises BackupFailed."""
    with (directory() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(told("A backup is being made already: wait for it.")) from None
        for left in directory().glob(".making-*"):  # by a crash
            shutil.rmtree(left, ignore_errors=True)
        yield


def _about(at: datetime) -> About:
    config = settings()
    revision = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    return About(
        engine=db.engine.dialect.name,
        revision=str(revision),
        version=documents.version(config.root),
        made_at=at.isoformat(),
        key=key_of(config.secret_key),
    )


def _check_room(url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        return
    free, needed = shutil.disk_usage(directory()).free, os.path.getsize(str(url.database)) * ROOM
    if free < needed:
        raise BackupFailed(
            told(
                "There are %(free)s MB free on the disk, and it takes %(needed)s.",
                free=free // 1_000_000,
                needed=f"{needed / 1e6:.0f}",
            )
        )


def _copy(source: str, copy: Path) -> None:
    """One moment of a SQLite file as another. The online backup API would begin anew whenever somebody writes."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
