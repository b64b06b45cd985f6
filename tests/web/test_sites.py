"""The pages about sites, and the map that places them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from make import make_charger, store
from sqlalchemy import select

from csms.domain import chargers, sites
from csms.domain.accounts import AuditEntry, Role
from csms.domain.chargers import ConnectorStatus
from csms.domain.sites import Details, Site
from csms.web.filters import localtime

PLAZA = {"name": "Plaza Mayor", "city": "Monterrey", "latitude": "25,6866", "longitude": "-100.3161"}


def the_site(site) -> Site:
    site.session.rollback()
    site.session.expire_all()
    return site.session.scalars(select(Site)).one()


@pytest.fixture
def plaza(site) -> Site:
    """Where the charger stands."""
    made = sites.add(site.session, Details("Plaza Mayor", latitude=25.6866, longitude=-100.3161), at=site.now)
    site.session.merge(site.charger).site_id = made.id
    store(site.session)
    return made


@pytest.mark.seed("004", "latitude and longitude")
def test_a_site_is_added_shown_and_changed(visitor, site):
    olga = visitor().log_in()
    assert "No sites yet" in olga.text("/sites")
    form = olga.text("/sites/new")
    assert 'data-center="25.6866,-100.3161"' in form
    added = olga.post("/sites/new", PLAZA | {"time_zone": "America/Monterrey", "parking_type": "ON_STREET"})
    made = the_site(site)
    assert added.location == f"/sites/{made.id}"
    page = olga.text(f"/sites/{made.id}")
    for words in ("Plaza Mayor", "Monterrey", "America/Monterrey", "On the street", "No charger stands here"):
        assert words in page
    assert (made.latitude, made.longitude) == (25.6866, -100.3161)
    assert 'value="25.6866"' in olga.text(f"/sites/{made.id}/edit")
    assert olga.post(f"/sites/{made.id}/edit", PLAZA | {"name": "Plaza"}).status_code == 302
    changed = the_site(site)
    assert (changed.name, changed.time_zone, changed.city) == ("Plaza", None, "Monterrey")
    actions = select(AuditEntry.action).where(AuditEntry.action.startswith("site.")).order_by(AuditEntry.id)
    noted = site.session.scalars(actions).all()
    assert noted == ["site.added", "site.changed"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "A site has a name."),
        ({"time_zone": "Mexico/Olympus"}, "There is no such time zone"),
        ({"latitude": ""}, "Give both latitude and longitude"),
        ({"latitude": "north"}, "Write degrees such as"),
        ({"country": "Mexico"}, "three letters"),
        ({"parking_type": "ROOF"}, "Choose one of the list."),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_what_was_written_stays(visitor, given, words):
    answer = visitor().log_in().post("/sites/new", PLAZA | given)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Monterrey"' in answer.text


def test_the_list_counts_the_chargers_of_each_site_by_state(visitor, site, plaza):
    site.status("Charging")
    make_charger(site.session, "CP-2", at=site.now)
    olga = visitor().log_in()
    page = olga.text("/sites")
    row = page[page.index(f'id="site-{plaza.id}"') :].partition("</tr>")[0]
    assert "Charging 1" in row
    assert "1 charger stands at no site" in page
    assert "No site matches" in olga.text("/sites?q=elsewhere")
    csv = olga.text("/sites/export.csv")
    assert "Plaza Mayor" in csv
    assert csv.splitlines()[1].endswith(",1")


def test_a_site_shows_its_chargers_and_leads_to_map_and_list_of_them(visitor, site, plaza):
    site.status("Faulted")
    make_charger(site.session, "CP-2", at=site.now, name="Elsewhere AC-1")
    olga = visitor().log_in()
    for page in (f"/sites/{plaza.id}", f"/sites/{plaza.id}/chargers", f"/chargers?site={plaza.id}"):
        assert "Plaza AC-2" in olga.text(page)
        assert "Faulted" in olga.text(page)
        assert "Elsewhere AC-1" not in olga.text(page)
    shown = olga.get(f"/map/points?site={plaza.id}").json
    assert [(x[0], x[1], x[6]) for x in shown] == [(site.charger.id, 25.6866, False)]
    assert olga.get("/map?site=99").status_code == 404
    assert olga.get("/chargers?site=x").status_code == 404


def test_a_site_where_chargers_stand_is_not_deleted(visitor, site, plaza):
    olga, page = visitor().log_in(), f"/sites/{plaza.id}"
    olga.post(f"{page}/delete")
    assert "1 charger stands at Plaza Mayor" in olga.text("/sites")
    olga.post(f"/chargers/{site.charger.id}/settings", {"policy": "open", "site": ""})
    assert olga.post(f"{page}/delete").location == "/sites"
    assert olga.get(page).status_code == 404


def test_a_chargers_settings_put_it_at_a_site_by_name(visitor, site, plaza):
    olga = visitor().log_in()
    form = olga.text(f"/chargers/{site.charger.id}/settings")
    assert 'data-at="25.6866,-100.3161"' in form
    assert '<option value="Plaza Mayor">' in form
    olga.post(f"/chargers/{site.charger.id}/settings", {"policy": "open", "site": "Depot"})
    site.session.expire_all()
    assert chargers.get(site.session, site.charger.id).site_name == "Depot"
    long = olga.post(f"/chargers/{site.charger.id}/settings", {"policy": "open", "site": "D" * 81})
    assert long.status_code == 422


def test_a_driver_reads_where_the_site_is(visitor, site, plaza):
    assert "Plaza Mayor" in visitor().text(f"/c/{site.slug}")


def test_a_pin_that_is_dropped_places_its_charger_and_can_be_taken_back(visitor, site, plaza):
    site.status("Available")
    olga = visitor().log_in()
    assert 'data-place="/map/place"' in olga.text("/map")
    where = {"charger": site.charger.id, "latitude": "25.7", "longitude": "-100.3"}
    assert olga.post("/map/place", where).status_code == 204
    [point] = olga.get("/map/points").json
    assert (point[1:4], point[6]) == ([25.7, -100.3, ConnectorStatus.AVAILABLE.value], True)
    olga.post("/map/place", where | {"latitude": "", "longitude": ""})
    [point] = olga.get("/map/points").json
    assert point[1:3] == [25.6866, -100.3161]
    assert olga.post("/map/place", where | {"latitude": "95"}).status_code == 422
    assert olga.post("/map/place", where | {"charger": "99"}).status_code == 404


def test_support_reads_sites_and_changes_none(visitor, site, plaza):
    support = visitor().log_in(Role.SUPPORT)
    page = support.text(f"/sites/{plaza.id}")
    assert "Delete" not in page
    assert "data-place" not in support.text("/map")
    for path in ("/sites/new", f"/sites/{plaza.id}/edit", f"/sites/{plaza.id}/delete", "/map/place"):
        assert support.post(path, PLAZA).status_code == 404, path


def test_pages_about_a_charger_are_on_its_sites_clocks(visitor, site, plaza):
    changed = site.session.get_one(Site, plaza.id)
    sites.change(site.session, changed, Details("Plaza Mayor", time_zone="Asia/Kathmandu"), at=site.now)
    store(site.session)
    ended = site.end(site.begin(at=site.now - timedelta(hours=1)), 2_000)
    clock = localtime(ended.started_at, "Asia/Kathmandu", "clock")
    assert clock in visitor().log_in().text(f"/sessions/{ended.id}")
    assert clock in visitor().text(f"/s/{ended.secret}/receipt")


def test_a_site_is_found_by_its_name_and_so_are_its_chargers(visitor, site, plaza):
    olga = visitor().log_in()
    assert olga.get("/search?q=plaza%20MAYOR").location == f"/sites/{plaza.id}"
    assert "Plaza AC-2" in olga.text("/chargers?q=mayor")


def test_many_sites_are_shown_a_page_at_a_time(visitor, site, plaza):
    for number in range(60):
        sites.add(site.session, Details(f"Yard {number:02}"), at=site.now)
    store(site.session)
    olga = visitor().log_in()
    first = olga.text("/sites")
    assert "Plaza Mayor" in first
    assert "Yard 48" in first
    assert "Yard 49" not in first
    assert 'rel="prev"' not in first
    second = olga.text(re.search(r'href="([^"]*)" rel="next"', first)[1].replace("&amp;", "&"))
    assert "Yard 49" in second
    assert "Yard 59" in second
    assert "Yard 48" not in second
    assert 'rel="next"' not in second
    assert "after=Yard+48" in second or "after=Yard%2048" in second  # it stays there when it is read anew
