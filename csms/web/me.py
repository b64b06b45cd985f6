"""What drivers do to their own account: cards, vehicles, what is held of them, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    stream_with_context,
    url_for,
)
from flask_babel import gettext
from flask_login import current_user, logout_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import accounts, privacy
from csms.domain.accounts import Account, IdToken, Vehicle, queries
from csms.domain.base import DomainError, Invalid, Refused
from csms.extensions import db
from csms.web.accounts import TypedVehicle, currency, my_page
from csms.web.entrance import hashed
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("me", __name__, url_prefix="/me")

Page = str | WerkzeugResponse | tuple[str, int]


@blueprint.get("")
@requires("self")
def show() -> WerkzeugResponse:
    """The short way to one's own account."""
    return redirect(url_for("accounts.me"))


@blueprint.post("/vehicles")
@requires("self")
def add_vehicle() -> Page:
    with_words = _described()
    try:
        with atomic() as unit:
            accounts.add_vehicle(unit, _account(unit), at=clock.now(), **with_words)
    except (Invalid, Refused) as error:
        return _again(None, error)
    return _back(gettext("The vehicle is added."))


@blueprint.post("/vehicles/<int:vehicle_id>")
@requires("self")
def change_vehicle(vehicle_id: int) -> Page:
    try:
        with atomic() as unit:
            accounts.change_vehicle(unit, _vehicle(unit, vehicle_id), **_described())
    except (Invalid, Refused) as error:
        return _again(vehicle_id, error)
    return _back(gettext("Saved."))


@blueprint.post("/vehicles/<int:vehicle_id>/remove")
@requires("self")
def remove_vehicle(vehicle_id: int) -> WerkzeugResponse:
    with atomic() as unit:
        accounts.remove_vehicle(unit, _vehicle(unit, vehicle_id))
    return _back(gettext("The vehicle is removed."))


@blueprint.post("/cards/<int:token_id>")
@requires("self")
def name_card(token_id: int) -> WerkzeugResponse:
    """What the driver calls it."""
    with atomic() as unit:
        _card(unit, token_id).label = request.form.get("label", "").strip()[:80] or None
    return _back(gettext("Saved."))


@blueprint.post("/cards/<int:token_id>/block")
@requires("self")
def block_card(token_id: int) -> WerkzeugResponse:
    """A lost card: nobody charges with it any more. Only the operator allows it again."""
    with atomic() as unit:
        token = _card(unit, token_id)
        token.is_allowed = False
        put_on_record(unit, "card.block", token.uid, f"account {token.account_id}, by its driver")
    return _back(gettext("The card is blocked. Only the operator can allow it again."))


@blueprint.post("/cards/<int:token_id>/pin")
@requires("self")
def change_pin(token_id: int) -> WerkzeugResponse:
    """A PIN, with which the card's number logs in; empty takes it away."""
    pin = request.form.get("pin", "").strip()
    if pin and (problem := accounts.pin_problem(pin)):
        return _back(said(problem), "error")
    stored = hashed(pin) if pin else None
    with atomic() as unit:
        token = _card(unit, token_id)
        accounts.set_pin(token, stored)
        put_on_record(unit, "card.pin", token.uid, "set by its driver" if stored else "removed by its driver")
    return _back(gettext("The card has a new PIN.") if stored else gettext("The card has no PIN any more."))


@blueprint.post("/export")
@requires("self")
def export() -> Response:
    """All that is held of the driver, as one file."""
    at, unit = clock.now(), db.session()
    account = _account(unit)
    held = privacy.held(unit, queries.user(unit, current_user.id), account, currency=currency())
    body = _written({"made_at": at, **held}, privacy.sessions_held(unit, account))
    name = f"my-data-{at:%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(stream_with_context(body), mimetype="application/json", headers=headers)


def _written(held: dict[str, Any], sessions: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """One document, sent while it is made: the sessions are its last part."""
    db.session.close()  # a slow reader must not hold a snapshot of the database
    yield orjson.dumps(held, default=str, option=orjson.OPT_INDENT_2).removesuffix(b"\n}")
    yield b',\n  "sessions": ['
    for number, one in enumerate(sessions):
        yield (b",\n    " if number else b"\n    ") + orjson.dumps(one, default=str)
    yield b"\n  ]\n}\n"


@blueprint.get("/erase")
@requires("self")
def ask_to_erase() -> str:
    """What is forgotten, what is kept, and what stands against it."""
    return _erase_page()


@blueprint.post("/erase")
@requires("self")
def erase() -> Page:
    """Forget the driver, once their name was typed."""
    if request.form.get("typed", "").strip().casefold() != current_user.username.casefold():
        return _erase_page(gettext("Type your user name as it is written above.")), 422
    try:
        with atomic() as unit:
            user, account = queries.user(unit, current_user.id), _account(unit)
            put_on_record(unit, "account.erased", f"account {account.id}", _erased_by(account))
            privacy.erase(unit, user, account, at=clock.now())
    except Refused as error:
        return _erase_page(said(error)), 409
    logout_user()
    session.clear()
    flash(gettext("Your account is erased. Thank you for having charged with us."), "success")
    return redirect(url_for("auth.login"))


def _erased_by(account: Account) -> str:
    owed = max(0, -account.balance_cents)
    return f"by its driver, who owed {owed} cents: let go" if owed else "by its driver"


def _erase_page(problem: str | None = None) -> str:
    unit = db.session()
    user, account = queries.user(unit, current_user.id), _account(unit)
    obstacle = privacy.erasure_problem(unit, user, account)
    settings = current_app.extensions["settings"]
    return render_template(
        "accounts/erase.html",
        user=user,
        account=account,
        obstacle=None if obstacle is None else gettext(obstacle),
        problem=problem,
        currency=currency(),
        help_phone=settings.help_phone,
        messages_kept_days=settings.frames_kept_days,
        audit_kept_days=settings.audit_kept_days,
    )


def _account(unit: Session) -> Account:
    if current_user.account_id is None:
        abort(404)
    return queries.account(unit, current_user.account_id)


def _vehicle(unit: Session, vehicle_id: int) -> Vehicle:
    found = accounts.vehicle(unit, vehicle_id)
    if current_user.account_id is None or found.account_id != current_user.account_id:
        abort(404)
    return found


def _card(unit: Session, token_id: int) -> IdToken:
    found = queries.card(unit, token_id)
    if current_user.account_id is None or found.account_id != current_user.account_id:
        abort(404)
    return found


def _described() -> dict[str, Any]:
    given = request.form
    return {"brand": given.get("brand", ""), "model": given.get("model", ""), "vin": given.get("vin")}


def _again(vehicle_id: int | None, error: DomainError) -> Page:
    """The page with what was typed of a vehicle, and what is wrong with it."""
    field = error.field if isinstance(error, Invalid) else None
    return my_page(TypedVehicle(vehicle_id, request.form, {field or "vin": said(error)})), 422


def _back(words: str, kind: str = "success") -> WerkzeugResponse:
    flash(words, kind)
    return redirect(url_for("accounts.me"))
