"""Coming in by OpenID Connect: a real issuer on the other side, and what it must not get away with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from issuer import CLIENT, SECRET, Issuer, issuer
from joserfc.jwk import RSAKey
from sqlalchemy import select

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role, User
from tests.web.visitor import told


@pytest.fixture
def at(app) -> Iterator[Issuer]:
    """The issuer, set up here."""
    with issuer(int(clock.now().timestamp())) as made:
        use(app, made)
        yield made


def use(app, made: Issuer, **more: Any) -> None:
    given = {
        "oidc_discovery_url": made.discovery_url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_name": "Sol ID",
        "oidc_roles": (("staff", "operator"), ("*", "driver")),
    }
    app.extensions["settings"] = replace(app.extensions["settings"], **(given | more))


def come_in(browser, at: Issuer, path: str = "/login/oidc"):
    answer = browser.get(path)
    assert answer.status_code == 302, told(answer)
    return browser.get(at.log_in(answer.headers["Location"]))


def user(session) -> User | None:
    session.rollback()
    session.expire_all()
    return session.scalar(select(User).where(User.username == "marta"))


@pytest.mark.seed("000", "OIDC and LDAP")
def test_somebody_comes_in_and_is_made_a_user_of_their_groups_role(visitor, session, site, at):
    browser = visitor()
    assert "Log in with Sol ID" in browser.text("/login")
    at.claims = {"groups": ["Staff"], "given_name": "Marta"}
    answer = come_in(browser, at, "/login/oidc?next=/chargers")
    assert answer.headers["Location"] == "/chargers"
    assert (at.asked["code_challenge_method"], at.asked["scope"]) == ("S256", "openid email profile")
    assert browser.get("/chargers").status_code == 200
    made = user(session)
    assert (made.role, made.first_name, made.password_hash) == (Role.OPERATOR, "Marta", "")
    at.claims = {}  # out of the group
    come_in(visitor(), at)
    assert user(session).role is Role.DRIVER


def test_who_is_in_no_group_that_may_come_in_stays_out(visitor, app, session, site, at):
    use(app, at, oidc_roles=(("staff", "operator"),))
    answer = come_in(visitor(), at)
    assert answer.status_code == 403
    assert "none of your groups" in told(answer)
    assert user(session) is None


def test_an_answer_counts_once_and_in_the_browser_that_asked(visitor, site, at):
    browser = visitor()
    back = at.log_in(browser.get("/login/oidc").headers["Location"])
    assert visitor().get(back).headers["Location"] == "/login"
    assert browser.get(back.replace("state=", "state=x")).status_code == 403
    back = at.log_in(browser.get("/login/oidc").headers["Location"])
    assert browser.get(back).status_code == 302
    assert browser.get(back).headers["Location"] == "/login"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example.org"},
        {"aud": "another"},
        {"aud": ["amberline", "another"]},
        {"azp": "another"},
        {"nonce": "of another log-in"},
        {"exp": 1},
        {"sub": None},
    ],
    ids=lambda x: next(iter(x)),
)
def test_a_token_that_is_not_for_us_lets_nobody_in(visitor, session, site, at, claims):
    at.claims = claims
    assert come_in(visitor(), at).status_code == 403
    assert user(session) is None


def test_a_token_of_another_key_lets_nobody_in(visitor, session, site, at):
    at.published = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    assert come_in(visitor(), at).status_code == 403
    assert user(session) is None


def test_an_issuer_that_is_away_leaves_the_form(visitor, app, site, at):
    use(app, at, oidc_discovery_url="http://127.0.0.1:9/.well-known/openid-configuration")
    answer = visitor().get("/login/oidc")
    assert answer.status_code == 502
    assert "Password" in told(answer)


def test_an_address_that_both_have_verified_is_the_same_person_and_never_an_owner(visitor, session, site, at):
    made = accounts.create_user(
        session, "m.ruiz", None, Role.SUPPORT, at=clock.now(), email="MARTA@example.org"
    )
    session.commit()
    come_in(visitor(), at)
    assert user(session) is None
    session.refresh(made)
    assert made.role is Role.DRIVER
    made.role, made.is_enabled = Role.OWNER, True
    at.claims = {"sub": "u-2"}
    session.commit()
    come_in(visitor(), at)
    assert user(session).id != made.id


def test_it_is_off_until_it_is_set_up(visitor, site):
    assert visitor().get("/login/oidc").status_code == 404
