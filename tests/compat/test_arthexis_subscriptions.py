"""Arthexis: subscriptions."""

from __future__ import annotations

import pytest
from flask import Flask
from make import store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, subscriptions
from csms.domain.accounts import Account, LedgerKind, Role, User
from csms.domain.subscriptions import ProductTerms, Subscription, SubscriptionProduct
from tests.api.caller import begin
from tests.compat.near import Near


@pytest.fixture
def near(app: Flask, session: Session) -> Near:
    return Near(app, session)


@pytest.fixture
def account(session: Session) -> Account:
    begin(session)
    made = accounts.open_account(session, "Ada", at=clock.now())
    accounts.book(session, made, LedgerKind.TOP_UP, at=clock.now(), amount_cents=2500)
    store(session)
    return made


@pytest.fixture
def product(session: Session) -> SubscriptionProduct:
    begin(session)
    terms = ProductTerms("Commuter", 1000, 30, included_wh=50_000, description="50 kWh a month")
    made = subscriptions.add_product(session, terms, at=clock.now())
    store(session)
    return made


@pytest.mark.seed("003", "GET /subscriptions/products/")
@pytest.mark.parametrize("slash", ["", "/"])
def test_003_subscriptions_products_are_listed(near: Near, product: SubscriptionProduct, slash: str) -> None:
    told = near.as_role(Role.OPERATOR).get(f"/subscriptions/products{slash}").json
    assert told == {
        "products": [
            {"id": product.id, "name": "Commuter", "description": "50 kWh a month", "renewal_period": 30}
        ]
    }
    assert near.get("/subscriptions/products/").status_code == 401


@pytest.mark.seed("003", "POST /subscriptions/subscribe/", "GET /subscriptions/list/")
def test_003_subscriptions_are_begun_and_listed_by_user_or_account(
    near: Near, account: Account, product: SubscriptionProduct
) -> None:
    account_id, product_id = account.id, product.id
    driver = near.as_role(Role.DRIVER, account_id)
    user_id = near.session.scalars(select(User.id).where(User.account_id == account_id)).one()
    begun = driver.post("/subscriptions/subscribe/", {"user_id": user_id, "product_id": product_id})
    assert begun.status_code == 200, begun.text
    both = {"user_id": user_id, "account_id": account_id}
    assert begun.json == {"id": begun.json["id"], **both}
    renewal = near.session.get_one(Subscription, begun.json["id"]).next_renewal_at
    assert renewal is not None
    near.session.rollback()
    house = near.app.extensions["settings"].time_zone
    row = {
        "id": begun.json["id"],
        "product__name": "Commuter",
        "next_renewal": renewal.astimezone(house).date().isoformat(),
        **both,
    }
    operator = near.as_role(Role.OPERATOR)
    for caller in (driver, operator):
        for asked in (f"user_id={user_id}", f"account_id={account_id}"):
            assert caller.get(f"/subscriptions/list/?{asked}").json == {"subscriptions": [row]}
    again = operator.post("/subscriptions/subscribe/", {"account_id": account_id, "product_id": product_id})
    assert again.status_code == 409


@pytest.mark.seed("003", "POST /subscriptions/subscribe/", "GET /subscriptions/list/")
def test_003_subscriptions_tell_what_is_missing(near: Near, account: Account) -> None:
    operator, own = near.as_role(Role.OPERATOR), {"account_id": account.id}
    for asked, status, words in (
        ({}, 400, "user_id and product_id required"),
        (own, 400, "user_id and product_id required"),
        (own | {"product_id": 99}, 404, "invalid product"),
    ):
        told = operator.post("/subscriptions/subscribe/", asked)
        assert (told.status_code, told.json) == (status, {"detail": words})
    assert operator.get("/subscriptions/subscribe/").json == {"detail": "POST required"}
    missing = operator.get("/subscriptions/list/")
    assert (missing.status_code, missing.json) == (400, {"detail": "user_id required"})
    assert operator.get("/subscriptions/list/?user_id=999").status_code == 404
    driver = near.as_role(Role.DRIVER)
    assert driver.get(f"/subscriptions/list/?account_id={account.id}").status_code == 404


@pytest.mark.seed("003", "Renewal and cancelling")
def test_003_subscriptions_renew_and_are_cancelled(
    near: Near, account: Account, product: SubscriptionProduct
) -> None:
    account_id = account.id
    driver = near.as_role(Role.DRIVER, account_id)
    asked = {"account_id": account_id, "product_id": product.id}
    begun = driver.post("/subscriptions/subscribe/", asked).json["id"]
    begin(near.session)
    due = near.session.get_one(Subscription, begun).next_renewal_at
    assert due is not None
    assert subscriptions.renew_due(near.session, due) == 1
    store(near.session)
    near.session.rollback()
    assert driver.get(f"/api/v1/accounts/{account_id}").json["balance_kwh"] == "100"
    assert driver.call("DELETE", f"/api/v1/subscriptions/{begun}").json["state"] == "cancelled"
