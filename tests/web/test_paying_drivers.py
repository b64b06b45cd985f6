"""A driver who is logged in pays by bank card: the credit stays as it is, and the session is the driver's own."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from make import store

from csms.domain import accounts
from csms.domain.accounts import Account, Role
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.payments import PaymentState
from csms.domain.transactions import Transaction
from tests.web.till import Till
from tests.web.visitor import told


@pytest.fixture
def till(app, site):
    return Till(app, site).set_up()


@pytest.fixture
def broke(site):
    """An account without credit."""
    account = accounts.open_account(site.session, "Dave Driver", at=site.now)
    site.charger.policy = AuthorizationPolicy.CREDIT
    store(site.session)
    return account


@pytest.fixture
def dave(visitor, broke):
    return visitor().log_in(Role.DRIVER, broke.id)


def begin(till, site):
    transaction = site.begin(till.tag.uid)
    till.work()
    return transaction


def end(till, site, transaction):
    site.end(transaction, 11_000, site.now + timedelta(minutes=30))
    till.work()


def test_a_driver_without_credit_pays_by_card_and_owes_nothing(till, site, dave, broke):
    site.status("Preparing")
    page = dave.text(f"/c/{site.slug}")
    assert "Dave Driver" in page
    assert "Pay by bank card" in page
    till.pay(dave)
    assert till.payment.payer_id == broke.id
    transaction = till.charge(10_000)
    assert (till.payment.state, till.payment.captured_cents) == (PaymentState.CAPTURED, 525)
    site.session.rollback()
    assert site.session.get_one(Account, broke.id).balance_cents == 0
    assert site.session.get_one(Transaction, transaction.id).account_id != broke.id


def test_what_a_driver_paid_stands_on_their_page_with_its_receipt(till, site, dave, visitor):
    till.pay(dave)
    transaction = begin(till, site)
    here = f"/s/{transaction.secret}"
    assert f'href="{here}"' in dave.text("/accounts/me")
    end(till, site, transaction)
    page = dave.text("/accounts/me")
    assert "Paid by bank card" in page
    assert "5.25 €" in page
    assert f'href="{here}/receipt"' in page
    spent = page.split("Spent per month")[1]
    assert "5.25 €" in spent
    assert "10.00 kWh" in spent
    others = accounts.open_account(site.session, "Mallory", at=site.now)
    assert "Paid by bank card" not in visitor().log_in(Role.DRIVER, others.id).text("/accounts/me")


def test_a_payment_and_its_session_are_the_drivers_own_in_every_browser(till, site, dave, visitor, broke):
    page = till.pay(dave)
    phone = visitor()
    assert phone.get(page).status_code == 404
    phone.post("/login", {"username": f"driver-{broke.id}", "password": "correct horse battery"})
    phone.home = "/accounts/me"
    assert "40.00 € is held" in phone.text(page)
    transaction = begin(till, site)
    assert phone.post(f"/s/{transaction.secret}/stop").status_code == 303
    assert visitor().post(f"/s/{transaction.secret}/stop").status_code == 403


def test_the_office_sees_who_paid(till, site, dave, broke, visitor):
    till.pay(dave)
    page = visitor().log_in(Role.ACCOUNTANT).text(f"/payments/{till.payment.id}")
    assert f'href="/accounts/{broke.id}">Dave Driver</a>' in page


def test_payments_are_among_what_is_held_of_a_driver_and_are_nobodys_afterwards(till, site, dave):
    till.pay(dave)
    transaction = begin(till, site)
    erase = {"typed": f"driver-{till.payment.payer_id}"}
    refusal = dave.post("/me/erase", erase)
    assert (refusal.status_code, "not settled yet" in told(refusal)) == (409, True)
    end(till, site, transaction)
    held = json.loads(dave.post("/me/export").data)
    assert [(x["state"], x["captured_cents"]) for x in held["payments"]] == [("captured", 525)]
    assert [(x["id"], x["energy_wh"]) for x in held["sessions"]] == [(transaction.id, 10_000)]
    assert dave.post("/me/erase", erase).status_code == 302
    assert (till.payment.payer_id, till.payment.captured_cents) == (None, 525)
