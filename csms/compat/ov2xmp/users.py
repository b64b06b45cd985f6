"""People: `/api/user/`, with their profiles; `/api/user/create/` and new passwords; `/api/mailsending/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from flask import Response, current_app, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock, letters
from csms.api import entrance, guard, mails, tokens
from csms.api import users as api
from csms.api.entrance import stored_password
from csms.api.errors import Problem
from csms.api.mails import NewMail
from csms.api.me import change_own_email
from csms.api.scopes import Scope
from csms.api.tokens import NewDriver
from csms.api.users import ProfileChange, UserChange
from csms.compat.door import Wrong, body, needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import exact, listed, only_fields
from csms.domain import accounts
from csms.domain.accounts import Role, User
from csms.domain.base import Invalid, Refused
from csms.extensions import db
from csms.work import atomic

T = TypeVar("T")

Text = Annotated[str, StringConstraints(max_length=200)]
NO_CARDS = "Numbers of payment cards are not kept here: leave this empty."
NO_BOOKING = "Credit is booked with a reason: POST /api/v1/accounts/<id>/credit."


class SignUp(BaseModel):
    username: str = Field(min_length=1, max_length=80)
    password: Text
    first_name: str = Field("", max_length=80)
    last_name: str = Field("", max_length=80)
    email: str = Field(min_length=3, max_length=254)


class NestedUser(BaseModel):
    username: str | None = Field(default=None, max_length=80, description="stays as it is")
    password: Text | None = None
    first_name: str | None = Field(default=None, max_length=80)
    last_name: str | None = Field(default=None, max_length=80)
    email: str | None = Field(default=None, max_length=254)
    is_superuser: bool | None = None
    is_active: bool | None = None


class ProfileBody(BaseModel):
    model_config = ConfigDict(extra="ignore")

    user: NestedUser = Field(default_factory=NestedUser)
    image: str | None = Field(None, max_length=300)
    timezone: str | None = Field(None, max_length=64)
    chargepoint_sockets: list[Annotated[str, StringConstraints(max_length=40)]] | None = None
    tariff_preference: Decimal | None = None
    cc_number: str | None = Field(None, description="refused unless it is empty")
    cc_expirydate: str | None = Field(None, description="refused unless it is empty")
    credit_balance: Decimal | None = Field(None, description="shown; booked elsewhere")


class ResetRequest(BaseModel):
    email: str = Field(max_length=254)


class ResetSubmit(BaseModel):
    token: str = Field(max_length=100)
    new_password: Text
    confirm_password: Text


class MailBody(BaseModel):
    subject: str = Field(min_length=1, max_length=100)
    message: str = Field(min_length=1, max_length=500)
    recipient_email: str = Field(max_length=254)


@blueprint.post("/api/user/create/", strict_slashes=False)
def create_user() -> tuple[Response, int]:
    """Sign up, where anybody may (`CSMS_SIGN_UP`). The password is not told back."""
    given = bodies.read(SignUp)
    new = NewDriver(username=given.username, password=given.password, email=given.email)

    def make() -> dict[str, Any]:
        with tokens.new_driver(new) as (_session, user):
            user.first_name, user.last_name = given.first_name or None, given.last_name or None
            return signed_up(user)

    return jsonify(_told(make, "username")), 201


def signed_up(user: User) -> dict[str, Any]:
    """Somebody new, as they are told to themselves and on the feed of users."""
    names = ("username", "first_name", "last_name", "email")
    return {name: getattr(user, name) or "" for name in names}


@blueprint.get("/api/user/", strict_slashes=False)
@needs(Scope.SELF)
def users() -> Response:
    """Profiles; `username` is exact. Owners see everybody's, others their own."""
    wanted = _visible().order_by(User.id)
    asked = exact("username")
    if "username" in asked:
        wanted = wanted.where(User.username_folded == asked["username"].casefold())
    return listed(wanted, lambda rows: [_profile(x) for x in rows])


@blueprint.get("/api/user/<username>/", strict_slashes=False)
@needs(Scope.SELF)
def user(username: str) -> Response:
    """One profile."""
    return jsonify(only_fields(_profile(_found(db.session(), username))))


@blueprint.route("/api/user/<username>/", methods=["PUT", "PATCH"], strict_slashes=False)
@needs(Scope.SELF)
def change_user(username: str) -> Response:
    """Change a profile: PUT all of it, PATCH what is given. Only owners change roles and let people in or out."""
    given = bodies.read(ProfileBody)
    stored = (
        _told(lambda: stored_password(given.user.password or ""), "password") if given.user.password else None
    )
    with atomic() as session:
        changed = _found(session, username)
        _refuse_what_is_kept_elsewhere(given, changed)
        names = {"time_zone": "timezone", "sockets": "chargepoint_sockets"}
        _told(lambda: _change(session, changed, given, stored), "user", names)
        guard.audit(session, "user.change", changed.username, ", ".join(sorted(body()))[:500])
        session.flush()
        told = only_fields(_profile(changed))
    return jsonify(told)


@blueprint.delete("/api/user/<username>/", strict_slashes=False)
@needs(Scope.OWN)
def remove_user(username: str) -> tuple[str, int]:
    """Remove a user; their account with its bills stays."""
    with atomic() as session:
        removed = _found(session, username)
        accounts.remove_user(session, removed, at=clock.now())
        guard.audit(session, "user.remove", removed.username)
    return "", 204


@blueprint.post("/api/user/password-reset/request/", strict_slashes=False)
def request_reset() -> Response:
    """Send a link under which a new password is chosen. The answer is the same whoever's address it is."""
    given = bodies.read(ResetRequest)
    _told(lambda: entrance.ask(given.email, "password", letters.password_links), "email")
    return jsonify(message="If somebody has this address, a link is on its way to them.")


@blueprint.post("/api/user/password-reset/submit/", strict_slashes=False)
def submit_reset() -> Response:
    """Set the password by the token of that link; it works once, for an hour."""
    given = bodies.read(ResetSubmit)
    if given.new_password != given.confirm_password:
        raise Wrong(400, {"confirm_password": ["The passwords differ."]})
    _told(
        lambda: entrance.set_password(given.token, given.new_password),
        "new_password",
        {"password": "new_password"},
    )
    return jsonify(message="The password is set.")


@blueprint.post("/api/mailsending/", strict_slashes=False)
@needs(Scope.OWN)
def send_mail() -> Response:
    """Send a mail of one's own words; `/api/v1/mails` tells what became of it."""
    given = bodies.read(MailBody)
    wanted = NewMail(recipient=given.recipient_email, subject=given.subject, text=given.message)
    try:
        mails.order(wanted)
    except Problem as problem:
        raise Wrong(500, {"error": problem.detail}) from None
    except Invalid as error:
        raise Wrong(400, {"recipient_email": [str(error)]}) from None
    return jsonify(status="Email sent successfully!")


create_user.shape = SignUp  # type: ignore[attr-defined]
change_user.shape = ProfileBody  # type: ignore[attr-defined]
request_reset.shape = ResetRequest  # type: ignore[attr-defined]
submit_reset.shape = ResetSubmit  # type: ignore[attr-defined]
send_mail.shape = MailBody  # type: ignore[attr-defined]


def _change(session: Session, user: User, given: ProfileBody, stored: str | None) -> None:
    inner = given.user
    changes = _profile_changes(given, is_whole=request.method == "PUT")
    if guard.may(Scope.OWN):
        if inner.is_superuser is not None and inner.is_superuser != (user.role is Role.OWNER):
            changes["role"] = Role.OWNER if inner.is_superuser else Role.OPERATOR
        if inner.is_active is not None:
            changes["is_enabled"] = inner.is_active
        if "email" in inner.model_fields_set:
            changes["email"] = inner.email
        api.apply(session, user, UserChange(**changes), stored)
        return
    if inner.is_superuser not in (None, user.role is Role.OWNER) or inner.is_active is False:
        raise Wrong(403, {"detail": "You do not have permission to perform this action."})
    if "email" in inner.model_fields_set:
        change_own_email(user, inner.email)
    if stored is not None:
        accounts.change_password(session, user, stored, at=clock.now())
    api.apply_profile(user, ProfileChange(**changes))


def _profile_changes(given: ProfileBody, *, is_whole: bool) -> dict[str, Any]:
    """The API's names for what was given; the whole profile for PUT."""
    names: Mapping[str, str] = {
        "image": "image",
        "timezone": "time_zone",
        "chargepoint_sockets": "sockets",
        "tariff_preference": "tariff_preference",
    }
    own = {names[x]: getattr(given, x) for x in names if is_whole or x in given.model_fields_set}
    inner = {
        x: getattr(given.user, x) for x in ("first_name", "last_name") if x in given.user.model_fields_set
    }
    return own | inner


def _refuse_what_is_kept_elsewhere(given: ProfileBody, user: User) -> None:
    """What cannot be kept is told, and not silently dropped. Raises Wrong."""
    for name in ("cc_number", "cc_expirydate"):
        if getattr(given, name):
            raise Wrong(400, {name: [NO_CARDS]})
    if given.credit_balance is not None and given.credit_balance != _balance(user):
        raise Wrong(400, {"credit_balance": [NO_BOOKING]})
    if given.user.username not in (None, user.username):
        raise Wrong(400, {"username": ["A user name stays as it is."]})


def _told(ask: Callable[[], T], otherwise: str, names: Mapping[str, str] | None = None) -> T:
    """What the API gives; what it refuses, by field, as this system told it. Raises Wrong."""
    try:
        return ask()
    except Problem as problem:
        raise Wrong(400 if problem.status == 422 else problem.status, {"detail": problem.detail}) from None
    except Invalid as error:
        field = error.field or otherwise
        raise Wrong(400, {(names or {}).get(field, field): [str(error)]}) from None
    except Refused as error:
        field = "email" if "e-mail" in str(error) else otherwise
        raise Wrong(400, {field: [str(error)]}) from None


def _visible() -> Any:
    own = guard.caller().user_id
    return select(User) if guard.may(Scope.OWN) else select(User).where(User.id == own)


def _found(session: Session, username: str) -> User:
    found: User | None = session.scalar(_visible().where(User.username_folded == username.strip().casefold()))
    if found is None:
        raise Wrong(404, {"detail": "Not found."})
    return found


def _balance(user: User) -> Decimal:
    return Decimal(user.account.balance_cents if user.account else 0) / 100


def _profile(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "user": {
            "username": user.username,
            "first_name": user.first_name or "",
            "last_name": user.last_name or "",
            "email": user.email or "",
            "is_superuser": user.role is Role.OWNER,
            "is_active": user.is_enabled,
        },
        "timezone": user.time_zone or current_app.extensions["settings"].time_zone.key,
        "image": user.image,
        "chargepoint_sockets": user.sockets or [],
        "cc_number": None,
        "cc_expirydate": None,
        "tariff_preference": None if user.tariff_preference is None else float(user.tariff_preference),
        "credit_balance": float(_balance(user)),
    }
