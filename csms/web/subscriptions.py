"""Subscriptions: what is offered, who has it, and how it ends."""

from __future__ import annotations

from decimal import Decimal

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import subscriptions
from csms.domain.accounts import queries
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.subscriptions import ProductTerms, Subscription, SubscriptionProduct
from csms.extensions import db
from csms.quantities import cents, kwh
from csms.web.accounts import currency
from csms.web.amounts import amount_of
from csms.web.languages import said
from csms.web.security import actor, can, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")

Page = str | Response | tuple[str, int]
PAGE = 100
BLANK = MultiDict({"renewal_days": "30", "is_open": "1"})


@blueprint.get("")
@requires("money")
def index() -> str:
    return _page(BLANK)


@blueprint.post("/offers")
@requires("money")
def add() -> Page:
    """A new product."""
    given = request.form
    try:
        with atomic() as session:
            product = subscriptions.add_product(session, _terms(given), at=clock.now())
            put_on_record(session, "product.add", product.name)
    except Invalid as error:
        return _page(given, {error.field or "name": said(error)}), 422
    flash(gettext("%(name)s is offered.", name=product.name), "success")
    return redirect(url_for(".index"))


@blueprint.get("/offers/<int:product_id>")
@requires("money")
def show(product_id: int) -> str:
    product = subscriptions.product(db.session(), product_id)
    return _form(product, MultiDict(_given(product)))


@blueprint.post("/offers/<int:product_id>")
@requires("money")
def change(product_id: int) -> Page:
    """Change an offer for those who subscribe from now on."""
    given = request.form
    try:
        with atomic() as session:
            product = subscriptions.product(session, product_id)
            subscriptions.change_product(product, _terms(given))
            put_on_record(session, "product.change", product.name)
    except Invalid as error:
        product = subscriptions.product(db.session(), product_id)
        return _form(product, given, {error.field or "name": said(error)}), 422
    flash(gettext("Saved, for those who subscribe from now on."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/offers/<int:product_id>/withdraw")
@requires("money")
def withdraw(product_id: int) -> Response:
    with atomic() as session:
        product = subscriptions.product(session, product_id)
        subscriptions.withdraw_product(product, at=clock.now())
        put_on_record(session, "product.withdraw", product.name)
    flash(gettext("It is not offered any more. Those who have it keep it."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/begin")
@requires("self")
def begin() -> Response:
    """Begin one: drivers of what is open to them and for themselves, others for any account."""
    back, account_id = _whose(request.form.get("account", ""))
    number = request.form.get("product", "")
    try:
        with atomic() as session:
            product = _chosen(session, number)
            account = queries.account(session, account_id)
            subscriptions.subscribe(session, account, product, by=actor(), at=clock.now())
            put_on_record(session, "subscription.begin", f"account {account_id}", product.name)
    except (Refused, NotFound) as error:
        flash(said(error), "error")
    else:
        flash(gettext("%(product)s has begun. Its first period is paid.", product=product.name), "success")
    return redirect(back)


@blueprint.post("/<int:subscription_id>/cancel")
@requires("self")
def cancel(subscription_id: int) -> Response:
    """Let one run out with the period that is paid."""
    back, account_id = _whose(request.form.get("account", ""))
    try:
        with atomic() as session:
            found = subscriptions.get(session, subscription_id, account_id=account_id)
            subscriptions.cancel(session, found, by=actor(), at=clock.now())
            put_on_record(session, "subscription.cancel", f"account {account_id}", found.product.name)
    except Refused as error:
        flash(said(error), "error")
    else:
        flash(gettext("Cancelled: it runs out with the period that is paid."), "success")
    return redirect(back)


def _whose(account: str) -> tuple[str, int]:
    """(the page to go back to, the account that is meant): one's own, unless one may book to any. Raises NotFound."""
    if account and can("money"):
        account_id = int(account) if account.isdigit() and len(account) < 19 else 0
        return url_for("accounts.show", account_id=account_id), account_id
    if current_user.account_id is None:
        raise NotFound("There is no account of yours.")
    return url_for("accounts.me"), current_user.account_id


def _chosen(session: Session, number: str) -> SubscriptionProduct:
    product = subscriptions.product(session, int(number) if number.isdigit() and len(number) < 19 else 0)
    if not product.is_open and not can("money"):
        raise NotFound("There is no such product.")
    return product


def _terms(given: MultiDict[str, str]) -> ProductTerms:
    """Raises Invalid."""
    days = given.get("renewal_days", "")
    return ProductTerms(
        name=given.get("name", ""),
        price_cents=cents(_amount(given, "price")),
        renewal_days=int(days) if days.isdigit() and len(days) < 6 else 0,
        included_cents=cents(_amount(given, "included_amount")),
        included_wh=round(_amount(given, "included_kwh") * 1000),
        description=given.get("description"),
        is_open="is_open" in given,
    )


def _amount(given: MultiDict[str, str], name: str) -> Decimal:
    text = given.get(name, "").strip()
    if not text.strip("0.,"):
        return Decimal(0)
    try:
        return amount_of(text)
    except Invalid as error:
        raise Invalid(error.sentence, name, **error.values) from None


def _given(product: SubscriptionProduct) -> dict[str, str]:
    return {
        "name": product.name,
        "description": product.description or "",
        "price": f"{Decimal(product.price_cents) / 100:.2f}",
        "renewal_days": str(product.renewal_days),
        "included_amount": f"{Decimal(product.included_cents) / 100:.2f}" if product.included_cents else "",
        "included_kwh": f"{kwh(product.included_wh):f}" if product.included_wh else "",
        **({"is_open": "1"} if product.is_open else {}),
    }


def _page(given: MultiDict[str, str], problems: dict[str, str] | None = None) -> str:
    before_id = request.args.get("before", type=int)
    query = subscriptions.listed(is_running="all" not in request.args)
    if before_id is not None:
        query = query.where(Subscription.id < before_id)
    rows = db.session.scalars(query.order_by(Subscription.id.desc()).limit(PAGE + 1)).all()
    products = db.session.scalars(subscriptions.products().order_by(SubscriptionProduct.name)).all()
    following = url_for(".index", before=rows[PAGE - 1].id) if len(rows) > PAGE else None
    return render_template(
        "subscriptions/index.html",
        rows=rows[:PAGE],
        products=products,
        given=given,
        problems=problems or {},
        next_url=following,
        is_first=before_id is None,
        with_ended="all" in request.args,
        currency=currency(),
        zone=zone(),
    )


def _form(
    product: SubscriptionProduct, given: MultiDict[str, str], problems: dict[str, str] | None = None
) -> str:
    return render_template(
        "subscriptions/offer.html",
        product=product,
        given=given,
        problems=problems or {},
        currency=currency(),
    )
