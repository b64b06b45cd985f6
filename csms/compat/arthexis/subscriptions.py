"""Subscriptions: `/subscriptions/products/`, `/subscriptions/subscribe/`, `/subscriptions/list/`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, current_app, jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.api import guard
from csms.api import subscriptions as api
from csms.api.accounts import own_account_id
from csms.api.scopes import Scope
from csms.compat.arthexis.door import blueprint
from csms.compat.door import Wrong, body, needs
from csms.domain import subscriptions
from csms.domain.accounts import User
from csms.domain.base import NotFound
from csms.domain.subscriptions import Subscription, SubscriptionProduct
from csms.extensions import db
from csms.work import atomic


@blueprint.get("/subscriptions/products/", strict_slashes=False)
@needs(Scope.SELF, open_in_lab=True)
def list_subscription_products() -> Response:
    """What is offered; `renewal_period` in days."""
    wanted = subscriptions.products(is_open=not guard.may(Scope.READ)).order_by(SubscriptionProduct.id)
    told = [
        {"id": x.id, "name": x.name, "description": x.description or "", "renewal_period": x.renewal_days}
        for x in db.session.scalars(wanted)
    ]
    return jsonify(products=told)


@blueprint.route(
    "/subscriptions/subscribe/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], strict_slashes=False
)
@needs(Scope.SELF)
def subscribe() -> Response:
    """Begin, and pay, the first period: of a user's account or of an account."""
    if request.method != "POST":
        raise Wrong(400, {"detail": "POST required"})
    given = body()
    account_id, user_id = _numbers(given)
    product_id = _number(given.get("product_id"))
    if (account_id is None and user_id is None) or product_id is None:
        raise Wrong(400, {"detail": "user_id and product_id required"})
    with atomic() as session:
        try:
            subscriptions.product(session, product_id)
        except NotFound:
            raise Wrong(404, {"detail": "invalid product"}) from None
        begun = api.begin(session, account_id, None if account_id is not None else user_id, product_id)
        return jsonify({"id": begun.id, **_whose(session, begun)})


@blueprint.get("/subscriptions/list/", strict_slashes=False)
@needs(Scope.SELF)
def list_subscriptions() -> Response:
    """Those of a user or an account that have not ended; drivers see their own."""
    account_id, user_id = _numbers(request.args)
    if account_id is None and user_id is None:
        raise Wrong(400, {"detail": "user_id required"})
    session = db.session()
    own = own_account_id()
    account_id = api.payer(session, account_id, None if account_id is not None else user_id)
    wanted = subscriptions.listed(account_id=account_id if own is None else own, is_running=True)
    told = [_told(session, x) for x in session.scalars(wanted.order_by(Subscription.id))]
    return jsonify(subscriptions=told)


def _told(session: Session, subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "product__name": subscription.product.name,
        "next_renewal": _day(subscription.next_renewal_at or subscription.started_at),
        **_whose(session, subscription),
    }


def _whose(session: Session, subscription: Subscription) -> dict[str, int | None]:
    user = select(User.id).where(User.account_id == subscription.account_id).order_by(User.id).limit(1)
    return {"user_id": session.scalar(user), "account_id": subscription.account_id}


def _day(moment: datetime) -> str:
    house = ZoneInfo(str(current_app.extensions["settings"].time_zone.key))
    return moment.astimezone(UTC).astimezone(house).date().isoformat()


def _numbers(given: Mapping[str, Any]) -> tuple[int | None, int | None]:
    return _number(given.get("account_id")), _number(given.get("user_id"))


def _number(given: Any) -> int | None:
    text = str(given if given is not None else "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
