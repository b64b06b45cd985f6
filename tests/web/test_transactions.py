"""The operators' pages about sessions."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from make import store
from sqlalchemy import event, insert, select, text

from csms.domain.accounts import AuditEntry, Role, TokenStatus
from csms.domain.chargers import ConfigurationKey
from csms.domain.commands import Command
from csms.domain.transactions import Source, Transaction, TransactionState, figures
from csms.domain.transactions.queries import Cursor, Wanted, _follows, _listed
from csms.extensions import db


def many(site, count, **more):
    """Sessions that ended, one a minute."""
    blank = {column.name: None for column in Transaction.__table__.columns}
    rows = [
        blank
        | {
            "id": 1_000_000 + number,
            "charger_id": site.charger.id,
            "reference": f"r{number}",
            "state": TransactionState.ENDED,
            "source": Source.LOCAL,
            "secret": f"s{number}",
            "id_tag": f"TAG{number}",
            "authorization": TokenStatus.ACCEPTED,
            "started_at": site.now - timedelta(minutes=count - number),
            "start_received_at": site.now,
            "ended_at": site.now,
            "energy_wh": number,
            "cost_cents": number,
            "idle_s": 0,
            "is_free": False,
            "flags": [],
        }
        | more
        for number in range(count)
    ]
    site.session.execute(insert(Transaction), rows)
    store(site.session)


def test_running_sessions_come_first_and_then_those_that_ended(visitor, site):
    ended = site.end(site.begin(at=site.now - timedelta(hours=1)), 2_000)
    running = site.begin(at=site.now - timedelta(minutes=5))
    page = visitor().log_in().text("/sessions")
    assert page.index("Charging now") < page.index(str(running.id)) < page.index("History")
    assert page.index("History") < page.index(str(ended.id))
    assert "Olga Serrano" in page


def test_of_many_that_run_the_newest_stand_above_the_history_and_all_in_a_list_of_their_own(visitor, site):
    many(site, 25, state=TransactionState.ACTIVE, ended_at=None, cost_cents=None)
    olga = visitor().log_in()
    page = olga.text("/sessions?charger=" + site.charger.identity)
    newest = [str(1_000_000 + number) for number in reversed(range(25))]
    assert re.findall(r'id="session-(\d+)"', page) == newest[:20]
    [every] = re.findall(r'href="([^"]+)">All sessions that run', page)
    assert re.findall(r'id="session-(\d+)"', olga.text(every)) == newest


def test_the_power_of_a_day_is_that_of_whatever_charged_in_it(site):
    since, at = site.now - timedelta(hours=2), site.now
    gave = {"energy_wh": 4_000, "ended_at": since + timedelta(hours=1)}
    many(site, 1, started_at=since, **gave)
    many(site, 1, id=1, reference="x", secret="x", started_at=since, state=TransactionState.ORPHAN, **gave)
    many(site, 1, id=2, reference="y", secret="y", started_at=since - timedelta(hours=9), ended_at=since)
    running = {"state": TransactionState.ACTIVE, "ended_at": None, "energy_wh": 98_000}
    many(site, 1, id=3, reference="z", secret="z", started_at=since - timedelta(hours=96), **running)
    drawn = figures.power_by_quarter_w(site.session, since=since, at=at)
    assert drawn == [5_000] * 4 + [1_000] * 4 + [0]


def test_the_list_goes_on_where_the_page_ended_and_misses_none(visitor, site):
    many(site, 120)
    olga = visitor().log_in()
    seen, url = [], "/sessions"
    while url:
        page = olga.text(url)
        seen += re.findall(r'id="session-(\d+)"', page)
        found = re.search(r'href="([^"]+)" rel="next"', page)
        url = found.group(1) if found else None
    assert seen == [str(1_000_000 + number) for number in reversed(range(120))]


def test_what_somebody_writes_into_the_address_does_not_lead_elsewhere(visitor, site):
    many(site, 60)
    page = visitor().log_in().text("/sessions?_external=1&_scheme=javascript&endpoint=x")
    found = re.search(r'href="([^"]+)" rel="next"', page)
    assert found
    assert found.group(1).startswith("/sessions?")
    assert "javascript:" not in page


def test_filters_live_in_the_address(visitor, site):
    many(site, 3)
    site.begin()
    olga = visitor().log_in()
    assert "No session matches" in olga.text("/sessions?charger=NOSUCH&state=ended")
    assert len(re.findall('id="session-', olga.text("/sessions?charger=cp-1&state=ended"))) == 3
    assert len(re.findall('id="session-', olga.text("/sessions?state=active"))) == 1
    assert "No session matches" in olga.text("/sessions?state=ended&since=2099-01-01")
    assert olga.get("/sessions?state=nonsense").status_code == 404


@pytest.mark.parametrize(
    "path", ["/sessions", "/sessions/{id}", "/sessions/1000000"]
)  # the last of an unknown card
def test_a_page_asks_the_database_at_most_twelve_times(visitor, app, site, path):
    many(site, 60)
    transaction = site.end(site.begin(), 2_000)
    olga = visitor().log_in()
    olga.get("/sessions")
    address = path.format(id=transaction.id)  # read before we listen: the test asks the database too
    asked = []
    with app.app_context():
        engine = db.engine

    def note(connection, cursor, statement, *rest):
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    assert olga.get(address).status_code == 200
    event.remove(engine, "before_cursor_execute", note)
    assert len(asked) <= 12, "\n".join(x[:90] for x in asked)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(charger_id=1),
        Wanted(state=TransactionState.ACTIVE),
        Wanted(since=datetime(2026, 1, 1, tzinfo=UTC)),
        Wanted(account_id=1),
    ],
)
def test_every_list_is_read_by_an_index(session, wanted):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by its statistics, and an empty table has none")
    query = _listed(wanted).where(_follows(Cursor(datetime(2026, 3, 1, tzinfo=UTC), 5))).limit(51)
    compiled = str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
    plan = [row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]  # noqa: S608
    assert any(
        'SEARCH "transaction" USING INDEX' in x or "SEARCH transaction USING INDEX" in x for x in plan
    ), plan
    assert not any(x.startswith("SCAN") for x in plan), plan


def test_the_bill_is_reckoned_line_by_line_and_shows_its_booking(visitor, site):
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_425)
    page = visitor().log_in().text(f"/sessions/{transaction.id}")
    assert "18.425 kWh × 0.49 €/kWh" in page
    assert "9.03 €" in page
    assert "9.38 €" in page
    assert "-9.38 €" in page
    assert "Olga Serrano" in page


def test_a_silence_of_the_meter_is_told(visitor, site):
    transaction = site.begin(at=site.now - timedelta(minutes=40))
    site.measure(transaction, 1_500, site.now - timedelta(minutes=35))
    site.measure(transaction, 3_500, site.now - timedelta(minutes=5))
    page = visitor().log_in().text(f"/sessions/{transaction.id}")
    assert "No meter values for 30 min" in page


def test_what_a_charger_is_set_to_send_seldom_is_not_missed(visitor, site):
    transaction = site.begin(at=site.now - timedelta(minutes=33))
    site.measure(transaction, 3_500, site.now - timedelta(minutes=16))
    olga, page = visitor().log_in(), f"/sessions/{transaction.id}"
    assert "No meter values for 16 min" in olga.text(page)
    settings = (("MeterValueSampleInterval", "900"), ("ClockAlignedDataInterval", "0"))
    for name, value in settings:
        site.session.add(
            ConfigurationKey(charger_id=site.charger.id, name=name, value=value, read_at=site.now)
        )
    store(site.session)
    assert "No meter values for" not in olga.text(page)


def test_stopping_asks_the_station_and_says_who(visitor, site):
    transaction = site.begin()
    olga = visitor().log_in()
    answer = olga.post(f"/sessions/{transaction.id}/stop")
    assert answer.status_code == 302
    site.session.rollback()
    [order] = site.session.scalars(select(Command)).all()
    assert order.transaction_id == transaction.id
    assert order.requested_by == "owner-0"
    assert "Stop asked for" in olga.text(f"/sessions/{transaction.id}")


def test_force_closing_books_nothing_and_is_noted(visitor, site):
    transaction = site.begin(at=site.now - timedelta(hours=1))
    site.measure(transaction, 5_000, site.now)
    olga = visitor().log_in()
    assert "The charger is not affected" in olga.text(f"/sessions/{transaction.id}")
    olga.post(f"/sessions/{transaction.id}/close")
    site.session.rollback()
    site.session.expire_all()
    closed = site.session.get_one(Transaction, transaction.id)
    assert closed.state is TransactionState.ENDED_UNKNOWN
    assert closed.cost_cents is None
    assert "Nothing is booked" in olga.text(f"/sessions/{transaction.id}")
    query = select(AuditEntry.subject).where(AuditEntry.action == "session.close")
    assert site.session.scalar(query) == str(transaction.id)


def test_the_export_holds_every_session_and_no_formula(visitor, site):
    many(site, 520, id_tag="=1+1", stop_reason="@SUM(A1)")
    answer = visitor().log_in().get("/sessions/export.csv")
    lines = answer.get_data(as_text=True).splitlines()
    assert len(lines) == 521
    assert answer.mimetype == "text/csv"
    cells = lines[1].split(",")
    assert "'=1+1" in cells
    assert "'@SUM(A1)" in cells


def test_whoever_may_only_look_cannot_stop_and_a_driver_sees_nothing(visitor, site):
    transaction = site.begin()
    reader = visitor().log_in(Role.READ_ONLY)
    assert "Force-close" not in reader.text(f"/sessions/{transaction.id}")
    assert reader.post(f"/sessions/{transaction.id}/stop").status_code == 404
    driver = visitor().log_in(Role.DRIVER, site.account.id)
    assert driver.get(f"/sessions/{transaction.id}").status_code == 404
    assert visitor().get("/sessions").status_code == 302
