"""Who may log in, and as what. The owner's alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from flask import url_for
from pydantic import Field, StringConstraints
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from csms import clock, letters
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.entrance import stored_password
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import accounts, sites
from csms.domain.accounts import LogIn, Role, User, UserSite, logins, queries
from csms.domain.base import NotFound
from csms.domain.sites import Site
from csms.extensions import db

Password = Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)]
NAMES = (
    "first_name",
    "last_name",
    "phone_number",
    "language",
    "time_zone",
    "image",
    "sockets",
    "tariff_preference",
)


class UserQuery(Listing):
    q: str | None = Field(None, max_length=80, description="part of the user name or the e-mail address")
    role: Role | None = None
    email: str | None = Field(None, max_length=254)


class ProfileChange(In):
    """Only what is given is changed; null empties it."""

    first_name: str | None = Field(None, max_length=80)
    last_name: str | None = Field(None, max_length=80)
    phone_number: str | None = Field(None, max_length=20, examples=["+52 81 5550 0100"])
    language: str | None = Field(None, max_length=8, examples=["es"])
    time_zone: str | None = Field(None, max_length=64, examples=["Europe/Madrid"])
    image: str | None = Field(None, max_length=300, description="where their picture is; kept, never fetched")
    sockets: list[Annotated[str, StringConstraints(max_length=40)]] | None = Field(
        None, max_length=20, examples=[["IEC_62196_T2"]]
    )
    tariff_preference: Decimal | None = Field(None, description="what they would pay for a kWh")
    email: str | None = Field(None, max_length=254)


class UserChange(ProfileChange):
    sites: list[str] | None = Field(
        None, max_length=1000, description="uuids of a site host's sites: all they see"
    )
    role: Role | None = None
    account_id: int | None = None
    is_enabled: bool | None = Field(None, description="false: every log-in of theirs ends at once")
    password: Password | None = None


class NewUser(ProfileChange):
    username: str = Field(min_length=1, max_length=80)
    role: Role
    account_id: int | None = None
    sites: list[str] | None = Field(
        None, max_length=1000, description="uuids of a site host's sites: all they see"
    )
    password: Password | None = Field(None, description="absent: they come in by other ways")
    is_invited: bool = Field(False, description="send them a link under which they choose a password")


class UserOut(Out):
    id: int
    username: str
    first_name: str | None
    last_name: str | None
    email: str | None
    email_verified_at: datetime | None
    phone_number: str | None
    role: Role
    account_id: int | None
    sites: list[str] = Field(description="uuids of a site host's sites")
    is_enabled: bool
    has_password: bool
    language: str | None
    time_zone: str | None
    image: str | None
    sockets: list[str]
    tariff_preference: Decimal | None
    created_at: datetime
    last_login_at: datetime | None


class UserList(Out):
    data: list[UserOut]
    next_cursor: str | None


class LogInOut(Out):
    """A browser that is logged in."""

    id: int
    way: str
    address: str | None
    agent: str | None
    begun_at: datetime
    seen_at: datetime


class LogInList(Out):
    data: list[LogInOut]


def shown(user: User) -> UserOut:
    theirs = select(Site.uuid).join(UserSite, UserSite.site_id == Site.id).where(UserSite.user_id == user.id)
    return UserOut.of(
        user,
        has_password=bool(user.password_hash),
        sockets=user.sockets or [],
        sites=list(db.session.scalars(theirs.order_by(Site.id))) if user.role is Role.SITE_HOST else [],
    )


def wanted(query: UserQuery) -> Select[User]:
    found = select(User)
    if query.q:
        columns = (User.username, User.email)
        found = found.where(or_(*(x.icontains(query.q, autoescape=True) for x in columns)))
    if query.role is not None:
        found = found.where(User.role == query.role)
    if query.email is not None:
        found = found.where(User.email_folded == accounts.folded_email(query.email))
    return found


@blueprint.get("/users")
@spec.validate(resp=answers(200, UserList), tags=["users"], operation_id="listUsers")
@needs(Scope.OWN)
def list_users(query: UserQuery) -> Any:
    """Users in the order in which they came."""
    found = page(db.session(), wanted(query), (User.id,), query)
    return UserList(data=[shown(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.post("/users")
@spec.validate(resp=answers(201, UserOut), tags=["users"], operation_id="addUser")
@needs(Scope.OWN)
def add_user(json: NewUser) -> Any:
    """Add a user: with a password, or with an invitation by mail, or to come in from elsewhere."""
    stored = stored_password(json.password) if json.password is not None else None
    at = clock.now()
    with unit() as session:
        _check_account(session, json.account_id)
        user = accounts.create_user(
            session, json.username, stored, json.role, at=at, email=json.email, account_id=json.account_id
        )
        apply_profile(user, json)
        _set_sites(session, user, json.sites)
        if json.is_invited:
            letters.invitation(session, user, at=at)
        guard.audit(session, "user.add", user.username, user.role.value)
        added = shown(user)
    return added, 201, {"Location": url_for("api.show_user", user_id=added.id)}


@blueprint.get("/users/<int:user_id>")
@spec.validate(resp=answers(200, UserOut), tags=["users"], operation_id="getUser")
@needs(Scope.OWN)
def show_user(user_id: int) -> UserOut:
    """One user."""
    return shown(queries.user(db.session(), user_id))


@blueprint.patch("/users/<int:user_id>")
@spec.validate(resp=answers(200, UserOut), tags=["users"], operation_id="changeUser")
@needs(Scope.OWN)
def change_user(user_id: int, json: UserChange) -> UserOut:
    """Change a user. The last owner stays one."""
    stored = stored_password(json.password) if json.password is not None else None
    with unit() as session:
        user = queries.user(session, user_id)
        apply(session, user, json, stored)
        guard.audit(session, "user.change", user.username, ", ".join(sorted(json.model_fields_set)))
        session.flush()
        return shown(user)


@blueprint.delete("/users/<int:user_id>")
@spec.validate(resp=answers(204, None), tags=["users"], operation_id="removeUser")
@needs(Scope.OWN)
def remove_user(user_id: int) -> tuple[str, int]:
    """Remove a user; their account with its bills stays."""
    with unit() as session:
        user = queries.user(session, user_id)
        accounts.remove_user(session, user, at=clock.now())
        guard.audit(session, "user.remove", user.username)
    return "", 204


@blueprint.post("/users/<int:user_id>/invitation")
@spec.validate(resp=answers(202, UserOut), tags=["users"], operation_id="inviteUser")
@needs(Scope.OWN)
def invite_user(user_id: int) -> Any:
    """Send them a link under which they choose a password. Older ones work no more."""
    with unit() as session:
        user = queries.user(session, user_id)
        letters.invitation(session, user, at=clock.now())
        guard.audit(session, "user.invited", user.username)
        return shown(user), 202


@blueprint.post("/users/<int:user_id>/log-out")
@spec.validate(resp=answers(204, None), tags=["users"], operation_id="logOutUser")
@needs(Scope.OWN)
def log_out_user(user_id: int) -> tuple[str, int]:
    """End every log-in and every token of theirs."""
    with unit() as session:
        user = queries.user(session, user_id)
        accounts.put_out(session, user, at=clock.now())
        guard.audit(session, "user.put_out", user.username)
    return "", 204


@blueprint.get("/users/<int:user_id>/log-ins")
@spec.validate(resp=answers(200, LogInList), tags=["users"], operation_id="listLogIns")
@needs(Scope.OWN)
def list_log_ins(user_id: int) -> LogInList:
    """The browsers in which they are logged in, the last seen first."""
    user = queries.user(db.session(), user_id)
    found: list[LogIn] = list(logins.running(db.session(), user.id, at=clock.now()))
    return LogInList(data=[LogInOut.of(x) for x in found])


def apply(session: Session, user: User, json: UserChange, stored: str | None) -> None:
    """What was given. Raises Invalid, NotFound and Refused."""
    given, at = json.model_fields_set, clock.now()
    if "account_id" in given:
        _check_account(session, json.account_id)
        user.account_id = json.account_id
    if json.role is not None and json.role is not user.role:
        accounts.change_role(session, user, json.role)
    if json.is_enabled is not None and json.is_enabled != user.is_enabled:
        accounts.enable_user(session, user, is_enabled=json.is_enabled, at=at)
    if "email" in given and accounts.folded_email(json.email or "") != (user.email_folded or ""):
        accounts.set_email(session, user, json.email, verified_at=at)
    if stored is not None:
        accounts.change_password(session, user, stored, at=at)
    apply_profile(user, json)
    _set_sites(session, user, json.sites)


def _set_sites(session: Session, user: User, uuids: list[str] | None) -> None:
    if uuids is not None:
        accounts.set_sites(session, user, [sites.by_uuid(session, x).id for x in uuids])


def apply_profile(user: User, json: ProfileChange) -> None:
    """Raises Invalid."""
    given = {x: getattr(json, x) for x in NAMES if x in json.model_fields_set}
    if "sockets" in given:
        given["sockets"] = tuple(given["sockets"] or ())
    accounts.change_profile(user, replace(accounts.profile_of(user), **given))


def _check_account(session: Session, account_id: int | None) -> None:
    if account_id is not None and session.get(accounts.Account, account_id) is None:
        raise NotFound("There is no such account.")
