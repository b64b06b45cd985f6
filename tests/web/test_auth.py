"""Logging in and out."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from tests.web.browser import PASSWORD, Browser, make_user, publish


def test_the_page_that_was_asked_for_follows_the_log_in(app: Flask, session: Session) -> None:
    make_user(session)
    browser = Browser(app)
    response = browser.open("/chargers?status=offline")
    assert response.headers["Location"] == "/login?next=/chargers?status%3Doffline"
    answer = browser.log_in(next="/chargers?status=offline")
    assert answer.headers["Location"] == "/chargers?status=offline"


def test_a_wrong_password_is_told_plainly_and_not_which_half_was_wrong(app: Flask, session: Session) -> None:
    make_user(session)
    browser = Browser(app)
    for username in ("olga", "nobody"):
        answer = browser.log_in(username, "not the password")
        assert answer.status_code == 422
        assert "The user name or the password is wrong." in answer.text


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(app: Flask, session: Session) -> None:
    make_user(session)
    browser = Browser(app)
    for _ in range(5):
        assert browser.log_in(password="not the password").status_code == 422
    answer = browser.log_in()
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text


def test_logging_out_ends_the_session(olga: Browser) -> None:
    assert olga.send("/logout").status_code == 302
    assert olga.open("/chargers").status_code == 302


def test_the_log_out_is_no_link(olga: Browser) -> None:
    assert olga.open("/logout").status_code == 405


def test_a_log_in_can_be_kept(app: Flask, session: Session) -> None:
    make_user(session)
    browser = Browser(app)
    browser.log_in(remember="1")
    cookie = browser.client.get_cookie("remember_token")
    assert cookie is not None
    assert cookie.http_only
    browser.client.delete_cookie("session")
    assert browser.open("/chargers").status_code == 200


def test_a_new_password_ends_every_log_in(session: Session, olga: Browser) -> None:
    user = accounts.find_user(session, "OLGA")
    assert user is not None
    accounts.change_password(session, user, accounts.hash_password(PASSWORD + "er"), at=clock.now())
    publish(session)
    assert olga.open("/chargers").status_code == 302


def test_a_user_who_may_not_come_in_any_more_is_out_at_once(session: Session, olga: Browser) -> None:
    user = accounts.find_user(session, "olga")
    assert user is not None
    user.is_enabled = False
    publish(session)
    assert olga.open("/chargers").status_code == 302
