"""One's own user."""

from __future__ import annotations

from typing import Any

import gevent
from pydantic import Field

from csms import clock, letters
from csms.api import guard, tokens
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.entrance import stored_password
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, answers
from csms.api.tokens import TokenPair
from csms.api.users import Password, ProfileChange, UserOut, apply_profile, shown
from csms.domain import accounts
from csms.domain.accounts import User, queries
from csms.domain.base import Invalid
from csms.extensions import db


class PasswordChange(In):
    old: Password = Field("", description="the password now, where there is one")
    password: Password


@blueprint.get("/me")
@spec.validate(resp=answers(200, UserOut), tags=["users"], operation_id="getMe")
@needs(Scope.SELF)
def show_me() -> UserOut:
    """Whose token it is."""
    return shown(_me())


@blueprint.patch("/me")
@spec.validate(resp=answers(200, UserOut), tags=["users"], operation_id="changeMe")
@needs(Scope.SELF)
def change_me(json: ProfileChange) -> UserOut:
    """Change one's profile. Whether a new e-mail address is one's own is asked by mail."""
    with unit() as session:
        user = queries.user(session, guard.caller().user_id)
        if "email" in json.model_fields_set:
            change_own_email(user, json.email)
        apply_profile(user, json)
        guard.audit(session, "profile.change", user.username, ", ".join(sorted(json.model_fields_set)))
        session.flush()
        return shown(user)


def change_own_email(user: User, email: str | None) -> None:
    """Raises Invalid and Refused."""
    session = db.session()
    if accounts.folded_email(email or "") != (user.email_folded or ""):
        accounts.set_email(session, user, email, verified_at=None)
        letters.verification(session, user, at=clock.now())


@blueprint.post("/me/password")
@spec.validate(resp=answers(200, TokenPair), tags=["users"], operation_id="changeMyPassword")
@needs(Scope.SELF)
def change_my_password(json: PasswordChange) -> Any:
    """A new password: every log-in ends, and every token but those of the answer."""
    stored_now = _me().password_hash
    db.session.remove()
    pool = gevent.get_hub().threadpool
    if stored_now and not pool.apply(accounts.password_matches, (stored_now, json.old)):
        raise Invalid("This is not your password.", "old")
    stored = stored_password(json.password)
    with unit() as session:
        user = queries.user(session, guard.caller().user_id)
        accounts.change_password(session, user, stored, at=clock.now())
        guard.audit(session, "password.change", user.username)
        return tokens.issue(session, user)


def _me() -> User:
    return queries.user(db.session(), guard.caller().user_id)
