"""Vouchers: made, printed as CSV, voided by operators; redeemed by drivers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_login import current_user
from sqlalchemy import Select
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Voucher, queries
from csms.domain.base import Invalid, NotFound, Refused
from csms.extensions import db, limiter
from csms.quantities import cents, kwh
from csms.web import exports, filters
from csms.web.accounts import currency, my_page
from csms.web.addresses import with_query
from csms.web.amounts import amount_of
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("vouchers", __name__, url_prefix="/vouchers")

Page = str | WerkzeugResponse | tuple[str, int]
PAGE, MOST_EXPORTED = 50, 20_000
HEADINGS = (
    *("code", "label", "amount", "currency", "energy_kwh", "state", "expires_at"),
    *("made_at", "made_by", "redeemed_at", "account"),
)


@blueprint.get("")
@requires("money")
def index() -> str:
    return _page({})


@blueprint.post("")
@requires("money")
def make() -> Page:
    """New codes of one worth."""
    given, at = request.form, clock.now()
    try:
        worth = amount_of(given.get("amount", ""))
        is_energy = given.get("unit") == "kwh"
        count = given.get("count", "1").strip()
        with atomic() as session:
            made = accounts.make_vouchers(
                session,
                int(count) if count.isdigit() and len(count) < 6 else 0,
                amount_cents=0 if is_energy else cents(worth),
                energy_wh=round(worth * 1000) if is_energy else 0,
                label=given.get("label"),
                expires_at=_end_of(given.get("expires", "")),
                by=actor(),
                at=at,
            )
            unit = "kWh" if is_energy else currency()
            put_on_record(session, "voucher.make", given.get("label"), f"{len(made)} of {worth} {unit}")
    except Invalid as error:
        return _page({error.field or "amount": said(error)}), 422
    flash(ngettext("%(num)s voucher is made.", "%(num)s vouchers are made.", len(made)), "success")
    return redirect(url_for(".index", label=given.get("label") or None))


@blueprint.post("/<int:voucher_id>")
@requires("money")
def change(voucher_id: int) -> Page:
    """Its label, and its last day."""
    given = request.form
    try:
        with atomic() as session:
            found = accounts.voucher(session, voucher_id)
            end = _end_of(given.get("expires", ""))
            accounts.change_voucher(session, found, label=given.get("label"), expires_at=end, at=clock.now())
            put_on_record(session, "voucher.changed", f"voucher {voucher_id}", found.label)
    except (Invalid, Refused) as error:
        flash(said(error), "error")
    else:
        flash(gettext("Saved."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:voucher_id>/void")
@requires("money")
def void(voucher_id: int) -> Page:
    try:
        with atomic() as session:
            found = accounts.voucher(session, voucher_id)
            accounts.void_voucher(session, found, by=actor(), at=clock.now())
            put_on_record(session, "voucher.void", f"voucher {voucher_id}")
    except Refused as error:
        flash(said(error), "error")
    else:
        flash(gettext("The voucher is worth nothing any more."), "success")
    return redirect(url_for(".index"))


@blueprint.get("/export.csv")
@requires("money")
def export() -> Response:
    """What the list shows, to be printed or sent."""
    at = clock.now()
    rows = db.session.scalars(_wanted().order_by(Voucher.id).limit(MOST_EXPORTED)).all()
    lines = [HEADINGS, *(_exported(x, at) for x in rows)]
    return exports.download(iter([exports.csv_text(lines)]), f"vouchers-{at:%Y-%m-%d}.csv")


@blueprint.post("/redeem")
@limiter.limit("10 per 10 minutes")
@requires("self")
def redeem() -> Page:
    """A driver books a code to their own account."""
    if current_user.account_id is None:
        raise NotFound("There is no account of yours.")
    try:
        with atomic() as session:
            account = queries.account(session, current_user.account_id)
            code = request.form.get("code", "")
            found = accounts.redeem_voucher(session, account, code, by=actor(), at=clock.now())
            put_on_record(session, "voucher.redeem", f"account {account.id}", f"voucher {found.id}")
    except Invalid as error:
        return my_page(voucher_problem=said(error)), 422
    worth = filters.kwh(found.energy_wh) if found.energy_wh else filters.money(found.amount_cents, currency())
    flash(gettext("%(worth)s of credit are added.", worth=worth), "success")
    return redirect(url_for("accounts.me"))


def _page(problems: dict[str, str]) -> str:
    before_id = request.args.get("before", type=int)
    query = _wanted()
    if before_id is not None:
        query = query.where(Voucher.id < before_id)
    rows = db.session.scalars(query.order_by(Voucher.id.desc()).limit(PAGE + 1)).all()
    filtered = {name: request.args[name] for name in ("label", "open") if request.args.get(name)}
    following = str(rows[PAGE - 1].id) if len(rows) > PAGE else None
    at = clock.now()
    return render_template(
        "vouchers/index.html",
        rows=[(x, x.state(at)) for x in rows[:PAGE]],
        given=request.form,
        problems=problems,
        last_day=_last_day,
        filters=filtered,
        is_first=before_id is None,
        export_url=with_query(".export", filtered),
        next_url=with_query(".index", filtered | {"before": following}) if following else None,
        currency=currency(),
        zone=zone(),
    )


def _wanted() -> Select[Voucher]:
    return accounts.vouchers(label=request.args.get("label") or None, is_open="open" in request.args)


def _end_of(day: str) -> datetime | None:
    """The end of a day on the installation's clocks; None for none. Raises Invalid."""
    if not day.strip():
        return None
    house = ZoneInfo(str(current_app.extensions["settings"].time_zone.key))
    try:
        end = datetime.fromisoformat(day).replace(hour=23, minute=59, second=59, tzinfo=house)
        return end.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("Write a day.", "expires") from error


def _last_day(voucher: Voucher) -> str:
    """Until the end of which day it is good, as the form takes it."""
    house = current_app.extensions["settings"].time_zone
    return voucher.expires_at.astimezone(house).date().isoformat() if voucher.expires_at else ""


def _exported(voucher: Voucher, at: datetime) -> tuple[object, ...]:
    return (
        voucher.written,
        voucher.label,
        Decimal(voucher.amount_cents) / 100 if voucher.amount_cents else None,
        currency() if voucher.amount_cents else None,
        kwh(voucher.energy_wh) if voucher.energy_wh else None,
        voucher.state(at),
        filters.iso(voucher.expires_at),
        filters.iso(voucher.made_at),
        voucher.made_by,
        filters.iso(voucher.redeemed_at),
        voucher.account.name if voucher.account else None,
    )
