"""Registers of sessions: whatever happens to sessions, they say what adding up the sessions themselves says."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from make import NOW, add_session, make_charger, store
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.orm import Session

from csms.domain import accounts, reports, sites, tariffs
from csms.domain.reports import Grouping, Wanted, audit, raw, registers
from csms.domain.reports.figures import _periods
from csms.domain.reports.models import SessionChange, SessionMeter, SessionRegister
from csms.domain.reports.wanted import TIMES
from csms.domain.tariffs import TariffVersion, simple
from csms.domain.transactions import Transaction, TransactionState

ZONES = ("Europe/Madrid", "Asia/Kathmandu", "America/Los_Angeles")  # Kathmandu: a quarter off the half hour
STATES = (
    TransactionState.ENDED,
    TransactionState.ENDED,
    TransactionState.ENDED_UNKNOWN,
    TransactionState.ACTIVE,
    TransactionState.ORPHAN,
)


class History:
    """A life of sessions that nobody plans: they begin, end, are corrected, move and go, in any way and order."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session, self.pick = session, random.Random(seed)
        self.chargers = [make_charger(session, f"CP-{n}") for n in range(4)]
        self.sites = [sites.named(session, name, at=NOW)[0] for name in ("North", "South")]
        self.accounts = [accounts.open_account(session, name, at=NOW).id for name in ("Ada", "Bea")]
        for currency in ("EUR", "CHF"):
            terms = simple(currency, price_per_kwh=Decimal("0.50"))
            tariffs.create(session, currency, terms, at=NOW)
        session.flush()
        self.versions = list(session.scalars(select(TariffVersion.id)))
        self.last = 0

    def live(self, steps: int) -> None:
        for _ in range(steps):
            self.pick.choice(
                (self.begin, self.begin, self.correct, self.correct, self.sweep, self.go, self.move)
            )()
            if self.pick.random() < 0.2:
                self.session.flush()
                reports.count_sessions(self.session, NOW)
        self.session.flush()

    def _row(self) -> dict[str, object]:
        pick = self.pick
        state = pick.choice(STATES)
        started_at = NOW + timedelta(milliseconds=pick.randrange(-70 * 86_400_000, 0))
        lasted = timedelta(milliseconds=pick.randrange(-3_600_000, 20 * 3_600_000))
        return {
            "charger_id": pick.choice(self.chargers).id,
            "account_id": pick.choice((None, *self.accounts)),
            "tariff_version_id": pick.choice((None, *self.versions)),
            "state": state,
            "started_at": started_at,
            "ended_at": None if state is TransactionState.ACTIVE else started_at + lasted,
            "energy_wh": pick.choice((None, 0, pick.randrange(90_000))),
            "cost_cents": pick.choice((None, 0, pick.randrange(9_000))),
        }

    def begin(self) -> None:
        self.last += 1
        add_session(self.session, self.last, **self._row())
        self.session.flush()

    def correct(self) -> None:
        if one := self.session.get(Transaction, self.pick.randint(1, max(1, self.last))):
            row = self._row()
            for name in self.pick.sample(sorted(row), self.pick.randint(1, len(row))):
                setattr(one, name, row[name])

    def sweep(self) -> None:
        """Many at once, past all objects: as erasure, imports and hands in the database do."""
        row = self._row()
        name = self.pick.choice(("account_id", "cost_cents", "energy_wh", "charger_id", "tariff_version_id"))
        theirs = Transaction.id % 5 == self.pick.randrange(5)
        self.session.execute(update(Transaction).where(theirs).values({name: row[name]}))

    def go(self) -> None:
        self.session.execute(
            delete(Transaction).where(Transaction.id == self.pick.randint(1, max(1, self.last)))
        )

    def move(self) -> None:
        charger = self.pick.choice(self.chargers)
        charger.site_id = self.pick.choice((None, *(x.id for x in self.sites)))
        charger.is_simulated = self.pick.random() < 0.3


def by_registers_and_raw(session: Session, wanted: Wanted) -> tuple[dict, dict]:
    """What both ways have, by key and currency."""
    periods = list(_periods(wanted)) if wanted.grouping in TIMES else [(wanted.since, wanted.until)]
    assert registers.can_tell(wanted, periods)
    spans = raw.as_table(periods) if wanted.grouping in TIMES else None
    rows = registers.sessions(session, wanted, periods), session.execute(raw.sessions(wanted, spans))
    kept, summed = ({(x[0], x[1]): [int(y) for y in x[2:]] for x in found} for found in rows)
    return kept, summed


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_registers_say_what_the_sessions_say(session: Session, seed: int) -> None:
    history = History(session, seed)
    for _ in range(4):
        history.live(40)
        begin = NOW.date() - timedelta(days=history.pick.randrange(1, 80))
        end = begin + timedelta(days=history.pick.randrange(1, 60))
        places = (None, [history.sites[0].id])
        zone = history.pick.choice(ZONES)
        for grouping, site_ids, is_simulated in product(Grouping, places, (False, True)):
            if grouping is Grouping.DRIVER and site_ids:
                continue  # asked of the sessions themselves
            wanted = Wanted(
                midnight(begin, zone), midnight(end, zone), grouping, ZoneInfo(zone), site_ids, is_simulated
            )
            kept, summed = by_registers_and_raw(session, wanted)
            assert kept == summed, wanted
        assert not [x for x in audit.breaches(session) if "count" in x]
    store(session)


def test_all_that_waits_is_counted(session: Session) -> None:
    History(session, 7).live(60)
    while reports.count_sessions(session, NOW):
        pass
    assert session.scalar(select(SessionChange.id).limit(1)) is None
    assert session.scalar(select(SessionRegister.quarter).limit(1)) is not None
    store(session)


def test_what_was_miscounted_is_told_and_counted_anew(session: Session) -> None:
    History(session, 8).live(60)
    while reports.count_sessions(session, NOW):
        pass
    session.execute(update(SessionRegister).values(energy_wh=SessionRegister.energy_wh + 1))
    session.execute(
        delete(SessionRegister).where(
            SessionRegister.meter_id == select(SessionMeter.id).limit(1).scalar_subquery()
        )
    )
    found = list(audit.breaches(session))
    assert any("All chargers: reports count other sessions on 202" in x for x in found)
    assert any("Charger " in x for x in found)
    assert any("Account " in x for x in found)
    reports.recount_sessions(session)
    assert list(audit.breaches(session)) == []
    store(session)


@pytest.mark.parametrize("grouping", Grouping)
def test_a_year_is_read_without_its_sessions(session: Session, grouping: Grouping) -> None:
    History(session, 9).live(30)
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, sql: str, given: object, *_: object) -> None:
        asked.append((sql, given))

    zone = "Europe/Madrid"
    wanted = Wanted(
        midnight(date(2025, 7, 1), zone), midnight(date(2026, 7, 1), zone), grouping, ZoneInfo(zone)
    )
    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    reports.figures(session, wanted, at=NOW)
    event.remove(engine, "before_cursor_execute", note)
    assert len(asked) <= 5
    assert not [sql for sql, _ in asked if '"transaction"' in sql]
    if engine.dialect.name == "sqlite":
        plan = [str(row) for sql, given in asked for row in _plan(session, sql, given)]
        assert not [x for x in plan if "SCAN session_register" in x], plan
        assert not [x for x in plan if "SCAN command" in x], plan
    store(session)


def _plan(session: Session, sql: str, given: object) -> list[object]:
    return list(session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given))


def test_a_period_that_registers_do_not_know_is_added_up(session: Session) -> None:
    history = History(session, 10)
    history.live(60)
    zone = ZoneInfo("Europe/Madrid")
    begin = NOW - timedelta(days=40, minutes=7)
    wanted = Wanted(begin, NOW, Grouping.CHARGER, zone)
    assert not registers.can_tell(wanted, [(begin, NOW)])
    found = reports.figures(session, wanted, at=NOW)
    counted = session.scalar(
        text(
            'SELECT count(*) FROM "transaction" t JOIN charger c ON c.id = t.charger_id WHERE NOT c.is_simulated '
            "AND t.ended_at >= :begin AND t.ended_at < :end AND t.state NOT IN ('active', 'orphan')"
        ).bindparams(
            begin=begin
            if session.get_bind().dialect.name == "postgresql"
            else f"{begin:%Y-%m-%d %H:%M:%S.%f}",
            end=NOW if session.get_bind().dialect.name == "postgresql" else f"{NOW:%Y-%m-%d %H:%M:%S.%f}",
        )
    )
    assert found.total.sessions == counted
    store(session)


def test_only_lines_with_the_most_energy_are_read_where_so_many_are_wanted(session: Session) -> None:
    History(session, 11).live(80)
    zone = "Europe/Madrid"
    wanted = Wanted(
        midnight(date(2025, 7, 1), zone), midnight(date(2026, 7, 1), zone), Grouping.CHARGER, ZoneInfo(zone)
    )
    whole = reports.figures(session, wanted, at=NOW)
    part = reports.figures(session, wanted, at=NOW, most=1)
    assert (len(part.lines), part.is_cut, part.total) == (1, True, whole.total)
    assert not whole.is_cut
    assert part.lines == whole.lines[:1]
    store(session)
