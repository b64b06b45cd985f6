"""Site hosts: the chargers and sessions of their sites, and not a word of anybody else's. Pages and API."""

from __future__ import annotations

import re

import pytest
from flask_jwt_extended import create_access_token
from make import make_charger, make_wire, quick_hash, store
from sqlalchemy import select
from sqlalchemy.orm import object_session

from csms import clock, web
from csms.domain import accounts, sites
from csms.domain.accounts import Role, User
from csms.web.security import is_public
from tests.api.caller import Api
from tests.web.visitor import PASSWORD, Visitor

# What others than operators and the like may open. Whatever is not named here asks for more.
HOSTS_PAGES = {
    "chargers": {"index", "listed", "show", "head", "identity", "live", "day", "sessions"},
    "transactions": {"index", "active", "as_workbook", "curve", "export", "show", "live", "readings"},
    "live": {"stream"},
    "reports": {"index", "as_csv", "as_workbook", "as_pdf"},
    "report_schedules": {"add", "change", "pause", "remove"},
    "search": {"show"},
}
ANYBODYS_PAGES = {
    "accounts": {"me"},
    "me": {
        *("show", "add_vehicle", "change_vehicle", "remove_vehicle", "name_card", "block_card", "change_pin"),
        *("export", "ask_to_erase", "erase"),
        *("begin_top_up", "top_up", "top_up_news", "cancel_top_up"),
    },
    "subscriptions": {"begin", "cancel"},
    "vouchers": {"redeem"},
    "profile": {"show", "change", "change_password", "choose_times", "end_log_in"},
    "second_factor": {"show", "begin", "confirm", "change"},
    "dashboard": {"show"},
}


@pytest.fixture
def garage(session, site):
    """A site with the charger CP-1, where somebody has charged; CP-2 stands elsewhere, and is busy."""
    at = clock.now()
    made = sites.add(session, sites.Details(name="Garage"), at=at)
    elsewhere = sites.add(session, sites.Details(name="Elsewhere"), at=at)
    site.charger.site_id = made.id
    store(session)
    site.mine = site.begin("04A2B39F")
    site.mine_energy = site.end(site.mine, 3_000)
    other = make_charger(session, "CP-2", at=at, online=True, name="Other AC-9")
    other.site_id = elsewhere.id
    store(session)
    site.wire = type(site.wire)(session, other, _station_of(other), other.lease.epoch, at)
    site.others = site.begin("DEADBEEF")
    site.other, site.garage = other, made
    return site


def _station_of(charger):
    return make_wire(object_session(charger), charger).station


@pytest.fixture
def host(session, app, garage):
    """Somebody who hosts the garage."""
    user = accounts.create_user(session, "hana", quick_hash(PASSWORD), Role.SITE_HOST, at=clock.now())
    accounts.set_sites(session, user, [garage.garage.id])
    store(session)
    browser = Visitor(app, session)
    assert (
        browser.post("/login", {"username": "hana", "password": PASSWORD}).headers["Location"] == "/chargers"
    )
    browser.home = "/chargers"
    return browser


def test_a_host_reads_how_many_chargers_there_are_of_their_own_alone(host, visitor, garage):
    def all_counted(page: str) -> str:
        return re.search(r"All\s*<span[^>]*>(\d+)<", page)[1]

    assert all_counted(visitor().log_in().text("/chargers")) == "2"
    assert all_counted(host.text("/chargers")) == "1"


def test_a_host_sees_the_chargers_and_sessions_of_their_site(host, garage):
    listed = host.text("/chargers")
    assert "Plaza AC-2" in listed
    assert "Other AC-9" not in listed
    assert host.get(f"/chargers/{garage.mine.charger_id}").status_code == 200
    for part in ("head", "identity", "live", "day", "sessions"):
        assert host.get(f"/chargers/{garage.mine.charger_id}/{part}").status_code == 200
        assert host.get(f"/chargers/{garage.other.id}/{part}").status_code == 404
    assert host.get(f"/chargers/{garage.other.id}").status_code == 404
    sessions = host.text("/sessions")
    assert f"/sessions/{garage.mine.id}" in sessions
    assert f"/sessions/{garage.others.id}" not in sessions
    assert "Other AC-9" not in host.text("/sessions/active")
    assert host.get(f"/sessions/{garage.mine.id}").status_code == 200
    assert host.get(f"/sessions/{garage.others.id}").status_code == 404
    assert host.get(f"/sessions/{garage.others.id}/readings.csv").status_code == 404
    exported = host.text("/sessions/export.csv")
    assert "CP-1" in exported
    assert "CP-2" not in exported


def test_a_host_learns_neither_drivers_nor_card_numbers(host, garage):
    pages = [
        host.text(x)
        for x in (
            "/sessions",
            f"/sessions/{garage.mine.id}",
            f"/chargers/{garage.mine.charger_id}/sessions",
            "/sessions/export.csv",
        )
    ]
    for page in pages:
        assert "Olga Serrano" not in page
        assert "04A2B39F" not in page


def test_a_host_without_sites_sees_nothing(host, session, garage):
    user = session.scalars(select(User).where(User.username == "hana")).one()
    accounts.set_sites(session, user, [])
    store(session)
    assert "Plaza AC-2" not in host.text("/chargers")
    assert host.get(f"/sessions/{garage.mine.id}").status_code == 404


def test_a_host_orders_nothing(host, garage):
    for path in (f"/sessions/{garage.mine.id}/stop", f"/sessions/{garage.mine.id}/close"):
        assert host.post(path).status_code == 404


def test_the_same_by_the_api(client, session, host, garage):
    user = session.scalars(select(User).where(User.username == "hana")).one()
    api = Api(client, session, create_access_token(user))
    assert [x["identity"] for x in api.get("/chargers").json["data"]] == ["CP-1"]
    assert api.get("/chargers/CP-1").json["own_tag"] is None
    assert api.get("/chargers/CP-2").status_code == 404
    assert {x["charger"] for x in api.get("/connectors").json["data"]} == {"CP-1"}
    [one] = api.get("/transactions").json["data"]
    assert (one["charger"], "04A2B39F" in str(one)) == ("CP-1", False)
    assert api.get(f"/transactions/{garage.others.id}").status_code == 404
    assert api.get(f"/transactions/{garage.others.id}/readings").status_code == 404
    assert api.get("/chargers/CP-2/status-history").status_code == 404
    assert api.get("/commands").status_code == 403
    assert api.get("/id-tokens").json["data"] == []


def test_others_see_all_of_it_still(visitor, garage):
    for role in (Role.OWNER, Role.READ_ONLY):
        assert "Other AC-9" in visitor().log_in(role).text("/chargers")


def test_no_page_is_open_to_more_than_this_table_says(app):
    pages = {x.name for x in web.BLUEPRINTS}
    for rule in app.url_map.iter_rules():
        blueprint, _, name = rule.endpoint.rpartition(".")
        if blueprint not in pages:
            continue
        asked = getattr(app.view_functions[rule.endpoint], "permission", None)
        if asked is None and is_public(rule.endpoint):
            continue  # another test names these
        expected = (
            "host"
            if name in HOSTS_PAGES.get(blueprint, ())
            else "self"
            if name in ANYBODYS_PAGES.get(blueprint, ())
            else None
        )
        assert expected in (asked, None), rule.rule
        assert expected is not None or asked not in ("host", "self"), (
            f"{rule.endpoint}: name it in the table above"
        )


@pytest.mark.parametrize("role", [Role.SITE_HOST, Role.DRIVER])
def test_every_other_page_is_not_there_for_them(app, visitor, session, site, role):
    browser = visitor().log_in(role)
    browser.home = "/profile"
    open_to_them = ANYBODYS_PAGES | (HOSTS_PAGES if role is Role.SITE_HOST else {})
    for rule in app.url_map.iter_rules():
        blueprint, _, name = rule.endpoint.rpartition(".")
        is_page = blueprint in {x.name for x in web.BLUEPRINTS} and "GET" in (rule.methods or ())
        if (
            not is_page
            or rule.websocket
            or is_public(rule.endpoint)
            or name in open_to_them.get(blueprint, ())
        ):
            continue
        if blueprint == "home" or rule.endpoint == "dashboard.show":
            continue  # leads on to where they begin
        path = re.sub(r"<any\((\w+)[^>]*>", r"\1", re.sub(r"<(int|uuid):\w+>", "1", rule.rule))
        answer = browser.get(re.sub(r"<[^>]+>", "x", path))
        assert answer.status_code == 404, (rule.rule, answer.status_code)
