"""Drivers: who pays, with which cards and cars, and what is left of their credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import accounts, removal, subscriptions
from csms.domain.accounts import Account, LedgerKind, queries
from csms.domain.base import DomainError, Invalid, Refused
from csms.domain.payments import Settings, rules
from csms.domain.payments import queries as payments
from csms.domain.transactions import queries as sessions
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.quantities import cents
from csms.web import spending
from csms.web.amounts import amount_of
from csms.web.languages import said
from csms.web.payment_words import STATES
from csms.web.security import actor, can, put_on_record, requires
from csms.web.session_rows import row
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts")

Page = str | Response | tuple[str, int]


@blueprint.get("")
def index() -> str:
    words = request.args.get("q", "")
    before_id = request.args.get("before", type=int)
    found, following = queries.listed(db.session(), words=words, before_id=before_id)
    return render_template(
        "accounts/index.html",
        rows=found,
        words=words,
        is_first=before_id is None,
        next_url=url_for(".index", q=words or None, before=following) if following else None,
        currency=currency(),
    )


@blueprint.get("/vehicles")
def vehicles() -> str:
    words = request.args.get("q", "")
    before_id = request.args.get("before", type=int)
    found, following = queries.vehicles(db.session(), words=words, before_id=before_id)
    return render_template(
        "accounts/vehicles.html",
        rows=found,
        words=words,
        is_first=before_id is None,
        next_url=url_for(".vehicles", q=words or None, before=following) if following else None,
    )


@blueprint.get("/new")
@requires("edit")
def new() -> str:
    return render_template("accounts/new.html", given={}, problems={})


@blueprint.post("/new")
@requires("edit")
def add() -> Page:
    given = request.form
    try:
        with atomic() as session:
            account = accounts.open_account(
                session,
                given.get("name", "")[:120],
                at=clock.now(),
                email=given.get("email", "").strip()[:254],
                is_service="is_service" in given,
            )
            _audit("account.add", account, account.name)
    except Invalid as error:
        return render_template("accounts/new.html", given=given, problems={error.field: said(error)}), 422
    return redirect(url_for(".show", account_id=account.id))


@blueprint.get("/<int:account_id>")
def show(account_id: int) -> str:
    return _page(account_id)


@blueprint.post("/<int:account_id>")
@requires("edit")
def change(account_id: int) -> Page:
    given = request.form
    try:
        with atomic() as session:
            account = queries.account(session, account_id)
            name, email = given.get("name", ""), given.get("email")
            accounts.change_account(
                session, account, name=name, email=email, is_service="is_service" in given
            )
            _audit("account.change", account, account.name)
    except Invalid as error:
        return _page(account_id, error), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".show", account_id=account_id))


@blueprint.post("/<int:account_id>/credit")
@requires("money")
def credit(account_id: int) -> Page:
    """Add credit, in money or kWh; a negative amount takes some away."""
    given = request.form
    try:
        amount = amount_of(given.get("amount", ""))
        is_energy = given.get("unit") == "kwh"
        with atomic() as session:
            note = given.get("note", "").strip() or None
            if amount < 0 and note is None:
                raise Invalid("Say why, in the note, when you take credit away.", "note")
            account = queries.account(session, account_id)
            accounts.book(
                session,
                account,
                LedgerKind.TOP_UP if amount > 0 else LedgerKind.CORRECTION,
                at=clock.now(),
                amount_cents=0 if is_energy else cents(amount),
                energy_wh=round(amount * 1000) if is_energy else 0,
                note=note,
                by=actor(),
            )
            unit = "kWh" if is_energy else currency()
            _audit("account.credit", account, f"{amount} {unit}")
    except Invalid as error:
        return _page(account_id, error), 422
    flash(gettext("The credit is booked."), "success")
    return redirect(url_for(".show", account_id=account_id))


@blueprint.post("/<int:account_id>/delete")
@requires("edit")
def remove(account_id: int) -> Response:
    """Remove a driver on whom nothing hangs."""
    try:
        with atomic() as session:
            account = queries.account(session, account_id)
            _audit("account.remove", account, account.name)
            removal.remove_driver(session, account)
    except Refused as error:
        flash(said(error), "error")
        return redirect(url_for(".show", account_id=account_id))
    flash(gettext("The driver is removed."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:account_id>/vehicles")
@requires("edit")
def add_vehicle(account_id: int) -> Page:
    given = request.form
    try:
        with atomic() as session:
            account = queries.account(session, account_id)
            brand, model, vin = given.get("brand", ""), given.get("model", ""), given.get("vin")
            accounts.add_vehicle(session, account, brand=brand, model=model, vin=vin, at=clock.now())
    except (Invalid, Refused) as error:
        return _page(account_id, error), 422
    flash(gettext("The vehicle is added."), "success")
    return redirect(url_for(".show", account_id=account_id))


@blueprint.post("/vehicles/<int:vehicle_id>")
@requires("edit")
def change_vehicle(vehicle_id: int) -> Page:
    given = request.form
    try:
        with atomic() as session:
            car = accounts.vehicle(session, vehicle_id)
            account_id = car.account_id
            brand, model, vin = given.get("brand", ""), given.get("model", ""), given.get("vin")
            accounts.change_vehicle(session, car, brand=brand, model=model, vin=vin)
            put_on_record(session, "vehicle.changed", f"account {account_id}", f"{car.brand} {car.model}")
    except (Invalid, Refused) as error:
        return _page(account_id, error, vehicle_id), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".show", account_id=account_id))


@blueprint.post("/vehicles/<int:vehicle_id>/remove")
@requires("edit")
def remove_vehicle(vehicle_id: int) -> Page:
    with atomic() as session:
        car = accounts.vehicle(session, vehicle_id)
        account_id = car.account_id
        put_on_record(session, "vehicle.removed", f"account {account_id}", f"{car.brand} {car.model}")
        accounts.remove_vehicle(session, car)
    flash(gettext("The vehicle is removed."), "success")
    return redirect(url_for(".show", account_id=account_id))


@blueprint.get("/me")
@requires("self")
def me() -> str:
    """One's own account: what a driver comes to after logging in."""
    if current_user.account_id is None:
        return render_template("accounts/nobody.html")
    return my_page()


@dataclass(frozen=True, slots=True)
class TypedVehicle:
    """What a driver has typed of a vehicle, None for a new one, and what is wrong with it, by field."""

    vehicle_id: int | None
    given: Mapping[str, str]
    problems: Mapping[str, str]


def my_page(
    typed: TypedVehicle | None = None,
    voucher_problem: str | None = None,
    top_up_problem: str | None = None,
) -> str:
    """The page of whoever is logged in and has an account.

    `voucher_problem`: what is wrong with the code typed; `top_up_problem`: why that much cannot be added.
    """
    given = _view(current_user.account_id)
    months = spending.by_month(db.session(), current_user.account_id, given["zone"], given["now"])
    paid_by_card = payments.of_payer(db.session(), current_user.account_id)
    stored = Settings.of(db.session())
    return render_template(
        "accounts/me.html",
        **given,
        months=months,
        paid_by_card=paid_by_card,
        states=STATES,
        typed=typed,
        voucher_problem=voucher_problem,
        may_top_up=bool(stored.provider) and not given["account"].is_service,
        top_up_cents=stored.top_up_cents,
        suggested=rules.suggested(*stored.top_up_cents),
        top_up_problem=top_up_problem,
    )


def currency() -> str:
    return str(current_app.extensions["settings"].currency)


def _page(account_id: int, error: DomainError | None = None, vehicle_id: int | None = None) -> str:
    """Of one who was merged with another there is the ledger alone, and the way to the other.

    `error`: what is wrong with what was typed; of that vehicle, if one was to be changed.
    """
    shown = _view(account_id)
    if (other_id := shown["account"].merged_into_id) is not None:
        return render_template("accounts/merged.html", **shown, other=queries.account(db.session(), other_id))
    field = error.field if isinstance(error, Invalid) else "vin" if error else None
    given = request.form if error else {}
    problems = {field: said(error)} if error else {}
    return render_template(
        "accounts/show.html",
        **shown,
        merged=queries.merged_with(db.session(), account_id),
        given=given,
        problems=problems,
        vehicle_id=vehicle_id,
    )


def _view(account_id: int) -> dict[str, Any]:
    at, session = clock.now(), db.session()
    account = queries.account(session, account_id)
    wanted = Wanted(account_id=account_id)
    past, following = sessions.history(session, wanted, limit=20)
    mine, offers = subscriptions.of_account(session, account_id, only_open=not can("money"))
    return {
        "account": account,
        "running": [row(x, at) for x in sessions.active(session, wanted)],
        "past": [row(x, at) for x in past],
        "has_more": following is not None,
        "spent_wh": queries.spent_wh(session, [account_id]).get(account_id, 0),
        "subscriptions": mine,
        "offers": offers,
        "ledger": queries.ledger(session, account_id),
        "currency": currency(),
        "now": at,
        "zone": zone(),
    }


def _audit(action: str, account: Account, detail: str) -> None:
    put_on_record(db.session(), action, f"account {account.id}", detail)
