"""Cards: `/api/idtag/`. `revoked` is what a blocked card is here; `user` the user whose account it belongs to."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from csms import clock, masks
from csms.api import guard, queries
from csms.api.scopes import Scope
from csms.compat.door import Wrong, body, needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import exact, listed, only_fields
from csms.domain import accounts, removal
from csms.domain.accounts import IdToken, User
from csms.domain.base import Invalid, Refused
from csms.extensions import db
from csms.work import atomic


class IdTagBody(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    id_token: str = Field(
        min_length=1,
        max_length=20,
        validation_alias=AliasChoices("idToken", "id_token"),
        examples=["04A1B2C3"],
    )
    friendly_name: str | None = Field(None, max_length=80)
    expiry_date: bodies.Moment | None = None
    revoked: bool = False
    user: str | None = Field(None, description="a user name")


@blueprint.get("/api/idtag/", strict_slashes=False)
@needs(Scope.SELF)
def id_tags() -> Response:
    """Cards. Drivers see their own."""
    wanted = queries.id_tokens(account_id=guard.own_account_only()).order_by(IdToken.id)
    asked = exact("username", "friendly_name")
    if "friendly_name" in asked:
        wanted = wanted.where(IdToken.label == asked["friendly_name"])
    if "username" in asked:
        wanted = wanted.where(IdToken.account_id.in_(_account_of(asked["username"])))
    owners: dict[int | None, str] = {}
    for account_id, username in db.session.execute(
        select(User.account_id, User.username).where(User.account_id.is_not(None)).order_by(User.id)
    ):
        owners.setdefault(account_id, username)
    return listed(wanted, lambda rows: [_shown(x, owners.get(x.account_id)) for x in rows])


@blueprint.post("/api/idtag/", strict_slashes=False)
@needs(Scope.ADMIN)
def add_id_tag() -> tuple[Response, int]:
    """Add a card."""
    given = bodies.read(IdTagBody)
    try:
        with atomic() as session:
            account_id = _account(session, given.user)
            token = accounts.add_token(
                session,
                given.id_token,
                at=clock.now(),
                account_id=account_id,
                label=given.friendly_name,
                expires_at=given.expiry_date,
                is_allowed=not given.revoked,
            )
            guard.audit(session, "id_token.added", f"id token {token.id}")
            told = only_fields(_shown(token, given.user))
    except (Invalid, Refused) as error:
        raise Wrong(400, {"idToken": [str(error)]}) from None
    return jsonify(told), 201


@blueprint.get("/api/idtag/<id_token>/", strict_slashes=False)
@needs(Scope.SELF)
def id_tag(id_token: str) -> Response:
    """One card, by its number."""
    token = _found(db.session(), id_token)
    return jsonify(only_fields(_shown(token, _owner(db.session(), token))))


@blueprint.route("/api/idtag/<id_token>/", methods=["PUT", "PATCH"], strict_slashes=False)
@needs(Scope.ADMIN)
def change_id_tag(id_token: str) -> Response:
    """Change a card: PUT all of it, PATCH what is given. Its number stays."""
    asked = body()
    with atomic() as session:
        token = _found(session, id_token)
        before = _shown(token, _owner(session, token)) if request.method == "PATCH" else {}
        given = bodies.read(IdTagBody, before | asked | {"idToken": token.uid})
        accounts.change_token(
            session,
            token,
            label=given.friendly_name,
            account_id=_account(session, given.user) if "user" in asked else token.account_id,
            parent_uid=token.parent_uid,
            expires_at=given.expiry_date,
            is_allowed=not given.revoked,
        )
        guard.audit(session, "id_token.changed", f"id token {token.id}", ", ".join(sorted(asked))[:500])
        session.flush()
        told = only_fields(_shown(token, _owner(session, token)))
    return jsonify(told)


@blueprint.delete("/api/idtag/<id_token>/", strict_slashes=False)
@needs(Scope.ADMIN)
def remove_id_tag(id_token: str) -> tuple[str, int]:
    """Remove a card that was never used; 409 for one that was: revoke it instead."""
    with atomic() as session:
        token = _found(session, id_token)
        removal.remove_card(session, token)
        guard.audit(session, "id_token.removed", f"id token {token.id}")
    return "", 204


add_id_tag.shape = change_id_tag.shape = IdTagBody  # type: ignore[attr-defined]


def _found(session: Session, uid: str) -> IdToken:
    wanted = queries.id_tokens(account_id=guard.own_account_only())
    found = session.scalar(wanted.where(IdToken.uid_folded == uid.strip().casefold()))
    if found is None or not (guard.may(Scope.OPERATE) or not guard.may(Scope.READ)):
        # Whoever sees masked numbers must not find out by trying which there are.
        raise Wrong(404, {"detail": "Not found."})
    return found


def _shown(token: IdToken, owner: str | None) -> dict[str, Any]:
    is_shown = guard.may(Scope.OPERATE) or not guard.may(Scope.READ)  # or it is one's own
    return {
        "idToken": token.uid if is_shown else masks.card(token.uid),
        "friendly_name": token.label,
        "expiry_date": token.expires_at,
        "revoked": not token.is_allowed,
        "user": owner,
    }


def _account_of(username: str) -> Select[Any]:
    return select(User.account_id).where(
        User.username_folded == username.casefold(), User.account_id.is_not(None)
    )


def _account(session: Session, username: str | None) -> int | None:
    """The account of a user. Raises Wrong when there is none."""
    if username is None:
        return None
    found: int | None = session.scalar(_account_of(username))
    if found is None:
        raise Wrong(400, {"user": [f"There is no user {username} with an account."]})
    return found


def _owner(session: Session, token: IdToken) -> str | None:
    owner = select(User.username).where(User.account_id == token.account_id).order_by(User.id).limit(1)
    found: str | None = session.scalar(owner) if token.account_id is not None else None
    return found
