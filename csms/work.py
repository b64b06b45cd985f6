"""Units of work: commit, then publish what was announced. The only place that commits.

`atomic` is for people's and machines' doors. `Lane` is for the chargers: it takes whatever units are waiting, up to
`MOST_UNITS`, and commits them together. It never waits for a batch to fill. Jobs go there too, each one `alone`.

SQLite is written by one native thread, so that a lock or a slow disk stalls no charger; PostgreSQL's driver waits
cooperatively, so its batches run in a greenlet.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, cast

import gevent
import orjson
from gevent.event import AsyncResult, Event
from gevent.lock import RLock
from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from csms.bus import LocalBus
from csms.domain import base
from csms.extensions import db
from csms.gauges import Gauges

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_UNITS = 400
PORTION = 25  # units of a batch that run without a break in the event loop's thread
MOST_TRIES = 5
RETRY_S = 0.5  # between two looks whether a database that failed has come back
WAL_PAGES = 4_000  # 16 MB; after the 1,000 of SQLite itself every full batch waited for two files
LOCKED_FOR_S = 5.0  # how long a writer waits for somebody else's lock before it counts as a storage failure


class StorageFailed(Exception):
    """The database did not take it. Nothing was stored; whoever asked must be told nothing, and ask again."""


# What tells that the database is away: units of work, and whatever only reads.
AWAY = (StorageFailed, OperationalError, InterfaceError)


class Turn:
    """SQLite has one writer: within this process its turns are taken here, where waiting costs nothing.

    While another program keeps the file locked, one of us finds that out for `LOCKED_FOR_S`, and whoever has waited
    behind it is told the same: each finding out anew, the last would hear of it minutes later.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self.refused_at = -math.inf  # the monotonic moment at which one of us was last refused the file

    @contextmanager
    def taken(self) -> Generator[None]:
        """Raises StorageFailed."""
        asked_at = time.monotonic()
        with self._lock:
            if self.refused_at >= asked_at:
                raise StorageFailed("another program keeps the database locked")
            yield


_turn = Turn()

# A piece of work, pure towards everything but its session, so that it can be run again.
Unit = Callable[[Session], T]


def tune(engine: Engine, *, is_native_thread: bool = False) -> None:
    """Set up SQLite: WAL with full durability, foreign keys, and transactions that begin when we say so."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver's own idea of BEGIN comes too late for a writer
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
        # In the event loop's thread a busy wait would stall every charger: there `_begin` waits cooperatively.
        connection.execute(f"PRAGMA busy_timeout={int(LOCKED_FOR_S * 1000) if is_native_thread else 0}")
        if is_native_thread:
            # Before it writes a row that has triggers it copies the row's pages, from 64 KiB on to a file.
            connection.execute("PRAGMA temp_store=MEMORY")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("BEGIN")
            return
        give_up_at = time.monotonic() + LOCKED_FOR_S
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except OperationalError as error:
                if not _is_locked(error):
                    raise
                if is_native_thread or time.monotonic() > give_up_at:
                    _turn.refused_at = time.monotonic()
                    raise
                gevent.sleep(0.02)


def _is_locked(error: DBAPIError) -> bool:
    return "locked" in str(error.orig) or "busy" in str(error.orig)


@contextmanager
def atomic() -> Generator[Session]:
    """One unit of work on the request's session: all of it or nothing, and then the news.

    What was read before is read again inside, so that decisions are made on the truth. Raises StorageFailed.
    """
    session = db.session()
    with _writing(session):
        session.rollback()  # ends the snapshot that the request has read from
        session.connection(execution_options={"writes": True})
        try:
            yield session
            base.settle(session)
            session.commit()
        except BaseException:
            session.rollback()
            base.forget(session)
            raise
        topics = base.take_topics(session)
        base.forget(session)
    _bus().publish(topics)


def on(engine: Engine, unit: Unit[T]) -> T:
    """One unit of work on another database than the installation's, of which nobody is told."""
    with Session(engine, expire_on_commit=False) as session:
        value = unit(session)
        base.settle(session)
        session.commit()
        return value


@contextmanager
def _writing(session: Session) -> Generator[None]:
    try:
        if db.engine.dialect.name == "sqlite":
            with _turn.taken():
                yield
            gevent.sleep(0)  # as in `Lane._run`: a job with many units of work is not alone either
        else:
            yield
    except (OperationalError, InterfaceError) as error:
        raise StorageFailed(str(error.orig)) from error


def _bus() -> LocalBus:
    from flask import current_app

    bus: LocalBus = current_app.extensions["bus"]
    return bus


class Outcome(Generic[T]):
    """What came of one unit: a value or an exception, and the topics that its batch announces."""

    __slots__ = ("error", "value")

    def __init__(self, value: T | None, error: BaseException | None) -> None:
        self.value = value
        self.error = error


Gather = Callable[[Session, Sequence[Unit[Any]]], None]


class Lane:
    """The chargers' way into the database: many small units, few commits.

    `gather` may read with one query what the units of a batch would otherwise each ask for. When a unit raises, its
    batch is rolled back and its halves are tried, and theirs, so that one bad apple spoils nothing.
    """

    def __init__(
        self, url: str, bus: LocalBus, gather: Gather | None = None, gauges: Gauges | None = None
    ) -> None:
        self._is_sqlite = url.startswith("sqlite")
        self._engine = _lane_engine(url, self._is_sqlite)
        self._bus = bus
        self._gather = gather
        self._waiting: deque[tuple[Unit[Any], AsyncResult[Any]]] = deque()
        self._wake = Event()
        self._is_busy = False
        self.is_down = False  # the database has just failed, and has not come back
        self._thread = ThreadPool(1) if self._is_sqlite else None
        self._greenlet = gevent.spawn(self._run)
        self.batches = 0
        self.units = 0
        self._gauges = gauges or Gauges()
        self._gauges.waiting = lambda: len(self._waiting)

    def run(self, unit: Unit[T]) -> T:
        """Run `unit` in the next batch; returns when it is committed. Raises what it raises, or StorageFailed.

        While the database is known to be down it raises at once: nobody queues for seconds to hear of it.
        """
        if self.is_down:
            raise StorageFailed("the database is not available")
        return self._queue(unit)

    def _queue(self, unit: Unit[T]) -> T:
        result: AsyncResult[Any] = AsyncResult()
        self._waiting.append((unit, result))
        self._wake.set()
        value: T = result.get()
        return value

    def alone(self, unit: Unit[T]) -> T:
        """Run `unit` in a commit of its own, between two batches. Raises what it raises, or StorageFailed.

        For what walks over many rows: with SQLite that happens in the native thread, so it stalls no charger; and it
        meets nothing that a batch has read ahead. While the database is known to be down it raises at once.
        """
        if self.is_down:
            raise StorageFailed("the database is not available")
        [outcome], topics = self._stored([unit])
        self._publish(topics)
        gevent.sleep(0)  # as in `_run`
        if outcome.error is not None:
            raise outcome.error
        return cast(T, outcome.value)

    def stop(self) -> None:
        """Finish what is waiting, then end."""
        while self._waiting or self._is_busy:
            gevent.sleep(0.01)
        self._greenlet.kill()
        if self._thread is not None:
            self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_UNITS))]
                self._is_busy = True
                self._finish(batch)
                self._is_busy = False
                # gevent's lock wakes its waiters in the next round of the event loop. Without this pause a busy lane
                # has it back before that, each time, and people wait for as long as the chargers have anything to say.
                gevent.sleep(0)

    def _finish(self, batch: list[tuple[Unit[Any], AsyncResult[Any]]]) -> None:
        units = [unit for unit, _ in batch]
        began = time.perf_counter()
        outcomes, topics = self._stored(units)
        self.batches += 1
        self.units += len(units)
        self._gauges.batches.observe(time.perf_counter() - began)
        self._gauges.units += len(units)
        for (_, result), outcome in zip(batch, outcomes, strict=True):
            if outcome.error is None:
                result.set(outcome.value)
            else:
                result.set_exception(outcome.error)
        self._publish(topics)
        if not any(isinstance(outcome.error, StorageFailed) for outcome in outcomes):
            return
        self._gauges.storage_failures += 1
        if not self.is_down:
            self.is_down = True
            log.error("storage_down")
            gevent.spawn(self._come_back)

    def _stored(self, units: list[Unit[Any]]) -> tuple[list[Outcome[Any]], set[str]]:
        """What came of units that are committed now, and the topics to publish. Never raises."""
        try:
            if self._thread is None:
                return self._commit(units)
            with _turn.taken():
                stored: tuple[list[Outcome[Any]], set[str]] = self._thread.apply(self._commit, (units,))
            return stored
        except StorageFailed as error:
            return [Outcome(None, error) for _ in units], set()
        except Exception as error:  # the outermost door of the lane: it must go on for the other chargers
            log.exception("lane_failed")
            return [Outcome(None, StorageFailed(str(error))) for _ in units], set()

    def _publish(self, topics: set[str]) -> None:
        try:
            self._bus.publish(topics)
        except Exception:  # what is stored is stored: a listener's fault must not end the lane
            log.exception("news_lost")

    def _come_back(self) -> None:
        """Give the database a unit of work that changes nothing until it does it."""
        while self.is_down:
            try:
                self._queue(_trial)
            except StorageFailed:
                gevent.sleep(RETRY_S)
            else:
                self.is_down = False
                log.info("storage_back")

    def _commit(self, units: list[Unit[Any]]) -> tuple[list[Outcome[Any]], set[str]]:
        """Commit the batch whole; if that fails for a reason of one unit's, half by half until that one is alone."""
        try:
            values, topics = self._together(units)
            return [Outcome(value, None) for value in values], topics
        except StorageFailed as error:
            return [Outcome(None, error) for _ in units], set()
        except Exception as error:
            if len(units) == 1:
                return [Outcome(None, error)], set()
        outcomes: list[Outcome[Any]] = []
        topics = set()
        half = len(units) // 2
        for part in (units[:half], units[half:]):
            its_outcomes, its_topics = self._commit(part)
            outcomes += its_outcomes
            topics |= its_topics
        return outcomes, topics

    def _together(self, units: list[Unit[Any]]) -> tuple[list[Any], set[str]]:
        for attempt in range(1, MOST_TRIES + 1):
            try:
                return self._once(units)
            except (OperationalError, InterfaceError) as error:
                if attempt == MOST_TRIES or not _is_passing(error):
                    raise StorageFailed(str(error.orig)) from error
                (time.sleep if self._is_sqlite else gevent.sleep)(0.01 * attempt)
        raise AssertionError("unreachable")

    def _once(self, units: list[Unit[Any]]) -> tuple[list[Any], set[str]]:
        with Session(self._engine, expire_on_commit=False) as session:
            session.connection(execution_options={"writes": True})
            if self._gather is not None and len(units) > 1:
                self._gather(session, units)
            values = []
            for first in range(0, len(units), PORTION):
                values += [unit(session) for unit in units[first : first + PORTION]]
                if not self._is_sqlite:
                    gevent.sleep(0)  # it runs in the event loop's thread, where others wait for their turn
            base.settle(session)
            session.commit()
            return values, set(base.take_topics(session))


def _trial(session: Session) -> None:
    """A unit of work that changes nothing: it begins as a writer does, and so shows whether one could.

    SQLite is made to write a page all the same: on a full disk there is nothing in the way of beginning.
    """
    if session.get_bind().dialect.name == "sqlite":
        version = session.execute(text("PRAGMA user_version")).scalar_one()
        session.execute(text(f"PRAGMA user_version = {int(version)}"))


def _is_passing(error: DBAPIError) -> bool:
    """Deadlocks and serialization failures go away when tried again (F10); a lost connection may."""
    state = getattr(error.orig, "sqlstate", None)
    return state in ("40001", "40P01") or error.connection_invalidated


def to_json(value: object) -> str:
    """JSON columns: several times as quick as the standard library."""
    return orjson.dumps(value).decode()


def _lane_engine(url: str, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(
            url, pool_size=2, pool_pre_ping=False, json_serializer=to_json, json_deserializer=orjson.loads
        )
    # One connection, opened by the thread that uses it; `check_same_thread` only matters when it is disposed of.
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False},
        json_serializer=to_json,
        json_deserializer=orjson.loads,
    )
    tune(engine, is_native_thread=True)
    return engine
