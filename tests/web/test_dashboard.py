"""The dashboard says what needs a person, and lets them mend it there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from flask import Flask
from make import Wire, make_charger, make_wire, store
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from csms import clock, sight
from csms.domain import accounts, attention, chargers, sites, tariffs
from csms.domain.accounts import Account, Role
from csms.domain.attention import Matter
from csms.domain.chargers import Admission, Attempt, Charger, RefusalCause
from csms.domain.tariffs import simple
from csms.extensions import db
from csms.sight import Limits
from tests.web.browser import HTMX, Browser, logged_in, publish
from tests.web.site import Site
from tests.web.visitor import Visitor

PRICES = simple("EUR", Decimal("0.49"), Decimal(0), Decimal(0), 0, Decimal(0), Decimal(21))


def _online(session: Session, identity: str = "CP-1", **more: object) -> Wire:
    charger = make_charger(session, identity, at=clock.now(), online=True, **more)  # type: ignore[arg-type]
    wire = make_wire(session, charger)
    wire.now = clock.now()
    return wire


def _status(wire: Wire, status: str, error: str = "NoError") -> None:
    wire.call("StatusNotification", {"connectorId": 1, "errorCode": error, "status": status})


def test_without_a_charger_it_shows_how_to_connect_one(olga: Browser) -> None:
    page = olga.read("/")
    assert "Connect your first charger" in page
    assert "ws://charging.test/ws/ocpp/" in page
    assert "Waiting for a connection" in page


def _send_away(session: Session) -> None:
    """A charger that nobody knows has knocked."""
    chargers.note_attempt(
        session,
        identity="KEBA-1",
        address="10.0.3.17",
        cause=RefusalCause.UNKNOWN_CHARGER,
        path="/KEBA-1",
        detail="No charger is called KEBA-1.",
        remedy="Add the charger here.",
        status_code=404,
        at=clock.now(),
    )


def test_a_charger_that_is_sent_away_shows_up_with_the_reason_and_the_remedy(
    session: Session, olga: Browser
) -> None:
    _send_away(session)
    publish(session)
    assert "No charger is called KEBA-1." in olga.read("/dashboard/first")
    attempt_id = session.scalars(select(Attempt.id)).one()
    page = olga.read("/attempts")
    assert "Add the charger here." in page
    assert f'href="/attempts/{attempt_id}"' in page
    assert "Let it in" in olga.read(f"/attempts/{attempt_id}")
    assert "1 thing needs you" in olga.read("/dashboard/headline")
    make_charger(session, "CP-1", at=clock.now(), online=True)
    publish(session)
    assert 'href="/chargers/new?identity=KEBA-1"' in olga.read("/dashboard/attention")
    assert 'value="KEBA-1"' in olga.read("/chargers/new?identity=KEBA-1")
    olga.send(f"/attempts/{attempt_id}/forget")
    assert "Nobody was sent away" in olga.read("/attempts")


def test_what_is_wrong_is_counted_named_and_mended_in_place(session: Session, olga: Browser) -> None:
    wire = _online(session, "CP-1")
    _status(wire, "Faulted", "GroundFailure")
    newcomer = make_charger(session, "CP-2", admission=Admission.PENDING)
    publish(session)
    page = olga.read("/")
    assert "2 things need you" in page
    assert "<title>(2)" in page
    assert "GroundFailure on connector 1" in page
    assert f"/chargers/{newcomer.id}/adopt" in page
    answer = olga.send(f"/chargers/{newcomer.id}/adopt", HTMX)
    assert "CP-2 is let in." in answer.text
    assert "1 thing needs you" in olga.read("/dashboard/headline")


def test_a_charger_that_has_gone_is_told_and_a_simulated_one_is_not_missed(
    session: Session, olga: Browser
) -> None:
    long_ago = clock.now() - timedelta(hours=3)
    make_charger(session, "CP-1", at=long_ago, online=True)
    make_charger(session, "SIM-1", at=long_ago, online=True, is_simulated=True)
    publish(session)
    page = olga.read("/dashboard/attention")
    assert "CP-1" in page
    assert "cannot be reached" in page
    assert "SIM-1" not in page


def test_a_running_session_is_in_the_figures_on_its_tile_and_in_the_list(
    session: Session, olga: Browser
) -> None:
    wire = _online(session)
    at = clock.now()
    begun = wire.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": "TAG-1", "meterStart": 0, "timestamp": at.isoformat()},
    )
    _status(wire, "Charging")
    sampled = [
        {"value": "500", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "10900", "measurand": "Power.Active.Import", "unit": "W"},
    ]
    wire.call(
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": begun["transactionId"],
            "meterValue": [{"timestamp": at.isoformat(), "sampledValue": sampled}],
        },
    )
    publish(session)
    assert "10.9</span>" in olga.read("/dashboard/figures")
    tile = olga.read("/dashboard/connectors")
    assert "10.9\u00a0kW" in tile
    assert "0.50\u00a0kWh" in tile
    assert str(begun["transactionId"]) in olga.read("/dashboard/sessions")
    assert olga.read("/dashboard/power")


def test_nobody_needed_is_said_too(session: Session, olga: Browser) -> None:
    _status(_online(session), "Available")
    publish(session)
    page = olga.read("/")
    assert "All is well" in page
    assert "Nothing needs you" in page


def test_a_reader_gets_links_and_no_buttons(app: Flask, session: Session) -> None:
    _status(_online(session), "Faulted", "GroundFailure")
    publish(session)
    reader = logged_in(app, session, Role.READ_ONLY, "rita")
    page = reader.read("/dashboard/attention")
    assert "<form" not in page
    assert "Open" in page


def test_many_chargers_take_no_more_queries_than_few(session: Session, olga: Browser) -> None:
    def queries(path: str) -> int:
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        event.listen(db.engine, "before_cursor_execute", note)
        olga.read(path)
        event.remove(db.engine, "before_cursor_execute", note)
        return count

    make_charger(session, "CP-0", connectors=2)
    publish(session)
    few = {path: queries(path) for path in ("/", "/chargers", "/dashboard/attention")}
    for number in range(1, 30):
        make_charger(session, f"CP-{number}", connectors=2)
    publish(session)
    assert {path: queries(path) for path in few} == few
    assert few["/chargers"] <= 12


def test_what_can_wait_is_put_off_and_shown_again(session: Session, olga: Browser) -> None:
    _status(_online(session, name="Plaza"), "Faulted", "GroundFailure")
    publish(session)
    page = olga.read("/dashboard/attention")
    about = re.search(r'name="about" value="(\d+)"', page)
    assert about is not None
    form = {"matter": "faulted", "about": about[1]}
    assert olga.send("/dashboard/attention/snooze", HTMX, **form).status_code == 200
    page = olga.read("/dashboard/attention")
    assert "GroundFailure" not in page
    assert "1 put off for a day" in page
    assert "All is well" in olga.read("/dashboard/headline")
    assert "<title>Dashboard" in olga.read("/")
    assert olga.send("/dashboard/attention/wake", HTMX).status_code == 200
    assert "GroundFailure" in olga.read("/dashboard/attention")
    assert "<title>(1) Dashboard" in olga.read("/")
    assert olga.send("/dashboard/attention/snooze", HTMX, matter="nonsense").status_code == 422


def test_what_is_put_off_raises_its_alert_all_the_same(session: Session) -> None:
    at = clock.now()
    charger = make_charger(session, "NEW-1", at=at, admission=Admission.PENDING)
    attention.put_off(
        session, Matter.PENDING, str(charger.id), until=at + timedelta(hours=1), by="olga", at=at
    )
    session.flush()
    assert attention.items(session, at=at) == []
    assert len(attention.items(session, at=at, with_put_off=True)) == 1
    assert attention.tally(session, at=at).total == 0
    later = at + timedelta(hours=2)
    assert len(attention.items(session, at=later)) == attention.tally(session, at=later).total == 1


def test_readers_put_nothing_off(app: Flask, session: Session, olga: Browser) -> None:
    _status(_online(session), "Faulted")
    publish(session)
    reader = logged_in(app, session, Role.READ_ONLY, "rita")
    assert "Snooze" not in reader.read("/dashboard/attention")
    assert reader.send("/dashboard/attention/snooze", matter="faulted", about="1").status_code == 404


def test_chargers_where_no_tariff_is_in_force_need_somebody(session: Session) -> None:
    at = clock.now()
    make_charger(session, at=at, online=True)
    assert (
        attention.tally(session, at=at).total == 0
    )  # nobody has made a tariff: charging is meant to be free
    ends_at = at - timedelta(days=1)
    tariffs.create(session, "Old", PRICES, at=at, is_default=True, about=tariffs.About(ends_at=ends_at))
    session.flush()
    found = attention.items(session, at=at)
    assert [(x.matter, x.count) for x in found] == [(Matter.UNPRICED, 1)]
    assert attention.tally(session, at=at).total == 1


def test_a_disk_with_little_room_needs_somebody(session: Session) -> None:
    at = clock.now()
    assert attention.tally(session, at=at, free_share=0.2).total == 0
    assert attention.tally(session, at=at, free_share=0.04).total == 1
    assert [x.word for x in attention.items(session, at=at, free_share=0.04)] == ["4"]


def test_the_power_stands_beside_what_the_grid_gives(session: Session, olga: Browser) -> None:
    at = clock.now()
    site = sites.add(session, sites.Details(name="Garage", grid_limit_w=50_000), at=at)
    wire = _online(session, site_id=site.id)
    begun = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": at.isoformat()}
    number = wire.call("StartTransaction", begun)["transactionId"]
    sample = {"value": "11", "measurand": "Power.Active.Import", "unit": "kW"}
    values = [{"timestamp": at.isoformat(), "sampledValue": [sample]}]
    wire.call("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": values})
    publish(session)
    page = olga.read("/dashboard/figures").replace("\u00a0", " ")
    assert "11.0 kW of the 50 kW of 1 grid connection" in page
    assert "Uptime, 30 days" in olga.read("/")
    shown = olga.read(f"/sites/{site.id}").replace("\u00a0", " ")
    assert "Its connection gives 50.0 kW" in shown
    assert "/chargers/bulk/out-of-service?site=" in shown


def test_the_energy_of_today_is_beside_that_of_a_week_ago_and_the_revenue_beside_its_average(
    visitor: Callable[[], Visitor], site: Site
) -> None:
    olga, week, minute = visitor().log_in(), timedelta(days=7), timedelta(minutes=1)
    assert "since midnight" in olga.text("/dashboard/figures")
    for wh, at in (
        (4_000, site.now - week),
        (50_000, site.now - week + timedelta(hours=1)),
    ):  # the second is later
        site.end(site.begin(at=at - minute, meter_wh=0), wh, at - timedelta(seconds=1))
    for wh, at in ((1_000, site.now - 2 * minute), (2_000, site.now)):
        site.end(site.begin(at=at - minute, meter_wh=0), wh, at)
    page = olga.text("/dashboard/figures")
    weekday = f"{site.now - week:%A}"
    assert f"−25 % on last {weekday} by now" in page
    assert "2 sessions ended, ⌀ 1.08 €" in page


PARTS = ("figures", "attention", "power", "connectors", "sessions", "headline")


def _two_sites(session: Session) -> tuple[int, int]:
    """North, with a car that charges, and South, with a fault and a session of yesterday's."""
    ids = []
    for name, identity in (("North", "CP-N"), ("South", "CP-S")):
        wire = _online(session, identity, name=f"{name} 1")
        site, _ = sites.named(session, name, at=clock.now())
        session.flush()
        wire.charger.site_id = site.id
        store(session)
        ids.append(site.id)
        _status(
            wire,
            "Charging" if name == "North" else "Faulted",
            "NoError" if name == "North" else "GroundFailure",
        )
        if name == "North":
            start = {"connectorId": 1, "idTag": "04A2", "meterStart": 0, "timestamp": clock.now().isoformat()}
            wire.call("StartTransaction", start, id="start")
    return ids[0], ids[1]


def test_it_is_narrowed_to_a_site_with_all_that_it_shows(session: Session, olga: Browser) -> None:
    north, south = _two_sites(session)
    whole = olga.read("/ui/")
    assert "North 1" in whole
    assert "South 1" in whole
    assert f'<option value="{south}">South</option>' in whole
    there = olga.read(f"/ui/?site={south}")
    assert f'<option value="{south}" selected>South</option>' in there
    content = there[there.index("<h1>") :]
    assert "North 1" not in content
    assert "GroundFailure on connector 1" in content
    assert "1 thing needs you" in content
    assert "Nobody is charging" in content
    for name in PARTS:
        assert f'hx-get="/dashboard/{name}?site={south}"' in there
        part = olga.read(f"/dashboard/{name}?site={south}")
        assert "North 1" not in part
    other = olga.read(f"/ui/?site={north}")
    content = other[other.index("<h1>") :]
    assert "All is well" in content
    assert "GroundFailure" not in content
    assert "04A2" in content
    assert "none is free" in content
    assert "Nothing needs you" in olga.read(f"/dashboard/attention?site={north}")
    assert f'href="/chargers?site={north}"' in content
    assert olga.open("/ui/?site=999").status_code == 404


def test_whoever_may_not_see_drivers_sees_none_of_them_at_a_site_either(session: Session, app: Flask) -> None:
    accounts.open_account(session, "Dana Moss", at=clock.now())
    north, south = _two_sites(session)
    with app.app_context():
        sight.limit_to(Limits.to_sites([north, south]))
        with sight.only_at(north):
            assert db.session.scalars(select(Account)).all() == []
            assert [x.identity for x in db.session.scalars(select(Charger))] == ["CP-N"]
        assert len(db.session.scalars(select(Charger)).all()) == 2


def test_narrowed_it_asks_the_database_at_most_twelve_times(
    session: Session, app: Flask, olga: Browser
) -> None:
    _, south = _two_sites(session)
    olga.read("/ui/")
    asked: list[str] = []
    with app.app_context():
        engine = db.engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    olga.read(f"/ui/?site={south}")
    event.remove(engine, "before_cursor_execute", note)
    selects = [x for x in asked if x.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(selects) <= 12, "\n".join(x[:90] for x in selects)


def test_what_is_at_no_site_is_told_on_the_whole_dashboard_alone(session: Session, olga: Browser) -> None:
    north, _ = _two_sites(session)
    _send_away(session)
    store(session)
    assert "KEBA-1" in olga.read("/dashboard/attention")
    assert "KEBA-1" not in olga.read(f"/dashboard/attention?site={north}")
