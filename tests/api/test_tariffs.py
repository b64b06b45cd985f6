"""Tariffs with elements through the API."""

from __future__ import annotations

from typing import Any

from make import make_charger
from sqlalchemy.orm import Session

from tests.api.caller import Api, begin

NIGHT = {"start_time": "22:00", "end_time": "06:00"}
ELEMENTS: list[dict[str, Any]] = [
    {"price_components": [{"type": "ENERGY", "price": "0.30"}], "restrictions": NIGHT},
    {"price_components": [{"type": "ENERGY", "price": "0.49"}, {"type": "FLAT", "price": "1"}]},
]


def test_elements_go_in_and_come_out_and_a_what_if_is_priced_by_them(owner: Api) -> None:
    asked = {"name": "Night", "elements": ELEMENTS, "time_zone": "Europe/Madrid", "max_price": "20"}
    made = owner.post("/tariffs", asked)
    assert made.status_code == 201
    current = made.json["current"]
    assert [x.get("restrictions") for x in current["elements"]] == [NIGHT, None]
    assert (current["price_per_kwh"], current["max_price"]) == (None, "20")
    question = "energy_wh=10000&duration_s=7200&starts_at=2026-03-14T20:00:00Z"
    bill = owner.get(f"/tariffs/{made.json['id']}/price?{question}").json
    assert bill["total"] == {"amount": "4.95", "currency": "EUR"}
    assert [(x["kind"], x["element"]) for x in bill["lines"]] == [("energy", 2), ("energy", 1), ("start", 2)]
    assert bill["lines"][0]["spans"][0]["ends_at"] == "2026-03-14T21:00:00Z"


def test_a_handful_of_prices_is_told_as_elements_too(owner: Api) -> None:
    made = owner.post("/tariffs", {"name": "Day", "price_per_kwh": "0.49", "price_per_minute": "0.02"}).json
    assert made["current"]["price_per_minute"] == "0.02"
    components = made["current"]["elements"][0]["price_components"]
    assert [(x["type"], x["price"]) for x in components] == [("ENERGY", "0.49"), ("TIME", "1.20")]


def test_two_shapes_at_once_and_what_is_no_element_are_refused(owner: Api) -> None:
    both = {"name": "Both", "price_per_kwh": "0.49", "elements": ELEMENTS}
    assert owner.post("/tariffs", both).status_code == 422
    twice = [{"price_components": [{"type": "FLAT", "price": "1"}, {"type": "FLAT", "price": "2"}]}]
    assert owner.post("/tariffs", {"name": "Twice", "elements": twice}).status_code == 422
    odd = {"name": "Odd", "elements": ELEMENTS, "time_zone": "Mars/Olympus"}
    assert owner.post("/tariffs", odd).status_code == 422


def test_a_tariff_is_renamed_assigned_planned_ahead_and_removed(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session, "CP-1")
    made = owner.post("/tariffs", {"name": "Now", "price_per_kwh": "0.40", "is_default": True}).json
    one = f"/tariffs/{made['id']}"
    ahead = {"price_per_kwh": "0.50", "starts_at": "2099-01-01T00:00:00Z", "type": "REGULAR"}
    words = [{"language": "en", "text": "Dearer"}]
    planned = owner.post(f"{one}/versions", ahead | {"alt_text": words}).json
    assert (planned["current"]["number"], planned["versions"][1]["alt_text"]) == (1, words)
    bill = owner.get(f"{one}/price?energy_wh=1000&starts_at=2099-02-01T00:00:00Z").json
    assert (bill["total"]["amount"], bill["tariff"]["version"]) == ("0.50", 2)
    wrong = owner.post(
        f"{one}/versions", {"starts_at": "2099-01-01T00:00:00Z", "ends_at": "2098-01-01T00:00:00Z"}
    )
    assert wrong.status_code == 422
    assert owner.delete(one).status_code == 409
    other = owner.post("/tariffs", {"name": "Other"}).json
    changed = owner.patch(
        f"/tariffs/{other['id']}", {"name": "Free", "is_default": True, "chargers": ["cp-1"]}
    )
    assert (changed.json["name"], changed.json["is_default"]) == ("Free", True)
    assert owner.get("/chargers/CP-1").json["tariff_id"] == other["id"]
    assert owner.delete(one).status_code == 204
    assert [x["name"] for x in owner.get("/tariffs").json["data"]] == ["Free"]
