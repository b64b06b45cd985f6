"""What an owner looks after: the installation, who may come in, and who did what."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import gevent
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from werkzeug.wrappers import Response

from config import Config
from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role, User, queries, settings
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger
from csms.extensions import db
from csms.web.security import PERMISSIONS, put_on_record, requires
from csms.web.setup import apply_stored
from csms.web.shell import ROLE_WORDS, zone
from csms.work import atomic

blueprint = Blueprint("settings", __name__, url_prefix="/settings")

Page = str | Response | tuple[str, int]
PACKAGES = ("flask", "gevent", "sqlalchemy", "ocpp", "websockets")
ABILITIES = {
    "self": "own sessions",
    "view": "see everything",
    "operate": "commands",
    "edit": "chargers and cards",
    "money": "tariffs and credit",
    "own": "users and settings",
}


@blueprint.get("")
@requires("own")
def index() -> str:
    return _installation({}, {})


@blueprint.post("")
@requires("own")
def change() -> Page:
    """Change the organisation's name; it is on every page, receipt and label."""
    name = request.form.get("organisation", "").strip()
    if not 0 < len(name) <= 80:
        return _installation(request.form, {"organisation": "Write a name of at most 80 characters."}), 422
    at = clock.now()
    with atomic() as session:
        settings.put(session, settings.ORGANISATION, name, at=at)
        _audit("settings.organisation", None, name)
    apply_stored(current_app._get_current_object())  # type: ignore[attr-defined]
    flash("Saved.", "success")
    return redirect(url_for(".index"))


@blueprint.get("/users")
@requires("own")
def users() -> str:
    return _users({}, {})


@blueprint.post("/users")
@requires("own")
def add_user() -> Page:
    given, problems = request.form, {}
    if problem := accounts.password_problem(given.get("password", "")):
        problems["password"] = problem
    if given.get("role") not in set(Role):
        problems["role"] = "Choose a role."
    if problems:
        return _users(given, problems), 422
    db.session.remove()  # hashing takes a while, in a thread of its own
    password_hash = gevent.get_hub().threadpool.apply(accounts.hash_password, (given["password"],))
    account_id = int(given["account"]) if given.get("account", "").isdigit() else None
    try:
        with atomic() as session:
            user = accounts.create_user(
                session,
                given.get("username", ""),
                password_hash,
                Role(given["role"]),
                at=clock.now(),
                email=given.get("email"),
                account_id=account_id,
            )
            _audit("user.add", user, user.role.value)
    except (Invalid, Refused) as error:
        return _users(given, {"username": str(error)}), 422
    flash(f"{user.username} can log in now.", "success")
    return redirect(url_for(".users"))


@blueprint.post("/users/<int:user_id>/<any(enable, disable):verb>")
@requires("own")
def judge(user_id: int, verb: str) -> Response:
    """Let somebody in, or not any more: their log-ins end at once. Nobody locks themselves out."""
    if user_id == current_user.id:
        flash("You cannot disable yourself.", "error")
        return redirect(url_for(".users"))
    with atomic() as session:
        user = queries.user(session, user_id)
        user.is_enabled = verb == "enable"
        _audit(f"user.{verb}", user, None)
    flash(f"{user.username} {'may' if user.is_enabled else 'may no longer'} log in.", "success")
    return redirect(url_for(".users"))


@blueprint.get("/audit")
@requires("own")
def audit() -> str:
    before_id = request.args.get("before", type=int)
    entries, following = queries.audit_entries(db.session(), before_id=before_id)
    next_url = url_for(".audit", before=following) if following else None
    is_first = before_id is None
    return render_template(
        "settings/audit.html", entries=entries, next_url=next_url, is_first=is_first, zone=zone()
    )


def _installation(given: Any, problems: dict[str, str]) -> str:
    config: Config = current_app.extensions["settings"]
    return render_template(
        "settings/index.html",
        given=given,
        problems=problems,
        config=config,
        database=make_url(config.database_url).render_as_string(hide_password=True),
        chargers=db.session.scalar(select(func.count()).select_from(Charger)) or 0,
        python=platform.python_version(),
        packages=[(name, _version(name)) for name in PACKAGES],
        is_lab=current_app.config["LAB"],
        unknown=current_app.config["UNKNOWN_CHARGERS"],
    )


def _users(given: Any, problems: dict[str, str]) -> str:
    session = db.session()
    return render_template(
        "settings/users.html",
        users=queries.users(session),
        accounts=queries.choices(session),
        roles=[(x.value, ROLE_WORDS.get(x.value, x.value), abilities(x)) for x in Role],
        given=given,
        problems=problems,
        now=clock.now(),
    )


def abilities(role: Role) -> str:
    """What a role may do, in words."""
    return ", ".join(words for name, words in ABILITIES.items() if name in PERMISSIONS[role])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"


def _audit(action: str, user: User | None, detail: str | None) -> None:
    put_on_record(db.session(), action, user.username if user else None, detail)
