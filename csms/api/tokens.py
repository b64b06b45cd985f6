"""Access tokens for a user name and a password, and refresh tokens that work once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import gevent
from flask import current_app, request
from flask_jwt_extended import create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from csms import clock, letters, masks, signing_in
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.scopes import needs
from csms.api.shapes import In, Out, answers
from csms.domain import accounts
from csms.domain.accounts import User
from csms.extensions import db, limiter
from csms.work import atomic

SIGN_UPS = RateLimitItemPerHour(10)  # by address
FAILURES = RateLimitItemPerMinute(5, 15)  # by account and address: neither locks the other out

CARD_FAILURES = RateLimitItemPerMinute(10, 15)  # by address
ALL_CARD_FAILURES = RateLimitItemPerHour(600)  # of all addresses together: cards' numbers are short


class Credentials(In):
    """`code`: of the authenticator, for those who have a second factor."""

    username: str = Field(max_length=80)
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]
    code: str | None = Field(None, max_length=40)


class NewDriver(In):
    username: str = Field(max_length=80)
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]
    email: str | None = Field(None, max_length=254)


class Card(In):
    uid: str = Field(min_length=1, max_length=36, examples=["04A2B39F"])


class Refresh(In):
    refresh: str = Field(max_length=100)


class Token(In):
    token: str = Field(max_length=4000)


class TokenPair(Out):
    """`access` is a JWT, good for `expires_in_s`; `refresh` works once, and is answered by the next one."""

    access: str
    refresh: str
    token_type: str = "Bearer"  # noqa: S105  a word of RFC 6750
    expires_in_s: int


@blueprint.post("/token")
@spec.validate(resp=answers(200, TokenPair), tags=["tokens"], security={}, operation_id="obtainToken")
@needs()
def obtain_token(json: Credentials) -> TokenPair:
    """Log in: an access token and a refresh token."""
    return log_in(json)


@blueprint.post("/token/card")
@spec.validate(resp=answers(200, TokenPair), tags=["tokens"], security={}, operation_id="obtainTokenByCard")
@needs()
def obtain_token_by_card(json: Card) -> TokenPair:
    """Log in with the number of a driver's card, where that is let (`CSMS_CARD_LOGIN`): to one's own account only."""
    at = clock.now()
    driver = driver_of_card(json.uid)
    with atomic() as session:
        user = session.get_one(User, driver.id)
        user.last_login_at = at
        _note(session, user.username, "log_in.card")
        refresh = accounts.issue_refresh(session, user, at=at, ttl=_refresh_lifetime())
        return _pair(session, user, refresh)


def driver_of_card(uid: str) -> User:
    """The driver who may come in with this card. Raises a Problem: 401, 403, or 429 after too many failures."""
    if not current_app.extensions["settings"].card_login:
        raise Problem(403, "Here nobody logs in with a card.", "forbidden")
    address = request.remote_addr or ""
    tries = ((CARD_FAILURES, ("card-failure", address)), (ALL_CARD_FAILURES, ("card-failure",)))
    for limit, keys in tries:
        if limiter.enabled and not limiter.limiter.test(limit, *keys):
            raise guard.too_many(limit, *keys)
    user = accounts.driver_of_card(db.session(), uid, at=clock.now())
    if user is None:
        for limit, keys in tries:
            guard.hit(limit, *keys)
        with atomic() as session:
            _note(session, masks.card(uid[:36]), "login.failed")
        raise Problem(401, "This card opens no driver's account.", "bad_card")
    if accounts.factor_of(db.session(), user.id) is not None or accounts.must_set_up(
        db.session(), user, "card"
    ):
        raise Problem(
            403, "This driver logs in with a second factor, and so not with a card.", "second_factor"
        )
    return user


def log_in(json: Credentials) -> TokenPair:
    """The tokens for a name and a password. Raises a Problem: 401, or 429 after five failures."""
    keys = ("token-failure", json.username.casefold(), request.remote_addr or "")
    if limiter.enabled and not limiter.limiter.test(FAILURES, *keys):
        raise guard.too_many(FAILURES, *keys)
    known = signing_in.user_of(json.username, json.password)
    if known is None:
        guard.hit(FAILURES, *keys)
        with atomic() as session:
            _note(session, json.username[:80], "login.failed")
        raise Problem(401, "The user name or the password is wrong.", "bad_credentials")
    check_factor(known, json.code)
    with atomic() as session:
        user = session.get(User, known.id)
        if user is None:  # removed while the password was being looked at
            raise Problem(401, "The user name or the password is wrong.", "bad_credentials")
        user.last_login_at = clock.now()
        _note(session, user.username, "login")
        return issue(session, user)


def check_factor(user: User, code: str | None) -> None:
    """Ask for the second factor of those who have one. Raises a Problem: 401, 403, or 429 after five wrong codes."""
    if accounts.factor_of(db.session(), user.id) is None:
        if accounts.must_set_up(db.session(), user, "api"):
            detail = "Your role needs a second factor: log in to the pages and set it up."
            raise Problem(403, detail, "second_factor_missing")
        return
    if not code:
        raise Problem(401, "Give the code of your authenticator too, as code.", "second_factor")
    try:
        is_right = signing_in.shows_code(user, code)
    except signing_in.TooManyCodes:
        limit = signing_in.CODE_FAILURES
        raise guard.too_many(limit, "code-failure", str(user.id)) from None
    if not is_right:
        raise Problem(401, "This is not the code of your authenticator now.", "bad_code")


def issue(session: Session, user: User) -> TokenPair:
    """The tokens of a new log-in."""
    refresh = accounts.issue_refresh(session, user, at=clock.now(), ttl=_refresh_lifetime())
    return _pair(session, user, refresh)


@blueprint.post("/token/refresh")
@spec.validate(resp=answers(200, TokenPair), tags=["tokens"], security={}, operation_id="refreshToken")
@needs()
def refresh_token(json: Refresh) -> TokenPair:
    """Exchange a refresh token for a new pair. One that is used a second time ends all that came of its log-in."""
    return renew(json.refresh)


def renew(refresh: str) -> TokenPair:
    """The tokens for a refresh token. Raises a Problem: 401."""
    with atomic() as session:
        rotated = accounts.rotate_refresh(session, refresh, at=clock.now(), ttl=_refresh_lifetime())
        if rotated is not None:
            return _pair(session, rotated.user, rotated.token)
    raise Problem(401, "The refresh token is not good any more: log in again.", "bad_refresh")


@blueprint.post("/token/verify")
@spec.validate(resp=answers(204, None), tags=["tokens"], security={}, operation_id="verifyToken")
@needs()
def verify_token(json: Token) -> tuple[str, int]:
    """Whether a token, access or refresh, is good now: 204, or 401."""
    verify(json.token)
    return "", 204


def verify(token: str) -> None:
    """Raises a Problem for a token that is not good any more: 401."""
    try:
        claims = decode_token(token)
    except (JWTExtendedException, PyJWTError):
        is_good = accounts.is_refresh_good(db.session(), token, at=clock.now())
    else:
        is_good = guard.caller_of(claims) is not None
    if not is_good:
        raise Problem(401, "The token is invalid or has expired.", "unauthorized")


@blueprint.post("/token/revoke")
@spec.validate(resp=answers(204, None), tags=["tokens"], security={}, operation_id="revokeToken")
@needs()
def revoke_token(json: Refresh) -> tuple[str, int]:
    """Log out: no token of this log-in works any more."""
    with atomic() as session:
        family = accounts.family_of(session, json.refresh)
        if family is not None:
            accounts.revoke_family(session, family, at=clock.now())
    return "", 204


@blueprint.post("/sign-up")
@spec.validate(resp=answers(201, TokenPair), tags=["tokens"], security={}, operation_id="signUp")
@needs()
def sign_up(json: NewDriver) -> Any:
    """Become a driver with an account of one's own, where the installation lets anybody (`CSMS_SIGN_UP`)."""
    return register_driver(json), 201


def register_driver(json: NewDriver) -> TokenPair:
    """A new driver's tokens. Raises a Problem, Invalid or Refused."""
    with new_driver(json) as (session, user):
        return issue(session, user)


@contextmanager
def new_driver(json: NewDriver) -> Generator[tuple[Session, User]]:
    """A new driver, in the unit of work that makes them. Raises a Problem, Invalid or Refused."""
    if not current_app.extensions["settings"].sign_up:
        raise Problem(403, "Here an operator makes new users: ask for one.", "forbidden")
    if not guard.hit(SIGN_UPS, "sign-up", request.remote_addr or ""):
        raise guard.too_many(SIGN_UPS, "sign-up", request.remote_addr or "")
    problem = accounts.password_problem(json.password)
    if problem:
        raise problem
    db.session.remove()
    password_hash: str = gevent.get_hub().threadpool.apply(accounts.hash_password, (json.password,))
    at = clock.now()
    with atomic() as session:
        user = accounts.sign_up(session, json.username, password_hash, at=at, email=json.email)
        letters.verification(session, user, at=at)
        _note(session, user.username, "sign_up")
        yield session, user


def _pair(session: Session, user: User, refresh: str) -> TokenPair:
    """The access token names its log-in, so that it ends with it."""
    settings = current_app.extensions["settings"]
    access = create_access_token(user, additional_claims={"family": accounts.family_of(session, refresh)})
    return TokenPair(access=access, refresh=refresh, expires_in_s=settings.access_token_lifetime_s)


def _refresh_lifetime() -> timedelta:
    lifetime: timedelta = current_app.extensions["settings"].refresh_token_lifetime
    return lifetime


def _note(session: Session, username: str, action: str) -> None:
    accounts.audit(session, username, action, at=clock.now(), address=request.remote_addr, detail="API")
