"""Units of work: all or nothing, in order, and the news after the commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gevent
import pytest
from flask import Flask
from make import NOW
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from csms import rounds, work
from csms.bus import LocalBus
from csms.domain import base
from csms.domain.accounts import Setting
from csms.extensions import db
from csms.work import Lane, StorageFailed, Unit, atomic


def put(name: str, topic: str | None = None) -> Unit[str]:
    """A unit that stores a setting; its result is the name."""

    def unit(session: Session) -> str:
        base.append(session, Setting, {"name": name, "value": "x", "changed_at": NOW})
        base.announce(session, topic or name)
        return name

    return unit


def spoil(session: Session) -> None:
    base.append(session, Setting, {"name": "spoilt", "value": "x", "changed_at": NOW})
    base.announce(session, "spoilt")
    raise ZeroDivisionError


def names(url: str) -> list[str]:
    engine = create_engine(url)
    with Session(engine) as session:
        found = list(session.scalars(select(Setting.name).order_by(Setting.name)))
    engine.dispose()
    return found


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def bus(heard: list[str]) -> LocalBus:
    bus = LocalBus()
    bus.subscribe([*"abcdefghij", "spoilt"], heard.append)
    return bus


@pytest.fixture
def lane(database_url: str, bus: LocalBus) -> Iterator[Lane]:
    lane = Lane(database_url, bus)
    yield lane
    lane.stop()


def together(lane: Lane, units: list[Unit[Any]]) -> list[Any]:
    """What comes of units that wait at the same time: values and exceptions."""

    def run(unit: Unit[Any]) -> Any:
        try:
            return lane.run(unit)
        except Exception as error:
            return error

    waiting = [gevent.spawn(run, unit) for unit in units]
    gevent.joinall(waiting, timeout=30)
    return [greenlet.value for greenlet in waiting]


def test_a_unit_is_stored_when_its_result_is_there_and_then_the_news_goes_out(
    lane: Lane, database_url: str, heard: list[str]
) -> None:
    assert lane.run(put("a")) == "a"
    assert names(database_url) == ["a"]
    assert heard == ["a"]


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("temp_store", 2)],
)
def test_the_lane_is_durable_and_writes_no_other_files(
    lane: Lane, database_url: str, pragma: str, value: object
) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("a setting of SQLite's")
    assert lane.run(lambda session: session.scalar(text(f"PRAGMA {pragma}"))) == value


def test_units_that_wait_together_are_one_commit_in_the_order_of_their_coming(
    lane: Lane, database_url: str
) -> None:
    order: list[int] = []

    def note(number: int) -> Unit[int]:
        def unit(session: Session) -> int:
            order.append(number)
            return number

        return unit

    assert together(lane, [note(n) for n in range(50)]) == list(range(50))
    assert order == list(range(50))
    assert lane.batches < 5


def test_a_bad_unit_gets_its_exception_and_spoils_no_other(
    lane: Lane, database_url: str, heard: list[str]
) -> None:
    outcomes = together(lane, [put("a"), spoil, put("b"), put("a"), put("c")])
    assert [outcomes[0], outcomes[2], outcomes[4]] == ["a", "b", "c"]
    assert isinstance(outcomes[1], ZeroDivisionError)
    assert isinstance(outcomes[3], Exception)  # the second "a" is there already
    assert names(database_url) == ["a", "b", "c"]
    assert sorted(heard) == ["a", "b", "c"]


def test_what_runs_alone_is_stored_and_told_and_spoils_nobody(
    lane: Lane, database_url: str, heard: list[str]
) -> None:
    assert lane.alone(put("a")) == "a"
    with pytest.raises(ZeroDivisionError):
        lane.alone(spoil)
    assert lane.run(put("b")) == "b"
    assert names(database_url) == ["a", "b"]
    assert heard == ["a", "b"]


@pytest.mark.sqlite_is_enough
def test_what_runs_alone_leaves_the_event_loop_to_the_chargers(lane: Lane) -> None:
    assert lane.alone(lambda _session: gevent.get_hub()) is not gevent.get_hub()


def test_news_that_somebody_chokes_on_does_not_stop_the_lane(lane: Lane, bus: LocalBus) -> None:
    def choke(_topic: str) -> None:
        raise ZeroDivisionError

    bus.subscribe(["a"], choke)
    assert lane.run(put("a")) == "a"
    assert lane.run(put("b")) == "b"


def test_a_lane_that_is_stopped_has_stored_what_was_waiting(database_url: str, bus: LocalBus) -> None:
    lane = Lane(database_url, bus)
    waiting = [gevent.spawn(lane.run, put(name)) for name in "abc"]
    gevent.sleep(0)
    lane.stop()
    gevent.joinall(waiting, timeout=10)
    assert names(database_url) == ["a", "b", "c"]


@pytest.mark.sqlite_is_enough
def test_what_another_process_keeps_locked_is_a_storage_failure_and_passes(  # F6
    database_url: str, bus: LocalBus, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LOCKED_FOR_S", 0.3)
    lane = Lane(database_url, bus)
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageFailed):
            lane.run(put("a"))
        other.rollback()
    assert heard == []
    with gevent.Timeout(30):
        while lane.is_down:  # nobody is kept waiting meanwhile
            gevent.sleep(0.05)
    assert lane.run(put("a")) == "a"
    lane.stop()


@pytest.mark.sqlite_is_enough
def test_people_have_their_turn_while_the_chargers_never_pause(
    app: Flask, database_url: str, bus: LocalBus
) -> None:
    lane = Lane(database_url, bus)
    is_over = False

    def talk() -> None:
        while not is_over:
            lane.run(lambda _session: time.sleep(0.02))

    talkers = [gevent.spawn(talk)]
    gevent.sleep(0.01)  # the first is being stored: from now on one always waits behind the other
    talkers.append(gevent.spawn(talk))
    with app.app_context(), gevent.Timeout(30):
        for name in "abc":
            with atomic() as session:
                put(name)(session)
    is_over = True
    gevent.joinall(talkers, timeout=30)
    lane.stop()
    assert names(database_url) == ["a", "b", "c"]


@pytest.mark.sqlite_is_enough
def test_a_short_lock_is_waited_for(database_url: str, bus: LocalBus) -> None:
    lane = Lane(database_url, bus)
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    other.execute("BEGIN EXCLUSIVE")
    waiting = gevent.spawn(lane.run, put("a"))
    gevent.sleep(0.2)
    other.rollback()
    other.close()
    assert waiting.get(timeout=30) == "a"
    lane.stop()


def test_a_database_that_is_not_there_is_a_storage_failure(bus: LocalBus) -> None:  # F9
    lane = Lane("postgresql+psycopg://nobody@127.0.0.1:8499/nowhere?connect_timeout=2", bus)
    with pytest.raises(StorageFailed):
        lane.run(put("a"))
    lane.stop()


def test_what_is_done_in_rounds_waits_for_a_database_that_is_away_without_a_trace_of_code(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")
    looking = rounds.start(app, "letters", 0.01, away.connect)
    while not caplog.records:
        gevent.sleep(0.01)
    looking.kill()
    assert [(x.message, x.levelname, x.exc_info) for x in caplog.records[:1]] == [
        ("letters_postponed", "WARNING", None)
    ]


def test_atomic_commits_and_then_tells(app: Flask, database_url: str) -> None:
    heard: list[tuple[str, list[str]]] = []
    app.extensions["bus"].subscribe(["a"], lambda topic: heard.append((topic, names(database_url))))
    with atomic() as session:
        put("a")(session)
        assert heard == []
    assert heard == [("a", ["a"])]


def test_nothing_is_stored_or_told_of_a_unit_that_raises(app: Flask, database_url: str) -> None:
    heard: list[str] = []
    app.extensions["bus"].subscribe(["a", "b", "spoilt"], heard.append)
    session = db.session()
    put("a")(session)
    base.forget(session)
    with pytest.raises(ZeroDivisionError), atomic():
        spoil(session)
    with atomic() as session:
        put("b")(session)
    assert names(database_url) == ["b"]
    assert heard == ["b"]


def test_atomic_reads_again_what_was_read_before(app: Flask, database_url: str) -> None:
    with atomic() as session:
        put("a")(session)
    row = db.session().get_one(Setting, "a")
    assert row.value == "x"
    engine = create_engine(database_url)
    with Session(engine) as other:
        other.get_one(Setting, "a").value = "y"
        other.commit()
    engine.dispose()
    with atomic():
        assert row.value == "y"


@pytest.mark.sqlite_is_enough
def test_whoever_waits_behind_one_that_a_lock_keeps_waiting_is_told_with_it(
    app: Flask, database_url: str, bus: LocalBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LOCKED_FOR_S", 1.0)

    def write() -> None:
        with app.app_context(), atomic() as session:
            put("a")(session)

    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        writers = [gevent.spawn(write) for _ in range(8)]
        gevent.joinall(writers, timeout=30)
        assert time.monotonic() - began < 4, "each of them waited for a lock of its own"
        other.rollback()
    assert {type(writer.exception) for writer in writers} == {StorageFailed}
    write()
    assert names(database_url) == ["a"]


@pytest.mark.sqlite_is_enough
def test_a_lock_that_stays_is_a_storage_failure_for_people_too(
    app: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LOCKED_FOR_S", 0.3)
    db.session.remove()
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageFailed), atomic() as session:
            put("a")(session)
        other.rollback()
    assert names(database_url) == []
