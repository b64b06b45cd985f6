"""Cards: who may charge with what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import IdToken, queries
from csms.domain.accounts.queries import CardState
from csms.domain.base import Invalid, Refused
from csms.domain.transactions import queries as sessions
from csms.extensions import db
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("tokens", __name__, url_prefix="/cards")

Page = str | Response | tuple[str, int]


@blueprint.get("")
def index() -> str:
    at, session = clock.now(), db.session()
    words = request.args.get("q", "")
    chosen = request.args.get("state", "")
    state = CardState(chosen) if chosen in set(CardState) else None
    before_id = request.args.get("before", type=int)
    found, following = queries.cards(session, at=at, words=words, state=state, before_id=before_id)
    return render_template(
        "tokens/index.html",
        cards=found,
        strangers=sessions.strangers(session) if not (words or state or before_id) else (),
        words=words,
        state=state,
        is_first=before_id is None,
        next_url=url_for(".index", q=words or None, state=state, before=following) if following else None,
        now=at,
        zone=zone(),
    )


@blueprint.get("/new")
@requires("edit")
def new() -> str:
    return _form(
        None,
        {"uid": request.args.get("uid", ""), "account": request.args.get("account", ""), "is_allowed": "1"},
    )


@blueprint.post("/new")
@requires("edit")
def add() -> Page:
    at, given = clock.now(), request.form
    try:
        with atomic() as session:
            details = _details()
            token = accounts.add_token(session, given.get("uid", ""), at=at, **details)
            _audit("card.add", token)
    except (Invalid, Refused) as error:
        return _form(None, given, error), 422
    flash(f"The card {token.uid} is added.", "success")
    return redirect(url_for(".index"))


@blueprint.get("/<int:token_id>")
def show(token_id: int) -> str:
    token = queries.card(db.session(), token_id)
    given = {
        "uid": token.uid,
        "label": token.label or "",
        "account": str(token.account_id or ""),
        "parent_uid": token.parent_uid or "",
        "expires": _day(token.expires_at),
        "is_allowed": "1" if token.is_allowed else "",
    }
    return _form(token, given)


@blueprint.post("/<int:token_id>")
@requires("edit")
def change(token_id: int) -> Page:
    try:
        with atomic() as session:
            token = queries.card(session, token_id)
            accounts.change_token(session, token, **_details())
            _audit("card.change", token)
    except Invalid as error:
        return _form(queries.card(db.session(), token_id), request.form, error), 422
    flash(f"The card {token.uid} is saved.", "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:token_id>/<any(block, allow):verb>")
@requires("edit")
def judge(token_id: int, verb: str) -> Response:
    """Block a card, or allow it again: it counts from its next use on."""
    with atomic() as session:
        token = queries.card(session, token_id)
        token.is_allowed = verb == "allow"
        _audit(f"card.{verb}", token)
    flash(f"The card {token.uid} is {'allowed' if token.is_allowed else 'blocked'}.", "success")
    return redirect(url_for(".index"))


def _details() -> dict[str, Any]:
    """All of a card but its number, from the form. Raises Invalid."""
    given = request.form
    return {
        "label": given.get("label", "").strip(),
        "account_id": int(given["account"]) if given.get("account", "").isdigit() else None,
        "parent_uid": given.get("parent_uid", "").strip(),
        "expires_at": _end_of(given.get("expires", "")),
        "is_allowed": "is_allowed" in given,
    }


def _end_of(day: str) -> datetime | None:
    """The last moment of a day in the reader's zone. Raises Invalid."""
    if not day.strip():
        return None
    try:
        midnight = datetime.fromisoformat(day.strip()).replace(tzinfo=ZoneInfo(zone()))
    except ValueError as error:
        raise Invalid("Write the day as 2027-12-31.", "expires") from error
    return (midnight + timedelta(days=1)).astimezone(UTC)


def _day(expires_at: datetime | None) -> str:
    if expires_at is None:
        return ""
    return (expires_at.astimezone(ZoneInfo(zone())) - timedelta(seconds=1)).date().isoformat()


def _form(token: IdToken | None, given: Any, error: Exception | None = None) -> str:
    field = error.field if isinstance(error, Invalid) else "uid" if error else None
    session = db.session()
    return render_template(
        "tokens/form.html",
        token=token,
        given=given,
        problems={field: str(error)} if error else {},
        accounts=queries.choices(session),
        recent=sessions.of_card(session, token.id) if token else (),
        now=clock.now(),
        zone=zone(),
    )


def _audit(action: str, token: IdToken) -> None:
    detail = f"account {token.account_id}, {'allowed' if token.is_allowed else 'blocked'}"
    put_on_record(db.session(), action, token.uid, detail)
