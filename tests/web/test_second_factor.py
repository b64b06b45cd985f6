"""A second factor: set up, asked for at every door, lost, and demanded of roles."""

from __future__ import annotations

import html
import re
from base64 import b32decode
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from make import store
from sqlalchemy import select, update

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import AuditEntry, Role, SecondFactor, User
from tests.api.caller import Api
from tests.web.visitor import PASSWORD, Visitor, told


def app_of(page: str) -> bytes:
    """What an authenticator keeps that was told the letters of a page."""
    letters = re.search(r"<code[^>]*>((?:[A-Z2-7]{4} ?){8})</code>", page)
    assert letters, page
    return b32decode(letters[1].replace(" ", ""))


def code_of(secret: bytes) -> str:
    return TOTP(secret, 6, SHA1(), 30).generate(int(clock.now().timestamp())).decode()  # noqa: S303  RFC 6238


def set_up(browser: Visitor) -> tuple[bytes, list[str]]:
    """The authenticator and the recovery codes of somebody who sets up a second factor."""
    page = browser.post("/profile/second-factor/begin", {"password": PASSWORD})
    secret = app_of(html.unescape(page.get_data(as_text=True)))
    page = browser.post("/profile/second-factor/confirm", {"code": code_of(secret)})
    codes = re.findall(r"<code>((?:[a-z2-7]{4}-?){4})</code>", page.get_data(as_text=True))
    assert len(set(codes)) == 10
    return secret, codes


@pytest.fixture
def forget_codes(session) -> Any:
    """A function: time has gone on, so that the code of now is good again."""

    def forget() -> None:
        session.rollback()
        session.connection(execution_options={"writes": True})
        session.execute(update(SecondFactor).values(last_step=0))
        store(session)
        session.rollback()

    return forget


@pytest.fixture
def dora(visitor) -> Visitor:
    browser = visitor().log_in(Role.READ_ONLY)
    browser.home = "/profile"
    return browser


def log_in(visitor: Any, name: str = "read_only-0") -> Visitor:
    browser = visitor()
    browser.answer = browser.post("/login", {"username": name, "password": PASSWORD})
    browser.home = "/login/code"
    return browser


def test_the_code_is_asked_for_and_good_once(visitor, dora, forget_codes):
    secret, _ = set_up(dora)
    assert "On" in dora.text("/profile/second-factor")
    forget_codes()
    browser = log_in(visitor)
    assert browser.answer.headers["Location"] == "/login/code"
    assert browser.get("/chargers").headers["Location"].startswith("/login")
    assert "not the code now" in told(browser.post("/login/code", {"code": "000000"}))
    code = code_of(secret)
    assert browser.post("/login/code", {"code": code}).headers["Location"] == "/ui/"
    assert browser.get("/chargers").status_code == 200
    assert log_in(visitor).post("/login/code", {"code": code}).status_code == 422


def test_a_recovery_code_is_good_once(visitor, dora):
    _, codes = set_up(dora)
    first = log_in(visitor)
    assert first.post("/login/code", {"code": codes[3].upper()}).status_code == 302
    assert log_in(visitor).post("/login/code", {"code": codes[3]}).status_code == 422
    assert "9 left" in dora.text("/profile/second-factor")


def test_wrong_codes_are_counted_for_the_user(visitor, dora):
    set_up(dora)
    browser = log_in(visitor)
    assert [browser.post("/login/code", {"code": "x"}).status_code for _ in range(6)] == [422] * 5 + [429]


def test_a_mailed_link_and_a_new_password_ask_for_it_too(visitor, dora, session, forget_codes):
    secret, _ = set_up(dora)
    user = session.scalars(select(User)).one()
    for purpose, way in ((accounts.SIGN_IN, "link"), (accounts.PASSWORD, "password")):
        session.rollback()
        session.connection(execution_options={"writes": True})
        user = session.get_one(User, user.id)
        accounts.set_email(session, user, "dora@example.org", verified_at=clock.now())
        token = accounts.issue_link(session, purpose, at=clock.now(), ttl=timedelta(hours=1), user=user)
        store(session)
        browser = visitor()
        answer = browser.post(f"/login/{way}/{token}", {"password": "another green horse runs"})
        assert answer.headers.get("Location") == "/login/code", (way, told(answer))
        assert browser.get("/chargers").headers["Location"].startswith("/login")
        forget_codes()
        browser.home = "/login/code"
        assert browser.post("/login/code", {"code": code_of(secret)}).status_code == 302
        assert browser.get("/chargers").status_code == 200


def test_the_api_asks_for_it_too(visitor, dora, client, session, forget_codes):
    secret, _ = set_up(dora)
    api = Api(client, session)
    known = {"username": "read_only-0", "password": PASSWORD}
    assert api.post("/token", known).json["code"] == "second_factor"
    assert api.post("/token", known | {"code": "123"}).json["code"] == "bad_code"
    forget_codes()
    tokens = api.post("/token", known | {"code": code_of(secret)}).json
    assert api.but_with(tokens["access"]).get("/chargers").status_code == 200


def test_a_role_that_must_have_one_sets_it_up_before_anything_else(visitor, dora, session):
    owner = visitor().log_in(Role.OWNER)
    wanted = {"role": ["owner", "read_only"]}
    answer = owner.post("/settings/users/second-factor", wanted)
    assert "Set up your own second factor first" in owner.text(answer.headers["Location"])
    set_up(owner)
    owner.post("/settings/users/second-factor", wanted)
    dora.home = "/profile/second-factor"
    assert dora.get("/chargers").headers["Location"].startswith("/login")
    assert dora.get("/login").headers["Location"] == "/profile/second-factor"
    assert "must have a second factor" in dora.text("/profile/second-factor")
    set_up(dora)
    assert dora.get("/chargers").status_code == 200
    assert "must have" in told(dora.post("/profile/second-factor/off", {"code": "1"}))


def test_the_api_sends_such_a_role_to_the_pages(visitor, dora, client, session):
    owner = visitor().log_in(Role.OWNER)
    owner.post("/settings/users/second-factor", {"role": ["read_only"]})
    known = {"username": "read_only-0", "password": PASSWORD}
    assert Api(client, session).post("/token", known).json["code"] == "second_factor_missing"


def test_an_owner_drops_a_lost_one(visitor, dora, session):
    set_up(dora)
    owner = visitor().log_in(Role.OWNER)
    user = session.scalars(select(User).where(User.role == Role.READ_ONLY)).one()
    assert owner.post(f"/settings/users/{user.id}/drop_factor").status_code == 302
    assert log_in(visitor).answer.headers["Location"] == "/ui/"
    session.rollback()
    actions = set(session.scalars(select(AuditEntry.action)))
    assert {"second_factor.on", "user.drop_factor"} <= actions


def test_it_is_switched_off_with_a_code_and_set_up_with_the_password(dora, forget_codes):
    wrong = dora.post("/profile/second-factor/begin", {"password": "not mine"})
    assert "This is not your password." in told(wrong)
    secret, codes = set_up(dora)
    renewed = dora.post("/profile/second-factor/codes", {"code": codes[0]})
    assert "Recovery codes" in told(renewed)
    refused = dora.post("/profile/second-factor/off", {"code": codes[1]})
    assert refused.status_code == 422
    new_ones, _, off = told(refused).partition('action="/profile/second-factor/off"')
    assert "This is not the code now" in off
    assert "This is not the code now" not in new_ones
    forget_codes()
    assert dora.post("/profile/second-factor/off", {"code": code_of(secret)}).status_code == 302
    assert "Off" in dora.text("/profile/second-factor")
