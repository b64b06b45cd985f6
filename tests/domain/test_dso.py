"""Signals of grid operators: what they make of prices and limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import NOW, make_charger, make_wire, store
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import dso, sites, tariffs
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.dso import DsoSignal, Fate, Notice, SignalKind, Window
from csms.domain.energy import ProfileAssignment, RateUnit, limit_now
from csms.domain.energy.shares import Place, share
from csms.domain.sites import Details
from csms.domain.tariffs import simple

HOUR = timedelta(hours=1)


@pytest.fixture
def chargers(desk: Session) -> list[Charger]:
    """Two chargers at a site with a substation."""
    site = sites.add(desk, Details("Depot", substation_id="TR-7"), at=NOW)
    desk.flush()
    return [make_charger(desk, x, online=True, site_id=site.id) for x in ("CP-1", "CP-2")]


def receive(session: Session, kind: SignalKind, *windows: tuple[timedelta, timedelta, str]) -> DsoSignal:
    found = [Window(NOW + x, NOW + y, Decimal(value)) for x, y, value in windows]
    notice = Notice(kind, "TR-7", NOW, found)
    signal = dso.receive(session, notice, currency="EUR", by="grid", at=NOW)
    store(session)
    return signal


def profiles(session: Session, identity: str) -> list[Any]:
    """The profiles that are on their way to a charger, the last ordered last."""
    query = (
        select(Command).join(Charger).where(Command.kind == Kind.SET_PROFILE, Charger.identity == identity)
    )
    waiting = query.where(Command.state == CommandState.QUEUED).order_by(Command.id)
    return [x.arguments["profile"] for x in session.scalars(waiting)]


def limits(profile: Any) -> list[tuple[int, float]]:
    return [(x["start_s"], x["limit"]) for x in profile["schedules"][0]["periods"]]


def test_new_sessions_pay_the_signals_price_and_those_that_run_do_not(
    desk: Session, chargers: list[Charger]
) -> None:
    tariffs.create(desk, "Day", simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, is_default=True)
    store(desk)
    story = Story(make_wire(desk, chargers[0]))
    running = story.start(meter=0)
    signal = receive(desk, SignalKind.TARIFF, (-HOUR, HOUR, "0.20"))
    later = NOW + timedelta(minutes=5)
    story.stop(running, 1000, at=later.isoformat())
    assert story.transaction(running).cost_cents == 50
    began = story.start(meter=1000, at=later.isoformat())
    dso.withdraw(desk, signal, by=None, at=NOW)
    store(desk)
    story.stop(began, 2000, at=(later + timedelta(minutes=30)).isoformat())
    assert story.transaction(began).cost_cents == 20
    after = story.start(meter=2000, at=(later + HOUR).isoformat())
    story.stop(after, 3000, at=(later + HOUR + HOUR).isoformat())
    assert story.transaction(after).cost_cents == 50


def test_the_lowest_of_two_limits_holds_and_withdrawing_one_leaves_the_other(
    desk: Session, chargers: list[Charger]
) -> None:
    receive(desk, SignalKind.CAPACITY, (-HOUR, 3 * HOUR, "27600"))
    tight = receive(desk, SignalKind.CAPACITY, (HOUR, 2 * HOUR, "13800"))
    [profile] = profiles(desk, "CP-1")  # the first one was taken back before it was sent
    assert limits(profile) == [(0, 20.0), (7200, 10.0), (10800, 20.0)]
    dso.withdraw(desk, tight, by="grid", at=NOW)
    store(desk)
    [profile] = profiles(desk, "CP-2")
    assert limits(profile) == [(0, 20.0)]
    assert [x.fate for x in dso.at_chargers(desk, tight, NOW)] == [Fate.OVER, Fate.OVER]


def test_a_lower_limit_that_somebody_has_set_stays(desk: Session, chargers: list[Charger]) -> None:
    limit_now(desk, chargers[0], 0, 8.0, RateUnit.A, until=None, by="olga", at=NOW)
    own = desk.scalars(select(Command)).one()
    own.state, own.answered_at = CommandState.ACCEPTED, NOW
    store(desk)
    desk.scalars(select(ProfileAssignment)).one().accepted_at = NOW
    store(desk)
    receive(desk, SignalKind.CAPACITY, (-HOUR, HOUR, "27600"))
    assert limits(profiles(desk, "CP-1")[-1]) == [(0, 20.0), (3600, 8.0)]


def test_what_is_not_at_the_site_yet_gets_it_when_it_is(desk: Session, chargers: list[Charger]) -> None:
    signal = receive(desk, SignalKind.CAPACITY, (-HOUR, HOUR, "27600"))
    late = make_charger(desk, "CP-3", online=True, site_id=chargers[0].site_id)
    assert profiles(desk, "CP-3") == []
    dso.follow(desk, NOW)
    store(desk)
    assert [limits(profiles(desk, x)[-1])[0][1] for x in ("CP-1", "CP-2", "CP-3")] == [13.3, 13.3, 13.3]
    assert len(dso.at_chargers(desk, signal, NOW)) == 3
    before = desk.scalars(select(Command.id)).all()
    dso.follow(desk, NOW)
    store(desk)
    assert desk.scalars(select(Command.id)).all() == before  # what is as it should be is not sent again
    late.site_id = None
    store(desk)
    dso.follow(desk, NOW)
    store(desk)
    assert profiles(desk, "CP-3") == []


def test_a_limit_that_holds_is_looked_after_with_as_many_queries_for_many_chargers_as_for_few(
    desk: Session, chargers: list[Charger]
) -> None:
    asked: list[str] = []
    event.listen(desk.get_bind(), "before_cursor_execute", lambda *given: asked.append(given[2]))
    receive(desk, SignalKind.CAPACITY, (-HOUR, HOUR, "4000000"))
    dso.follow(desk, NOW)
    asked.clear()
    dso.follow(desk, NOW)
    for_two = len(asked)
    for number in range(200):
        make_charger(desk, f"CP-B{number}", online=True, site_id=chargers[0].site_id)
    dso.follow(desk, NOW)
    store(desk)
    desk.expunge_all()
    asked.clear()
    dso.follow(desk, NOW)
    assert len(asked) <= for_two + 5
    assert len(profiles(desk, "CP-B199")) == 1


def test_a_charger_that_has_never_come_is_told_of_and_gets_its_limit_later(
    desk: Session, chargers: list[Charger]
) -> None:
    make_charger(desk, "CP-9", site_id=chargers[0].site_id, connectors=0)
    signal = receive(desk, SignalKind.CAPACITY, (-HOUR, HOUR, "27600"))
    fates = {x.charger.identity: x.fate for x in dso.at_chargers(desk, signal, NOW)}
    assert fates == dict.fromkeys(("CP-1", "CP-2", "CP-9"), Fate.WAITING)


def test_a_number_is_used_once_until_its_signal_is_withdrawn(desk: Session) -> None:
    notice = Notice(SignalKind.TARIFF, "TR-9", NOW, [Window(NOW, NOW + HOUR, Decimal(1))], number=5)
    first = dso.receive(desk, notice, currency="EUR", by=None, at=NOW)
    with pytest.raises(Refused):
        dso.receive(desk, notice, currency="EUR", by=None, at=NOW)
    dso.withdraw(desk, first, by=None, at=NOW)
    assert dso.receive(desk, notice, currency="EUR", by=None, at=NOW).number == 5


ATHENS = ZoneInfo("Europe/Athens")
EVENING = datetime(2026, 3, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (1773518400, 1773522000, (20, 21)),
        ("1773518400", "2026-03-14T21:00:00Z", (20, 21)),
        ("2026-03-14T22:00:00", "2026-03-14T23:00:00+02:00", (20, 21)),
        ("22:00", "23:00:00", (20, 21)),
        ("22:00", "01:00", (20, 23)),
        ("22:00", "24:00", (20, 22)),
    ],
)
def test_times_are_read_in_every_form(start: object, end: object, hours: tuple[int, int]) -> None:
    period = [{"timeslot_start": start, "timeslot_end": end, "value": 2}]
    [window] = dso.periods_of(period, EVENING, ATHENS, times=Decimal(1000))
    assert (window.begins_at.hour, window.ends_at.hour, window.value) == (*hours, Decimal(2000))


def test_a_list_of_values_divides_its_period() -> None:
    period = [{"timeslot_start": "10:00", "timeslot_end": "10:15", "value": [1, 2, 3.5]}]
    found = dso.periods_of(period, EVENING, ZoneInfo("UTC"))
    assert [(x.begins_at.minute, str(x.value)) for x in found] == [(0, "1"), (5, "2"), (10, "3.5")]


def overlap(session: Session) -> None:
    receive(session, SignalKind.TARIFF, (0 * HOUR, 2 * HOUR, "1"), (HOUR, 3 * HOUR, "2"))


def backwards(session: Session) -> None:
    receive(session, SignalKind.TARIFF, (HOUR, 0 * HOUR, "1"))


def too_long(session: Session) -> None:
    receive(session, SignalKind.TARIFF, (HOUR, 800 * HOUR, "1"))


@pytest.mark.parametrize("what", [overlap, backwards, too_long])
def test_what_nobody_could_follow_is_refused(desk: Session, what: Callable[[Session], None]) -> None:
    with pytest.raises(Invalid):
        what(desk)


PLACES = st.lists(
    st.tuples(st.sampled_from([3680.0, 11040.0, 22080.0, 150_000.0]), st.booleans()), max_size=12
)


@given(limit=st.floats(0, 400_000), drawn=PLACES)
def test_shares_never_exceed_the_limit_and_nobody_gets_too_little_to_charge(
    limit: float, drawn: list[tuple[float, bool]]
) -> None:
    places = [
        Place(n, most, min(most, 4140.0), float(n) if runs else None) for n, (most, runs) in enumerate(drawn)
    ]
    shares = share(limit, places)
    assert sum(shares.values()) <= limit + 1e-6
    for place in places:
        assert (
            shares[place.number] == 0 or place.least_w - 1e-6 <= shares[place.number] <= place.most_w + 1e-6
        )
    if limit >= sum(x.most_w for x in places):
        assert all(abs(shares[x.number] - x.most_w) < 1e-6 for x in places)


def test_where_it_is_too_little_for_all_those_who_charge_go_first() -> None:
    places = [Place(1, 22_080, 4140), Place(2, 22_080, 4140, since=20.0), Place(3, 22_080, 4140, since=10.0)]
    assert share(5000, places) == {1: 0, 2: 0, 3: 5000}
    assert share(9000, places) == {1: 0, 2: 4500, 3: 4500}
