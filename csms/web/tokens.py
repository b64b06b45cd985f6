"""Cards: who may charge with what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import accounts, removal
from csms.domain.accounts import Hint, IdToken, Likeness, queries
from csms.domain.accounts.queries import CardState
from csms.domain.base import DomainError, Invalid, Refused
from csms.domain.chargers import queries as charger_queries
from csms.domain.transactions import queries as sessions
from csms.extensions import db
from csms.web.entrance import hashed
from csms.web.languages import said
from csms.web.security import actor, can, card_number, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("tokens", __name__, url_prefix="/cards")

Page = str | Response | tuple[str, int]

LIKENESSES = {
    Likeness.SEPARATORS: lazy_gettext("the same number, written otherwise"),
    Likeness.ZEROS: lazy_gettext("the same number, with other zeros in front"),
    Likeness.REVERSED: lazy_gettext("its bytes are the wrong way round"),
    Likeness.DECIMAL: lazy_gettext("the same number, in other digits"),
    Likeness.PART: lazy_gettext("one number is a part of the other"),
}


@blueprint.get("")
def index() -> str:
    at, session = clock.now(), db.session()
    words = request.args.get("q", "")
    chosen = request.args.get("state", "")
    state = CardState(chosen) if chosen in set(CardState) else None
    before_id = request.args.get("before", type=int)
    found, following = queries.cards(
        session, at=at, words=words, state=state, before_id=before_id, hides_numbers=not can("operate")
    )
    strangers = sessions.strangers(session) if not (words or state or before_id) else ()
    sought = [] if found else [words.strip()]
    return render_template(
        "tokens/index.html",
        cards=found,
        strangers=strangers,
        hints=hints_for([*(x.uid for x in strangers), *sought]),
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
            token = accounts.add_token(session, given.get("uid", ""), at=at, **details())
            _audit("card.add", token)
    except (Invalid, Refused) as error:
        return _form(None, given, error), 422
    flash(gettext("The card %(uid)s is added.", uid=token.uid), "success")
    return redirect(url_for(".index"))


@blueprint.get("/<int:token_id>")
def show(token_id: int) -> str:
    return _form(queries.card(db.session(), token_id), _given(token_id))


def _given(token_id: int) -> dict[str, str]:
    token = queries.card(db.session(), token_id)
    return {
        "uid": card_number(token.uid),
        "label": token.label or "",
        "account": str(token.account_id or ""),
        "parent_uid": card_number(token.parent_uid) if token.parent_uid else "",
        "expires": _day(token.expires_at),
        "is_allowed": "1" if token.is_allowed else "",
    }


@blueprint.post("/<int:token_id>")
@requires("edit")
def change(token_id: int) -> Page:
    try:
        with atomic() as session:
            token = queries.card(session, token_id)
            accounts.change_token(session, token, **details())
            _audit("card.change", token)
    except Invalid as error:
        return _form(queries.card(db.session(), token_id), request.form, error), 422
    flash(gettext("The card %(uid)s is saved.", uid=token.uid), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:token_id>/<any(block, allow):verb>")
@requires("edit")
def judge(token_id: int, verb: str) -> Response:
    """Block a card, or allow it again: it counts from its next use on."""
    with atomic() as session:
        token = queries.card(session, token_id)
        token.is_allowed = verb == "allow"
        _audit(f"card.{verb}", token)
    if token.is_allowed:
        flash(gettext("The card %(uid)s is allowed.", uid=token.uid), "success")
    else:
        flash(gettext("The card %(uid)s is blocked.", uid=token.uid), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:token_id>/delete")
@requires("edit")
def remove(token_id: int) -> Response:
    """Remove a card that never charged."""
    try:
        with atomic() as session:
            token = queries.card(session, token_id)
            _audit("card.remove", token)
            removal.remove_card(session, token)
    except Refused as error:
        flash(said(error), "error")
        return redirect(url_for(".show", token_id=token_id))
    flash(gettext("The card is removed."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:token_id>/numbers")
@requires("edit")
def add_alias(token_id: int) -> Page:
    """Know a card by another number too: the one that a reader makes of it."""
    try:
        with atomic() as session:
            token = queries.card(session, token_id)
            alias = accounts.add_alias(
                session, token, request.form.get("uid", ""), by=actor(), at=clock.now()
            )
            put_on_record(session, "card.number.add", token.uid, alias.uid)
    except (Invalid, Refused) as error:
        token = queries.card(db.session(), token_id)
        return _form(token, _given(token_id), alias_problem=said(error)), 422
    flash(
        gettext("%(alias)s is the card %(uid)s from its next use on.", alias=alias.uid, uid=token.uid),
        "success",
    )
    return redirect(url_for(".show", token_id=token_id))


@blueprint.post("/<int:token_id>/numbers/<int:alias_id>/remove")
@requires("edit")
def remove_alias(token_id: int, alias_id: int) -> Response:
    with atomic() as session:
        token = queries.card(session, token_id)
        alias = accounts.remove_alias(session, token, alias_id)
        put_on_record(session, "card.number.remove", token.uid, alias.uid)
    flash(gettext("%(alias)s is not known any more.", alias=alias.uid), "success")
    return redirect(url_for(".show", token_id=token_id))


@blueprint.post("/<int:token_id>/pin")
@requires("edit")
def change_pin(token_id: int) -> Page:
    """Give a card a PIN, or with an empty one take it away."""
    pin = request.form.get("pin", "").strip()
    if pin and (problem := accounts.pin_problem(pin)):
        return _form(queries.card(db.session(), token_id), _given(token_id), problem), 422
    stored = hashed(pin) if pin else None
    with atomic() as session:
        token = queries.card(session, token_id)
        accounts.set_pin(token, stored)
        put_on_record(session, "card.pin", token.uid, "set" if stored else "removed")
    if stored:
        flash(gettext("The card %(uid)s has a new PIN.", uid=token.uid), "success")
    else:
        flash(gettext("The card %(uid)s has no PIN.", uid=token.uid), "success")
    return redirect(url_for(".show", token_id=token_id))


def details() -> dict[str, Any]:
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


def _form(
    token: IdToken | None, given: Any, error: DomainError | None = None, alias_problem: str | None = None
) -> str:
    field = error.field if isinstance(error, Invalid) else "uid" if error else None
    session = db.session()
    return render_template(
        "tokens/form.html",
        token=token,
        given=given,
        problems={field: said(error)} if error else {},
        alias_problem=alias_problem,
        accounts=queries.choices(session),
        is_refused=_is_refused(token),
        recent=sessions.of_card(session, token.id) if token else (),
        is_pin_locked=token is not None and accounts.is_pin_locked(token),
        now=clock.now(),
        zone=zone(),
    )


def _is_refused(token: IdToken | None) -> bool:
    """Would chargers that ask for credit, if there are any, refuse a card that may charge?"""
    if token is None or not token.is_allowed or (token.account is not None and token.account.has_credit):
        return False
    return charger_queries.ask_for_credit(db.session())


def _audit(action: str, token: IdToken) -> None:
    detail = f"account {token.account_id}, {'allowed' if token.is_allowed else 'blocked'}"
    put_on_record(db.session(), action, token.uid, detail)


def hints_for(uids: Iterable[str | None]) -> dict[str, Hint]:
    """Which known cards these unknown numbers may be, for those who may see numbers."""
    return accounts.hints(db.session(), [x for x in uids if x]) if can("operate") else {}


def register(app: Flask) -> None:
    """Make the words for what differs in two numbers known to the templates of `app`."""

    @app.template_filter("likeness")
    def _likeness(hint: Hint) -> str:
        return str(LIKENESSES[hint.likeness])
