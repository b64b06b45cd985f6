"""Paying by Stripe: each request over a real socket, to a server that answers as Stripe does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from csms import payments as paying
from csms.domain import accounts
from csms.domain.accounts import Role
from csms.domain.payments import PaymentState
from csms.domain.transactions import refund
from tests.make import store
from tests.stripe import KEY, SIGNING, SmallStripe
from tests.web.site import Site
from tests.web.till import Till
from tests.web.visitor import Visitor, told


@pytest.fixture
def settings(stripe: SmallStripe) -> dict[str, object]:
    return {"stripe_url": stripe.url, "private_targets": True}


@pytest.fixture
def till(app: Flask, site: Site) -> Till:
    return Till(app, site).set_up("stripe", KEY, SIGNING)


def pay(till: Till, stripe: SmallStripe, driver: Visitor):
    """From the button to Stripe's page, and paid there: (the driver's page, the intent)."""
    page = till.ask(driver)
    intent = stripe.pay(till.payment.reference)
    return page, intent


def test_a_session_is_held_charged_and_given_back_at_stripe(visitor, till, stripe, site):
    driver = visitor()
    page, intent = pay(till, stripe, driver)
    [session] = stripe.sessions.values()
    assert (session["amount"], session["currency"], session["payment"]) == (4_000, "eur", till.payment.id)
    assert session["success_url"] == f"http://localhost{page}?back=1"
    assert session["url"] in driver.text(page)
    driver.get(f"{page}?back=1")  # which makes us ask
    till.work()
    assert till.payment.state is PaymentState.HELD
    assert "40.00 € is held" in driver.text(page)
    transaction = till.charge(10_000)
    assert (till.payment.state, intent.captures) == (PaymentState.CAPTURED, [525])
    refund(site.session, transaction, cents=200, reason="slow", by="olga", at=site.now)
    store(site.session)
    till.work()
    assert intent.refunds == [200]


def test_a_message_of_stripe_starts_the_car_though_the_browser_is_gone(visitor, till, stripe, app):
    _, intent = pay(till, stripe, visitor())
    about = {"id": till.payment.reference, "payment_intent": intent.id, "metadata": {}}
    body, headers = stripe.event("checkout.session.completed", about)
    for answer in ("thank you", "known"):
        told_back = app.test_client().post("/pay/news/stripe", data=body, headers=headers)
        assert (told_back.status_code, told_back.text) == (200, answer)
    till.work()
    assert till.payment.state is PaymentState.HELD
    assert len(till.orders) == 1


@pytest.mark.parametrize(
    "signature", ["", "t=1,v1=00", "t=x,v1=", "v1=00", "t=99999999999999,v1=00", "t=1700000000,v1=é"]
)
def test_a_message_that_is_not_signed_is_not_believed(visitor, till, stripe, app, signature):
    pay(till, stripe, visitor())
    body, headers = stripe.event("checkout.session.completed", {"id": till.payment.reference})
    forged = headers | {"Stripe-Signature": signature.encode().decode("latin-1")}
    assert app.test_client().post("/pay/news/stripe", data=body, headers=forged).status_code == 400
    changed = body.replace(b"evt_1", b"evt_2")
    assert app.test_client().post("/pay/news/stripe", data=changed, headers=headers).status_code == 400
    assert app.test_client().post("/pay/news/nobody", data=body, headers=headers).status_code == 404


def test_an_outage_in_the_middle_takes_once_and_only_once(visitor, till, stripe):
    pay(till, stripe, visitor())
    till.hurry()
    stripe.failures.extend([500, 503, 502, 500])
    till.charge(10_000)
    [intent] = stripe.intents.values()
    assert intent.captures == []
    for _ in range(6):
        till.hurry()
    assert (till.payment.state, intent.captures) == (PaymentState.CAPTURED, [525])


def test_a_refused_capture_is_put_before_a_person(visitor, till, stripe, site):
    pay(till, stripe, visitor())
    till.hurry()
    [intent] = stripe.intents.values()
    transaction = site.begin(till.tag.uid)
    till.work()
    stripe.failures.extend([400] * 3)
    site.end(transaction, 11_000, site.now + timedelta(minutes=30))
    till.work()
    assert "The money could not be taken: Something is wrong here." in till.payment.problem
    assert "Something is wrong here." in visitor().log_in().text("/ui/")
    stripe.failures.clear()
    till.hurry()
    assert (till.payment.state, till.payment.problem) == (PaymentState.CAPTURED, None)


def test_without_stripe_no_payment_begins_and_the_station_says_so(visitor, till, stripe, site):
    site.status("Preparing")
    driver = visitor()
    stripe.failures.append(503)
    answer = driver.post(f"/c/{site.slug}/start", {"method": "payment"})
    assert answer.status_code == 409
    assert "Paying by card does not work at the moment" in told(answer)
    assert till.payment.state is PaymentState.FAILED
    page = driver.text(f"/c/{site.slug}")
    assert "Paying by bank card does not work at the moment" in page
    assert "Pay by bank card" not in page
    assert "does not answer as it should" in visitor().log_in().text("/payments")


def test_a_driver_who_is_logged_in_is_still_known_when_stripe_has_not_answered(visitor, till, stripe, site):
    site.status("Preparing")
    account = accounts.open_account(site.session, "Dave Driver", at=site.now)
    store(site.session)
    dave = visitor().log_in(Role.DRIVER, account.id)
    stripe.failures.append(503)
    answer = dave.post(f"/c/{site.slug}/start", {"method": "payment"})
    assert answer.status_code == 409
    assert "Paying by card does not work at the moment" in told(answer)
    assert "Dave Driver" in told(answer)


def test_a_hold_that_lapses_is_told(visitor, till, stripe, site):
    pay(till, stripe, visitor())
    till.hurry()
    [intent] = stripe.intents.values()
    transaction = site.begin(till.tag.uid)
    till.work()
    intent.status = "canceled"
    site.end(transaction, 11_000, site.now + timedelta(minutes=30))
    till.work()
    assert till.payment.state is PaymentState.EXPIRED
    assert "The hold ended before the session was paid" in till.payment.problem


def test_a_payment_that_is_cancelled_closes_stripes_page(visitor, till, stripe):
    driver = visitor()
    page = till.ask(driver)
    driver.post(f"{page}/cancel")
    till.work()
    [session] = stripe.sessions.values()
    assert session["status"] == "expired"
    assert till.payment.state is PaymentState.EXPIRED


def test_the_test_button_tells_whether_the_key_lets_us_in(visitor, till, stripe):
    olga = visitor().log_in()
    olga.post("/settings/payments/test")
    assert "It works: Plaza Charging lets us in" in olga.text("/settings/payments")
    form = {
        "provider": "stripe",
        "hold": "40",
        "top_up_least": "5",
        "top_up_most": "500",
        "stripe_key": "sk_test_wrong",
    }
    olga.post("/settings/payments", form)
    olga.post("/settings/payments/test")
    assert "Invalid API Key provided" in olga.text("/settings/payments")
    with till.app.app_context():
        assert paying.provider_named("stripe").name == "stripe"
