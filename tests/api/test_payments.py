"""Payments by card over the API."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from tests.api.caller import Api, begin
from tests.web.site import make_site
from tests.web.till import Till
from tests.web.visitor import Visitor


def test_a_program_reads_a_payment_and_gives_it_back_once(owner: Api, app: Flask, session: Session) -> None:
    begin(session)
    till = Till(app, make_site(session)).set_up()
    till.pay(Visitor(app, session))
    transaction = till.charge(10_000)
    (listed,) = owner.get(f"/payments?transaction_id={transaction.id}").json["data"]
    assert (listed["state"], listed["held"]["amount"], listed["captured"]["amount"]) == (
        "captured",
        "40.00",
        "5.25",
    )
    here = f"/payments/{listed['id']}"
    steps = [x["what"] for x in owner.get(here).json["steps"]]
    assert steps[-2:] == ["capture ordered", "captured"]
    assert owner.post(f"{here}/capture", {"amount": "1.00"}).status_code == 409
    for _ in range(2):
        told: Any = owner.post(
            f"{here}/refund", {"reason": "Broken"}, headers={"Idempotency-Key": "refund-1"}
        )
        assert (told.status_code, told.json["wanted"]) == (202, "refund")
    till.work()
    assert owner.get(here).json["state"] == "refunded"
    assert owner.get("/payments?state=held").json["data"] == []
    assert owner.get("/payments/no-such").status_code == 404
