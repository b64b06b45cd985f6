"""What the provider transfers to the bank, as an accountant reads it to compare the books."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from sqlalchemy import func, select

from csms import clock
from csms.domain.accounts import Role
from csms.domain.payments import Payout, PayoutLine, Settings, payouts
from csms.domain.transactions import refund
from tests.api.caller import begin
from tests.make import store
from tests.stripe import KEY, SIGNING
from tests.web.till import Till

HERE = "/payments/payouts"


@pytest.fixture
def settings(stripe):
    return {"stripe_url": stripe.url, "private_targets": True}


@pytest.fixture
def till(app, site):
    return Till(app, site).set_up("stripe", KEY, SIGNING)


@pytest.fixture
def ada(visitor):
    """The accountant."""
    return visitor().log_in(Role.ACCOUNTANT)


def sell(till, stripe, driver):
    """A session that was paid with 5.25 €."""
    till.ask(driver)
    stripe.pay(till.payment.reference)
    till.hurry()
    return till.charge(10_000)


def rows(browser, address):
    text = browser.get(address).get_data(as_text=True).removeprefix("\ufeff")
    return list(csv.DictReader(StringIO(text)))


def newest(site):
    site.session.rollback()
    return site.session.scalars(select(Payout).order_by(Payout.id.desc())).first()


def test_a_payout_tells_the_sessions_refunds_and_fees_that_it_is_made_of(visitor, site, till, stripe, ada):
    session = sell(till, stripe, visitor())
    assert "Taken in 30 days, in no payout yet</dt><dd>5.25 €" in ada.text(HERE).replace("\u00a0", " ")
    refund(site.session, session, cents=200, reason="slow", by="olga", at=site.now)
    store(site.session)
    till.work()
    stripe.move("stripe_fee", -100, description="Billing of October")
    stripe.pay_out()
    till.read_payouts()
    [listed] = rows(ada, f"{HERE}/export.csv")
    figures = [listed[x] for x in ("state", "amount", "captured", "refunded", "fees", "unknown_lines")]
    assert figures == ["in_transit", "1.92", "5.25", "-2", "-1.33", "0"]
    page = ada.text(f"{HERE}/{newest(site).id}")
    assert f'href="/sessions/{session.id}"' in page
    assert f'href="/payments/{till.payment.id}"' in page
    assert "Billing of October" in page
    assert "add up to" not in page
    assert "in no payout yet</dt><dd>0.00 €" in ada.text(HERE).replace("\u00a0", " ")


def test_a_payout_that_is_told_again_stands_once_with_its_newest_state(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    payout = stripe.pay_out()
    till.read_payouts()
    assert "On its way" in ada.text(f"{HERE}/{newest(site).id}")
    payout.update(status="failed", failure_message="The account is closed.")
    till.read_payouts()
    assert [x["state"] for x in rows(ada, f"{HERE}/export.csv")] == ["failed"]
    page = ada.text(f"{HERE}/{newest(site).id}")
    assert "The bank did not take it: The account is closed." in page
    assert site.session.scalar(select(func.count()).select_from(PayoutLine)) == 1


def test_lists_are_read_to_their_last_page(visitor, site, till, stripe, ada):
    stripe.page = 2
    sell(till, stripe, visitor())
    for _ in range(4):
        stripe.move("charge", 1_000, 30, "pi_elsewhere")
    stripe.pay_out()
    for _ in range(3):
        stripe.move("adjustment", -500, description="Dispute")
        stripe.pay_out()
    till.read_payouts()
    assert len(rows(ada, f"{HERE}/export.csv")) == 4
    assert site.session.scalar(select(func.count()).select_from(PayoutLine)) == 8


def test_what_is_not_known_here_is_marked_and_sums_that_differ_are_told(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    stripe.move("charge", 1_000, 30, "pi_elsewhere")
    stripe.pay_out(amount=1_000)
    till.read_payouts()
    page = ada.text(f"{HERE}/{newest(site).id}").replace("\u00a0", " ")
    assert "Not known here" in page
    assert "1 line is about a payment that is not known here" in page
    assert "The lines add up to 14.62 €, and the payout is 10.00 €" in page
    assert "1 unknown" in ada.text(HERE)
    [ours] = [x for x in rows(ada, f"{HERE}/{newest(site).id}/lines.csv") if x["session"]]
    assert (ours["payment"], ours["amount"], ours["fee"], ours["net"]) == (
        till.payment.id,
        "5.25",
        "0.33",
        "4.92",
    )


def test_lines_that_are_not_all_told_are_asked_for_again(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    payout = stripe.pay_out(reconciliation_status="in_progress")
    till.read_payouts()
    assert "has not told all lines yet" in ada.text(f"{HERE}/{newest(site).id}")
    stripe.move("stripe_fee", -10, payout=payout["id"])
    payout.update(reconciliation_status="completed", amount=payout["amount"] - 10)
    till.read_payouts()
    page = ada.text(f"{HERE}/{newest(site).id}")
    assert "has not told all lines yet" not in page
    assert "add up to" not in page


def test_a_payout_that_was_ordered_by_hand_is_not_taken_apart(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    stripe.pay_out(automatic=False)
    till.read_payouts()
    assert "ordered by hand" in ada.text(f"{HERE}/{newest(site).id}")


def test_a_provider_that_does_not_tell_is_asked_again_and_cards_go_on(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    stripe.pay_out()
    stripe.failures.append(403)
    till.read_payouts()
    assert "Stripe does not tell its payouts: Something is wrong here." in ada.text(HERE)
    assert Settings.of(site.session).down_since is None
    [again] = payouts.rounds(site.session)
    assert clock.now() < again.due_at < clock.now() + timedelta(hours=1)
    till.read_payouts()
    page = ada.text(HERE)
    assert "does not tell" not in page
    assert "On its way" in page


def test_nothing_is_asked_for_before_anybody_has_paid(till, stripe, ada):
    stripe.failures.append(500)
    till.read_payouts()
    assert list(stripe.failures) == [500]
    assert "No payouts yet" in ada.text(HERE)


def test_the_test_provider_pays_each_day_out(visitor, site, app, ada):
    till = Till(app, site).set_up()
    till.pay_as_stranger()
    session = till.charge(10_000)
    till.read_payouts()
    assert "No payouts yet" in ada.text(HERE)
    till.age(days=2)
    till.read_payouts()
    till.read_payouts()
    assert [x["amount"] for x in rows(ada, f"{HERE}/export.csv")] == ["5.25"]
    page = ada.text(f"{HERE}/{newest(site).id}")
    assert f'href="/sessions/{session.id}"' in page
    assert "add up to" not in page


def test_what_is_to_come_is_told_in_the_currency_that_was_paid(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    begin(site.session)
    till.payment.currency = "CHF"  # the installation's is another one by now
    store(site.session)
    page = ada.text(HERE)
    assert "CHF" in page[page.index("in no payout yet") :][:80]


def test_a_disputed_payment_stands_in_the_list_beside_the_fees(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    stripe.move("adjustment", -500, 15, description="Dispute")
    stripe.pay_out()
    till.read_payouts()
    page = ada.text(HERE).replace("\u00a0", " ")
    assert 'data-label="Other">-5.00 €' in page
    [listed] = rows(ada, f"{HERE}/export.csv")
    parts = [float(listed[x]) for x in ("captured", "refunded", "fees", "other")]
    assert round(sum(parts), 2) == float(listed["amount"])


def test_payouts_are_taken_along_as_workbooks(visitor, site, till, stripe, ada):
    sell(till, stripe, visitor())
    stripe.pay_out()
    till.read_payouts()
    for address in (f"{HERE}/export.xlsx", f"{HERE}/{newest(site).id}/lines.xlsx"):
        book = ZipFile(BytesIO(ada.get(address).data))
        assert b"<v>4.92</v>" in book.read("xl/worksheets/sheet1.xml")


def test_payouts_are_not_there_for_who_may_not_see_money(visitor):
    for role in (Role.SUPPORT, Role.SITE_HOST):
        assert visitor().log_in(role).get(HERE).status_code == 404
