"""Users, their passwords and what they are let in with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import SETUP, AuditEntry, Role, User, logins
from csms.domain.base import Invalid, Refused

WEEK = timedelta(days=7)


@pytest.fixture
def olga(session: Session) -> User:
    return accounts.create_user(session, " Olga ", "hash", Role.OPERATOR, at=NOW, email="olga@example.org")


def test_a_user_is_found_without_case_and_blanks(session: Session, olga: User) -> None:
    assert accounts.find_user(session, "oLGA ") is olga
    assert accounts.find_user(session, "nobody") is None


def log_in(session: Session, user: User) -> str:
    return accounts.begin_log_in(session, user, "log_in", address="192.0.2.1", agent="Firefox/1", at=NOW)


@pytest.mark.parametrize("name", ["", "  ", "two words", "a" * 81, "tab\tname", "nul\x00"])
def test_a_name_that_cannot_be_typed_is_invalid(session: Session, name: str) -> None:
    with pytest.raises(Invalid):
        accounts.create_user(session, name, "hash", Role.DRIVER, at=NOW)


def test_a_name_is_taken_once(session: Session, olga: User) -> None:
    with pytest.raises(Refused):
        accounts.create_user(session, "OLGA", "hash", Role.DRIVER, at=NOW)


def test_set_up_is_needed_until_there_is_a_user(session: Session) -> None:
    assert accounts.needs_setup(session)
    accounts.create_user(session, "olga", "hash", Role.OWNER, at=NOW)
    assert not accounts.needs_setup(session)


@pytest.mark.parametrize(
    "text", ["short", "a" * 12, "Password1234", "qwertyuiop12", "123456789012", "x" * 201]
)
def test_a_bad_password_is_told_why(text: str) -> None:
    assert accounts.password_problem(text)


@pytest.mark.parametrize("text", ["four words are enough", "ключ от гаража", "  blanks count "])
def test_any_characters_make_a_password(text: str) -> None:
    assert accounts.password_problem(text) is None


def test_a_password_matches_its_hash_and_nobody_matches_none() -> None:
    stored = accounts.hash_password("four words are enough")
    assert accounts.password_matches(stored, "four words are enough")
    assert not accounts.password_matches(stored, "four words are enough ")
    assert not accounts.password_matches(None, "")
    assert not accounts.password_matches("no hash at all", "x")


def test_a_new_password_ends_log_ins_and_refresh_tokens(session: Session, olga: User) -> None:
    key, token = log_in(session, olga), accounts.issue_refresh(session, olga, at=NOW, ttl=WEEK)
    version = olga.login_key
    accounts.change_password(session, olga, "another", at=NOW)
    assert accounts.log_in_of(session, key) is None
    assert olga.login_key != version  # with which access tokens end
    assert accounts.rotate_refresh(session, token, at=NOW, ttl=WEEK) is None


def test_a_disabled_user_has_no_log_in(session: Session, olga: User) -> None:
    key = log_in(session, olga)
    found = accounts.log_in_of(session, key)
    assert found is not None
    assert found[1] is olga
    olga.is_enabled = False
    assert accounts.log_in_of(session, key) is None


def test_a_link_works_once_and_in_time(session: Session) -> None:
    token = accounts.issue_link(session, SETUP, at=NOW, ttl=timedelta(minutes=30))
    late = NOW + timedelta(minutes=30)
    assert accounts.is_link_good(session, SETUP, token, at=NOW)
    assert not accounts.use_link(session, SETUP, token, at=late)
    assert not accounts.use_link(session, "another purpose", token, at=NOW)
    assert accounts.use_link(session, SETUP, token, at=NOW)
    assert not accounts.use_link(session, SETUP, token, at=NOW)


def test_a_new_link_takes_the_place_of_the_old(session: Session) -> None:
    old = accounts.issue_link(session, SETUP, at=NOW, ttl=WEEK)
    accounts.issue_link(session, SETUP, at=NOW, ttl=WEEK)
    assert not accounts.use_link(session, SETUP, old, at=NOW)


def test_refresh_tokens_rotate_and_end_as_a_family(session: Session, olga: User) -> None:
    first = accounts.issue_refresh(session, olga, at=NOW, ttl=WEEK)
    other = accounts.issue_refresh(session, olga, at=NOW, ttl=WEEK)
    second = accounts.rotate_refresh(session, first, at=NOW, ttl=WEEK)
    assert second is not None
    assert second.user is olga
    assert accounts.rotate_refresh(session, first, at=NOW, ttl=WEEK) is None
    assert accounts.rotate_refresh(session, second.token, at=NOW, ttl=WEEK) is None
    assert accounts.rotate_refresh(session, other, at=NOW, ttl=WEEK) is not None


def test_a_refresh_token_ends_by_itself(session: Session, olga: User) -> None:
    token = accounts.issue_refresh(session, olga, at=NOW, ttl=WEEK)
    assert accounts.rotate_refresh(session, token, at=NOW + WEEK, ttl=WEEK) is None


def test_what_was_done_is_kept(session: Session) -> None:
    accounts.audit(session, "olga", "login", at=NOW, address="192.0.2.1", subject="door", detail="x" * 600)
    store(session)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.action, entry.address, entry.subject) == ("olga", "login", "192.0.2.1", "door")
    assert len(entry.detail or "") == 500


def test_one_log_in_ends_and_the_others_go_on(session: Session, olga: User) -> None:
    here, there = log_in(session, olga), log_in(session, olga)
    accounts.end_log_in(session, here, at=NOW)
    assert accounts.log_in_of(session, here) is None
    assert [x.ended_at for x in logins.running(session, olga.id, at=NOW)] == [None]
    assert accounts.log_in_of(session, there) is not None


def test_a_users_link_works_for_the_address_that_it_was_sent_to(session: Session, olga: User) -> None:
    token = accounts.issue_link(session, accounts.PASSWORD, at=NOW, ttl=WEEK, user=olga)
    accounts.set_email(session, olga, "other@example.org", verified_at=None)
    assert accounts.use_user_link(session, accounts.PASSWORD, token, at=NOW) is None
    token = accounts.issue_link(session, accounts.PASSWORD, at=NOW, ttl=WEEK, user=olga)
    assert accounts.use_user_link(session, accounts.PASSWORD, token, at=NOW) is olga
    assert accounts.use_user_link(session, accounts.PASSWORD, token, at=NOW) is None
    assert olga.email_verified_at == NOW


def test_who_signed_up_with_an_address_of_another_is_out_when_that_one_comes(session: Session) -> None:
    user = accounts.sign_up(session, "mallory", "known to mallory", at=NOW, email="marta@example.org")
    key = log_in(session, user)
    token = accounts.issue_link(session, accounts.SIGN_IN, at=NOW, ttl=WEEK, user=user)
    assert accounts.use_user_link(session, accounts.SIGN_IN, token, at=NOW) is user
    assert (user.password_hash, accounts.log_in_of(session, key)) == ("", None)


def test_an_address_is_one_users(session: Session, olga: User) -> None:
    with pytest.raises(Refused):
        accounts.create_user(session, "marta", "hash", Role.DRIVER, at=NOW, email="OLGA@example.org")
    with pytest.raises(Invalid):
        accounts.create_user(session, "marta", "hash", Role.DRIVER, at=NOW, email="no address")


def test_the_last_owner_stays(session: Session, olga: User) -> None:
    olga.role = Role.OWNER
    for end in (
        lambda: accounts.enable_user(session, olga, is_enabled=False, at=NOW),
        lambda: accounts.change_role(session, olga, Role.SUPPORT),
        lambda: accounts.remove_user(session, olga, at=NOW),
    ):
        with pytest.raises(Refused):
            end()
    accounts.create_user(session, "marta", "hash", Role.OWNER, at=NOW)
    log_in(session, olga)
    accounts.remove_user(session, olga, at=NOW)
    assert accounts.find_user(session, "olga") is None
