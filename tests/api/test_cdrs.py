"""Charge records over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from csms.domain.accounts import Role
from tests.api.caller import Api, begin
from tests.web.site import make_site


def test_a_session_is_told_as_a_charge_record(owner: Api, as_role: Any, session: Session) -> None:
    begin(session)
    site = make_site(session)
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    listed = owner.get("/cdrs").json["data"]
    assert [x["session_id"] for x in listed] == [str(transaction.id)]
    (record,) = listed
    bill = owner.get(f"/transactions/{transaction.id}").json["bill"]
    assert record["total_cost"]["incl_vat"] == bill["total"]["amount"]
    assert record["cdr_token"]["uid"] == "04A2B39F"
    assert owner.get(f"/cdrs/{record['id']}").json == record
    for query, count in (
        (f"session_id={transaction.id}", 1),
        ("session_id=7", 0),
        ("cdr_token=04A2B39F", 1),
        ("charger=cp-1", 1),
        ("date_from=2099-01-01T00:00:00Z", 0),
        ("date_to=2099-01-01T00:00:00Z", 1),
    ):
        assert len(owner.get(f"/cdrs?{query}").json["data"]) == count, query
    accountant = as_role(Role.ACCOUNTANT)
    assert "04A2B39F" not in accountant.get("/cdrs").text
    assert accountant.get("/cdrs?cdr_token=04A2B39F").status_code == 403
    driver = as_role(Role.DRIVER, site.account.id)
    assert [x["cdr_token"]["uid"] for x in driver.get("/cdrs").json["data"]] == ["04A2B39F"]
    refused = owner.delete(f"/cdrs/{record['id']}")
    assert (refused.status_code, "Refund" in refused.json["detail"]) == (409, True)


def test_what_has_no_record_is_told_with_what_it_waits_for(owner: Api, session: Session) -> None:
    begin(session)
    site = make_site(session)
    transaction = site.begin(at=site.now - timedelta(hours=1))
    assert owner.get("/cdrs/waiting").json == {"data": [], "next_cursor": None, "is_catching_up": False}
    owner.post(f"/transactions/{transaction.id}/close", {})
    (one,) = owner.get("/cdrs/waiting").json["data"]
    assert (one["transaction_id"], one["charger"], one["reason"]) == (transaction.id, "CP-1", "no_energy")
    assert owner.post(f"/transactions/{transaction.id}/settle", {"waive": True}).status_code == 200
    assert owner.get("/cdrs/waiting").json["data"] == []
    (record,) = owner.get("/cdrs").json["data"]
    assert (record["session_id"], record["total_cost"]["incl_vat"]) == (str(transaction.id), "0.00")


def test_vat_is_told_for_each_rate(owner: Api) -> None:
    given = {
        "name": "Two rates",
        "vat_percent": "20",
        "elements": [
            {
                "price_components": [
                    {"type": "ENERGY", "price": "1.20"},
                    {"type": "FLAT", "price": "1.10", "vat": "10"},
                ]
            }
        ],
    }
    tariff = owner.post("/tariffs", given).json
    bill = owner.get(f"/tariffs/{tariff['id']}/price?energy_wh=10000&duration_s=60").json
    told = [(float(x["percent"]), x["amount"]["amount"], x["vat"]["amount"]) for x in bill["vat_lines"]]
    assert told == [(10, "1.10", "0.10"), (20, "12.00", "2.00")]
    assert bill["vat"]["amount"] == "2.10"
