"""Payments as operators see them: what is held, taken and given back, and how it is set up."""

from __future__ import annotations

import pytest
from make import store

from csms import clock
from csms.domain import payments
from csms.domain.accounts import Account, Role
from csms.domain.payments import PaymentState, Settings
from csms.domain.transactions import Transaction
from tests.web.till import Till
from tests.web.visitor import told


@pytest.fixture
def till(app, site):
    return Till(app, site).set_up()


@pytest.fixture
def ada(visitor):
    """The accountant."""
    return visitor().log_in(Role.ACCOUNTANT)


def test_an_accountant_sees_what_was_held_and_taken_and_why(visitor, site, till, ada):
    till.pay(visitor())
    transaction = till.charge(10_000)
    listed = ada.text("/payments")
    assert "Paid" in listed
    assert "5.25 €" in listed
    page = ada.text(f"/payments/{till.payment.id}")
    assert "capture ordered" in page
    assert "5.25 € taken" in ada.text(f"/sessions/{transaction.id}")


def test_payments_are_not_there_for_who_may_not_see_money(visitor, till):
    for role in (Role.SUPPORT, Role.SITE_HOST, Role.DRIVER):
        assert visitor().log_in(role).get("/payments").status_code == 404
    assert visitor().log_in(Role.ACCOUNTANT).get("/settings/payments").status_code == 404


def test_a_refund_corrects_the_bill_and_goes_back_to_the_card(visitor, site, till, ada):
    driver = visitor()
    till.pay(driver)
    transaction = till.charge(10_000)
    here = f"/payments/{till.payment.id}"
    form = {"how": "part", "amount": "2.00", "reason": "Slow"}
    assert ada.post(f"{here}/refund", form).status_code == 303
    till.work()
    payment = till.payment
    assert (payment.captured_cents, payment.refunded_cents) == (525, 200)
    found = site.session.get_one(Transaction, transaction.id)
    assert found.cost_cents == 325
    assert site.session.get_one(Account, found.account_id).balance_cents == 0
    receipt = driver.text(f"/s/{transaction.secret}/receipt")
    assert "Given back to your card" in receipt
    assert ada.post(f"{here}/refund", {"how": "whole", "reason": "Broken"}).status_code == 303
    till.work()
    assert till.payment.state is PaymentState.REFUNDED


def test_more_than_was_taken_cannot_be_given_back(visitor, till, ada):
    till.pay(visitor())
    till.charge(10_000)
    form = {"how": "part", "amount": "9.00", "reason": "Slow"}
    answer = ada.post(f"/payments/{till.payment.id}/refund", form)
    assert answer.status_code == 409
    assert "at most what was taken" in told(answer)
    assert till.payment.wanted is None


def test_what_no_bill_settles_a_person_takes_or_lets_go(visitor, site, till, ada):
    till.pay(visitor())
    here = f"/payments/{till.payment.id}"
    transaction = site.begin(till.tag.uid)
    till.work()
    assert ada.post(f"{here}/release").status_code == 409
    transaction.state = "ended_unknown"
    transaction.ended_at = site.now
    store(site.session)
    till.work()
    assert till.payment.state is PaymentState.HELD
    assert ada.post(f"{here}/capture", {"amount": "3.50"}).status_code == 303
    till.work()
    assert (till.payment.state, till.payment.captured_cents) == (PaymentState.CAPTURED, 350)


def test_a_problem_is_on_the_dashboard_until_it_is_seen_to(visitor, site, till):
    till.pay(visitor())
    olga = visitor().log_in()
    payment = payments.find(site.session, till.payment.id)
    payments.tell_of(site.session, payment, "The money could not be taken: no.", at=clock.now())
    store(site.session)
    assert "The money could not be taken: no." in olga.text("/ui/")
    assert "The money could not be taken: no." in olga.text("/payments?state=problem")
    assert olga.post(f"/payments/{payment.id}/seen").status_code == 303
    assert "The money could not be taken" not in olga.text("/ui/")


def test_an_owner_sets_a_provider_up_and_its_key_is_never_shown(visitor, site, app):
    olga = visitor().log_in()
    form = {
        "provider": "stripe",
        "hold": "25",
        "top_up_least": "5",
        "top_up_most": "500",
        "stripe_key": "",
        "stripe_signing": "",
    }
    answer = olga.post("/settings/payments", form)
    assert answer.status_code == 422
    assert "Enter the secret key" in told(answer)
    assert olga.post("/settings/payments", form | {"stripe_key": "pk_public"}).status_code == 422
    form |= {"stripe_key": "sk_test_abcdef123456", "stripe_signing": "whsec_654321fedcba"}
    assert olga.post("/settings/payments", form).status_code == 303
    page = olga.text("/settings/payments")
    assert "abcdef123456" not in page
    assert "654321fedcba" not in page
    site.session.rollback()
    stored = Settings.of(site.session)
    assert (stored.provider, stored.hold_cents) == ("stripe", 2_500)
    assert "abcdef123456" not in stored.stripe_key_sealed
    form = {"provider": "test", "hold": "25", "top_up_least": "5", "top_up_most": "500"}
    assert olga.post("/settings/payments", form).status_code == 303
    assert olga.post("/settings/payments/test").status_code == 303
    assert "It works: the test provider lets us in" in olga.text("/settings/payments")
