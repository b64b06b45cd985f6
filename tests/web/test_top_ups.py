"""Credit that drivers add to their own account by bank card."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select, update

from csms import clock
from csms.domain import accounts, payments, removal
from csms.domain.accounts import Account, LedgerEntry, LedgerKind, Role
from csms.domain.base import Refused
from csms.domain.payments import Payment, PaymentState, rules
from csms.domain.payments.rules import Standing, Status
from csms.domain.verify import verify
from tests.stripe import KEY, SIGNING
from tests.web.till import Till
from tests.web.visitor import told


@pytest.fixture
def till(app, site):
    return Till(app, site).set_up()


@pytest.fixture
def driver(visitor, site):
    return visitor().log_in(Role.DRIVER, site.account.id)


@pytest.fixture
def ada(visitor):
    """The accountant."""
    return visitor().log_in(Role.ACCOUNTANT)


@pytest.fixture
def had(site):
    """The credit before."""
    return balance(site)


def balance(site):
    site.session.rollback()
    return site.session.get(Account, site.account.id, populate_existing=True).balance_cents


def booked(site):
    """What was booked to the driver of what moved on the card, in cents."""
    site.session.rollback()
    query = select(LedgerEntry).where(
        LedgerEntry.account_id == site.account.id, LedgerEntry.kind == LedgerKind.PAYMENT
    )
    return [x.amount_cents for x in site.session.scalars(query.order_by(LedgerEntry.id))]


def spend(site, cents):
    account = site.session.get(Account, site.account.id, populate_existing=True)
    accounts.book(site.session, account, LedgerKind.SESSION, at=clock.now(), amount_cents=-cents)
    store(site.session)


def ask(driver, amount="20.00"):
    answer = driver.post("/me/top-ups", {"amount": amount})
    assert answer.status_code == 303, told(answer)
    return answer.location


def pay(till, driver, outcome="pays", amount="20.00"):
    page = ask(driver, amount)
    assert driver.post(till.payment.checkout_url, {"outcome": outcome}).status_code in (200, 303)
    return page


def top_up(till, driver, amount="20.00"):
    page = pay(till, driver, amount=amount)
    till.work()
    return page


def give_back(till, ada, **form):
    return ada.post(f"/payments/{till.payment.id}/refund", {"reason": "Moved away", **form})


def all_is_well(site):
    site.session.rollback()
    assert [x for x in verify(site.session) if x.startswith(("Payment", "Account"))] == []


def test_a_driver_adds_to_their_credit_by_card(site, till, driver, had):
    assert "Top up my credit" in driver.text("/accounts/me")
    page = ask(driver)
    words = driver.text(page)
    assert "20.00 € for your credit" in words
    assert till.payment.checkout_url in words
    assert driver.post(till.payment.checkout_url, {"outcome": "pays"}).location.endswith(f"{page}?back=1")
    assert "Checking your payment" in driver.text(f"{page}?back=1")
    till.work()
    assert "20.00 € were added to your credit" in driver.text(page)
    assert (balance(site), booked(site)) == (had + 2_000, [2_000])
    assert till.payment.state is PaymentState.CAPTURED
    assert "Top-up" in driver.text("/accounts/me")
    all_is_well(site)


@pytest.mark.parametrize("outcome", ["late", "twice", "slow"])
def test_news_that_come_late_or_twice_are_booked_once(site, till, driver, outcome):
    pay(till, driver, outcome)
    for _ in range(3):
        till.hurry()
        site.session.execute(update(payments.TestCheckout).values(held_at=site.now))
        store(site.session)
    assert booked(site) == [2_000]
    all_is_well(site)


def test_what_the_bank_tells_again_is_not_booked_again(site, till, driver):
    top_up(till, driver)
    standing = Standing(Status.CAPTURED, 2_000, 2_000)
    for _ in range(2):
        payments.settle(site.session, till.payment, standing, at=clock.now())
        store(site.session)
    assert booked(site) == [2_000]


def test_what_is_paid_when_it_is_over_is_let_go(site, till, driver):
    page = ask(driver)
    url = till.payment.checkout_url
    site.session.execute(update(Payment).values(state=PaymentState.EXPIRED, due_at=None))
    store(site.session)
    driver.post(url, {"outcome": "pays"})
    till.hurry()
    assert till.payment.state is PaymentState.RELEASED
    assert "The payment came too late" in driver.text(page)
    assert booked(site) == []


def test_a_declined_card_says_why_and_keeps_the_amount(site, till, driver):
    page = pay(till, driver, "declines", "37.50")
    till.work()
    words = driver.text(page)
    assert "Your bank has declined the card" in words
    assert 'value="37.50"' in words
    assert booked(site) == []
    assert ask(driver, "37.50") != page


def test_a_driver_who_would_rather_not_pays_nothing(site, till, driver):
    page = ask(driver)
    assert driver.post(f"{page}/cancel").status_code == 303
    till.work()
    assert "You cancelled it" in driver.text(page)
    assert "Nothing has been taken" in driver.text(page)
    assert (till.payment.state, booked(site)) == (PaymentState.EXPIRED, [])


def test_pressing_twice_goes_on_with_the_same_payment(till, driver):
    assert ask(driver) == ask(driver)
    assert ask(driver, "50") != ask(driver)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("4.99", "Add between 5 and 500 EUR at a time."),
        ("500.01", "Add between 5 and 500 EUR at a time."),
        ("-20", "Add between 5 and 500 EUR at a time."),
        ("much", "Write an amount such as 25.00."),
    ],
)
def test_an_amount_that_is_not_allowed_stays_in_the_field(till, driver, amount, words):
    answer = driver.post("/me/top-ups", {"amount": amount})
    assert answer.status_code == 422
    assert words in told(answer)
    assert f'value="{amount}"' in told(answer)


def test_the_owner_sets_the_limits(visitor, site, till, driver):
    owner = visitor().log_in(Role.OWNER)
    form = {"provider": "test", "hold": "40", "top_up_least": "30", "top_up_most": "20"}
    assert "The most is less than the least" in told(owner.post("/settings/payments", form))
    answer = owner.post("/settings/payments", form | {"top_up_most": "60"})
    assert answer.status_code == 303
    assert driver.post("/me/top-ups", {"amount": "20"}).status_code == 422
    assert "30.00 € to 60.00 € at a time" in driver.text("/accounts/me")


def test_without_a_provider_nothing_is_offered(app, site, driver):
    assert "Top up my credit" not in driver.text("/accounts/me")
    answer = driver.post("/me/top-ups", {"amount": "20"})
    assert answer.status_code == 409
    assert "Credit cannot be added by bank card here" in told(answer)


def test_nobody_else_sees_or_ends_a_top_up(visitor, session, site, till, driver):
    page = ask(driver)
    other = accounts.open_account(session, "Bob", at=site.now)
    store(session)
    bob = visitor().log_in(Role.DRIVER, other.id)
    for answer in (bob.get(page), bob.get(f"{page}/live"), bob.post(f"{page}/cancel")):
        assert answer.status_code == 404
    assert visitor().get(page).status_code == 302
    assert bob.get(f"/c/{site.slug}/pay/{till.payment.id}").status_code == 404
    assert till.payment.wanted is None


def test_an_operator_sees_it_with_its_kind_and_gives_it_back(site, till, driver, ada, had):
    page = top_up(till, driver)
    listed = ada.text("/payments?state=top_up")
    assert "Top-up" in listed
    assert site.account.name in listed
    assert site.account.name in ada.text(f"/payments/{till.payment.id}")
    assert give_back(till, ada, how="part", amount="5.00").status_code == 303
    till.work()
    assert (balance(site), booked(site)) == (had + 1_500, [2_000, -500])
    assert "Moved away" in ada.text(f"/payments/{till.payment.id}")
    assert give_back(till, ada, how="whole").status_code == 303
    till.work()
    assert (balance(site), till.payment.state) == (had, PaymentState.REFUNDED)
    assert "Given back" in driver.text(page)
    all_is_well(site)


def test_credit_that_was_used_cannot_go_back(site, till, driver, ada, had):
    top_up(till, driver)
    spend(site, had + 1_250)
    answer = give_back(till, ada, how="whole")
    assert answer.status_code == 409
    assert "The credit has been used: 7.50 of it is left." in told(answer)
    assert till.payment.wanted is None
    assert give_back(till, ada, how="part", amount="7.50").status_code == 303
    till.work()
    assert balance(site) == 0
    all_is_well(site)


def test_two_refunds_do_not_count_on_the_same_credit(site, till, driver, ada, had):
    top_up(till, driver)
    first = till.payment.id
    top_up(till, driver, "10.00")
    spend(site, had + 1_000)
    assert ada.post(f"/payments/{first}/refund", {"how": "whole", "reason": "x"}).status_code == 303
    assert give_back(till, ada, how="whole").status_code == 409
    till.work()
    assert balance(site) == 0


def test_what_a_running_session_uses_cannot_go_back(site, till, driver, ada, had):
    top_up(till, driver)
    spend(site, had)
    transaction = site.begin()
    site.measure(transaction, 21_000, site.now + timedelta(minutes=5))
    assert give_back(till, ada, how="whole").status_code == 409


def test_a_top_up_is_no_revenue_and_nothing_that_was_spent(till, driver, ada):
    before = ada.text("/reports")
    top_up(till, driver, "123.45")
    assert "123.45" not in ada.text("/reports")
    assert "123.45" in ada.text("/payments")
    assert "123.45" not in before
    assert "Spent per month" not in driver.text("/accounts/me")


def test_what_is_booked_to_somebody_else_is_found(session, site, till, driver):
    top_up(till, driver)
    other = accounts.open_account(session, "Bob", at=site.now)
    session.execute(
        update(LedgerEntry).where(LedgerEntry.kind == LedgerKind.PAYMENT).values(account_id=other.id)
    )
    store(session)
    session.rollback()
    assert any("tops up account" in x for x in verify(session))


def test_the_account_stays_for_the_books_and_its_data_tell_of_it(site, till, driver):
    top_up(till, driver)
    assert '"kind": "top_up"' in told(driver.post("/me/export"))
    account = site.session.get(Account, site.account.id, populate_existing=True)
    with pytest.raises(Refused):
        removal.remove_driver(site.session, account)
    site.session.rollback()


def test_a_driver_who_is_erased_is_not_named_by_the_payment(visitor, session, site, till):
    account = accounts.open_account(session, "Carla Example", at=site.now)
    store(session)
    carla = visitor().log_in(Role.DRIVER, account.id)
    ask(carla)
    name = f"driver-{account.id}"
    assert "not settled yet" in told(carla.post("/me/erase", {"typed": name}))
    carla.post(till.payment.checkout_url, {"outcome": "declines"})
    till.work()
    assert carla.post("/me/erase", {"typed": name}).status_code == 302
    assert till.payment.payer_id is None
    assert "Carla" not in till.payment.credited_account.name


def test_service_accounts_need_no_credit(session, site, till, driver):
    session.execute(update(Account).where(Account.id == site.account.id).values(is_service=True))
    store(session)
    assert "Top up my credit" not in driver.text("/accounts/me")
    assert driver.post("/me/top-ups", {"amount": "20"}).status_code == 409


def test_whoever_presses_too_often_waits(till, driver):
    answers = [driver.post("/me/top-ups", {"amount": "20"}).status_code for _ in range(11)]
    assert (answers[0], answers[-1]) == (303, 429)


def test_round_amounts_within_the_limits_are_offered():
    assert rules.suggested(500, 50_000) == [1_000, 2_000, 5_000, 10_000]
    assert rules.suggested(10_000, 1_000_000) == [20_000, 50_000, 100_000, 200_000]
    assert rules.suggested(300, 400) == []


class TestAtStripe:
    @pytest.fixture
    def settings(self, stripe):
        return {"stripe_url": stripe.url, "private_targets": True}

    @pytest.fixture
    def till(self, app, site):
        return Till(app, site).set_up("stripe", KEY, SIGNING)

    def test_all_of_it_is_taken_once_whoever_tells_first(self, app, site, stripe, till, driver, ada):
        page = ask(driver)
        [session] = stripe.sessions.values()
        assert (session["amount"], session["success_url"]) == (2_000, f"http://localhost{page}?back=1")
        intent = stripe.pay(till.payment.reference)
        about = {"id": till.payment.reference, "payment_intent": intent.id, "metadata": {}}
        body, headers = stripe.event("checkout.session.completed", about)
        for _ in range(2):
            assert app.test_client().post("/pay/news/stripe", data=body, headers=headers).status_code == 200
            driver.get(f"{page}?back=1")
            till.work()
        assert (intent.captures, booked(site)) == ([2_000], [2_000])
        assert give_back(till, ada, how="whole").status_code == 303
        till.work()
        assert (intent.refunds, booked(site)) == ([2_000], [2_000, -2_000])
        all_is_well(site)

    def test_a_provider_that_is_down_keeps_the_amount(self, stripe, till, driver):
        stripe.failures.append(503)
        words = driver.text(ask(driver, "37.50"))
        assert "Paying by card does not work at the moment. Nothing has been taken." in words
        assert 'value="37.50"' in words

    def test_what_died_after_the_bank_had_taken_it_is_booked_once(self, site, stripe, till, driver):
        ask(driver)
        intent = stripe.pay(till.payment.reference)
        payments.settle(site.session, till.payment, Standing(Status.HELD, 2_000), at=clock.now())
        store(site.session)
        assert (till.payment.state, till.payment.wanted_cents) == (PaymentState.HELD, 2_000)
        intent.captures.append(2_000)  # it was asked for, and nobody lived to hear the answer
        intent.status = "succeeded"
        till.hurry()
        till.hurry()
        assert (intent.captures, booked(site)) == ([2_000], [2_000])
        all_is_well(site)

    def test_what_failed_between_two_steps_is_taken_up_again(self, site, stripe, till, driver):
        ask(driver)
        intent = stripe.pay(till.payment.reference)
        stripe.failures.extend([503, 503])
        till.hurry()
        till.hurry()
        till.hurry()
        assert (intent.captures, booked(site)) == ([2_000], [2_000])
