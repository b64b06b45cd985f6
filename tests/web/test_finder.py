"""The finder: what operators show to everybody, the nearest first where somebody says where they are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import make_charger, store
from sqlalchemy import event, select

from csms import clock
from csms.domain import sites
from csms.domain.accounts import Role
from csms.domain.chargers import AuthorizationPolicy, Connector, ConnectorStatus
from csms.domain.reservations import Reservation, ReservationState
from csms.extensions import db

PLAZA = (25.6699, -100.3101)


@pytest.fixture
def town(session, site):
    """CP-1 at the plaza, shown by its site; CP-2 some kilometres north; CP-3 at a site that is not shown."""
    at = clock.now()
    plaza = sites.add(session, sites.Details("Plaza", city="Monterrey", latitude=PLAZA[0], longitude=PLAZA[1],
                                             is_public=True), at=at)  # fmt: skip
    depot = sites.add(session, sites.Details("Depot", latitude=25.70, longitude=-100.31), at=at)
    site.charger.site_id = plaza.id
    describe(session, site.charger, "CCS 2", 150_000)
    for identity, name, site_id, north in (
        ("CP-2", "North AC", None, 25.75),
        ("CP-3", "Depot 1", depot.id, None),
    ):
        made = make_charger(session, identity, at=at, online=True, name=name)
        made.site_id, made.latitude, made.longitude = site_id, north, -100.31 if north else None
        made.is_public = True if site_id is None else None
        describe(session, made, "Type 2", 22_000)
    store(session)
    site.status("Available")
    return site


def describe(session, charger, kind, power_w):
    connector = session.scalars(select(Connector).where(Connector.charger_id == charger.id)).one()
    connector.type, connector.max_power_w, connector.status = kind, power_w, ConnectorStatus.AVAILABLE
    return connector


def named(page):
    return [x for x in ("Plaza AC-2", "North AC", "Depot 1") if x in page]


def test_it_lists_what_is_shown_with_place_and_price(visitor, town):
    page = visitor().text("/find")
    assert named(page) == ["Plaza AC-2", "North AC"]
    assert "Monterrey" in page
    assert "0.49 €" in page
    assert "up to 150 kW" in page
    assert f"/c/{town.slug}" in page
    assert "CP-1" not in page


def test_a_charger_without_a_name_is_not_called_by_its_identity(visitor, town, session):
    town.charger.name = None
    store(session)
    page = visitor().text("/find")
    assert "CP-1" not in page
    assert "Plaza" in page


def test_a_charger_can_be_left_out_of_a_site_that_is_shown(visitor, town, session):
    town.charger.is_public = False
    store(session)
    assert named(visitor().text("/find")) == ["North AC"]


def test_nothing_is_shown_that_nobody_has_chosen_to_show(visitor, site):
    assert "No station is shown here yet" in visitor().text("/find?all=1")


def test_the_nearest_comes_first_with_its_distance(visitor, town):
    page = visitor().text("/find?near=25.751,-100.31")
    assert page.index("North AC") < page.index("Plaza AC-2")
    assert "110 m" in page
    assert "9.0 km" in page


def test_the_nearest_is_told_across_the_date_line(visitor, town, session):
    town.charger.latitude, town.charger.longitude = 10.0, 179.99
    store(session)
    page = visitor().text("/find?near=10,-179.99")
    assert page.index("Plaza AC-2") < page.index("North AC")


def test_distances_are_in_miles_for_whoever_reads_miles(visitor, town, session):
    driver = visitor().log_in(Role.DRIVER, town.account.id)
    driver.post("/profile", {"distance_unit": "mi"})
    assert "5.6 mi" in driver.text("/find?near=25.751,-100.31")


@pytest.mark.parametrize("near", ["nonsense", "1", "91,0", "nan,0", "inf,1"])
def test_a_position_that_makes_no_sense_is_none(visitor, town, near):
    assert named(visitor().text(f"/find?near={near}")) == ["Plaza AC-2", "North AC"]


def test_type_power_and_words_choose(visitor, town):
    driver = visitor()
    assert named(driver.text("/find?type=Type+2")) == ["North AC"]
    assert named(driver.text("/find?power=50")) == ["Plaza AC-2"]
    assert named(driver.text("/find?q=monterr")) == ["Plaza AC-2"]
    assert "Nothing free found" in driver.text("/find?q=Atlantis")


@pytest.mark.parametrize("how", ["taken", "charging", "faulted", "offline", "kept"])
def test_what_is_not_free_is_left_out_unless_it_is_asked_for(visitor, town, session, how):
    at = clock.now()
    if how == "taken":
        town.begin()
    elif how == "charging":
        town.status("Charging")
    elif how == "faulted":
        town.status("Faulted")
    elif how == "offline":
        town.charger.lease.online_until = at - timedelta(minutes=1)
    else:
        session.add(
            Reservation(
                charger_id=town.charger.id, evse=1, id_tag="04A2B39F", state=ReservationState.RESERVED,
                starts_at=at - timedelta(minutes=5), expires_at=at + timedelta(minutes=30), created_at=at,
            )
        )  # fmt: skip
    store(session)
    assert named(visitor().text("/find")) == ["North AC"]
    page = visitor().text("/find?all=1")
    words = {"offline": "Cannot reach the station", "faulted": "Out of order", "kept": "Reserved"}
    assert named(page) == ["Plaza AC-2", "North AC"]
    assert words.get(how, "In use") in page


def test_a_station_that_cannot_be_used_leads_to_the_nearest_free_one(visitor, town):
    town.status("Faulted")
    page = visitor().text(f"/c/{town.slug}")
    assert "Free nearby" in page
    assert named(page) == ["Plaza AC-2", "North AC"]
    assert "/find?near=25.670,-100.310" in page


def test_a_free_station_sends_nobody_away(visitor, town):
    assert "Free nearby" not in visitor().text(f"/c/{town.slug}")


def test_many_stations_take_no_more_questions_than_one(visitor, town, session):
    def asked():
        seen = []

        def note(*given):
            seen.append(given[2])

        event.listen(db.engine, "before_cursor_execute", note)
        visitor().text("/find?all=1")
        event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    few = asked()
    for number in range(20):
        made = make_charger(session, f"MORE-{number}", online=True, policy=AuthorizationPolicy.OPEN)
        made.is_public = True
        describe(session, made, "Type 2", 11_000)
    store(session)
    assert asked() == few
    assert few <= 12
