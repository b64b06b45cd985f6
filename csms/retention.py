"""What is deleted by itself: how much of it there is, and what other limits would let go of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy.orm import Session

from config import Config
from csms import backups
from csms.backups import Kept
from csms.day_files import DayFile, DayFiles
from csms.domain import accounts, frames, maintenance, transactions
from csms.domain.accounts.settings import (
    AUDIT_KEPT_DAYS,
    BACKUPS_KEPT,
    FRAMES_KEPT_DAYS,
    LOG_DAYS,
    LOGS_KEPT_DAYS,
    READINGS_KEPT_DAYS,
)
from csms.shelf import apart

# What lies in the database and is told by its days, as nobody counts it by the million: when the oldest was made.
OLDEST: Mapping[str, Callable[[Session], datetime | None]] = {
    FRAMES_KEPT_DAYS: frames.oldest,
    READINGS_KEPT_DAYS: transactions.oldest_reading,
    AUDIT_KEPT_DAYS: accounts.oldest_entry,
}
LIMITS = (*OLDEST, LOGS_KEPT_DAYS, LOG_DAYS, BACKUPS_KEPT)


@dataclass(frozen=True, slots=True)
class Amount:
    """So many files, and their bytes; of what is in OLDEST so many days."""

    count: int
    size_bytes: int = 0


def limits() -> dict[str, int]:
    """Those in force."""
    return {name: getattr(_settings(), name) for name in LIMITS}


def held(session: Session, at: datetime) -> dict[str, Amount]:
    """What there is now, by the name of its limit."""
    return {
        **{name: _days(oldest(session), at) for name, oldest in OLDEST.items()},
        LOGS_KEPT_DAYS: Amount(*maintenance.files_kept(session)),
        LOG_DAYS: _sum(_day_files()),
        BACKUPS_KEPT: _sum(backups.listed()),
    }


def lost(session: Session, wanted: Mapping[str, int], *, at: datetime) -> dict[str, Amount]:
    """What these limits would let go of at the next round and those in force would not, by name."""
    before, after = _surplus(session, limits(), at), _surplus(session, wanted, at)
    gone = {
        name: Amount(after[name].count - before[name].count, after[name].size_bytes - before[name].size_bytes)
        for name in wanted
    }
    return {name: amount for name, amount in gone.items() if amount.count > 0}


def forget_day_files(at: datetime) -> int:
    """Delete the log files of messages that have been kept for long enough; how many there were."""
    directory = _settings().wire_log_dir
    if directory is None:
        return 0
    oldest = at.date() - timedelta(days=_settings().log_days)
    return apart(DayFiles(directory).forget, oldest)


def _surplus(session: Session, wanted: Mapping[str, int], at: datetime) -> dict[str, Amount]:
    """What these would let go of. Backups go only where others are made by themselves."""
    oldest_day = at.date() - timedelta(days=wanted[LOG_DAYS])
    oldest_log = at - timedelta(days=wanted[LOGS_KEPT_DAYS])
    has_rounds = _settings().backup_every_h > 0
    return {
        **{
            name: _days(oldest(session), at - timedelta(days=wanted[name])) for name, oldest in OLDEST.items()
        },
        LOGS_KEPT_DAYS: Amount(*maintenance.files_kept(session, oldest_log)),
        LOG_DAYS: _sum([x for x in _day_files() if x.day < oldest_day]),
        BACKUPS_KEPT: _sum(backups.beyond(wanted[BACKUPS_KEPT]) if has_rounds else []),
    }


def _days(oldest: datetime | None, until: datetime) -> Amount:
    """The days from the oldest to before that, a day that has begun included."""
    return Amount(0 if oldest is None or oldest >= until else (until - oldest).days + 1)


def _day_files() -> list[DayFile]:
    directory = _settings().wire_log_dir
    return [] if directory is None else list(DayFiles(directory).listed())


def _sum(files: list[DayFile] | list[Kept]) -> Amount:
    return Amount(len(files), sum(x.size_bytes for x in files))


def _settings() -> Config:
    config: Config = current_app.extensions["settings"]
    return config
