"""What is kept for how long: seen, set, and then deleted."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from make import make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Config
from csms import backups, clock, files, installation, jobs
from csms.day_files import DayFiles
from csms.domain import accounts, maintenance
from csms.domain.accounts import AuditEntry
from csms.domain.maintenance import Addresses, JobKind, ReceivedFile, Wanted
from csms.work import atomic
from tests.web.visitor import told

USUAL = {
    "frames_kept_days": "90",
    "readings_kept_days": "730",
    "audit_kept_days": "365",
    "logs_kept_days": "90",
    "log_days": "14",
    "backups_kept": "7",
}


@pytest.fixture
def shelf(app: Flask, session: Session, tmp_path: Path) -> Path:
    """An installation with a directory of its own: a log of 5 days, one of 50, and a message of as many; a file of
    messages for each of three weeks; three backups."""
    config: Config = app.extensions["settings"]
    app.extensions["settings"] = replace(config, instance_dir=tmp_path)
    at = clock.now()
    charger = make_charger(session, at=at, online=True)
    ours = Addresses("http://charging.test", timedelta(hours=1))
    job = maintenance.order_log(session, charger, JobKind.DIAGNOSTICS, Wanted(), ours, by=None, at=at)
    for days in (5, 50):
        stored = files.logs().receive(io.BytesIO(b"x" * 1000), 2000)
        maintenance.file_received(
            session,
            job,
            name=f"of {days} days",
            stored_as=stored.name,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            address=None,
            at=at - timedelta(days=days),
        )
    for days in (50, 5):
        make_wire(session, charger).call("Heartbeat", {}, id=f"{days}", at=at - timedelta(days=days))
    store(session)
    (tmp_path / "ocpp-log").mkdir()
    for days in (0, 8, 13):
        DayFiles(tmp_path / "ocpp-log").path(at.date() - timedelta(days=days)).write_bytes(b"y" * 2000)
    backups.directory().mkdir()
    for hour in (1, 2, 3):
        (backups.directory() / f"amberline-20260101-0{hour}0000.tar.gz").write_bytes(b"z")
    return tmp_path


def _left(session: Session) -> tuple[int, int, int]:
    """Logs, files of messages and backups that are there after a round of each."""
    at = clock.now()
    with atomic() as unit:
        jobs.forget_logs(unit, at)
        jobs.forget_day_files(unit, at)
    backups.make_due()
    session.rollback()
    kept = session.scalars(select(ReceivedFile.stored_as).where(ReceivedFile.stored_as.is_not(None))).all()
    directory = files.settings().instance_dir
    return len(kept), len(list((directory / "ocpp-log").iterdir())), len(backups.listed())


def test_the_page_tells_what_there_is_and_what_is_never_deleted(visitor, shelf):
    page = visitor().log_in().text("/settings/retention")
    for words in (
        "Now there are 2, of 2.0 kB.",
        "Now there are 3, of 6.0 kB.",
        "Now there are those of 51 days.",
        "Now there are 3, of 3 Bytes.",
    ):
        assert words in page
    for limit, value in USUAL.items():
        assert f'value="{value}" id="{limit}"' in page
    assert "Sessions with their bills and receipts" in page


@pytest.mark.sqlite_is_enough
def test_what_would_be_deleted_is_told_first_and_its_number_typed(visitor, session, shelf):
    olga = visitor().log_in()
    wanted = USUAL | {"logs_kept_days": "30", "log_days": "10", "backups_kept": "2"}
    asked = olga.post("/settings/retention", wanted)
    assert asked.status_code == 422
    page = told(asked)
    assert "<b>Logs of chargers</b>: 1 (1.0 kB)" in page
    assert "<b>Log files of messages</b>: 1 (2.0 kB)" in page
    assert "<b>Backups</b>: 1 (1 Byte), when the next one is made by itself" in page
    assert "Type 3 to confirm" in page
    again = olga.post("/settings/retention", wanted | {"typed": "4"})
    assert again.status_code == 422
    assert "that many are meant now" in told(again)
    for limit, value in wanted.items():
        assert f'value="{value}" id="{limit}"' in told(again)
    assert files.settings().logs_kept_days == 90
    assert olga.post("/settings/retention", wanted | {"typed": "3"}).status_code == 302
    assert _left(session) == (1, 2, 2)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "settings.retention")).one()
    assert entry.detail == (
        "frames_kept_days 90, readings_kept_days 730, audit_kept_days 365, logs_kept_days 30, log_days 10, "
        "backups_kept 2"
    )
    assert "What is kept for how long changed" in olga.text("/settings/audit")


@pytest.mark.sqlite_is_enough
def test_messages_of_chargers_are_told_by_their_days_and_go(visitor, session, shelf):
    olga, wanted = visitor().log_in(), USUAL | {"frames_kept_days": "45"}
    assert "<b>Messages of chargers</b>: those of 6 days" in told(olga.post("/settings/retention", wanted))
    assert olga.post("/settings/retention", wanted | {"typed": "6"}).status_code == 302
    with atomic() as unit:
        assert jobs.forget_frames(unit, clock.now()) == 1
    assert "Now there are those of 6 days." in olga.text("/settings/retention")


@pytest.mark.sqlite_is_enough
def test_meter_values_go_and_the_session_says_so(visitor, session, site):
    at = site.now
    transaction = site.begin(at=at - timedelta(days=100))
    site.measure(transaction, 3_000, at - timedelta(days=100, minutes=-10))
    site.end(transaction, 5_000, at - timedelta(days=100, minutes=-30))
    newer = site.begin(at=at - timedelta(hours=1))
    site.measure(newer, 6_000, at - timedelta(minutes=50))
    site.measure(newer, 6_500, at - timedelta(minutes=40))
    store(session)
    olga, here = visitor().log_in(), f"/sessions/{transaction.id}"
    before = olga.text(here)
    assert "Power over the session" in before
    wanted = USUAL | {"readings_kept_days": "60"}
    assert "<b>Meter values</b>: those of 40 days" in told(olga.post("/settings/retention", wanted))
    assert olga.post("/settings/retention", wanted | {"typed": "40"}).status_code == 302
    with atomic() as unit:
        assert jobs.forget_readings(unit, clock.now()) == 1
    page = olga.text(here)
    assert "Its meter values have been deleted because of their age" in page
    assert "Power over the session" not in page
    assert "No meter values for" not in page
    assert "4.00" in page
    assert "have been deleted because of their age" not in olga.text(f"/sessions/{newer.id}")


@pytest.mark.sqlite_is_enough
def test_who_did_what_goes_too_and_the_page_says_when(visitor, session, shelf):
    at = clock.now()
    for days in (300, 200, 1):
        accounts.audit(session, "olga", f"long ago {days}", at=at - timedelta(days=days))
    store(session)
    accounts.seal_audit(session, at)
    store(session)
    olga, wanted = visitor().log_in(), USUAL | {"audit_kept_days": "250"}
    assert "<b>Who did what</b>: those of 51 days" in told(olga.post("/settings/retention", wanted))
    assert olga.post("/settings/retention", wanted | {"typed": "51"}).status_code == 302
    with atomic() as unit:
        assert jobs.forget_audit(unit, clock.now()) == 1
    page = olga.text("/settings/audit")
    assert "deleted after 250 days" in page
    assert "long ago 200" in page
    assert "long ago 300" not in page


@pytest.mark.sqlite_is_enough
def test_nothing_goes_that_is_not_meant_to(visitor, session, shelf):
    olga = visitor().log_in()
    assert olga.post("/settings/retention", USUAL | {"logs_kept_days": "60"}).status_code == 302
    assert _left(session) == (2, 3, 4)


def test_a_wrong_number_is_told_at_its_field_and_nothing_is_lost(visitor, shelf):
    olga = visitor().log_in()
    answer = olga.post(
        "/settings/retention",
        USUAL | {"frames_kept_days": "29", "logs_kept_days": "ever", "log_days": "10", "backups_kept": "0"},
    )
    assert answer.status_code == 422
    page = told(answer)
    assert "Write whole days from 30 to 3650." in page
    assert "Write whole days from 1 to 3650." in page
    assert "Write a whole number from 1 to 1000." in page
    for typed in ("29", "ever", "10", "0"):
        assert f'value="{typed}"' in page
    assert installation.PARSERS["log_days"]("10") != files.settings().log_days


@pytest.mark.sqlite_is_enough
def test_a_backup_that_is_to_be_put_back_stays_until_it_is(app, shelf):
    oldest = backups.listed()[-1].name
    (backups.directory() / ".restore-next").write_text(f'{{"name": "{oldest}", "by": "olga"}}')
    app.extensions["settings"] = replace(app.extensions["settings"], backups_kept=1)
    assert backups.make_due()
    assert [x.name for x in backups.listed()][1:] == [oldest]
