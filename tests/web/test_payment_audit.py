"""`flask verify` of payments: honest books have nothing to tell, and each that do not hold together are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import delete, update

from csms.domain.accounts import LedgerEntry, LedgerKind, Role
from csms.domain.payments import Payment, PaymentEvent, PaymentState, rules
from csms.domain.transactions import Transaction, TransactionState, refund
from csms.domain.verify import verify
from tests.web.till import Till
from tests.web.visitor import told

HOUR = timedelta(hours=1)


@pytest.fixture
def till(app, site):
    """With one payment: held, charged for 5.25 €, and so on as a test has it."""
    till = Till(app, site).set_up()
    till.pay_as_stranger()
    return till


@pytest.fixture
def findings(site):
    def look(later=HOUR):
        site.session.rollback()
        return [x for x in verify(site.session, at=site.now + HOUR / 2 + later) if x.startswith("Payment")]

    return look


def alter(site, model=Payment, **values):
    site.session.rollback()
    site.session.execute(update(model).values(**values))
    store(site.session)


def test_a_payment_that_was_taken_holds_together(till, findings):
    till.charge(10_000)
    assert findings() == []


def test_one_that_charges_or_was_just_made_is_no_finding(till, site, findings):
    assert findings(-HOUR / 2) == []
    site.begin(till.tag.uid)
    till.work()
    assert findings() == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"captured_cents": 4_001}, "4001 cents were taken, and 4000 cents were held"),
        ({"asked_cents": 500}, "525 cents were taken"),
        ({"refunded_cents": 600}, "600 cents were given back, and 525 cents were taken"),
        ({"captured_cents": 500}, "500 cents were kept, and 525 cents of it are booked"),
        ({"captured_cents": 500}, "its session costs 525 cents, 500 cents were kept, and no step says why"),
        ({"state": PaymentState.RELEASED, "captured_cents": 0}, "0 cents were kept, and no step says why"),
        ({"wanted": "refund", "due_at": None}, "a refund was ordered, and nobody asks"),
        ({"state": PaymentState.HELD}, "its session is over, and what is held was neither taken nor let go"),
        ({"state": PaymentState.HELD, "transaction_id": None}, "no car has charged on it"),
    ],
)
def test_what_does_not_hold_together_is_told(till, site, findings, values, words):
    till.charge(10_000)
    alter(site, **values)
    assert any(words in x for x in findings()), findings()


def test_more_kept_than_the_bill_is_told(till, site, findings):
    till.charge(10_000)
    alter(site, Transaction, cost_cents=400)
    assert "its session costs 400 cents, and 525 cents were kept" in findings()[0]


def test_a_bill_that_was_corrected_just_now_is_no_finding(till, site, findings):
    transaction = till.charge(10_000)
    refund(site.session, transaction, cents=200, reason="slow", by="olga", at=site.now + HOUR)
    store(site.session)
    assert findings(HOUR / 2) == []
    assert "its session costs 325 cents, and 525 cents were kept" in findings()[0]
    till.work()
    assert findings() == []


def test_a_payment_that_is_not_booked_leaves_the_account_open(till, site, findings):
    till.charge(10_000)
    site.session.execute(delete(LedgerEntry).where(LedgerEntry.kind == LedgerKind.PAYMENT))
    store(site.session)
    assert "525 cents were kept, and 0 cents of it are booked" in findings()[0]


def test_a_page_of_which_nobody_asks_any_more_is_told(till, site, findings):
    alter(site, state=PaymentState.REQUESTED, due_at=None)
    assert findings() == []
    [finding] = findings(rules.FORGET_AFTER + HOUR)
    assert "nobody has asked whether it was" in finding


def test_what_the_hold_did_not_cover_is_explained_by_its_step(till, site, findings):
    transaction = site.begin(till.tag.uid)
    site.end(transaction, 1_000 + 90_000, site.now + HOUR / 2)
    till.work()
    assert (till.payment.captured_cents, "not covered" in till.steps) == (4_000, True)
    assert findings() == []
    site.session.execute(delete(PaymentEvent).where(PaymentEvent.what == "not covered"))
    store(site.session)
    assert "no step says why" in findings()[0]


def test_a_session_without_a_bill_stands_before_a_person_until_somebody_decides(
    till, site, findings, visitor
):
    transaction = site.begin(till.tag.uid)
    till.work()
    transaction.state, transaction.ended_at = TransactionState.ENDED_UNKNOWN, site.now
    store(site.session)
    assert "neither taken nor let go" in findings()[0]
    till.work()
    assert findings() == []
    ada, here = visitor().log_in(Role.ACCOUNTANT), f"/payments/{till.payment.id}"
    assert "has no bill: take what it used, or let go" in ada.text("/payments?state=problem")
    refusal = ada.post(f"{here}/seen")
    assert (refusal.status_code, "until then this waits for you" in told(refusal)) == (409, True)
    ada.post(f"{here}/capture", {"amount": "3.50"})
    till.work()
    assert (till.payment.captured_cents, till.payment.problem) == (350, None)
    assert findings() == []


def test_a_hold_that_the_bank_has_ended_is_not_believed_in_for_ever(till, site):
    site.begin(till.tag.uid)
    till.work()
    assert till.payment.due_at >= site.now + rules.HOLD_FOR
    till.bank_lets_go()
    assert till.payment.state is PaymentState.EXPIRED
    assert "The hold ended before the session was paid" in till.payment.problem
