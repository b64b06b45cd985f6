"""Under the pseudo-locale the pages of energy and of places have no word left in plain English."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import make_charger, store

from csms import clock
from csms.domain import chargers, reservations, sites, troubles
from csms.domain.chargers import Admission, RefusalCause
from csms.domain.reservations import ReservationState
from csms.domain.sites import Details, ParkingType
from csms.domain.troubles import TroubleKind
from tests.web import pseudo
from tests.web.pseudo import assert_translated
from tests.web.test_plans import png, upload

pytestmark = pytest.mark.sqlite_is_enough


@pytest.fixture
def depot(site):
    """Where the charger stands, with a substation."""
    details = Details(
        "Depot",
        substation_id="TR-7",
        grid_limit_w=20_000,
        parking_type=ParkingType.PARKING_LOT,
        latitude=41.3,
        longitude=2.1,
    )
    made = sites.add(site.session, details, at=site.now)
    site.session.merge(site.charger).site_id = made.id
    store(site.session)
    site.session.rollback()
    return made


def test_the_first_run(reader, session):
    reader.log_in()
    assert_translated(reader.get("/ui/"), "OCPP", "owner-0")
    chargers.note_attempt(
        session,
        identity=None,
        address="10.0.3.17",
        cause=RefusalCause.UNKNOWN_CHARGER,
        path="/KEBA-1",
        detail="KEBA-1",
        remedy="KEBA-1",
        status_code=404,
        at=clock.now(),
    )
    store(session)
    assert_translated(reader.get("/dashboard/first"), "KEBA")


def test_the_dashboard_with_all_that_needs_somebody(look, reader, site):
    fault = {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure"}
    site.tell("StatusNotification", fault, site.now)
    make_charger(site.session, "CP-2", admission=Admission.PENDING)
    make_charger(site.session, "CP-3", at=site.now - timedelta(hours=3), online=True, connectors=1)
    at = site.now
    for kind in TroubleKind:
        troubles.tell(site.session, site.connector, kind, "", at=at)
    chargers.note_attempt(
        site.session,
        identity=None,
        address="10.0.3.17",
        cause=RefusalCause.UNKNOWN_CHARGER,
        path="/",
        detail="KEBA-1",
        remedy="",
        status_code=404,
        at=at,
    )
    store(site.session)
    look("/ui/", "/dashboard/headline", "/dashboard/attention")
    reader.post("/dashboard/attention/snooze", {"matter": "pending", "about": "2"})
    look("/ui/")
    reader.post("/dashboard/attention/wake")
    look("/ui/")


def test_the_dashboard_with_sessions_and_without_trouble(look, site):
    site.status("Available")
    look("/ui/")
    site.end(site.begin(at=site.now - timedelta(hours=1)), 9_000)
    site.begin()
    look("/ui/", "/dashboard/figures", "/dashboard/power", "/dashboard/connectors", "/dashboard/sessions")


def test_sites(look, reader, site, depot):
    here = f"/sites/{depot.id}"
    make_charger(site.session, "CP-2", admission=Admission.PENDING).site_id = depot.id
    store(site.session)
    look("/sites", "/sites?q=nowhere", "/sites/new", here, f"{here}/edit", f"{here}/chargers", f"{here}/plan")
    upload(reader, f"{here}/plan", png(40, 30))
    look(f"{here}/plan")
    reader.post(f"{here}/plan/place", {"charger": str(site.charger.id), "left": "20", "top": "30"})
    look(f"{here}/plan")
    reader.post(f"{here}/delete")
    look(here)
    for wrong in (
        {"name": ""},
        {"name": "Depot"},
        {"name": "Yard", "latitude": "north"},
        {"name": "Yard", "latitude": "91", "longitude": "0"},
        {"name": "Yard", "latitude": "9"},
        {"name": "Yard", "grid_limit_w": "much"},
        {"name": "Yard", "country": "Spain"},
        {"name": "Yard", "country_code": "ESP"},
        {"name": "Yard", "party_id": "?"},
        {"name": "Yard", "contact_email": "ana"},
        {"name": "Yard", "time_zone": "Nowhere"},
        {"name": "Yard", "parking_type": "ROOF"},
    ):
        answer = reader.post("/sites/new", wrong)
        assert answer.status_code == 422, wrong
        assert_translated(answer, *pseudo.names_in(site.session))


def test_sites_where_there_is_none(look, site):
    look("/sites")
    empty = sites.add(site.session, Details("Yard"), at=site.now)
    store(site.session)
    look("/sites", f"/sites/{empty.id}", f"/sites/{empty.id}/plan")


def test_a_picture_that_is_none(look, reader, site, depot):
    upload(reader, f"/sites/{depot.id}/plan", b"no picture")
    look(f"/sites/{depot.id}/plan")


@pytest.mark.parametrize("status", ["Available", "Preparing", "Charging", "Faulted"])
def test_the_map(look, site, depot, status):
    site.status(status)
    make_charger(site.session, "CP-2", at=site.now, online=True)
    store(site.session)
    look("/map", "/map/list", f"/map?site={depot.id}", f"/map?status={status}", "/map?status=Reserved")


def test_reservations(look, reader, site):
    look("/reservations", "/reservations/new", "/reservations/new?charger=nobody")
    site.status("Available")
    look("/reservations/new?charger=CP-1")
    for number, state in enumerate(ReservationState):
        begin = site.now + timedelta(days=1, hours=2 * number)
        end = begin + timedelta(hours=1)
        charger = site.session.merge(site.charger)
        one = reservations.book(
            site.session,
            charger,
            evse=number % 2,
            id_tag="04A2B39F",
            starts_at=begin,
            expires_at=end,
            by="olga",
            at=site.now,
        )
        one.state = state
        store(site.session)
    look("/reservations", f"/reservations?day={(site.now + timedelta(days=1)).date()}")
    right = {"charger": "CP-1", "evse": "1", "id_tag": "04A2B39F", "until": "2099-01-01T10:00"}
    for wrong in (
        {"until": ""},
        {"until": "noon"},
        {"id_tag": ""},
        {"id_tag": "?" * 30},
        {"charger": "CP-9"},
    ):
        answer = reader.post("/reservations/new", right | wrong)
        assert answer.status_code == 422, wrong
        assert_translated(answer, *pseudo.names_in(site.session))
    until = (site.now + timedelta(minutes=30)).isoformat()
    assert reader.post("/reservations/new", right | {"until": until}).status_code == 302
    look("/reservations")
    reader.post("/reservations/1/cancel")
    look("/reservations")


def test_signals_of_the_grid(look, reader, site, depot):
    site.begin(at=site.now - timedelta(minutes=20))
    look("/grid")
    begin, end = (site.now + timedelta(hours=x) for x in (-1, 1))
    given = {"substation_id": "TR-7", "from": begin.isoformat(), "until": end.isoformat()}
    for kind, value in (("capacity", "6.9"), ("tariff", "0.30")):
        assert reader.post("/grid", given | {"kind": kind, "value": value}).status_code == 302
        look("/grid")
    look(f"/sites/{depot.id}")
    right = given | {"kind": "capacity", "value": "5"}
    for wrong in (
        {"kind": "wish"},
        {"value": "much"},
        {"value": "-1"},
        {"until": "noon"},
        {"until": begin.isoformat()},
        {"substation_id": ""},
    ):
        answer = reader.post("/grid", right | wrong)
        assert answer.status_code == 422, wrong
        assert_translated(answer, *pseudo.names_in(site.session))
    for number in (1, 2):
        reader.post(f"/grid/{number}/withdraw")
    look("/grid")


def test_stored_profiles(look, reader, site):
    pages = (
        "/charging-profiles",
        "/charging-profiles/new",
        f"/charging-profiles/new?charger={site.charger.id}",
    )
    look(*pages)
    for key in ("fallback", "night", "supply"):
        answer = reader.get(f"/charging-profiles/new?preset={key}")
        assert_translated(answer, *pseudo.names_in(site.session))
    given = {
        "name": "Slow",
        "purpose": "TxDefaultProfile",
        "kind": "Recurring",
        "recurrency": "Weekly",
        "stack_level": "1",
        "unit": "W",
        "starts_at": "2026-11-01T00:00",
        "lasts": "24:00",
        "after": ["", "6:00", "22:30"],
        "limit": ["11", "4,5", "7.4"],
        "phases": ["", "1", ""],
    }
    made = reader.post("/charging-profiles/new", given)
    assert made.status_code == 302
    stored = made.location
    look(stored, f"{stored}/edit", "/charging-profiles")
    reader.post(f"{stored}/assign", {"charger": str(site.charger.id), "evse": "0"})
    look(stored)
    reader.post(f"{stored}/assign")
    look(stored)
    for wrong in (
        {"name": ""},
        {"stack_level": "high"},
        {"lasts": "long"},
        {"lasts": "400:00"},
        {"limit": ["much", "", ""]},
        {"starts_at": "noon"},
        {"starts_at": ""},
        {"purpose": "Fun"},
    ):
        answer = reader.post("/charging-profiles/new", given | wrong)
        assert answer.status_code == 422, wrong
        assert_translated(answer, *pseudo.names_in(site.session))
    reader.post(f"{stored}/delete")
    look("/charging-profiles")
