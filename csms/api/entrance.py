"""Coming in by e-mail: links that log in, and new passwords. Nobody learns here who has an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import gevent
from flask import current_app, request
from pydantic import Field, StringConstraints

from csms import clock, letters
from csms.api import guard, tokens
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.scopes import needs
from csms.api.shapes import In, answers
from csms.api.tokens import TokenPair
from csms.domain import accounts
from csms.domain.base import Invalid, Refused
from csms.extensions import db
from csms.work import atomic

Secret = Annotated[str, StringConstraints(max_length=100)]


class Address(In):
    email: str = Field(max_length=254, examples=["marta@example.org"])


class LinkToken(In):
    token: Secret = Field(description="the last part of the link's address")


class SignInToken(LinkToken):
    code: str | None = Field(None, max_length=40, description="of the authenticator, where there is one")


class NewPassword(LinkToken):
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]


@blueprint.post("/sign-in-links")
@spec.validate(resp=answers(202, None), tags=["tokens"], security={}, operation_id="askSignInLink")
@needs()
def ask_sign_in_link(json: Address) -> tuple[str, int]:
    """Send a link that logs in, if somebody has this address: it works once, for 15 minutes."""
    ask(json.email, "link", letters.sign_in_links)
    return "", 202


@blueprint.post("/token/link")
@spec.validate(resp=answers(200, TokenPair), tags=["tokens"], security={}, operation_id="obtainTokenByLink")
@needs()
def obtain_token_by_link(json: SignInToken) -> Any:
    """Tokens for the secret of such a link."""
    at = clock.now()
    known = accounts.user_of_link(db.session(), accounts.SIGN_IN, json.token, at=at)
    if known is not None:
        tokens.check_factor(known, json.code)
    with atomic() as session:
        user = accounts.use_user_link(session, accounts.SIGN_IN, json.token, at=at)
        if user is not None:
            user.last_login_at = at
            accounts.audit(session, user.username, "log_in.link", at=at, address=request.remote_addr)
            return tokens.issue(session, user)
    raise Problem(401, "The link has ended: ask for another one.", "bad_link")


@blueprint.post("/password-links")
@spec.validate(resp=answers(202, None), tags=["tokens"], security={}, operation_id="askPasswordLink")
@needs()
def ask_password_link(json: Address) -> tuple[str, int]:
    """Send a link under which a new password is chosen, if somebody has this address: once, for an hour."""
    ask(json.email, "password", letters.password_links)
    return "", 202


@blueprint.post("/passwords")
@spec.validate(resp=answers(204, None), tags=["tokens"], security={}, operation_id="choosePassword")
@needs()
def choose_password(json: NewPassword) -> tuple[str, int]:
    """Set the password by the secret of such a link. Every log-in and token that was given out before ends."""
    set_password(json.token, json.password)
    return "", 204


def ask(email: str, what: str, send: Callable[..., None]) -> None:
    """Send it, or do as much and send nothing. Raises a Problem after too many."""
    address = request.remote_addr or ""
    if not letters.may_ask(email, address):
        raise guard.too_many(letters.BY_ADDRESS, "letters", address)
    at = clock.now()
    with atomic() as session:
        # The same work for an address that nobody has, so that the time tells nothing either.
        accounts.audit(session, "somebody", f"{what}.asked", at=at, address=address, detail=f"{email[:3]}…")
        try:
            send(session, email, at=at)
        except (Invalid, Refused):
            current_app.logger.info("link_not_sent")  # too many wait for them: the answer must not say so


def set_password(token: str, password: str) -> None:
    """Raises Invalid for a bad password, a Problem for a link that has ended."""
    if accounts.user_of_link(db.session(), accounts.PASSWORD, token, at=clock.now()) is None:
        raise _ended()
    stored, at = stored_password(password), clock.now()
    with atomic() as session:
        user = accounts.use_user_link(session, accounts.PASSWORD, token, at=at)
        if user is not None:
            accounts.change_password(session, user, stored, at=at)
            accounts.audit(session, user.username, "password.used", at=at, address=request.remote_addr)
    if user is None:
        raise _ended()


def stored_password(password: str) -> str:
    """What is stored of it, reckoned off the event loop and without a database connection. Raises Invalid."""
    if problem := accounts.password_problem(password):
        raise problem
    db.session.remove()
    stored: str = gevent.get_hub().threadpool.apply(accounts.hash_password, (password,))
    return stored


def _ended() -> Problem:
    return Problem(422, "The link has ended: ask for another one.", "bad_link")
