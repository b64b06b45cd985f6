"""Backups: the whole database in one file, made while the server works, and put back.

A backup is a gzipped tar of `about.json` and the database: SQLite's as a database file, PostgreSQL's as pg_dump writes
it. What the disk and the processor do for it is done in native threads and other programs, so that no charger waits.
"""

from csms.backups.archive import About, BackupFailed, about_of, key_of
from csms.backups.making import Kept, directory, keep, listed, make, path_of, why_not
from csms.backups.restoring import (
    Order,
    Restored,
    cancel,
    carry_out,
    check,
    last_failure,
    order,
    ordered,
    restore,
)
from csms.backups.upkeep import beyond, make_due, start

__all__ = [
    "About",
    "BackupFailed",
    "Kept",
    "Order",
    "Restored",
    "about_of",
    "beyond",
    "cancel",
    "carry_out",
    "check",
    "directory",
    "keep",
    "key_of",
    "last_failure",
    "listed",
    "make",
    "make_due",
    "order",
    "ordered",
    "path_of",
    "restore",
    "start",
    "why_not",
]
