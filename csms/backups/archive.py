"""The file of a backup: a gzipped tar of `about.json` and the database."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
from sqlalchemy.engine import URL

from csms.sentences import told

ABOUT, SQLITE, POSTGRESQL = "about.json", "database.sqlite3", "database.pgdump"
STAMP = "%Y%m%d-%H%M%S"
_BROKEN = (
    OSError,
    EOFError,
    tarfile.TarError,
    zlib.error,
    KeyError,
)  # what reading a file that is not whole raises


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


def key_of(secret_key: str) -> str:
    """A fingerprint of a secret key, from which nobody learns the key."""
    return hashlib.sha256(b"backups" + secret_key.encode()).hexdigest()[:16]


def about_of(file: Path, called: str | None = None) -> About:
    """What a backup says of itself. Raises BackupFailed for a file that is none. `called`: what people know it by."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            member = archive.extractfile(ABOUT)
            return About(**orjson.loads(member.read(10_000) if member else b""))
    except (*_BROKEN, TypeError, orjson.JSONDecodeError) as error:
        raise BackupFailed(
            told("%(file)s is no backup of Amberline: %(why)s", file=called or file.name, why=error)
        ) from None


def run(command: list[str], url: URL) -> None:
    """A program of PostgreSQL's at a database, with its password where nobody else sees it. Raises BackupFailed."""
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    _run([*command, f"--dbname={address}"], {"PGPASSWORD": str(url.password or "")})


def as_script(dump: Path, script: Path) -> None:
    """What pg_dump has written, as what psql reads. Raises BackupFailed."""
    _run(["pg_restore", "--no-owner", f"--file={script}", str(dump)], {})


def _run(command: list[str], more: dict[str, str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603  our own words, and an address from the settings
            command, env=os.environ | more, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        missing = told("%(program)s is not installed here: run it where PostgreSQL is.", program=command[0])
        raise BackupFailed(missing) from None
    if done.returncode:
        raise BackupFailed(f"{command[0]}: {done.stderr.strip()[-400:] or 'it ended with an error'}")


def pack(about: About, copy: Path, target: Path) -> None:
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


def member_of(about: About) -> str:
    """The database in a backup that says this of itself."""
    return SQLITE if about.engine == "sqlite" else POSTGRESQL


def unpack(file: Path, member: str, into: Path) -> None:
    """Raises BackupFailed."""
    with into.open("wb") as output:
        _read(file, member, output, file.name)
        os.fsync(output.fileno())


def read_through(file: Path, member: str, called: str | None = None) -> None:
    """Raises BackupFailed for a backup that is not whole."""
    with open(os.devnull, "wb") as nowhere:
        _read(file, member, nowhere, called or file.name)


def _read(file: Path, member: str, output: BinaryIO, called: str) -> None:
    try:
        with tarfile.open(file, "r:gz") as archive:
            source = archive.extractfile(member)
            if source is None:
                raise BackupFailed(told("%(file)s holds no database.", file=called))
            shutil.copyfileobj(source, output)
            while archive.fileobj is not None and archive.fileobj.read(1_000_000):
                pass  # the checksum stands at the end
    except _BROKEN as error:
        raise BackupFailed(
            told("%(file)s cannot be read to its end: %(why)s", file=called, why=error)
        ) from None
