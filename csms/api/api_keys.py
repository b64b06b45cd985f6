"""API keys, for owners. A key cannot make keys: what has leaked must not be able to make itself at home."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, Self

from flask import g, url_for
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Moment, Out, answers
from csms.domain import accounts, sites
from csms.domain.accounts import ApiKey, KeyScope, Terms, api_keys, queries
from csms.extensions import db


class NewApiKey(In):
    """`site_uuids`: it sees these sites alone. `is_test`: it sees simulated chargers alone. Either: read, operate."""

    name: str = Field(min_length=1, max_length=60, examples=["Billing"])
    scopes: list[KeyScope] = Field(min_length=1, max_length=5, examples=[["read", "operate"]])
    site_uuids: list[str] | None = Field(None, min_length=1, max_length=200)
    is_test: bool = False
    expires_at: Moment | None = Field(None, examples=["2027-12-31T00:00:00Z"])


class ApiKeyChange(In):
    """What is left out stays. `site_uuids` null: all sites; `expires_at` null: until it is revoked."""

    name: str | None = Field(None, min_length=1, max_length=60)
    scopes: list[KeyScope] | None = Field(None, min_length=1, max_length=5)
    site_uuids: list[str] | None = Field(None, min_length=1, max_length=200)
    expires_at: Moment | None = None


class Rotation(In):
    overlap_s: Literal[0, 3600, 86400, 604800] = Field(86400, description="how long the old secret goes on")


class ApiKeyOut(Out):
    """`key_id` is the part of the key that is no secret. `state`: good, expired, revoked, or off with its maker."""

    id: int
    key_id: str
    name: str
    scopes: list[str]
    site_uuids: list[str] | None
    is_test: bool
    state: str
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    old_until: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None

    @classmethod
    def of(cls, row: object, **given: Any) -> Self:
        assert isinstance(row, ApiKey)  # noqa: S101  narrows the type
        site_uuids = [x.uuid for x in row.sites] if row.is_site_bound else None
        return super().of(
            row, site_uuids=site_uuids, state=row.state(clock.now()), made_by=row.user.username, **given
        )


class ApiKeySecret(ApiKeyOut):
    """`key` is told this once."""

    key: str


class ApiKeyList(Out):
    data: list[ApiKeyOut]


@blueprint.get("/api-keys")
@spec.validate(resp=answers(200, ApiKeyList), tags=["api keys"], operation_id="listApiKeys")
@needs(Scope.OWN)
def list_api_keys() -> ApiKeyList:
    """Every key, those in use first."""
    return ApiKeyList(data=[ApiKeyOut.of(x) for x in api_keys.keys(db.session())])


@blueprint.post("/api-keys")
@spec.validate(resp=answers(201, ApiKeySecret), tags=["api keys"], operation_id="addApiKey")
@needs(Scope.OWN)
def add_api_key(json: NewApiKey) -> Any:
    """A new key, that acts for whoever makes it. The answer has its text."""
    _refuse_keys()
    g.answer_is_secret = True
    with unit() as session:
        user = queries.user(session, guard.caller().user_id)
        site_ids = _ids(session, json.site_uuids)
        terms = Terms(json.name, json.scopes, site_ids, json.is_test, json.expires_at)
        key, text = accounts.make_key(session, user, terms, at=clock.now())
        guard.audit(session, "api_key.added", key.name, f"{key.key_id}: {', '.join(key.scopes)}")
        told = ApiKeySecret.of(key, key=text)
    return told, 201, {"Location": url_for("api.show_api_key", api_key_id=told.id)}


@blueprint.get("/api-keys/<int:api_key_id>")
@spec.validate(resp=answers(200, ApiKeyOut), tags=["api keys"], operation_id="getApiKey")
@needs(Scope.OWN)
def show_api_key(api_key_id: int) -> ApiKeyOut:
    """One key, without its secret."""
    return ApiKeyOut.of(api_keys.key(db.session(), api_key_id))


@blueprint.patch("/api-keys/<int:api_key_id>")
@spec.validate(resp=answers(200, ApiKeyOut), tags=["api keys"], operation_id="changeApiKey")
@needs(Scope.OWN)
def change_api_key(api_key_id: int, json: ApiKeyChange) -> ApiKeyOut:
    """Another name, other scopes and sites, another end; its secret stays."""
    _refuse_keys()
    given = json.model_fields_set
    with unit() as session:
        key = api_keys.key(session, api_key_id)
        site_ids = [x.id for x in key.sites] if key.is_site_bound else None
        if "site_uuids" in given:
            site_ids = _ids(session, json.site_uuids)
        terms = Terms(
            json.name or key.name,
            json.scopes or [KeyScope(x) for x in key.scopes],
            site_ids,
            expires_at=json.expires_at if "expires_at" in given else key.expires_at,
        )
        accounts.change_key(session, key, terms, at=clock.now())
        guard.audit(session, "api_key.changed", key.name, f"{key.key_id}: {', '.join(key.scopes)}")
        return ApiKeyOut.of(key)


@blueprint.post("/api-keys/<int:api_key_id>/rotate")
@spec.validate(resp=answers(200, ApiKeySecret), tags=["api keys"], operation_id="rotateApiKey")
@needs(Scope.OWN)
def rotate_api_key(api_key_id: int, json: Rotation) -> ApiKeySecret:
    """A new secret; the old one goes on for a while, so that no program stops in between."""
    _refuse_keys()
    g.answer_is_secret = True
    with unit() as session:
        key = api_keys.key(session, api_key_id)
        text = accounts.rotate_key(session, key, timedelta(seconds=json.overlap_s), at=clock.now())
        guard.audit(session, "api_key.rotated", key.name, key.key_id)
        return ApiKeySecret.of(key, key=text)


@blueprint.delete("/api-keys/<int:api_key_id>")
@spec.validate(resp=answers(204, None), tags=["api keys"], operation_id="revokeApiKey")
@needs(Scope.OWN)
def revoke_api_key(api_key_id: int) -> tuple[str, int]:
    """It opens nothing any more, at once and for good."""
    with unit() as session:
        key = api_keys.key(session, api_key_id)
        accounts.revoke_key(session, key, at=clock.now())
        guard.audit(session, "api_key.revoked", key.name, key.key_id)
    return "", 204


def _ids(session: Session, uuids: list[str] | None) -> list[int] | None:
    return None if uuids is None else [sites.by_uuid(session, x).id for x in uuids]


def _refuse_keys() -> None:
    if guard.caller().key is not None:
        raise Problem(403, "A key cannot make, change or renew keys: log in for it.", "forbidden")
