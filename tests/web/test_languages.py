"""Which language a page speaks: as chosen, else as the browser asks; and how it writes numbers and dates."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from csms.domain.accounts import Role, User
from csms.web import filters

READY = {
    "es": "Lista para cargar",
    "de": "Bereit zum Laden",
    "fr": "Prête à charger",
    "pt": "Pronta para carregar",
    "it": "Pronta per la ricarica",
    "nl": "Klaar om te laden",
    "en": "Ready to charge",
}
NOW = datetime(2026, 11, 21, 13, 32, 7, tzinfo=UTC)


def speaking(visitor, accepted):
    made = visitor()
    made.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = accepted
    return made


@pytest.mark.parametrize(("language", "words"), READY.items())
def test_a_station_speaks_the_language_of_the_browser(visitor, site, language, words):
    site.status("Available")
    page = speaking(visitor, f"{language}-XX,{language};q=0.9,en;q=0.1").text(f"/c/{site.slug}")
    assert words in page
    assert f'<html lang="{language}"' in page


def test_a_language_that_nobody_translated_is_answered_in_english(visitor, site):
    site.status("Available")
    answer = speaking(visitor, "fi").get(f"/c/{site.slug}")
    assert READY["en"] in answer.get_data(as_text=True)
    assert {"Accept-Language", "Cookie"} <= set(answer.vary.as_set(preserve_casing=True))


def test_a_choice_outlives_the_page_and_leads_back_to_it(visitor, site):
    site.status("Available")
    driver = speaking(visitor, "fr")
    answer = driver.post("/language", {"language": "nl", "next": f"/c/{site.slug}"})
    assert (answer.status_code, answer.location) == (303, f"/c/{site.slug}")
    page = driver.text(f"/c/{site.slug}")
    assert READY["nl"] in page
    assert '<button name="language" value="nl" lang="nl" aria-current="true">Nederlands' in page


@pytest.mark.parametrize("target", ["https://elsewhere.test/", "//elsewhere.test", ""])
def test_a_choice_leads_nowhere_else(visitor, target):
    assert visitor().post("/language", {"language": "de", "next": target}).location == "/"


def test_a_language_that_is_not_offered_cannot_be_chosen(visitor):
    assert visitor().post("/language", {"language": "xx"}).status_code == 422


def test_the_choice_of_an_account_comes_along_to_its_next_browser(visitor, site):
    site.status("Available")
    visitor().log_in(Role.DRIVER).post("/language", {"language": "it"})
    site.session.rollback()
    assert site.session.scalars(select(User.language)).all() == ["it"]
    other = speaking(visitor, "fr")
    other.post("/login", {"username": "driver-0", "password": "correct horse battery"})
    assert READY["it"] in other.text(f"/c/{site.slug}")


def test_operators_read_their_language_and_programs_english(visitor, site):
    operator = speaking(visitor, "de").log_in(Role.OWNER)
    page = operator.text("/chargers")
    assert '<html lang="de"' in page
    assert "Ladestationen" in page
    assert "There is nothing at this address" in speaking(visitor, "de").text("/api/v1/no-such-thing")


@pytest.mark.parametrize(
    ("language", "price", "energy", "day"),
    [
        ("en", "1 249.50 €", "1 018.40 kWh", "21 Nov 2026"),
        ("de", "1.249,50 €", "1.018,40 kWh", "21. Nov. 2026"),
        ("nl", "€ 1.249,50", "1.018,40 kWh", "21 nov 2026"),
        ("fr", "1 249,50 €", "1 018,40 kWh", "21 nov. 2026"),
    ],
)
def test_numbers_and_dates_are_written_as_the_language_writes_them(app, language, price, energy, day):
    with app.test_request_context(), force_locale(language):
        written = (
            filters.money(124950, "EUR"),
            filters.kwh(1_018_400),
            filters.localtime(NOW, "UTC", "date"),
        )
    soft = tuple(x.replace("\u00a0", " ").replace("\u202f", " ") for x in written)
    assert soft == (price, energy, day)


def test_a_price_keeps_the_fractions_of_a_cent_in_every_language(app):
    with app.test_request_context(), force_locale("de"):
        assert filters.rate(Decimal("49.5"), "EUR", "kWh") == "0,495\u00a0€/kWh"
    with app.test_request_context(), force_locale("es"):
        assert filters.money(1250, "JPY").replace("\u00a0", " ") == "1.250 JPY"
