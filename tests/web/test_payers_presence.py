"""A payer whose money stands late must still be at the station: nobody pays for the next car."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store

from csms.domain.payments import PaymentState
from tests.web.till import Till

UNPLUGGED = "The car that was plugged in when you began is not plugged in any more"
LATE = "More than ten minutes have passed since you typed the station's code"


@pytest.fixture
def till(app, site):
    return Till(app, site).set_up()


@pytest.fixture
def drive_off(site):
    """The car is unplugged, and after it perhaps another is plugged in."""

    def drive_off(*, then_another: bool = False) -> None:
        site.status("Available", site.now + timedelta(seconds=20))
        if then_another:
            site.status("Preparing", site.now + timedelta(seconds=40))
        store(site.session)

    return drive_off


def begin_with_code(driver, site) -> str:
    """Where the station does not notice the plug."""
    given = {"method": "payment", "station_code": site.connector.code}
    return str(driver.post(f"/c/{site.slug}/start", given).location)


def begun_earlier(till, minutes: int) -> None:
    payment = till.payment
    payment.requested_at -= timedelta(minutes=minutes)
    if payment.code_at:
        payment.code_at -= timedelta(minutes=minutes)
    store(till.site.session)


def pay_now(driver, till) -> None:
    driver.post(till.payment.checkout_url, {"outcome": "pays"})
    till.work()


@pytest.mark.parametrize("then_another", [False, True])
def test_whoever_has_left_does_not_pay_for_the_next_car(visitor, site, till, drive_off, then_another):
    driver = visitor()
    page = till.ask(driver)
    drive_off(then_another=then_another)
    pay_now(driver, till)
    assert till.orders == []
    assert till.payment.state is PaymentState.RELEASED
    text = driver.text(page)
    assert UNPLUGGED in text
    assert "The 40.00 € that was held is let go" in text
    assert f"/c/{site.slug}?method=payment" in text


def test_a_car_that_stayed_plugged_in_is_waited_for_however_long_the_payment_takes(visitor, site, till):
    driver = visitor()
    till.ask(driver)
    begun_earlier(till, 29)
    pay_now(driver, till)
    assert len(till.orders) == 1


def test_a_code_that_was_just_typed_needs_no_plug(visitor, site, till):
    driver = visitor()
    begin_with_code(driver, site)
    begun_earlier(till, 9)
    pay_now(driver, till)
    assert len(till.orders) == 1


def test_a_code_that_was_typed_long_ago_starts_nothing(visitor, site, till):
    driver = visitor()
    page = begin_with_code(driver, site)
    begun_earlier(till, 11)
    site.status("Preparing", site.now + timedelta(seconds=20))  # whose car this is, nobody knows
    store(site.session)
    pay_now(driver, till)
    assert till.orders == []
    assert till.payment.state is PaymentState.RELEASED
    assert LATE in driver.text(page)


def test_a_code_for_a_car_that_had_been_plugged_in_for_a_while_counts_as_long_as_that_stays(
    visitor, site, till
):
    site.status("Preparing", site.now - timedelta(minutes=20))
    store(site.session)
    driver = visitor()
    begin_with_code(driver, site)
    begun_earlier(till, 11)
    pay_now(driver, till)
    assert len(till.orders) == 1


def test_nobody_is_sent_to_pay_for_what_will_not_start(visitor, site, till, drive_off):
    driver = visitor()
    page = till.ask(driver)
    assert "Go on to the payment" in driver.text(page)
    drive_off()
    text = driver.text(page)
    assert UNPLUGGED in text
    assert "Go on to the payment" not in text
    assert "Cancel" in text


def test_after_a_release_a_payment_is_begun_anew(visitor, site, till, drive_off):
    driver = visitor()
    till.ask(driver)
    drive_off(then_another=True)
    pay_now(driver, till)
    driver.post(f"/c/{site.slug}/start", {"method": "payment"})
    pay_now(driver, till)
    assert len(till.orders) == 1
