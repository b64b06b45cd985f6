"""Under the pseudo-locale a driver's own account has no word left in plain English."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import available_timezones

import pytest
from make import store
from sqlalchemy import select

from csms.domain import accounts, subscriptions
from csms.domain.accounts import Role
from tests.web.pseudo import assert_translated
from tests.web.visitor import PASSWORD

pytestmark = pytest.mark.sqlite_is_enough


@pytest.fixture
def driver(reader, site):
    """Olga, who drives: logged in, with sessions, a car, a subscription and what she has paid."""
    for hours, card in ((30, "04A2B39F"), (5, "04A2B39F")):
        begun_at = site.now - timedelta(hours=hours)
        site.end(site.begin(card, at=begun_at), 15_000, begun_at + timedelta(hours=1))
    at = site.now
    accounts.add_vehicle(site.session, site.account, brand="Renault", model="Zoe", vin=None, at=at)
    terms = subscriptions.ProductTerms(
        name="Flat", price_cents=500, renewal_days=30, included_cents=100, included_wh=20_000, is_open=True
    )
    product = subscriptions.add_product(site.session, terms, at=at)
    subscriptions.subscribe(site.session, site.session.merge(site.account), product, by="olga", at=at)
    store(site.session)
    return reader.log_in(Role.DRIVER, site.account.id)


HERS = ("Olga Serrano", "olga", "Blue card", "Renault Zoe", "Flat", "driver-", "operator")


def test_ones_own_account(driver, site):
    site.begin()
    assert_translated(driver.get("/accounts/me"), *HERS)
    assert_translated(driver.get("/me/erase"), *HERS)
    assert_translated(driver.post("/me/erase", {"typed": "somebody"}), *HERS)


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ("/me/vehicles", {"brand": "Fiat", "model": "Panda"}),
        ("/me/vehicles", {"brand": ""}),
        ("/me/vehicles", {"brand": "Fiat", "model": "Panda", "vin": "O"}),
        ("/me/cards/{card}", {"label": "Blue card"}),
        ("/me/cards/{card}/pin", {"pin": "12"}),
        ("/me/cards/{card}/pin", {"pin": "1234"}),
        ("/me/cards/{card}/pin", {"pin": "407194"}),
        ("/me/cards/{card}/pin", {}),
        ("/me/cards/{card}/block", {}),
        ("/vouchers/redeem", {"code": "AAAA-BBBB-CCCC"}),
        ("/subscriptions/begin", {"product": "0"}),
        ("/subscriptions/begin", {"product": "{product}"}),
        ("/subscriptions/{subscription}/cancel", {}),
    ],
)
def test_what_a_driver_changes_is_answered(driver, site, form, given):
    session = site.session
    names = {
        "card": accounts.find_token(session, "04A2B39F").id,
        "product": session.scalars(select(subscriptions.SubscriptionProduct.id)).one(),
        "subscription": session.scalars(select(subscriptions.Subscription.id)).one(),
    }
    answer = driver.post(form.format(**names), {x: y.format(**names) for x, y in given.items()})
    if answer.status_code == 302:  # what was wrong with it may also stand where it was typed
        answer = driver.get("/accounts/me")
    assert_translated(answer, *HERS, "Fiat", "Panda")


def test_somebody_without_an_account(reader, site):
    assert_translated(reader.log_in(Role.DRIVER).get("/accounts/me"), "driver-")


def test_an_operators_own_account_has_their_navigation(reader, site):
    assert_translated(reader.log_in(Role.OWNER).get("/accounts/me"), "owner-", "Odoo")


def test_ones_own_profile(driver, site):
    assert_translated(driver.get("/profile"), *HERS, "Werkzeug", *available_timezones())
    for form, given in (
        ("/profile", {"phone_number": "no"}),
        ("/profile", {"time_zone": "Nowhere"}),
        ("/profile/password", {"old": "no", "password": "four quite new words"}),
        ("/profile/password", {"old": PASSWORD, "password": "short"}),
    ):
        answer = driver.post(form, given)
        assert answer.status_code == 422
        assert_translated(answer, *HERS, "Werkzeug", *available_timezones())
