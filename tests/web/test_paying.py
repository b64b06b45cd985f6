"""Paying by bank card at a station: explained, held, charged for what was used, and the rest let go."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from make import store
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import commands, payments
from csms.domain.accounts import Account, LedgerEntry, LedgerKind
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.commands import CommandState, Kind
from csms.domain.payments import PaymentNews, PaymentState, Standing, Status
from csms.domain.transactions import refund
from csms.extensions import db
from tests.web.till import Till
from tests.web.visitor import told


@pytest.fixture
def till(app, site):
    return Till(app, site).set_up()


def ask(driver, site):
    return driver.post(f"/c/{site.slug}/start", {"method": "payment"})


def test_the_hold_is_explained_before_anything_is_paid(visitor, site, till):
    site.status("Preparing")
    driver = visitor()
    assert "Holds 40.00 € on your card" in driver.text(f"/c/{site.slug}")
    page = driver.text(ask(driver, site).location)
    assert "Up to 40.00 € is held" in page
    assert "the rest is let go" in page
    assert till.payment.checkout_url in page
    assert till.orders == []
    assert "No money moves" in driver.text(till.payment.checkout_url)


def test_without_a_provider_nobody_is_asked_to_pay_by_card(visitor, site):
    site.status("Preparing")
    driver = visitor()
    assert "Pay by bank card" not in driver.text(f"/c/{site.slug}")
    assert ask(driver, site).status_code == 409


def test_paying_asks_for_presence_as_every_start_does(visitor, site, till):
    site.status("Available")
    answer = ask(visitor(), site)
    assert answer.status_code == 409
    assert "Plug in your car first" in told(answer)


def test_a_driver_pays_what_was_used_and_the_rest_is_let_go(visitor, site, till):
    site.charger.policy = AuthorizationPolicy.CREDIT
    store(site.session)
    driver, stranger = visitor(), visitor()
    page = till.pay(driver)
    assert "40.00 € is held" in driver.text(page)
    assert stranger.get(page).status_code == 404
    [order] = till.orders
    assert order.kind is Kind.START
    transaction = till.charge(10_000)
    payment = till.payment
    assert (payment.state, payment.held_cents, payment.captured_cents) == (PaymentState.CAPTURED, 4_000, 525)
    assert driver.get(page).location == f"/s/{transaction.secret}"
    receipt = driver.text(f"/s/{transaction.secret}/receipt")
    assert "5.25 €" in receipt  # 10 x 0.49 + 0.35
    assert till.steps == [
        *("requested", "held", "start asked", "charging"),
        *("capture ordered", "captured"),
    ]


def test_the_books_come_to_nothing_when_a_session_is_paid(visitor, site, till):
    till.pay(visitor())
    transaction = till.charge(10_000)
    rows = site.session.scalars(select(LedgerEntry).where(LedgerEntry.transaction_id == transaction.id)).all()
    assert {x.kind: x.amount_cents for x in rows} == {LedgerKind.SESSION: -525, LedgerKind.PAYMENT: 525}
    account = site.session.get_one(Account, transaction.account_id)
    assert (account.name, account.balance_cents) == ("Card payments", 0)


def test_the_account_of_payments_is_offered_as_nobodys(visitor, site, till):
    till.pay(visitor())
    till.charge(10_000)
    olga = visitor().log_in()
    for page in ("/accounts", "/accounts?q=card+pay", "/cards/new", "/reservations/new", "/settings/users"):
        assert "Card payments" not in olga.text(page), page


def test_a_declined_card_starts_nothing(visitor, site, till):
    driver = visitor()
    page = till.pay(driver, "declines")
    assert "Your bank has declined the card" in driver.text(page)
    assert "Nothing has been taken" in driver.text(page)
    assert till.orders == []


def test_a_slow_bank_is_waited_for(visitor, site, till):
    driver = visitor()
    page = till.pay(driver, "slow")
    assert "Checking your payment" in driver.text(f"{page}?back=1")
    assert till.orders == []


def test_news_that_come_twice_start_once(visitor, site, till):
    till.pay(visitor(), "twice")
    assert len(till.orders) == 1
    [news] = site.session.scalars(select(PaymentNews)).all()
    assert news.times == 2


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CommandState.REJECTED, "The station said no"),
        (CommandState.TIMEOUT, "The station did not answer"),
        (CommandState.ACCEPTED, "charging did not begin"),
    ],
)
def test_a_start_that_fails_lets_the_hold_go(visitor, site, till, state, words):
    driver = visitor()
    page = till.pay(driver)
    [order] = till.orders
    order.state, order.awaits = state, None
    store(site.session)
    till.work()
    assert till.payment.state is PaymentState.RELEASED
    text = driver.text(page)
    assert words in text
    assert "The 40.00 € that was held is let go" in text
    assert till.tag.is_allowed is False


def test_a_car_that_may_still_begin_is_waited_for(visitor, site, till):
    till.pay(visitor())
    [order] = till.orders
    order.state, order.awaits = CommandState.TIMEOUT, commands.Effect.TRANSACTION_STARTED
    store(site.session)
    till.work()
    assert till.payment.state is PaymentState.HELD


def test_a_station_that_reports_a_fault_is_not_waited_for(visitor, site, till):
    driver = visitor()
    page = till.pay(driver)
    [order] = till.orders
    order.state, order.awaits = CommandState.ACCEPTED, commands.Effect.TRANSACTION_STARTED
    store(site.session)
    assert "Waiting for the car" in driver.text(page)
    site.status("Faulted")
    till.work()
    assert till.payment.state is PaymentState.RELEASED
    text = driver.text(page)
    assert "The station has reported a fault" in text
    assert re.findall(r'<li class="([^"]*)">', text) == ["done", "done", "failed"]


def test_a_session_that_costs_nothing_lets_everything_go(visitor, site, till):
    till.pay(visitor())
    transaction = site.begin(till.tag.uid)
    transaction.is_free = True
    store(site.session)
    site.end(transaction, 1_500)
    till.work()
    assert (till.payment.state, till.payment.captured_cents) == (PaymentState.RELEASED, 0)


def test_charging_is_stopped_before_it_costs_more_than_is_held(visitor, site, till):
    till.pay(visitor())
    transaction = site.begin(till.tag.uid)
    site.measure(transaction, 1_000 + 81_000, site.now + timedelta(hours=1))  # 40.04 €
    till.work()
    stops = [x for x in till.orders if x.kind is Kind.STOP]
    assert [x.transaction_id for x in stops] == [transaction.id]
    site.end(transaction, 1_000 + 81_500, site.now + timedelta(hours=1, minutes=1))
    till.work()
    assert (till.payment.captured_cents, till.payment.state) == (4_000, PaymentState.CAPTURED)
    assert "not covered" in till.steps
    page = f"/s/{transaction.secret}"
    assert "What was held on your card is used up. You pay 40.00 €." in visitor().text(page)
    receipt = re.sub(r"<[^>]+>", "", visitor().text(f"{page}/receipt"))
    assert "Total40.29 €" in receipt
    assert re.search(r"Paid by bank card40.00 €\s+Beyond what was held: you do not pay it0.29 €", receipt)


def test_a_bill_that_is_corrected_is_given_back(visitor, site, till):
    till.pay(visitor())
    transaction = till.charge(10_000)
    refund(site.session, transaction, cents=200, reason="slow", by="olga", at=clock.now())
    store(site.session)
    till.work()
    payment = till.payment
    assert (payment.captured_cents, payment.refunded_cents) == (525, 200)
    assert site.session.get_one(Account, transaction.account_id).balance_cents == 0
    refund(site.session, transaction, cents=None, reason="broken", by="olga", at=clock.now())
    store(site.session)
    till.work()
    assert till.payment.state is PaymentState.REFUNDED


def test_a_payment_that_nobody_makes_is_over_after_half_an_hour(visitor, site, till):
    site.status("Preparing")
    driver = visitor()
    page = ask(driver, site).location
    driver.post(f"{page}/cancel")
    till.work()
    assert till.payment.state is PaymentState.EXPIRED
    assert "Nothing has been taken" in driver.text(page)
    assert "This payment is over" in driver.text(till.payment.checkout_url)


def test_pressing_twice_leads_to_the_same_payment(visitor, site, till):
    site.status("Preparing")
    driver = visitor()
    assert ask(driver, site).location == ask(driver, site).location
    assert "Go on with it" in driver.text(f"/c/{site.slug}")


def test_of_two_who_pay_for_one_place_the_second_gets_the_hold_back(visitor, site, till):
    site.status("Preparing")
    first, second = visitor(), visitor()
    ask(first, site)
    one = till.payment.checkout_url
    page = ask(second, site).location
    two = till.payment.checkout_url
    assert one != two
    first.post(one, {"outcome": "pays"})
    till.work()
    second.post(two, {"outcome": "pays"})
    till.work()
    assert till.payment.state is PaymentState.RELEASED
    assert "Somebody else has started here meanwhile" in second.text(page)
    assert len(till.orders) == 1


def test_a_car_that_charges_after_the_release_is_shown_to_a_person(visitor, site, till):
    till.pay(visitor())
    [order] = till.orders
    order.state = CommandState.REJECTED
    store(site.session)
    till.work()
    transaction = site.begin(till.tag.uid)
    till.work()
    assert till.payment.transaction_id == transaction.id
    assert "after the hold had been released" in till.payment.problem


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_answer_of_the_provider_does_not_undo_an_order_of_the_same_moment(visitor, site, till):
    till.pay(visitor())
    transaction = site.begin(till.tag.uid)
    till.work()
    site.end(transaction, 11_000, site.now + timedelta(minutes=30))
    payment_id, at = till.payment.id, clock.now()
    with Session(db.engine) as worker, Session(db.engine) as job:
        answered = payments.find(worker, payment_id, to_change=True)
        assert payments.follow(job, at) == 0  # it has its turn later
        payments.settle(worker, answered, Standing(Status.HELD, 4_000), at=at)
        store(worker)
        assert payments.follow(job, at) == 1
        store(job)
    till.work()
    assert (till.payment.state, till.payment.captured_cents) == (PaymentState.CAPTURED, 525)


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_session_that_begins_while_its_hold_is_looked_at_keeps_it(visitor, site, till):
    till.pay(visitor())
    [order] = till.orders
    order.state = CommandState.SENT
    store(site.session)
    begun = []

    def begin(_connection, _cursor, statement, *_):
        """Between two reads, as another process would."""
        if not begun and ("FROM command" in statement or "FROM transaction" in statement):
            begun.append(site.begin(till.tag.uid))
            order.state, order.awaits = CommandState.ACCEPTED, None
            store(site.session)

    with Session(db.engine) as job:
        event.listen(job.connection(), "after_cursor_execute", begin)
        payments.follow(job, clock.now())
        store(job)
    assert begun
    assert till.payment.wanted is None  # a release would be carried out at once
    till.work()
    assert till.payment.state is PaymentState.HELD
    assert till.payment.transaction_id == begun[0].id
