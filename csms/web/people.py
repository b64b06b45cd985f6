"""Users, for the owner: who may come in, as what, and where they are logged in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock, letters
from csms.domain import accounts, sites
from csms.domain.accounts import Role, User, factors, logins, queries
from csms.domain.base import Invalid, NotFound, Refused
from csms.extensions import db
from csms.web.entrance import hashed
from csms.web.languages import said
from csms.web.security import PERMISSIONS, put_on_record, requires
from csms.web.shell import ROLE_WORDS
from csms.work import atomic

blueprint = Blueprint("people", __name__, url_prefix="/settings/users")

Page = str | Response | tuple[str, int]
ABILITIES = {
    "self": lazy_gettext("own sessions"),
    "host": lazy_gettext("chargers and sessions of their sites"),
    "view": lazy_gettext("see everything"),
    "operate": lazy_gettext("commands"),
    "edit": lazy_gettext("chargers and cards"),
    "money": lazy_gettext("tariffs and credit"),
    "own": lazy_gettext("users and settings"),
}


@blueprint.get("")
@requires("own")
def index() -> str:
    return _list({}, {})


@blueprint.post("")
@requires("own")
def add() -> Page:
    """With a password that the owner tells them, or else with an invitation by mail."""
    given, problems = request.form, _problems(request.form)
    password, email = given.get("password", ""), given.get("email", "").strip()
    if password and (problem := accounts.password_problem(password)):
        problems["password"] = said(problem)
    elif not password and not email:
        problems["email"] = gettext("Give an address to invite them at, or a password that you tell them.")
    if problems:
        return _list(given, problems), 422
    stored = hashed(password) if password else None
    try:
        with atomic() as session:
            user = _made(session, given, stored)
    except Invalid as error:
        return _list(given, {error.field or "username": said(error)}), 422
    except (NotFound, Refused) as error:
        field = "email" if "e-mail" in str(error) else "username"
        return _list(given, {field: said(error)}), 422
    invited = gettext("%(name)s is invited.", name=user.username)
    flash(gettext("%(name)s can log in now.", name=user.username) if password else invited, "success")
    return redirect(url_for(".index"))


def _made(session: Session, given: Any, stored: str | None) -> User:
    at = clock.now()
    user = accounts.create_user(
        session,
        given.get("username", ""),
        stored,
        Role(given["role"]),
        at=at,
        email=given.get("email"),
        account_id=_account_id(given),
    )
    accounts.set_sites(session, user, _site_ids(given))
    if stored is None:
        letters.invitation(session, user, at=at)
    put_on_record(session, "user.add" if stored else "user.invited", user.username, user.role.value)
    return user


@blueprint.get("/<int:user_id>")
@requires("own")
def show(user_id: int) -> str:
    return _page(queries.user(db.session(), user_id), {}, {})


@blueprint.post("/<int:user_id>")
@requires("own")
def change(user_id: int) -> Page:
    """Role, address, account and sites. The last owner stays one."""
    given, problems = request.form, _problems(request.form)
    if problems:
        return _page(queries.user(db.session(), user_id), given, problems), 422
    try:
        with atomic() as session:
            user = queries.user(session, user_id)
            _change(session, user, given)
    except (Invalid, NotFound, Refused) as error:
        problems = {"role" if "owner" in str(error) else "email": said(error)}
        return _page(queries.user(db.session(), user_id), given, problems), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".show", user_id=user_id))


def _change(session: Session, user: User, given: Any) -> None:
    role, email = Role(given["role"]), given.get("email", "")
    if role is not user.role:
        accounts.change_role(session, user, role)
    if accounts.folded_email(email) != (user.email_folded or ""):
        accounts.set_email(session, user, email, verified_at=clock.now())
    user.account_id = _account_id(given)
    accounts.set_sites(session, user, _site_ids(given))
    put_on_record(session, "user.change", user.username, role.value)


@blueprint.post("/<int:user_id>/<any(enable, disable, log_out, invite, drop_factor, remove):verb>")
@requires("own")
def judge(user_id: int, verb: str) -> Response:
    """Let somebody in, or not any more; end their log-ins; send them a link; forget them."""
    try:
        with atomic() as session:
            user = queries.user(session, user_id)
            words = _done(session, user, verb)
            put_on_record(session, f"user.{verb}", user.username)
    except (Invalid, Refused) as error:
        flash(said(error), "error")
    else:
        flash(words, "success")
    return redirect(url_for(".index") if verb == "remove" else url_for(".show", user_id=user_id))


def _done(session: Session, user: User, verb: str) -> str:
    at, name = clock.now(), user.username
    match verb:
        case "log_out":
            accounts.put_out(session, user, at=at)
            return gettext("%(name)s is logged out everywhere.", name=name)
        case "invite":
            letters.invitation(session, user, at=at)
            return gettext("A link is on its way to %(address)s.", address=user.email)
        case "drop_factor":
            accounts.drop_factor(session, user)
            accounts.put_out(session, user, at=at)
            return gettext("%(name)s has no second factor any more, and is logged out everywhere.", name=name)
        case "remove":
            accounts.remove_user(session, user, at=at)
            return gettext("%(name)s is removed.", name=name)
    accounts.enable_user(session, user, is_enabled=verb == "enable", at=at)
    if verb == "enable":
        return gettext("%(name)s may log in.", name=name)
    return gettext("%(name)s may no longer log in.", name=name)


@blueprint.post("/<int:user_id>/log-ins/<int:log_in_id>/end")
@requires("own")
def end_log_in(user_id: int, log_in_id: int) -> Response:
    with atomic() as session:
        user = queries.user(session, user_id)
        logins.end_one(session, user.id, log_in_id, at=clock.now())
        put_on_record(session, "log_in.ended", user.username)
    flash(gettext("That browser is logged out."), "success")
    return redirect(url_for(".show", user_id=user_id))


@blueprint.post("/second-factor")
@requires("own")
def need_factors() -> Response:
    """Which roles must have a second factor. Whoever asks for their own must have one: they would be shut out."""
    chosen = [x for x in Role if x.value in request.form.getlist("role")]
    is_theirs = current_user.role in chosen and accounts.factor_of(db.session(), current_user.id) is None
    if is_theirs:
        flash(gettext("Set up your own second factor first, on your profile."), "error")
        return redirect(url_for(".index"))
    with atomic() as session:
        factors.need_one(session, chosen, at=clock.now())
        put_on_record(session, "settings.second_factor", None, ", ".join(chosen) or "nobody")
    flash(gettext("Saved. Whoever must have a second factor and has none sets it up now."), "success")
    return redirect(url_for(".index"))


def _problems(given: Any) -> dict[str, str]:
    return {} if given.get("role") in set(Role) else {"role": gettext("Choose a role.")}


def _account_id(given: Any) -> int | None:
    return int(given["account"]) if given.get("account", "").isdigit() else None


def _site_ids(given: Any) -> list[int]:
    """Of a site host; other roles have none."""
    chosen = given.getlist("site") if given.get("role") == Role.SITE_HOST else []
    return [int(x) for x in chosen if x.isdigit()]


def _list(given: Any, problems: dict[str, str]) -> str:
    session = db.session()
    return render_template(
        "settings/users.html",
        users=queries.users(session),
        roles_with_factor=factors.roles_that_need_one(session),
        chosen={int(x) for x in given.getlist("site") if x.isdigit()} if given else set(),
        **_choices(),
        given=given,
        problems=problems,
        now=clock.now(),
    )


def _page(user: User, given: Any, problems: dict[str, str]) -> str:
    at = clock.now()
    return render_template(
        "settings/user.html",
        user=user,
        has_factor=accounts.factor_of(db.session(), user.id) is not None,
        log_ins=[(x, False) for x in logins.running(db.session(), user.id, at=at)],
        chosen=set(accounts.site_ids(db.session(), user.id)),
        **_choices(),
        given=given,
        problems=problems,
        now=at,
    )


def _choices() -> dict[str, Any]:
    return {
        "accounts": queries.choices(db.session()),
        "sites": sites.listed(db.session()),
        "role_words": ROLE_WORDS,
        "roles": [(x.value, ROLE_WORDS[x], abilities(x)) for x in Role],
    }


def abilities(role: Role) -> str:
    """What a role may do, in words."""
    able = PERMISSIONS[role]
    return ", ".join(
        str(words)
        for name, words in ABILITIES.items()
        if name in able and not (name == "host" and "view" in able)
    )
