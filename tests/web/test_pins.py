"""A card and its PIN: what they open, how often one may try, and the way back to the connector."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import quick_hash, store
from sqlalchemy import select, update

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import IdToken, LogIn, Role
from csms.domain.commands import Command
from tests.web.visitor import PASSWORD, told

CARD, PIN = "04A2B39F", "407193"


@pytest.fixture
def card(session, site):
    """Olga's card with a PIN, and her log-in."""
    at = clock.now()
    accounts.create_user(
        session, "olga-drives", quick_hash(PASSWORD), Role.DRIVER, at=at, account_id=site.account.id
    )
    token = accounts.find_token(session, CARD)
    accounts.set_pin(token, quick_hash(PIN))
    store(session)
    return token


def log_in(browser, pin, uid=CARD, back="/profile"):
    return browser.post("/login/card", {"uid": uid, "pin": pin, "next": back})


def fresh(session, card):
    session.rollback()
    return session.get_one(IdToken, card.id, populate_existing=True)


def test_card_and_pin_log_in_and_lead_back_to_the_connector(visitor, site, card):
    site.status("Available")
    driver = visitor()
    page = driver.text(f"/c/{site.slug}")
    assert "Have an account? Log in" in page
    answer = log_in(driver, PIN, uid="04a2b39f ", back=f"/c/{site.slug}")
    assert answer.location == f"/c/{site.slug}"
    assert "My account" in driver.text(f"/c/{site.slug}")


def test_password_and_link_lead_back_to_the_connector_as_well(visitor, site, card):
    driver = visitor()
    back = f"/c/{site.slug}"
    answer = driver.post("/login", {"username": "olga-drives", "password": PASSWORD, "next": back})
    assert answer.location == back


@pytest.mark.parametrize(("uid", "pin"), [(CARD, "407194"), (CARD, ""), ("NOSUCH", PIN), ("", "")])
def test_a_wrong_pin_or_card_opens_nothing_and_is_not_told_apart(visitor, site, card, uid, pin):
    answer = log_in(visitor(), pin, uid)
    assert answer.status_code == 422
    assert "The card or its PIN is wrong" in told(answer)


def test_a_card_without_a_pin_is_not_opened_by_an_empty_one(visitor, site, card, session):
    accounts.set_pin(fresh(session, card), None)
    store(session)
    assert log_in(visitor(), "").status_code == 422


def test_five_wrong_tries_from_anywhere_make_a_pause_and_ten_an_end(visitor, site, card, session):
    for number in range(5):
        browser = visitor()
        browser.client.environ_base["REMOTE_ADDR"] = f"10.0.0.{number}"
        assert log_in(browser, "000001").status_code == 422
    late = visitor()
    late.client.environ_base["REMOTE_ADDR"] = "10.0.1.1"
    assert log_in(late, PIN).status_code == 422  # right, and too late
    known = fresh(session, card)
    assert known.pin_paused_until > clock.now() + timedelta(minutes=10)
    known.pin_paused_until, known.pin_tries = clock.now() - timedelta(seconds=1), 10
    store(session)
    assert log_in(late, PIN).status_code == 422
    assert accounts.is_pin_locked(fresh(session, card))


def test_the_right_pin_forgets_the_wrong_ones(visitor, site, card, session):
    driver = visitor()
    for _ in range(3):
        log_in(driver, "000001")
    assert log_in(driver, PIN).status_code == 302
    assert fresh(session, card).pin_tries == 0


def test_a_card_with_a_pin_starts_nothing_by_its_number_alone(visitor, site, card, session):
    site.status("Preparing")
    driver = visitor()
    given = {"method": "card", "card": CARD}
    answer = driver.post(f"/c/{site.slug}/start", given)
    assert answer.status_code == 422
    assert "This card has a PIN" in told(answer)
    assert driver.post(f"/c/{site.slug}/start", given | {"pin": "000001"}).status_code == 422
    assert driver.post(f"/c/{site.slug}/start", given | {"pin": PIN}).status_code == 303
    session.rollback()
    assert len(session.scalars(select(Command)).all()) == 1


def test_an_operator_sets_a_pin_and_takes_it_away(visitor, site, card, session):
    operator = visitor().log_in(Role.OPERATOR)
    for bad in ("123", "1234", "1111", "87654321", "12a4", "123456789"):
        assert operator.post(f"/cards/{card.id}/pin", {"pin": bad}).status_code == 422
    assert operator.post(f"/cards/{card.id}/pin", {"pin": "9041"}).status_code == 302
    assert log_in(visitor(), "9041").status_code == 302
    operator.post(f"/cards/{card.id}/pin", {"pin": ""})
    assert fresh(session, card).pin_hash is None


def test_a_driver_sets_a_pin_after_a_while_on_the_page(visitor, site, card, session):
    driver = visitor()
    assert log_in(driver, PIN).status_code == 302
    driver.get("/accounts/me")
    session.execute(update(LogIn).values(seen_at=clock.now() - timedelta(minutes=6)))
    store(session)
    assert driver.post(f"/me/cards/{card.id}/pin", {"pin": "9041"}).status_code == 302
    assert log_in(visitor(), "9041").status_code == 302


def test_whoever_may_only_look_sets_no_pin(visitor, site, card):
    assert visitor().log_in(Role.READ_ONLY).post(f"/cards/{card.id}/pin", {"pin": "9041"}).status_code == 404


def test_the_code_of_the_label_shows_presence_where_the_plug_does_not(visitor, site, session):
    site.status("Preparing", site.now - timedelta(minutes=30))
    driver = visitor()
    given = {"method": "card", "card": CARD}
    assert "Code on the label" in driver.text(f"/c/{site.slug}")
    wrong = driver.post(f"/c/{site.slug}/start", given | {"station_code": "A1A1A1"})
    assert wrong.status_code == 422
    assert "This is not the code of this connector" in told(wrong)
    right = driver.post(f"/c/{site.slug}/start", given | {"station_code": site.connector.code.lower()})
    assert right.status_code == 303


def test_codes_cannot_be_guessed(visitor, site):
    site.status("Available")
    given = {"method": "card", "card": CARD, "station_code": "A1A1A1"}
    guesser = visitor()
    answers = [guesser.post(f"/c/{site.slug}/start", given).status_code for _ in range(6)]
    assert answers == [422, 422, 422, 422, 422, 429]
    assert site.connector.code not in visitor().text(f"/c/{site.slug}")


def test_the_code_starts_nothing_where_somebody_else_charges(visitor, site):
    site.begin()
    given = {"method": "card", "card": CARD, "station_code": site.connector.code}
    answer = visitor().post(f"/c/{site.slug}/start", given)
    assert answer.status_code == 409
    assert "Another driver is charging here" in told(answer)
