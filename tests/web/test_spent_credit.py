"""Credit that is used up while a car charges: the end of the session, and what its driver is told."""

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms import clock
from csms.domain import accounts, payments
from csms.domain.accounts import LedgerKind, Role
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.commands import Command, Kind

CARD = "04A2B39F"
CREDIT, KNOWN = AuthorizationPolicy.CREDIT, AuthorizationPolicy.KNOWN


@pytest.fixture
def purse(site):
    """Olga's account has 5 €, and asks nothing else of anybody."""
    accounts.book(site.session, site.account, LedgerKind.TOP_UP, at=site.now, amount_cents=-4_500)
    store(site.session)
    return site.account


def charging(site, energy_wh, *, policy=CREDIT, card=CARD):
    """A session that has run for half an hour and drawn so much: 0.49 € for each kWh, and 0.35 €."""
    site.charger.policy = policy
    store(site.session)
    transaction = site.begin(card, at=site.now - timedelta(minutes=30))
    return drawn(site, transaction, energy_wh, minutes_ago=15)


def drawn(site, transaction, energy_wh, minutes_ago=1):
    site.measure(transaction, 1_000 + energy_wh, site.now - timedelta(minutes=minutes_ago))
    return site.session.get_one(type(transaction), transaction.id)


def look(site):
    """What happens by itself, and the stops that came of it."""
    payments.stop_spent(site.session, clock.now())
    store(site.session)
    return site.session.scalars(select(Command).where(Command.kind == Kind.STOP)).all()


def voucher_tag(site, **worth):
    [made] = accounts.make_vouchers(site.session, 1, by="olga", at=site.now, **worth)
    account = accounts.account_of_voucher(site.session, made.code, at=site.now)
    tag = accounts.web_token(site.session, account, site.now).uid
    store(site.session)
    return tag


def test_a_session_ends_when_the_credit_of_its_account_is_used_up(site, purse):
    transaction = charging(site, 9_000)
    assert look(site) == []
    drawn(site, transaction, 9_400)
    [order] = look(site)
    assert order.requested_by == "credit"
    assert look(site) == [order]  # the station has been asked, and has time to answer


def test_a_voucher_pays_for_no_more_than_it_is_worth_wherever_it_is_used(site):
    charging(site, 2_000, policy=KNOWN, card=voucher_tag(site, amount_cents=100))
    assert len(look(site)) == 1


def test_credit_in_kwh_is_used_up_before_the_session_ends(site):
    tag = voucher_tag(site, energy_wh=8_000)
    transaction = charging(site, 7_900, card=tag)
    assert look(site) == []
    drawn(site, transaction, 8_000)
    assert len(look(site)) == 1


def test_accounts_that_pay_afterwards_charge_on(site, purse):
    transaction = charging(site, 30_000, policy=KNOWN)
    assert look(site) == []
    site.session.get_one(type(purse), purse.id).is_service = True
    site.session.get_one(type(transaction), transaction.id).charger.policy = CREDIT
    assert look(site) == []


def test_the_driver_sees_what_is_left_and_why_it_ended_and_nobody_else_does(visitor, site, purse):
    transaction = charging(site, 6_000)
    driver, page = visitor().log_in(Role.DRIVER, purse.id), f"/s/{transaction.secret}"
    assert "1.71 € of your credit is left. Charging stops when it is used up." in driver.text(page)
    assert "credit" not in visitor().text(page)
    drawn(site, transaction, 9_400)
    look(site)
    assert "Your credit is used up, so charging stops." in driver.text(page)
    site.end(transaction, 10_400)
    assert "Your credit was used up, so charging stopped." in driver.text(page)


def test_after_a_session_the_driver_sees_what_is_left(visitor, site, purse):
    transaction = charging(site, 6_000)
    site.end(transaction, 7_000)
    driver = visitor().log_in(Role.DRIVER, purse.id)
    assert "1.71 € of your credit is left." in driver.text(f"/s/{transaction.secret}")


def test_an_account_without_credit_is_not_what_a_driver_starts_with(visitor, site, purse):
    site.charger.policy = CREDIT
    site.status("Preparing")
    driver = visitor().log_in(Role.DRIVER, purse.id)
    page = driver.text(f"/c/{site.slug}")
    assert 'value="account" checked' in page
    assert "Olga Serrano · 5.00 €" in page
    accounts.book(site.session, site.account, LedgerKind.TOP_UP, at=site.now, amount_cents=-500)
    store(site.session)
    page = driver.text(f"/c/{site.slug}")
    assert 'value="account" checked' not in page
    assert "Olga Serrano · 0.00 €" in page
