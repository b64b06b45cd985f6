"""Subscriptions: periods are paid one by one, once each, and end when nobody pays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, store
from sqlalchemy.orm import Session

from csms.domain import accounts, subscriptions
from csms.domain.accounts import Account, LedgerKind, queries
from csms.domain.base import Invalid, Refused
from csms.domain.subscriptions import ProductTerms, Subscription, SubscriptionState
from csms.domain.verify import verify

MONTH = timedelta(days=30)
TERMS = ProductTerms("Commuter", price_cents=1000, renewal_days=30, included_wh=50_000)


@pytest.fixture
def ada(desk: Session) -> Account:
    account = accounts.open_account(desk, "Ada", at=NOW)
    accounts.book(desk, account, LedgerKind.TOP_UP, at=NOW, amount_cents=2500)
    store(desk)
    return account


@pytest.fixture
def running(desk: Session, ada: Account) -> Subscription:
    product = subscriptions.add_product(desk, TERMS, at=NOW)
    begun = subscriptions.subscribe(desk, ada, product, by="ada", at=NOW)
    store(desk)
    return begun


def renew(desk: Session, days: float) -> int:
    count = subscriptions.renew_due(desk, NOW + timedelta(days=days))
    store(desk)
    return count


def test_a_period_costs_its_price_and_brings_its_credit(
    desk: Session, ada: Account, running: Subscription
) -> None:
    assert (ada.balance_cents, ada.balance_wh, running.next_renewal_at) == (1500, 50_000, NOW + MONTH)
    assert renew(desk, 29.9) == 0
    assert renew(desk, 30) == 1
    assert renew(desk, 30) == 0
    assert (ada.balance_cents, ada.balance_wh, running.periods) == (500, 100_000, 2)
    assert running.next_renewal_at == NOW + 2 * MONTH
    notes = [(x.kind, x.note, x.created_by) for x in queries.ledger(desk, ada.id)]
    assert notes[0] == (LedgerKind.SUBSCRIPTION, "Commuter · 2", None)
    assert notes[1] == (LedgerKind.SUBSCRIPTION, "Commuter · 1", "ada")
    assert verify(desk, at=NOW) == []


def test_without_credit_it_waits_and_goes_on_from_the_day_it_is_paid(
    desk: Session, ada: Account, running: Subscription
) -> None:
    renew(desk, 30)
    renew(desk, 60)
    assert (running.state, ada.balance_cents) == (SubscriptionState.OVERDUE, 500)
    accounts.book(desk, ada, LedgerKind.TOP_UP, at=NOW, amount_cents=1000)
    store(desk)
    renew(desk, 65)
    assert (running.state, ada.balance_cents) == (SubscriptionState.ACTIVE, 500)
    assert running.next_renewal_at == NOW + timedelta(days=95)


def test_one_that_nobody_pays_for_a_month_ends(desk: Session, ada: Account, running: Subscription) -> None:
    for days in (30, 60, 61, 91):
        renew(desk, days)
    assert (running.state, running.next_renewal_at) == (SubscriptionState.ENDED, None)
    assert renew(desk, 400) == 0


def test_a_cancelled_one_runs_out_with_its_period(desk: Session, ada: Account, running: Subscription) -> None:
    subscriptions.cancel(desk, running, by="ada", at=NOW)
    assert running.state is SubscriptionState.CANCELLED
    with pytest.raises(Refused):
        subscriptions.cancel(desk, running, by="ada", at=NOW)
    renew(desk, 30)
    assert (running.state, running.ended_at) == (SubscriptionState.ENDED, NOW + MONTH)
    assert ada.balance_cents == 1500
    subscriptions.subscribe(desk, ada, running.product, by="ada", at=NOW + MONTH)


def test_what_cannot_be_subscribed_to_is_refused(desk: Session, ada: Account, running: Subscription) -> None:
    with pytest.raises(Refused, match="already"):
        subscriptions.subscribe(desk, ada, running.product, by="ada", at=NOW)
    dear = subscriptions.add_product(desk, ProductTerms("Dear", 999_00, 30), at=NOW)
    with pytest.raises(Refused, match="not enough credit"):
        subscriptions.subscribe(desk, ada, dear, by="ada", at=NOW)
    subscriptions.change_product(dear, ProductTerms("Dear", 100, 30))
    subscriptions.withdraw_product(dear, at=NOW)
    with pytest.raises(Refused, match="not offered"):
        subscriptions.subscribe(desk, ada, dear, by="ada", at=NOW)
    for wrong in (ProductTerms(" ", 1, 30), ProductTerms("x", -1, 30), ProductTerms("x", 1, 0)):
        with pytest.raises(Invalid):
            subscriptions.add_product(desk, wrong, at=NOW)
    subscriptions.change_product(running.product, ProductTerms("Commuter", 9999, 30))
    store(desk)
    renew(desk, 30)
    assert ada.balance_cents == 500
