"""Subscriptions over the API."""

from __future__ import annotations

from typing import Any

from make import store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role
from tests.api.caller import Api, begin


def test_products_are_offered_subscribed_to_and_cancelled(owner: Api, as_role: Any, session: Session) -> None:
    begin(session)
    account = accounts.open_account(session, "Ada", at=clock.now())
    store(session)
    driver = as_role(Role.DRIVER, account.id)
    given = {"name": "Commuter", "price": "10.00", "included_wh": 50_000, "renewal_days": 30}
    made = owner.post("/subscription-products", given)
    assert made.status_code == 201
    product = made.json
    hidden = owner.post("/subscription-products", given | {"name": "Staff", "is_open": False}).json
    assert [x["name"] for x in driver.get("/subscription-products").json["data"]] == ["Commuter"]
    asked = {"account_id": account.id, "product_id": product["id"]}
    assert driver.post("/subscriptions", asked).status_code == 409  # no credit yet
    owner.post(f"/accounts/{account.id}/credit", {"amount": "25.00"})
    begun = driver.post("/subscriptions", asked)
    assert (begun.status_code, begun.json["state"], begun.json["price"]["amount"]) == (201, "active", "10.00")
    assert driver.post("/subscriptions", asked | {"product_id": hidden["id"]}).status_code == 404
    assert driver.post("/subscriptions", asked | {"account_id": 999}).status_code == 404
    assert driver.post("/subscriptions", {"product_id": product["id"]}).status_code == 422
    told = driver.get(f"/accounts/{account.id}").json
    assert (told["balance"]["amount"], told["balance_kwh"]) == ("15.00", "50")
    changed = owner.call("PUT", f"/subscription-products/{product['id']}", json=given | {"price": "12"})
    assert changed.json["price"]["amount"] == "12.00"
    assert owner.get(f"/subscriptions?account_id={account.id}").json["data"] == [begun.json]
    cancelled = driver.delete(f"/subscriptions/{begun.json['id']}").json
    assert (cancelled["state"], cancelled["next_renewal_at"]) == (
        "cancelled",
        begun.json["next_renewal_at"],
    )
    assert owner.delete(f"/subscription-products/{product['id']}").status_code == 204
    assert owner.get(f"/subscription-products/{product['id']}").status_code == 404
    assert len(driver.get("/subscriptions?is_running=true").json["data"]) == 1
