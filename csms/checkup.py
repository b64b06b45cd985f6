"""How the installation is doing, point by point, with what to do where something is not as it should be."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import redis
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config import Config
from csms import backups, documents, sentences
from csms.domain.commands import Command, CommandState
from csms.domain.mail import Mail, MailState
from csms.domain.webhooks import Delivery, DeliveryState
from csms.gauges import Gauges
from csms.sentences import gettext_noop

LEAST_FREE = 0.1  # of the disk
LEAST_FREE_BYTES = 1_000_000_000
MOST_WAITING = 1_000
MOST_SKEW_S = 5.0
REDIS_WITHIN_S = 2.0
# What waits, and what to say when it is a lot.
QUEUES = (
    (gettext_noop("Messages to be stored"), gettext_noop("That is many: the database is too slow.")),
    (gettext_noop("Commands on their way"), gettext_noop("That is many: see Commands.")),
    (gettext_noop("Mails to be sent"), gettext_noop("That is many: see Settings, Mail.")),
    (gettext_noop("Webhooks to be told"), gettext_noop("That is many: see Webhooks.")),
)


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was looked at. `advice` None: it is as it should be."""

    name: str
    found: str
    advice: str | None = None


def points(session: Session, *, at: datetime) -> list[Point]:
    """Everything, in the order in which one would look."""
    config: Config = current_app.extensions["settings"]
    return [
        Point(gettext_noop("Version"), documents.version(config.root)),
        *_database(session, config, at),
        _redis(config),
        _disk(config),
        _backup(config, at),
        *_queues(session),
    ]


def _database(session: Session, config: Config, at: datetime) -> Iterator[Point]:
    engine = session.get_bind().dialect.name
    begun = time.perf_counter()
    revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    took_ms = (time.perf_counter() - begun) * 1000
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[engine]
    yield Point(
        gettext_noop("Database"),
        sentences.told(
            "%(name)s, %(size)s MB, answers within %(took)s ms",
            name=name,
            size=f"{database_bytes(session) / 1e6:,.1f}",
            took=f"{took_ms:.1f}",
        ),
    )
    newest = _newest_revision(config.root)
    advice = (
        None
        if revision == newest
        else sentences.told(
            "The program knows %(newest)s: run make migrate, or set CSMS_MIGRATE=1.", newest=newest
        )
    )
    yield Point(gettext_noop("Its schema"), str(revision), advice)
    if engine == "postgresql":
        theirs = session.execute(select(func.clock_timestamp())).scalar_one()
        skew_s = abs((theirs - at).total_seconds())
        told = sentences.told(
            "%(moment)s UTC; the database’s is %(seconds)s s off",
            moment=f"{at:%Y-%m-%d %H:%M:%S}",
            seconds=f"{skew_s:.1f}",
        )
        wrong = gettext_noop("The clocks differ: let NTP set both.")
        yield Point(gettext_noop("Clock"), told, wrong if skew_s > MOST_SKEW_S else None)
    else:
        yield Point(gettext_noop("Clock"), f"{at:%Y-%m-%d %H:%M:%S} UTC")


def database_bytes(session: Session) -> int:
    """Of the database, in bytes."""
    if session.get_bind().dialect.name == "postgresql":
        return session.scalar(text("SELECT pg_database_size(current_database())")) or 0
    pages = session.scalar(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
    return pages or 0


@cache
def _newest_revision(root: Path) -> str | None:
    return ScriptDirectory(str(root / "migrations")).get_current_head()


def _redis(config: Config) -> Point:
    if not config.redis_url:
        return Point("Redis", gettext_noop("none: this process is alone"))
    begun = time.perf_counter()
    try:
        with redis.from_url(config.redis_url, socket_timeout=REDIS_WITHIN_S) as client:
            client.ping()
    except redis.RedisError as error:
        return Point(
            "Redis",
            sentences.told("does not answer: %(why)s", why=error)[:200],
            gettext_noop("Processes do not hear of each other: see to Redis."),
        )
    return Point(
        "Redis",
        sentences.told("answers within %(took)s ms", took=f"{(time.perf_counter() - begun) * 1000:.1f}"),
    )


def _disk(config: Config) -> Point:
    whole, _, free = shutil.disk_usage(config.instance_dir)
    told = sentences.told(
        "%(free)s of %(whole)s GB free", free=f"{free / 1e9:,.1f}", whole=f"{whole / 1e9:,.1f}"
    )
    advice = gettext_noop("Make room: nothing can be stored on a full disk.")
    is_scarce = free < LEAST_FREE_BYTES or free < whole * LEAST_FREE
    return Point(gettext_noop("Disk"), told, advice if is_scarce else None)


def _backup(config: Config, at: datetime) -> Point:
    newest = next(iter(backups.listed()), None)
    if newest is None:
        advice = backups.why_not() or gettext_noop("Make one now, or set BACKUP_EVERY_H.")
        return Point(gettext_noop("Last backup"), gettext_noop("none here"), advice)
    age = at - newest.made_at
    told = f"{newest.made_at:%Y-%m-%d %H:%M} UTC, {newest.size_bytes / 1e6:,.1f} MB"
    late = timedelta(hours=2 * (config.backup_every_h or 24 * 7))
    return Point(
        gettext_noop("Last backup"), told, gettext_noop("It is old: make one now.") if age > late else None
    )


def _queues(session: Session) -> Iterator[Point]:
    gauges: Gauges = current_app.extensions["gauges"]
    lag_s = gauges.stalls.within(60)
    stalled = gettext_noop("Something keeps the processor busy: chargers wait for it.")
    yield Point(
        gettext_noop("Longest pause, last minute"), f"{lag_s * 1000:.0f} ms", stalled if lag_s > 0.5 else None
    )
    queued = (
        _count(session, Command.state, CommandState.QUEUED),
        _count(session, Mail.state, MailState.QUEUED),
        _count(session, Delivery.state, DeliveryState.QUEUED),
    )
    for (name, advice), count in zip(QUEUES, (gauges.waiting(), *queued), strict=True):
        yield Point(name, f"{count:,}", advice if count > MOST_WAITING else None)


def _count(session: Session, column: object, state: object) -> int:
    return session.scalar(select(func.count()).where(column == state)) or 0  # type: ignore[arg-type]
