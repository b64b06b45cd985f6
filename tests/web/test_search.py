"""The field above every page: what it finds, and the orders that it understands."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask
from make import make_charger
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, chargers, sites
from csms.domain.accounts import Role
from csms.domain.sites import Details
from csms.web.page_names import PAGES, SETTINGS
from tests.web.browser import Browser, logged_in, publish
from tests.web.site import Site


def _online(session: Session, identity: str, **more: object) -> int:
    made = make_charger(session, identity, at=clock.now(), online=True, connectors=2, **more)
    charger_id = made.id
    publish(session)
    return charger_id


def _found(browser: Browser, words: str) -> str:
    return html.unescape(browser.read(f"/search?q={words}"))


def test_pages_are_found_by_their_names(session: Session, olga: Browser) -> None:
    assert olga.open("/search?q=Firmw").location == "/firmware"
    assert olga.open("/search?q=map").location == "/map"
    for address in PAGES.values():
        assert olga.open(address).status_code == 200, address


def test_settings_are_found_by_their_names(olga: Browser) -> None:
    for words, address in (("time zone", "/settings#time_zone"), ("language", "/profile#language")):
        assert olga.open(f"/search?q={words}").location == address
    for address in SETTINGS.values():
        path, _, field = address.partition("#")
        assert not field or f'id="{field}"' in olga.read(path), address


def test_every_page_of_the_navigation_is_found_by_the_words_that_stand_there(olga: Browser) -> None:
    named = re.findall(r'<a href="([^"]+)" title="([^"]+)"', olga.read("/ui/"))
    assert ("/chargers", "Chargers") in named
    for address, words in named:
        assert olga.open("/search", query_string={"q": html.unescape(words)}).location == address


def test_what_several_pages_begin_with_opens_none_of_them(olga: Browser) -> None:
    page = _found(olga, "card")
    assert 'href="/cards"' in page
    assert 'href="/local-lists"' in page
    assert olga.open("/search?q=charger").location == "/chargers"


def test_words_are_not_found_in_the_middle_of_others(olga: Browser) -> None:
    assert olga.open("/search?q=vat").location == "/tariffs"
    assert olga.open("/search?q=co2").location == "/settings#co2_g_per_kwh"


def test_a_state_leads_to_the_chargers_that_are_in_it(olga: Browser) -> None:
    assert olga.open("/search?q=faulted").location == "/chargers?status=faulted"
    assert "/chargers?status=offline" in str(olga.open("/search?q=offline").location)
    assert 'href="/chargers?status=charging"' in _found(olga, "charging")


def test_nobody_is_led_to_a_page_that_is_not_theirs(app: Flask, session: Session) -> None:
    rita = logged_in(app, session, Role.READ_ONLY, "rita")
    assert "Nothing found" in _found(rita, "backups")
    assert rita.open("/search?q=firmware").location == "/firmware"


def test_one_meaning_is_opened_and_several_are_shown(session: Session, olga: Browser) -> None:
    park = accounts.open_account(session, "Ada Park", at=clock.now())
    lovelace = accounts.open_account(session, "Ada Lovelace", at=clock.now())
    card = accounts.add_token(session, "04A2B39F", at=clock.now(), account_id=park.id)
    make_charger(session, "CP-1", connectors=1, name="Park 1", serial_number="SN-77")
    card_id, lovelace_id = card.id, lovelace.id
    publish(session)
    assert olga.open("/search?q=04a2b39f").location == f"/cards/{card_id}"
    assert olga.open("/search?q=a2b3").location == f"/cards/{card_id}"
    assert olga.open("/search?q=lovelace").location == f"/accounts/{lovelace_id}"
    assert olga.open("/search?q=sn-77").location == "/chargers?q=sn-77"
    both = _found(olga, "park")
    assert "Park 1" in both
    assert "Ada Park" in both


def test_a_charger_is_found_by_the_address_it_comes_from(session: Session, olga: Browser) -> None:
    _online(session, "CP-1")
    assert olga.open("/search?q=127.0.0").location == "/chargers?q=127.0.0"
    assert "CP-1" in olga.read("/chargers?q=127.0.0")
    assert "Nothing found" in _found(olga, "127.0.9")


def test_a_reader_does_not_find_cards_by_trying(app: Flask, session: Session) -> None:
    accounts.add_token(session, "04A2B39F", at=clock.now())
    publish(session)
    rita = logged_in(app, session, Role.READ_ONLY, "rita")
    assert "Nothing found" in _found(rita, "a2b3")


def test_without_words_it_asks_for_them(olga: Browser) -> None:
    assert "What are you looking for?" in _found(olga, "")


def test_a_host_finds_chargers_of_their_sites_and_nothing_else(app: Flask, session: Session) -> None:
    plaza = sites.add(session, Details(name="Plaza"), at=clock.now())
    make_charger(session, "IN-1", connectors=1, site=plaza)
    make_charger(session, "OUT-1", connectors=1)
    publish(session)
    host = logged_in(app, session, Role.SITE_HOST, "hugo")
    accounts.set_sites(session, accounts.find_user(session, "hugo"), [plaza.id])
    publish(session)
    assert host.open("/search?q=IN-1").location == "/chargers?q=IN-1"
    assert "Nothing found" in _found(host, "OUT-1")
    assert "Nothing found" in _found(host, "Firmware")


@pytest.mark.parametrize(
    ("typed", "page", "checked"),
    [
        ("reset a-01", "reset", 'value="Soft" checked'),
        ("Hard reset A-01", "reset", 'value="Hard" checked'),
        ("unlock plaza 2", "unlock", 'name="evse" value="2" checked'),
        ("start a-01 connector 2", "start", 'name="id_tag"'),
        ("unavailable a-01", "unavailable", 'name="type" value="Inoperative"'),
        ("available a-01 2", "available", 'name="evse" value="2" checked'),
    ],
)
def test_an_order_that_is_typed_leads_to_its_confirmation(
    session: Session, olga: Browser, typed: str, page: str, checked: str
) -> None:
    charger_id = _online(session, "A-01", name="Plaza")
    led = olga.open("/search", query_string={"q": typed}).location
    assert led.startswith(f"/chargers/{charger_id}/commands/{page}")
    assert checked in olga.read(led)


def test_what_is_confirmed_is_ordered(session: Session, olga: Browser) -> None:
    charger_id = _online(session, "A-01")
    assert "Nobody is charging there now" in olga.read(f"/chargers/{charger_id}/commands/reset")
    answer = olga.send(f"/chargers/{charger_id}/commands", kind="reset", type="Soft")
    assert "Reset (soft)" in olga.read(answer.location)


def test_the_session_of_the_connector_that_was_named_is_stopped(
    session: Session, site: Site, olga: Browser
) -> None:
    begun = site.begin()
    publish(session)
    led = olga.open("/search", query_string={"q": f"stop {site.charger.identity}"}).location
    page = olga.read(led)
    assert f'name="transaction" value="{begun.id}" checked' in page


def test_several_chargers_that_may_be_meant_are_offered(session: Session, olga: Browser) -> None:
    one, other = _online(session, "A-01"), _online(session, "A-02")
    page = _found(olga, "reset a-0")
    assert f'href="/chargers/{one}/commands/reset"' in page
    assert f'href="/chargers/{other}/commands/reset"' in page


def test_a_charger_that_is_away_says_why_it_cannot_be_ordered(session: Session, olga: Browser) -> None:
    charger = make_charger(session, "A-01", connectors=1)
    charger_id = charger.id
    publish(session)
    page = olga.read(f"/chargers/{charger_id}/commands/reset")
    assert "it has never connected" in page
    assert '<form class="form"' not in page


def test_who_may_not_give_orders_finds_words_alone(app: Flask, session: Session) -> None:
    charger_id = _online(session, "A-01")
    rita = logged_in(app, session, Role.READ_ONLY, "rita")
    assert "Nothing found" in _found(rita, "reset a-01")
    assert rita.open(f"/chargers/{charger_id}/commands/reset").status_code == 404


def test_the_exact_name_comes_before_its_longer_ones(session: Session, olga: Browser) -> None:
    one = _online(session, "A-1")
    _online(session, "A-10")
    assert chargers.find(session, "a-1") is not None
    assert olga.open("/search?q=reset%20a-1").location.startswith(f"/chargers/{one}/")


def test_pages_and_orders_are_found_in_the_readers_language(session: Session, olga: Browser) -> None:
    charger_id = _online(session, "A-01")
    german = {"Accept-Language": "de"}
    assert olga.open("/search?q=Meldungen", headers=german).location == "/alerts"
    led = olga.open("/search", query_string={"q": "neustart a-01"}, headers=german).location
    assert led == f"/chargers/{charger_id}/commands/reset"
    assert "Was suchen Sie?" in olga.read("/search", headers=german)


def test_words_are_found_in_any_order_and_apart(session: Session, olga: Browser) -> None:
    make_charger(session, "DE-0012", name="Berlin Mitte 12", vendor="KEBA")
    make_charger(session, "DE-0013", name="Berlin Mitte 13")
    accounts.open_account(session, "Ada Lovelace", at=clock.now())
    sites.add(session, Details("Old quay", city="Hamburg"), at=clock.now())
    publish(session)
    found = olga.read("/chargers?q=12+berlin")
    assert "Berlin Mitte 12" in found
    assert "Berlin Mitte 13" not in found
    assert olga.open("/search?q=keba+berlin").location == "/chargers?q=keba+berlin"
    assert "/accounts/" in olga.open("/search?q=lovelace+ada").location
    assert "/sites/" in olga.open("/search?q=hamburg+quay").location


def test_what_is_misspelt_is_asked_back(session: Session, olga: Browser) -> None:
    make_charger(session, "DE-0600", name="München Ost 7")
    make_charger(session, "DE-0012", name="Berlin Mitte 12")
    publish(session)
    for words, meant in (("munchen ost", "München Ost 7"), ("Berln Mitte 12", "Berlin Mitte 12")):
        page = olga.read(f"/search?q={words}")
        assert "Did you mean one of these?" in page
        assert meant in page.partition("Did you mean one of these?")[2]
    assert "Did you mean" not in olga.read("/search?q=something+else")
