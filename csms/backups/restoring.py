"""Backups put back, by a command or, as ordered on a page, when the server starts next."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from sqlalchemy import select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from csms import clock
from csms.backups import archive, making
from csms.backups.archive import POSTGRESQL, SQLITE, STAMP, About, BackupFailed, about_of
from csms.domain import accounts
from csms.domain.accounts import AuditEntry
from csms.domain.transactions import opened
from csms.extensions import db
from csms.sentences import gettext_noop, told
from csms.shelf import apart
from csms.work import atomic

log = logging.getLogger(__name__)

# Chargers still tell of sessions that began since the backup: their numbers must not become those of others.
NUMBERS_SKIPPED = 20_000
LOOKS, LOOK_EVERY_S = 20, 0.1
# What a newer version has added holds on to what is put back, and would stand in the way of the migrations.
# Extensions keep what is theirs.
EMPTIED = """
DO $$ DECLARE one record; BEGIN
  FOR one IN
    SELECT format('TABLE %s', oid::regclass) AS name FROM pg_class
      WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
    UNION ALL SELECT format('ROUTINE %s', oid::regprocedure) FROM pg_proc
      WHERE pronamespace = current_schema()::regnamespace
        AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
  LOOP
    EXECUTE format('DROP %s CASCADE', one.name);
  END LOOP;
END $$;
"""
RESTORED, NOT_RESTORED = "backup.restored", "backup.not_restored"  # in the audit


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside`: where what was there before is kept; None: there was nothing."""

    about: About
    aside: Path | None


@dataclass(frozen=True, slots=True)
class Order:
    """That a backup be put back when the server starts next: the name of one that is kept, and who wants it."""

    name: str
    by: str


def restore(file: Path, *, by: str, replaces: bool) -> Restored:
    """Put a backup in the place of the database, keep what was there aside, and bring it up to date.

    `replaces`: also where there are users already. Raises BackupFailed, also while a server is running on the database.
    """
    about, url = check(file), db.engine.url
    if not replaces and _has_users():
        raise BackupFailed(told("There are users in this database: --replace puts the backup in its place."))
    db.session.remove()
    db.engine.dispose()
    if about.engine == "sqlite":
        aside = apart(_put_back, file, Path(str(url.database)))
    else:
        aside = _put_back_by_pg_restore(file, url)
    upgrade(directory=_migrations())
    with atomic() as session:
        opened.take_numbers(session, NUMBERS_SKIPPED)
        accounts.audit(session, by, RESTORED, at=clock.now(), subject=file.name, detail=about.made_at)
    return Restored(about, aside)


def check(file: Path, called: str | None = None) -> About:
    """What a backup says of itself, if it can be put back here. Raises BackupFailed."""
    about, engine = about_of(file, called), db.engine.url.get_backend_name()
    if about.engine != engine:
        raise BackupFailed(
            told(
                "This is a backup of %(theirs)s, and the database is %(ours)s.",
                theirs=about.engine,
                ours=engine,
            )
        )
    if about.revision not in {x.revision for x in ScriptDirectory(_migrations()).walk_revisions()}:
        raise BackupFailed(
            told(
                "It was made by a newer version, %(version)s: install that one first.", version=about.version
            )
        )
    return about


def order(name: str, by: str) -> None:
    """Have a backup that is kept put back when the server starts next. Raises BackupFailed."""
    path = making.path_of(name)
    if path is None:
        raise BackupFailed(told("There is no backup %(name)s here.", name=name))
    check(path)
    _order_file().write_bytes(orjson.dumps(asdict(Order(name, by))))


def ordered() -> Order | None:
    """What is to be put back when the server starts next."""
    try:
        return Order(**orjson.loads(_order_file().read_bytes()))
    except FileNotFoundError:
        return None


def cancel() -> None:
    """Leave the database as it is."""
    _order_file().unlink(missing_ok=True)


def carry_out() -> None:
    """Put back what was ordered, before the server serves. What does not work stands in the log and in the audit."""
    wanted = ordered()
    if wanted is None:
        return
    cancel()  # first: what fails would fail again at every start
    try:
        path = making.path_of(wanted.name)
        if path is None:
            raise BackupFailed(gettext_noop("It was deleted meanwhile."))
        restored = restore(path, by=wanted.by, replaces=True)
    except BackupFailed as error:
        log.error("backup_not_restored", extra={"file": wanted.name, "error": str(error)})
        with atomic() as session:
            told = {"subject": wanted.name, "detail": str(error)[:500]}
            accounts.audit(session, wanted.by, NOT_RESTORED, at=clock.now(), **told)
    else:
        log.warning("backup_restored", extra={"file": wanted.name, "aside": str(restored.aside)})


def last_failure() -> AuditEntry | None:
    """The last restoring that was ordered, if it did not work."""
    query = select(AuditEntry).where(AuditEntry.action.in_((RESTORED, NOT_RESTORED)))
    newest = db.session.scalar(query.order_by(AuditEntry.id.desc()).limit(1))
    return newest if newest is not None and newest.action == NOT_RESTORED else None


def _order_file() -> Path:
    return making.directory() / ".restore-next"


def _migrations() -> str:
    return str(making.settings().root / "migrations")


def _has_users() -> bool:
    try:
        return bool(db.session.scalar(text("SELECT count(*) FROM user_")))
    except SQLAlchemyError:  # an empty database has no such table
        return False


def _put_back(file: Path, database: Path) -> Path | None:
    fresh = database.with_name(f".{database.name}.restoring")
    try:
        archive.unpack(file, SQLITE, fresh)
        _check_whole(fresh)
        aside = _set_aside(database) if database.exists() else None
        fresh.rename(database)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(told("Nothing was put back: %(why)s", why=error)) from None
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
        raise BackupFailed(told("The database in the backup is damaged: %(verdict)s", verdict=verdict))


def _set_aside(database: Path) -> Path:
    """Give the present file another name. Raises BackupFailed while somebody has it open."""
    try:
        with closing(sqlite3.connect(database, timeout=2, isolation_level=None)) as connection:
            # Only somebody who is alone may leave WAL mode; then all of the database is in the one file.
            [(mode,)] = connection.execute("PRAGMA journal_mode=DELETE").fetchall()
    except sqlite3.OperationalError:
        mode = "locked"
    if mode != "delete":
        raise BackupFailed(told("The server is running: stop it first."))
    aside = database.with_name(f"{database.name}.before-{clock.now():{STAMP}}")
    database.rename(aside)
    return aside


def _put_back_by_pg_restore(file: Path, url: URL) -> Path | None:
    _check_alone()
    aside = making.make() if _has_users() else None
    db.session.remove()
    db.engine.dispose()
    with tempfile.TemporaryDirectory(prefix="amberline-") as workshop:
        dump, script, emptied = (Path(workshop) / x for x in (POSTGRESQL, "database.sql", "emptied.sql"))
        apart(archive.unpack, file, POSTGRESQL, dump)
        archive.as_script(dump, script)
        emptied.write_text(EMPTIED)
        orders = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        archive.run(["psql", *orders, f"--file={emptied}", f"--file={script}"], url)
    return aside


def _check_alone() -> None:
    """Raises BackupFailed while others are connected to the database. Who has just ended may still be seen there."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(LOOKS):
        count = db.session.scalar(text(others))
        db.session.remove()
        if not count:
            return
        time.sleep(LOOK_EVERY_S)
    raise BackupFailed(told("The server is running, or something else is connected: stop it first."))
