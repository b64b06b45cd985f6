"""Coming in by a directory: a real one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import slapd
from make import quick_hash, store
from sqlalchemy import select

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role, User
from tests.web.visitor import PASSWORD

HERS = "four words of hers"

needs_slapd = pytest.mark.skipif(
    slapd.SLAPD is None and os.environ.get("CI") != "true",
    reason="slapd is not installed (apt install slapd)",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    where: Path = tmp_path_factory.mktemp("slapd")
    with slapd.directory(where) as url:
        yield url


def use(app, url: str, **more: object) -> None:
    given = {
        "ldap_uri": url,
        "ldap_starttls": False,
        "ldap_bind_dn": slapd.READER,
        "ldap_bind_password": slapd.READER_PASSWORD,
        "ldap_search_dn": "ou=people,dc=example,dc=org",
        "ldap_group_dn": "ou=groups,dc=example,dc=org",
        "ldap_roles": (("staff", "support"), ("*", "driver")),
    }
    app.extensions["settings"] = replace(app.extensions["settings"], **(given | more))


def log_in(visitor, username: str, password: str) -> int:
    return visitor().post("/login", {"username": username, "password": password}).status_code


@pytest.mark.seed("000", "OIDC and LDAP")
@needs_slapd
def test_somebody_of_the_directory_comes_in_with_their_groups_role(visitor, app, session, site, url):
    use(app, url)
    browser = visitor()
    assert browser.post("/login", {"username": "marta", "password": HERS}).status_code == 302
    assert browser.get("/chargers").status_code == 200
    session.rollback()
    made = session.scalar(select(User).where(User.username == "marta"))
    assert (made.role, made.email, made.last_name) == (Role.SUPPORT, "marta@example.org", "Ruiz")
    assert made.password_hash == ""
    assert log_in(visitor, "MARTA", HERS) == 302
    given = {"username": "marta", "password": HERS}
    assert app.test_client().post("/api/v1/token", json=given).status_code == 200


@needs_slapd
@pytest.mark.parametrize(
    ("username", "password"),
    [("marta", "wrong"), ("marta", ""), ("*", HERS), ("marta)(uid=*", HERS), ("", HERS)],
)
def test_what_is_not_theirs_lets_nobody_in(visitor, app, session, site, url, username, password):
    use(app, url)
    assert log_in(visitor, username, password) == 422


def test_users_of_ours_come_in_when_the_directory_is_away(visitor, app, session, site):
    use(app, "ldap://127.0.0.1:9")
    accounts.create_user(session, "olga", quick_hash(PASSWORD), Role.OWNER, at=clock.now())
    store(session)
    assert log_in(visitor, "olga", PASSWORD) == 302
    assert log_in(visitor, "marta", HERS) == 422


@needs_slapd
def test_without_tls_where_it_is_asked_for_no_password_goes_out(visitor, app, session, site, url):
    use(app, url, ldap_starttls=True)
    assert log_in(visitor, "marta", HERS) == 422
