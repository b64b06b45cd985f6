"""The first run, and the end of lab mode."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from csms import clock, installation
from csms.domain import accounts, tariffs
from csms.domain.accounts import settings as stored_settings
from csms.domain.tariffs import simple
from csms.web import setup
from tests.web.browser import PASSWORD, Browser, logged_in, publish

FORM = {
    "organisation": "Parkhaus Nord",
    "currency": "CHF",
    "time_zone": "Europe/Zurich",
    "distance_unit": "km",
    "username": "olga",
}


@pytest.fixture
def settings() -> dict[str, Any]:
    from settings import UnknownChargers

    return {"lab": True, "unknown_chargers": UnknownChargers.ACCEPT}


def _link(app: Flask) -> str:
    url = setup.setup_url(app)
    assert url is not None
    return urlsplit(url).path


@pytest.mark.seed("001", "First user")
def test_the_link_makes_the_owner_and_logs_in(app: Flask) -> None:
    browser = Browser(app)
    path = _link(app)
    assert "Welcome" in browser.read(path)
    answer = browser.send(path, **FORM, password=PASSWORD)
    assert answer.headers["Location"] == "/ui/"
    assert "Connect your first charger" in browser.read("/")
    assert app.extensions["settings"].currency == "CHF"
    assert app.extensions["settings"].time_zone.key == "Europe/Zurich"
    assert setup.setup_url(app) is None


@pytest.mark.parametrize(
    ("spoken", "currency", "unit"),
    [("en-US,en;q=0.9", "USD", "mi"), ("es-MX", "MXN", "km"), ("de", "EUR", "km")],
)
def test_the_form_begins_with_what_people_have_where_the_browser_is_from(
    app: Flask, spoken: str, currency: str, unit: str
) -> None:
    page = Browser(app).read(_link(app), headers={"Accept-Language": spoken})
    assert re.search(rf'value="{currency}"[^>]*id="currency"', page)
    assert f'<option value="{unit}" selected>' in page


def test_where_there_are_tariffs_already_their_currency_is_that_of_the_installation(
    app: Flask, session: Session
) -> None:
    tariffs.create(session, "Standard", simple("EUR", Decimal("0.49")), at=clock.now(), is_default=True)
    publish(session)
    browser, path = Browser(app), _link(app)
    assert 'value="EUR"' in browser.read(path, headers={"Accept-Language": "en-GB"})
    refused = browser.send(path, **FORM, password=PASSWORD)
    assert refused.status_code == 422
    assert "There are tariffs in EUR already" in refused.text
    assert browser.send(path, **FORM | {"currency": "EUR"}, password=PASSWORD).headers["Location"] == "/ui/"
    assert app.extensions["settings"].currency == "EUR"


def test_the_owner_is_written_to_in_the_language_of_the_form(app: Flask, session: Session) -> None:
    session.rollback()
    browser, path = Browser(app), _link(app)
    spanish = {"Accept-Language": "es-MX"}
    browser.open(path, headers=spanish)
    assert (
        browser.send(path, spanish, **{**FORM, "distance_unit": "mi"}, password=PASSWORD).status_code == 302
    )
    assert app.extensions["settings"].distance_unit == "mi"
    owner = accounts.find_user(session, "olga")
    assert owner is not None
    assert owner.language == "es"


def test_the_link_works_once_and_says_what_prints_a_new_one(app: Flask) -> None:
    first = _link(app)
    second = _link(app)
    browser = Browser(app)
    assert browser.open(first).status_code == 404
    assert "setup-link" in browser.open("/setup/nonsense").text
    browser.open(second)
    browser.send(second, **FORM, password=PASSWORD)
    assert browser.open(second).status_code == 404
    assert "The set-up is done" in browser.open(second).text


def test_whoever_comes_without_a_link_is_told_how_to_get_one(app: Flask) -> None:
    browser, link = Browser(app), _link(app)
    page = browser.read("/setup")
    assert "setup-link" in page
    assert "does not work any more" not in page
    browser.open(link)
    browser.send(link, **FORM, password=PASSWORD)
    assert "The set-up is done" in browser.read("/setup")


def test_what_is_wrong_is_told_at_the_field_and_the_link_stays_good(app: Flask) -> None:
    browser = Browser(app)
    path = _link(app)
    browser.open(path)
    answer = browser.send(path, **{**FORM, "time_zone": "Mars/Olympus", "currency": "euro"}, password="short")
    assert answer.status_code == 422
    for words in ("There is no such time zone", "three capital letters", "at least 12 characters"):
        assert words in answer.text
    assert 'value="Parkhaus Nord"' in answer.text
    assert browser.send(path, **FORM, password=PASSWORD).status_code == 302


def test_what_was_set_on_the_pages_is_there_after_a_restart(app: Flask, session: Session) -> None:
    stored_settings.put(session, stored_settings.ORGANISATION, "Hotel Sol", at=clock.now())
    stored_settings.put(session, stored_settings.LAB_CLOSED, "1", at=clock.now())
    publish(session)
    installation.apply_stored(app)
    assert app.extensions["settings"].organisation == "Hotel Sol"
    assert app.config["LAB"] is False
    assert app.config["REQUIRES_SUBPROTOCOL"] is True
    assert app.config["UNKNOWN_CHARGERS"] == "pending"


def test_lab_mode_is_on_every_page_until_the_owner_closes_it(app: Flask, session: Session) -> None:
    olga = logged_in(app, session)
    assert "Close lab mode" in olga.read("/chargers")
    assert olga.send("/lab/close").status_code == 302
    page = olga.read("/chargers")
    assert "Close lab mode" not in page
    assert "Lab mode is over" in page
    assert app.config["UNKNOWN_CHARGERS"] == "pending"
    session.rollback()
    assert stored_settings.get(session, stored_settings.LAB_CLOSED) == "1"
    assert accounts.needs_setup(session) is False
