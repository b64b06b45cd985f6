"""A name and a password, those of a user here or of somebody in the directory; a card and its PIN; and the code of a
second factor."""

from __future__ import annotations

import logging
from base64 import b32decode

import gevent
from flask import current_app
from limits import RateLimitItemPerMinute

from csms import clock, directory
from csms.directory import DirectoryDown
from csms.domain import accounts
from csms.domain.accounts import Person, SecondFactor, User, factors
from csms.domain.base import Refused
from csms.extensions import db, limiter
from csms.seal import Unreadable
from csms.work import atomic

log = logging.getLogger(__name__)

CODE_FAILURES = RateLimitItemPerMinute(5, 15)  # of one user, from wherever: codes are short


class TooManyCodes(Exception):
    """Five codes were wrong within 15 minutes: no other is looked at for now."""


def user_of(username: str, password: str) -> User | None:
    """The user if the password is right. An unknown name takes as long, off the event loop either way.

    Users with a password here never depend on the directory: when it is down they come in still.
    """
    user = accounts.find_user(db.session(), username)
    stored = user.password_hash if user else None
    db.session.remove()  # no connection is held while the hash is reckoned
    if gevent.get_hub().threadpool.apply(accounts.password_matches, (stored, password)):
        return _of_ours(username, stored, password)
    settings = current_app.extensions["settings"]
    if not settings.has_ldap:
        return None
    try:
        person = directory.person(settings, username, password)
        return None if person is None else admit(person, settings.ldap_roles)
    except DirectoryDown as error:
        log.warning("directory_down", extra={"error": str(error)})
    except Refused as error:
        log.info("person_refused", extra={"reason": str(error)})
    return None


def _of_ours(username: str, stored: str | None, password: str) -> User | None:
    """Our own user, whose password is right. A hash that another system made gives way to ours."""
    fresh = gevent.get_hub().threadpool.apply(accounts.fresh_hash, (stored, password)) if stored else None
    found = accounts.find_user(db.session(), username)
    if found is None or not found.is_enabled:
        return None
    if fresh is not None:
        with atomic():
            found.password_hash = fresh
    return found


def shows_code(user: User, code: str) -> bool:
    """Is this the code of the user's second factor now, or a recovery code? It is used up. Raises TooManyCodes."""
    user_id = user.id
    tries = ("code-failure", str(user_id))
    if limiter.enabled and not limiter.limiter.test(CODE_FAILURES, *tries):
        raise TooManyCodes
    with atomic() as session:
        factor = accounts.factor_of(session, user_id)
        is_right = factor is not None and factors.passes(
            session, factor, secret_of(factor), code, at=clock.now()
        )
    if not is_right and limiter.enabled:
        limiter.limiter.hit(CODE_FAILURES, *tries)
    return is_right


def secret_of(factor: SecondFactor) -> bytes | None:
    """What the authenticator stands on; None if it cannot be read, as SECRET_KEY has changed."""
    try:
        return b32decode(current_app.extensions["seal"].open(factor.secret_sealed))
    except Unreadable:
        log.warning("second_factor_unreadable", extra={"user": factor.user_id})
        return None


def admit(person: Person, roles: tuple[tuple[str, str], ...]) -> User:
    """The user of somebody whom another system knows. Raises Refused."""
    at = clock.now()
    with atomic() as session:
        user = accounts.come_in(session, person, accounts.role_by_groups(person.groups, roles), at=at)
        accounts.audit(session, user.username, "identity.known", at=at, subject=person.issuer[:120])
    return user


def driver_of_card(uid: str, pin: str) -> User | None:
    """The driver whose account the card is of, if its PIN is right."""
    if not is_pin_right(uid, pin):
        return None
    return accounts.driver_of_card(db.session(), uid, at=clock.now(), is_proved=True)


def is_pin_right(uid: str, pin: str) -> bool:
    """Is it the card's? Counted before it is looked at. For no card, or one without a PIN, it takes as long, and
    none is right."""
    with atomic() as session:
        token = accounts.find_token(session, uid)
        may_try = token is not None and accounts.begin_pin_try(session, token, at=clock.now())
        stored = token.pin_hash if token is not None and may_try else None
    db.session.remove()  # no connection is held while the hash is reckoned
    if not gevent.get_hub().threadpool.apply(accounts.password_matches, (stored, pin)):
        return False
    with atomic() as session:
        token = accounts.find_token(session, uid)
        if token is None or token.pin_hash != stored:
            return False
        accounts.note_pin_right(token)
    return True
