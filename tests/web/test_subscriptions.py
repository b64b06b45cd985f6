"""Subscriptions on the pages."""

from __future__ import annotations

import re

from csms.domain.accounts import Account, Role

OFFER = {"name": "Commuter", "price": "10,00", "renewal_days": "30", "included_kwh": "50", "is_open": "1"}


def balance(site):
    site.session.rollback()
    account = site.session.get_one(Account, site.account.id, populate_existing=True)
    return account.balance_cents, account.balance_wh


def test_a_product_is_offered_changed_and_withdrawn(visitor, site):
    olga = visitor().log_in()
    assert "Nothing is offered yet" in olga.text("/subscriptions")
    for wrong in ({"renewal_days": "0"}, {"price": "much"}, {"name": " "}):
        assert olga.post("/subscriptions/offers", OFFER | wrong).status_code == 422
    assert olga.post("/subscriptions/offers", OFFER).status_code == 302
    page = olga.text("/subscriptions")
    assert "10.00 € / 30 days, with 50.00 kWh" in page
    offer = re.search(r"/subscriptions/offers/\d+", page).group()
    assert 'value="10.00"' in olga.text(offer)
    olga.post(offer, OFFER | {"price": "12", "is_open": ""})
    olga.post(f"{offer}/withdraw")
    assert "Nothing is offered yet" in olga.text("/subscriptions")
    assert visitor().log_in(Role.SUPPORT).get("/subscriptions").status_code == 404


def test_a_driver_subscribes_and_cancels_and_an_operator_sees_it(visitor, site):
    olga = visitor().log_in()
    olga.post("/subscriptions/offers", OFFER)
    olga.post("/subscriptions/offers", {**OFFER, "name": "Dear", "price": "99"})
    driver = visitor().log_in(Role.DRIVER, site.account.id)
    page = driver.text("/accounts/me")
    number = re.search(r'name="product" value="(\d+)"', page).group(1)
    driver.post("/subscriptions/begin", {"product": number})
    page = driver.text("/accounts/me")
    assert ("Commuter has begun" in page, "renews" in page) == (True, True)
    assert balance(site) == (4_000, 50_000)
    dear = re.search(r'name="product" value="(\d+)"', page).group(1)
    driver.post("/subscriptions/begin", {"product": dear})
    assert "not enough credit" in driver.text("/accounts/me")
    assert "Commuter" in olga.text("/subscriptions")
    here = f"/accounts/{site.account.id}"
    cancel = re.search(r"/subscriptions/\d+/cancel", olga.text(here)).group()
    stranger = visitor().log_in(Role.SUPPORT)
    assert stranger.post(cancel, {"account": site.account.id}).status_code == 404
    olga.post(cancel, {"account": site.account.id})
    assert ("Will end" in olga.text(here), "until" in driver.text("/accounts/me")) == (True, True)
    assert balance(site) == (4_000, 50_000)


def test_an_operator_subscribes_a_driver_to_what_is_not_open(visitor, site):
    olga = visitor().log_in()
    closed = {x: y for x, y in OFFER.items() if x != "is_open"}
    olga.post("/subscriptions/offers", closed)
    here = f"/accounts/{site.account.id}"
    number = re.search(r'name="product" value="(\d+)"', olga.text(here)).group(1)
    driver = visitor().log_in(Role.DRIVER, site.account.id)
    assert "Commuter" not in driver.text("/accounts/me")
    driver.post("/subscriptions/begin", {"product": number})
    assert balance(site) == (5_000, 0)
    olga.post("/subscriptions/begin", {"product": number, "account": site.account.id})
    assert balance(site) == (4_000, 50_000)
