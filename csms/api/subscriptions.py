"""Subscriptions and what can be subscribed to."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from flask import url_for
from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.accounts import currency, own_account_id
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Money, Out, answers
from csms.domain import subscriptions
from csms.domain.accounts import User
from csms.domain.base import NotFound
from csms.domain.subscriptions import ProductTerms, Subscription, SubscriptionProduct, SubscriptionState
from csms.extensions import db
from csms.quantities import cents

Amount = Field(Decimal(0), ge=0, le=100_000, decimal_places=2)


class NewProduct(In):
    """Each period of `renewal_days` costs `price` and brings credit. `is_open`: drivers may subscribe themselves."""

    name: str = Field(min_length=1, max_length=80)
    description: str | None = Field(None, max_length=500)
    price: Decimal = Amount
    renewal_days: int = Field(30, ge=1, le=3660)
    included_amount: Decimal = Amount
    included_wh: int = Field(0, ge=0, le=100_000_000)
    is_open: bool = True


class ProductOut(Out):
    id: int
    name: str
    description: str | None
    price: Money
    renewal_days: int
    included_amount: Money
    included_wh: int
    is_open: bool


class ProductList(Out):
    data: list[ProductOut]
    next_cursor: str | None


class NewSubscription(In):
    """Of an account, or of a user's account."""

    account_id: int | None = None
    user_id: int | None = None
    product_id: int

    @model_validator(mode="after")
    def _one_payer(self) -> Self:
        if (self.account_id is None) == (self.user_id is None):
            raise ValueError("give account_id or user_id")
        return self


class SubscriptionQuery(Listing):
    account_id: int | None = None
    user_id: int | None = None
    is_running: bool = Field(False, description="only those that have not ended")


class SubscriptionOut(Out):
    """`next_renewal_at`: until then it is paid; null when it has ended. It costs what was agreed when it began."""

    id: int
    account_id: int
    product_id: int
    product_name: str
    state: SubscriptionState
    price: Money
    included_amount: Money
    included_wh: int
    renewal_days: int
    periods: int
    started_at: datetime
    next_renewal_at: datetime | None
    overdue_since: datetime | None
    cancelled_at: datetime | None
    ended_at: datetime | None


class SubscriptionList(Out):
    data: list[SubscriptionOut]
    next_cursor: str | None


def _amounts(row: SubscriptionProduct | Subscription) -> dict[str, Money]:
    return {
        "price": Money.of_cents(row.price_cents, currency()),
        "included_amount": Money.of_cents(row.included_cents, currency()),
    }


def _product(product: SubscriptionProduct) -> ProductOut:
    return ProductOut.of(product, **_amounts(product))


def _out(subscription: Subscription) -> SubscriptionOut:
    return SubscriptionOut.of(subscription, product_name=subscription.product.name, **_amounts(subscription))


def payer(session: Session, account_id: int | None, user_id: int | None) -> int:
    """The account that is meant, if the caller may see it. Raises NotFound."""
    if account_id is None:
        user = session.get(User, user_id)
        account_id = user.account_id if user else None
    own = own_account_id()
    if account_id is None or own not in (None, account_id):
        raise NotFound("There is no such account.")
    return queries.account(session, account_id).id


@blueprint.get("/subscription-products")
@spec.validate(resp=answers(200, ProductList), tags=["subscriptions"], operation_id="listProducts")
@needs(Scope.READ, Scope.SELF)
def list_products(query: Listing) -> Any:
    """What is offered; to drivers, what they may subscribe to themselves."""
    wanted = subscriptions.products(is_open=not guard.may(Scope.READ))
    found = page(db.session(), wanted, (SubscriptionProduct.id,), query)
    return ProductList(data=[_product(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.get("/subscription-products/<int:product_id>")
@spec.validate(resp=answers(200, ProductOut), tags=["subscriptions"], operation_id="getProduct")
@needs(Scope.READ)
def show_product(product_id: int) -> ProductOut:
    """One product."""
    return _product(subscriptions.product(db.session(), product_id))


@blueprint.post("/subscription-products")
@spec.validate(resp=answers(201, ProductOut), tags=["subscriptions"], operation_id="addProduct")
@needs(Scope.MONEY)
def add_product(json: NewProduct) -> Any:
    """Offer a new product."""
    with unit() as session:
        product = subscriptions.add_product(session, _terms(json), at=clock.now())
        guard.audit(session, "product.added", f"product {product.id}", product.name)
        added = _product(product)
    return added, 201, {"Location": url_for("api.show_product", product_id=added.id)}


@blueprint.put("/subscription-products/<int:product_id>")
@spec.validate(resp=answers(200, ProductOut), tags=["subscriptions"], operation_id="changeProduct")
@needs(Scope.MONEY)
def change_product(product_id: int, json: NewProduct) -> ProductOut:
    """Change an offer for those who subscribe from now on."""
    with unit() as session:
        product = subscriptions.product(session, product_id)
        subscriptions.change_product(product, _terms(json))
        guard.audit(session, "product.changed", f"product {product.id}", product.name)
        return _product(product)


@blueprint.delete("/subscription-products/<int:product_id>")
@spec.validate(resp=answers(204, None), tags=["subscriptions"], operation_id="withdrawProduct")
@needs(Scope.MONEY)
def withdraw_product(product_id: int) -> Any:
    """Offer it no more; those who have it keep it."""
    with unit() as session:
        product = subscriptions.product(session, product_id)
        subscriptions.withdraw_product(product, at=clock.now())
        guard.audit(session, "product.withdrawn", f"product {product.id}", product.name)
    return "", 204


@blueprint.get("/subscriptions")
@spec.validate(resp=answers(200, SubscriptionList), tags=["subscriptions"], operation_id="listSubscriptions")
@needs(Scope.MONEY, Scope.SELF)
def list_subscriptions(query: SubscriptionQuery) -> Any:
    """Subscriptions, the newest first. Whoever may not see money sees their own."""
    account_id = own_account_id()
    if query.account_id is not None or query.user_id is not None:
        account_id = payer(db.session(), query.account_id, query.user_id)
    wanted = subscriptions.listed(account_id=account_id, is_running=query.is_running)
    found = page(db.session(), wanted, (Subscription.id,), query, newest_first=True)
    return SubscriptionList(data=[_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.get("/subscriptions/<int:subscription_id>")
@spec.validate(resp=answers(200, SubscriptionOut), tags=["subscriptions"], operation_id="getSubscription")
@needs(Scope.MONEY, Scope.SELF)
def show_subscription(subscription_id: int) -> SubscriptionOut:
    """One subscription."""
    return _out(subscriptions.get(db.session(), subscription_id, account_id=own_account_id()))


@blueprint.post("/subscriptions")
@spec.validate(resp=answers(201, SubscriptionOut), tags=["subscriptions"], operation_id="subscribe")
@needs(Scope.MONEY, Scope.SELF)
def subscribe(json: NewSubscription) -> Any:
    """Begin, and pay, the first period; 409 without the credit for it. Drivers subscribe their own account."""
    with unit() as session:
        begun = _out(begin(session, json.account_id, json.user_id, json.product_id))
    return begun, 201, {"Location": url_for("api.show_subscription", subscription_id=begun.id)}


def begin(session: Session, account_id: int | None, user_id: int | None, product_id: int) -> Subscription:
    """A subscription that the caller may begin. Raises NotFound and Refused."""
    product = subscriptions.product(session, product_id)
    if not product.is_open and not guard.may(Scope.MONEY):
        raise NotFound("There is no such product.")
    account = queries.account(session, payer(session, account_id, user_id))
    by = guard.caller().username
    subscription = subscriptions.subscribe(session, account, product, by=by, at=clock.now())
    guard.audit(session, "subscription.begun", f"account {account.id}", product.name)
    return subscription


@blueprint.delete("/subscriptions/<int:subscription_id>")
@spec.validate(resp=answers(200, SubscriptionOut), tags=["subscriptions"], operation_id="cancelSubscription")
@needs(Scope.MONEY, Scope.SELF)
def cancel_subscription(subscription_id: int) -> SubscriptionOut:
    """Let it run out with the period that is paid; one that is overdue ends at once."""
    with unit() as session:
        found = subscriptions.get(session, subscription_id, account_id=own_account_id())
        subscriptions.cancel(session, found, by=guard.caller().username, at=clock.now())
        guard.audit(session, "subscription.cancelled", f"account {found.account_id}", found.product.name)
        return _out(found)


def _terms(json: NewProduct) -> ProductTerms:
    return ProductTerms(
        name=json.name,
        price_cents=cents(json.price),
        renewal_days=json.renewal_days,
        included_cents=cents(json.included_amount),
        included_wh=json.included_wh,
        description=json.description,
        is_open=json.is_open,
    )
