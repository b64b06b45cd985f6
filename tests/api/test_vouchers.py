"""Vouchers, ledgers and refunds over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from make import store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role
from tests.api.caller import Api, begin
from tests.web.site import make_site


def test_vouchers_are_made_redeemed_by_their_drivers_and_voided(
    owner: Api, as_role: Any, session: Session
) -> None:
    begin(session)
    account = accounts.open_account(session, "Ada", at=clock.now())
    store(session)
    driver = as_role(Role.DRIVER, account.id)
    made = owner.post("/vouchers", {"count": 2, "energy_wh": 20_000, "label": "Spring"})
    assert made.status_code == 201
    first, second = made.json["data"]
    assert (first["energy_wh"], first["amount"], first["state"]) == (20_000, None, "open")
    booked = driver.post(f"/accounts/{account.id}/vouchers", {"code": first["code"]})
    assert (booked.status_code, booked.json["balance_kwh"]) == (201, "20")
    again = driver.post(f"/accounts/{account.id}/vouchers", {"code": first["code"]})
    assert (again.status_code, again.json["errors"][0]["pointer"]) == (422, "/code")
    assert driver.post("/accounts/999/vouchers", {"code": second["code"]}).status_code == 404
    assert driver.get("/vouchers").status_code == 403
    assert owner.delete(f"/vouchers/{first['id']}").status_code == 409
    assert owner.delete(f"/vouchers/{second['id']}").status_code == 204
    states = {x["id"]: x["state"] for x in owner.get("/vouchers?label=spr").json["data"]}
    assert states == {first["id"]: "redeemed", second["id"]: "void"}
    assert owner.get("/vouchers?is_open=true").json["data"] == []
    (entry,) = driver.get(f"/accounts/{account.id}/ledger").json["data"]
    assert (entry["kind"], entry["energy_wh"], entry["created_by"]) == ("voucher", 20_000, "driver")
    assert owner.post("/vouchers", {"amount": "5", "energy_wh": 5}).status_code == 422


def test_a_session_is_refunded_once_however_often_it_is_asked(owner: Api, session: Session) -> None:
    begin(session)
    site = make_site(session)
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    refund, key = f"/transactions/{transaction.id}/refund", {"Idempotency-Key": "once"}
    for _ in range(2):
        told = owner.post(refund, {"amount": "2.00", "reason": "cable stuck"}, headers=key)
        assert (told.status_code, told.json["bill"]["total"]["amount"]) == (201, "7.17")
    assert owner.post(refund, {"amount": "7.18", "reason": "more"}).status_code == 422
    assert owner.post(refund, {"reason": "goodwill"}).json["cost"]["amount"] == "0.00"
    kinds = [x["credit"] for x in owner.get(f"/cdrs?session_id={transaction.id}").json["data"]]
    assert kinds == [True, False, True, False]
    ledger = owner.get(f"/accounts/{site.account.id}/ledger").json["data"]
    assert [(x["kind"], x["amount"]["amount"]) for x in ledger][:2] == [
        ("refund", "7.17"),
        ("refund", "2.00"),
    ]
    note = owner.post(f"/accounts/{site.account.id}/credit", {"kind": "correction", "amount": "-1"})
    assert (note.status_code, note.json["errors"][0]["pointer"]) == (422, "/note")
