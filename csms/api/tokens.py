"""Access tokens for a user name and a password, and refresh tokens that work once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import gevent
from flask import current_app, request
from flask_jwt_extended import create_access_token
from limits import RateLimitItemPerMinute
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from csms import clock
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

FAILURES = RateLimitItemPerMinute(5, 15)  # by account and address: neither locks the other out


class Credentials(In):
    username: str = Field(max_length=80)
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]


class Refresh(In):
    refresh: str = Field(max_length=100)


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
    keys = ("token-failure", json.username.casefold(), request.remote_addr or "")
    if limiter.enabled and not limiter.limiter.test(FAILURES, *keys):
        raise guard.too_many(FAILURES, *keys)
    if not _is_right(json):
        guard.hit(FAILURES, *keys)
        with atomic() as session:
            _note(session, json.username[:80], "login.failed")
        raise Problem(401, "The user name or the password is wrong.", "bad_credentials")
    with atomic() as session:
        user = accounts.find_user(session, json.username)
        if user is None:  # removed while the password was being looked at
            raise Problem(401, "The user name or the password is wrong.", "bad_credentials")
        user.last_login_at = clock.now()
        _note(session, user.username, "login")
        refresh = accounts.issue_refresh(session, user, at=clock.now(), ttl=_refresh_lifetime())
        return _pair(user, refresh)


@blueprint.post("/token/refresh")
@spec.validate(resp=answers(200, TokenPair), tags=["tokens"], security={}, operation_id="refreshToken")
@needs()
def refresh_token(json: Refresh) -> TokenPair:
    """Exchange a refresh token for a new pair. One that is used a second time ends all that came of its log-in."""
    with atomic() as session:
        rotated = accounts.rotate_refresh(session, json.refresh, at=clock.now(), ttl=_refresh_lifetime())
        if rotated is not None:
            return _pair(rotated.user, rotated.token)
    raise Problem(401, "The refresh token is not good any more: log in again.", "bad_refresh")


@blueprint.post("/token/revoke")
@spec.validate(resp=answers(204, None), tags=["tokens"], security={}, operation_id="revokeToken")
@needs()
def revoke_token(json: Refresh) -> tuple[str, int]:
    """Log out: no refresh token of this log-in works any more. An access token ends by itself within minutes."""
    with atomic() as session:
        family = accounts.family_of(session, json.refresh)
        if family is not None:
            accounts.revoke_family(session, family, at=clock.now())
    return "", 204


def _is_right(given: Credentials) -> bool:
    """Look at the password off the event loop, without holding a database connection meanwhile."""
    user = accounts.find_user(db.session(), given.username)
    password_hash = user.password_hash if user is not None and user.is_enabled else None
    db.session.remove()
    pool = gevent.get_hub().threadpool
    matched: bool = pool.apply(accounts.password_matches, (password_hash, given.password))
    return matched


def _pair(user: User, refresh: str) -> TokenPair:
    settings = current_app.extensions["settings"]
    return TokenPair(
        access=create_access_token(user), refresh=refresh, expires_in_s=settings.access_token_lifetime_s
    )


def _refresh_lifetime() -> timedelta:
    lifetime: timedelta = current_app.extensions["settings"].refresh_token_lifetime
    return lifetime


def _note(session: Session, username: str, action: str) -> None:
    accounts.audit(session, username, action, at=clock.now(), address=request.remote_addr, detail="API")
