"""ov2xmp-django: what charging costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from csms.domain.accounts import Role
from tests.api.caller import begin
from tests.compat.near import Near
from tests.web.site import make_site


@pytest.fixture
def near(app: Flask, session: Session) -> Near:
    return Near(app, session)


@pytest.mark.seed("000", "/api/cdr/", "Charge detail record")
def test_000_api_cdr_lists_finds_and_keeps_charge_records(near: Near) -> None:
    begin(near.session)
    site = make_site(near.session)
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    operator = near.as_role(Role.OPERATOR)
    for path in (
        "/api/cdr/",
        "/api/cdr",
        "/api/cdr/?cdr_token=04A2B39F",
        f"/api/cdr/?session_id={transaction.id}",
    ):
        found = operator.get(path)
        assert found.status_code == 200, found.text
        (record,) = found.json
        assert record["session_id"] == str(transaction.id)
    assert record["total_cost"] == {"excl_vat": 7.58, "incl_vat": 9.17}
    assert record["total_energy"] == 18
    assert record["charging_periods"][0]["dimensions"][0] == {"type": "ENERGY", "volume": 18}
    assert operator.get("/api/cdr/?session_id=1").json == []
    one = f"/api/cdr/{record['id']}/"
    assert operator.get(f"{one}?fields=id,currency").json == {"id": record["id"], "currency": "EUR"}
    assert operator.call("DELETE", one).status_code == 409
    assert operator.get("/api/cdr/nothing/").status_code == 404
    support = near.as_role(Role.SUPPORT)
    assert support.call("DELETE", one).status_code == 403
    stranger = near.as_role(Role.DRIVER)
    assert stranger.get("/api/cdr/").json == []


ENERGY = {"type": "ENERGY", "price": 0.4, "vat": 20, "step_size": 1}
TARIFF = {
    "currency": "EUR",
    "type": "PROFILE_GREEN",
    "tariff_alt_text": [{"language": "en", "text": "Green nights"}],
    "min_price": {"excl_vat": 0.5, "incl_vat": 0.6},
    "max_price": 50,
    "start_date_time": "2026-01-01T00:00:00Z",
    "end_date_time": "2099-01-01T00:00:00Z",
    "elements": [
        {
            "price_components": [ENERGY],
            "restrictions": {"start_time": "22:00", "end_time": "06:00", "min_kwh": 0.5},
        },
        {
            "price_components": [
                ENERGY | {"price": 0.5},
                {"type": "FLAT", "price": 1, "vat": None, "step_size": 1},
            ]
        },
    ],
}


@pytest.mark.seed("000", "/api/tariff/")
def test_000_api_tariff_is_kept_in_ocpi_s_shape_and_an_edit_is_a_version(near: Near) -> None:
    operator = near.as_role(Role.OPERATOR)
    made = operator.post("/api/tariff/", TARIFF)
    assert made.status_code == 201, made.text
    told = made.json
    same = ("currency", "type", "tariff_alt_text", "start_date_time", "end_date_time")
    assert {x: told[x] for x in same} == {x: TARIFF[x] for x in same}
    assert told["min_price"] == {"excl_vat": 0.5, "incl_vat": 0.6}
    assert told["max_price"] == {"excl_vat": 50, "incl_vat": 60}
    assert told["elements"][0] == TARIFF["elements"][0]
    assert told["elements"][1]["price_components"][1] == {
        "type": "FLAT",
        "price": 1,
        "vat": 0,
        "step_size": 1,
    }
    one = f"/api/tariff/{told['id']}/"
    assert [x["id"] for x in operator.get("/api/tariff").json] == [told["id"]]
    changed = operator.call("PATCH", one, json={"type": "REGULAR"}).json
    assert changed == told | {"type": "REGULAR", "version": 2, "last_updated": changed["last_updated"]}
    v1 = operator.get(f"/api/v1/tariffs/{told['id']}").json
    assert [x["type"] for x in v1["versions"]] == ["PROFILE_GREEN", "REGULAR"]
    assert v1["current"]["elements"][0]["price_components"][0]["price"] == "0.480000"
    put = operator.call("PUT", one, json={"currency": "EUR", "elements": []}).json
    assert (put["type"], put["elements"], put["tariff_alt_text"]) == (None, [], [])
    for wrong, field in (
        ({"currency": "euro"}, "currency"),
        ({"elements": [{"price_components": []}]}, "elements"),
        ({"type": "CHEAP"}, "type"),
        ({"end_date_time": "2025-01-01T00:00:00Z"}, "end_date_time"),
        ({"max_price": "much"}, "max_price"),
    ):
        refused = operator.call("PATCH" if field != "end_date_time" else "PUT", one, json=TARIFF | wrong)
        assert (refused.status_code, list(refused.json)) == (400, [field])
    assert near.as_role(Role.SUPPORT).call("DELETE", one).status_code == 403
    assert operator.call("DELETE", one).status_code == 204
    assert operator.get(one).status_code == 404


@pytest.mark.seed("000", "/api/tariffelement/")
def test_000_api_tariffelement_is_a_part_of_its_tariff(near: Near) -> None:
    operator = near.as_role(Role.OPERATOR)
    tariff = operator.post("/api/tariff/", TARIFF).json["id"]
    first = operator.get(f"/api/tariffelement/{tariff}-1/").json
    assert (first["tariff"], first["restrictions"]["min_kwh"]) == (tariff, 0.5)
    assert list(operator.post("/api/tariffelement/", {"price_components": [ENERGY]}).json) == ["tariff"]
    made = operator.post("/api/tariffelement/", {"tariff": tariff, "price_components": [ENERGY]})
    assert (made.status_code, made.json["id"]) == (201, f"{tariff}-3")
    changed = operator.call("PATCH", f"/api/tariffelement/{tariff}-3/", json={"restrictions": {"max_kwh": 9}})
    assert (changed.json["restrictions"], changed.json["price_components"]) == ({"max_kwh": 9}, [ENERGY])
    assert operator.call("DELETE", f"/api/tariffelement/{tariff}-2").status_code == 204
    assert [x["id"] for x in operator.get("/api/tariffelement/").json] == [f"{tariff}-1", f"{tariff}-2"]
    assert operator.get(f"/api/tariffelement/{tariff}-3/").status_code == 404
    assert operator.get(f"/api/tariff/{tariff}/").json["version"] == 4


@pytest.mark.seed("000", "credit_balance")
def test_000_credit_balance_is_less_by_what_a_session_cost(near: Near) -> None:
    begin(near.session)
    site = make_site(near.session)
    driver = near.as_role(Role.DRIVER, site.account.id)
    assert driver.get("/api/user/near-driver/").json["credit_balance"] == 50.0
    begin(near.session)
    site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    assert driver.get("/api/user/near-driver/").json["credit_balance"] == 40.83
