"""Coming in by e-mail, a new password, signing up: what a person does, and what a stranger learns."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from make import quick_hash, store
from sqlalchemy import select

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import AuditEntry, Role
from csms.domain.mail import Mail
from tests.web.visitor import PASSWORD, told

MARTA = "marta@example.org"
NEW = "four quite new words"


@pytest.fixture
def marta(session, site):
    """A driver with an account and an address."""
    user = accounts.create_user(
        session,
        "marta",
        quick_hash(PASSWORD),
        Role.DRIVER,
        at=clock.now(),
        email=MARTA,
        account_id=site.account.id,
    )
    store(session)
    return user


def letters(session):
    session.rollback()
    session.expire_all()
    return session.scalars(select(Mail).order_by(Mail.id)).all()


def link_in(session):
    """The path of the link in the newest mail."""
    found = re.search(r"http://charging\.test(/login/\S+)", letters(session)[-1].text)
    assert found
    return found[1]


def test_a_link_logs_in_the_browser_that_asked_for_it_once(visitor, session, marta):
    browser = visitor()
    page = told(browser.post("/login/link", {"email": "MARTA@example.org", "next": "/profile"}))
    assert "Look at your mail" in page
    answer = browser.get(link_in(session))
    assert answer.headers["Location"] == "/profile"
    assert "marta" in browser.text("/profile")
    assert browser.get(link_in(session)).status_code == 404


def test_elsewhere_a_button_asks_first_so_that_no_program_uses_the_link_up(visitor, session, marta):
    visitor().post("/login/link", {"email": MARTA})
    phone = visitor()
    assert "One click" in phone.text(link_in(session))
    assert "One click" in phone.text(link_in(session))
    assert phone.post(link_in(session)).status_code == 302
    assert phone.get("/accounts/me").status_code == 200


@pytest.mark.parametrize("what", ["link", "password"])
def test_nobody_learns_who_has_an_account(visitor, session, marta, what):
    answers = [visitor().post(f"/login/{what}", {"email": x}) for x in (MARTA, "other@example.org")]
    pages = [told(x).replace("other@example.org", MARTA) for x in answers]
    assert pages[0] == pages[1]
    assert [x.recipient for x in letters(session)] == [MARTA]


def test_a_new_password_ends_what_was_and_logs_in(visitor, session, marta):
    old = visitor()
    assert old.post("/login", {"username": "marta", "password": PASSWORD}).status_code == 302
    browser = visitor()
    browser.post("/login/password", {"email": MARTA})
    path = link_in(session)
    assert browser.get(path).status_code == 200
    assert browser.post(path, {"password": "short"}).status_code == 422
    assert browser.post(path, {"password": NEW}).status_code == 302
    assert browser.get("/accounts/me").status_code == 200
    assert old.get("/accounts/me").status_code == 302
    assert visitor().post("/login", {"username": "marta", "password": NEW}).status_code == 302
    browser.home = "/profile"
    assert browser.post(path, {"password": NEW}).status_code == 404


def test_links_are_not_sent_for_ever(visitor, session, marta):
    browser = visitor()
    for _ in range(5):
        browser.post("/login/link", {"email": MARTA})
    answer = browser.post("/login/link", {"email": MARTA})
    assert answer.status_code == 429
    assert len(letters(session)) == 5


def test_signing_up_is_there_where_it_is_open(visitor, app, session, site):
    given = {"username": "nils", "email": "nils@example.org", "password": NEW}
    assert visitor().get("/sign-up").status_code == 404
    app.extensions["settings"] = replace(app.extensions["settings"], sign_up=True)
    browser = visitor()
    assert "Sign up" in browser.text("/login")
    assert browser.post("/sign-up", given | {"password": "short"}).status_code == 422
    assert browser.post("/sign-up", given).status_code == 302
    assert "a link was sent" in browser.text("/profile")
    browser.home = "/profile"
    assert browser.post(link_in(session)).status_code == 302
    assert "a link was sent" not in browser.text("/profile")
    assert "already" in told(visitor().post("/sign-up", given | {"username": "other"}))


def test_who_signs_up_at_a_station_comes_back_to_it(visitor, app, site):
    app.extensions["settings"] = replace(app.extensions["settings"], sign_up=True)
    site.status("Available")
    browser, station = visitor(), f"/c/{site.slug}"
    assert f'href="/sign-up?next={station}"' in browser.text(station)
    given = {"username": "nils", "email": "nils@example.org", "password": NEW, "next": station}
    again = browser.post("/sign-up", given | {"password": "short"})
    assert f'name="next" value="{station}"' in told(again)
    assert browser.post("/sign-up", given).location == station
    elsewhere = visitor().post(
        "/sign-up", given | {"username": "nora", "email": "n@example.org", "next": "//evil.example"}
    )
    assert elsewhere.location == "/accounts/me"


def test_wrong_passwords_are_on_record(visitor, session, site):
    visitor().post("/login", {"username": "marta", "password": "not it"})
    session.rollback()
    assert session.scalar(select(AuditEntry.actor).where(AuditEntry.action == "login.failed")) == "marta"


def test_a_profile_is_ones_own_to_change(visitor, session, marta):
    here, there = visitor(), visitor()
    for browser in (here, there):
        browser.post("/login", {"username": "marta", "password": PASSWORD})
        browser.home = "/accounts/me"
    form = {"first_name": "Marta", "last_name": "Ruiz", "email": MARTA, "time_zone": "Europe/Madrid"}
    assert here.post("/profile", form).status_code == 302
    assert "Ruiz" in here.text("/profile")
    assert here.post("/profile", form | {"time_zone": "Mars/Phobos"}).status_code == 422
    path = re.search(r"/profile/log-ins/\d+/end", here.text("/profile"))
    here.post(path[0])
    assert there.get("/profile").status_code == 302
    assert here.post("/profile/password", {"old": "wrong", "password": NEW}).status_code == 422
    assert here.post("/profile/password", {"old": PASSWORD, "password": NEW}).status_code == 302
    assert here.get("/profile").status_code == 200
