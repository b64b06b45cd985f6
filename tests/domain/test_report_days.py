"""Days of a report where clocks change: they have the hours that they have, and no session is lost or told twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from make import NOW, add_session, make_charger, store
from sqlalchemy.orm import Session

from csms.domain import reports
from csms.domain.reports import Grouping, Wanted

QUARTER = timedelta(minutes=15)


def charge_all_day(session: Session, since: datetime, until: datetime) -> None:
    """One session after the other, of a quarter of an hour and 100 Wh each: the last one ends before `until`."""
    charger = make_charger(session)
    ended_at, number = since, 0
    while ended_at < until:
        number += 1
        times = {"started_at": ended_at - QUARTER, "ended_at": ended_at}
        add_session(session, number, charger_id=charger.id, energy_wh=100, **times)
        ended_at += QUARTER
    store(session)
    while reports.count_sessions(session, NOW):
        pass


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("America/Sao_Paulo", date(2026, 10, 25), 24),
        ("Asia/Kolkata", date(2026, 10, 25), 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
    ],
)
def test_a_day_has_the_hours_that_its_clocks_give_it(
    desk: Session, zone: str, day: date, hours: float
) -> None:
    def midnight(days: int) -> datetime:
        return datetime.combine(day + timedelta(days=days), time(), ZoneInfo(zone)).astimezone(UTC)

    since, until = midnight(-1), midnight(2)
    charge_all_day(desk, since, until)
    found, months = (
        reports.figures(desk, Wanted(since, until, x, ZoneInfo(zone)), at=until + timedelta(days=1))
        for x in (Grouping.DAY, Grouping.MONTH)
    )
    assert [x.label for x in found.lines] == [(day + timedelta(days=x)).isoformat() for x in (-1, 0, 1)]
    assert [x.sessions for x in found.lines] == [96, hours * 4, 96]
    assert [round(x.utilisation or 0, 4) for x in found.lines] == [1, 1, 1]
    assert found.lines[1].duration_s == hours * 3_600
    for name in ("sessions", "energy_wh", "duration_s"):
        whole = getattr(found.total, name)
        assert whole == sum(getattr(x, name) for x in found.lines) == getattr(months.total, name)
        assert whole == sum(getattr(x, name) for x in months.lines)
