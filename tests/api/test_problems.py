"""Whatever goes wrong under /api has one shape, and elsewhere it has not."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel
from sqlalchemy import text

from csms.domain.accounts import Role
from csms.extensions import db
from tests.api.caller import Api


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/v1/nothing/at/all", 404),
        ("GET", "/api/v1/transactions/99999999999999999999", 404),  # no database has numbers of that size
        ("DELETE", "/api/v1/chargers", 405),
        ("PUT", "/api/v1/token", 405),
    ],
)
def test_unknown_addresses_and_methods_are_problems(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["instance"] == path
    assert answer.headers["X-Request-Id"] == answer.json["request_id"]


def test_the_pages_keep_their_own_errors(client: FlaskClient) -> None:
    assert client.get("/nothing-of-the-kind").mimetype != "application/problem+json"


def test_a_body_must_be_json_and_say_so(owner: Api) -> None:
    assert owner.call("POST", "/chargers", data="a=b").status_code == 415
    cut = owner.call("POST", "/chargers", data='{"identity": ', content_type="application/json")
    assert cut.status_code == 400
    assert owner.post("/chargers", ["a", "list"]).status_code == 422


def test_a_missing_field_is_pointed_at(owner: Api) -> None:
    answer = owner.post("/chargers", {"name": "x"})
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"pointer": "/identity", "code": "missing", "message": "Field required"}]


def test_a_misspelt_filter_is_told(owner: Api) -> None:
    assert owner.get("/chargers?stauts=Faulted").json["errors"][0]["pointer"] == "/stauts"


def test_the_request_is_named_in_the_answer(owner: Api) -> None:
    answer = owner.get("/chargers/none", headers={"X-Request-Id": "mine-1"})
    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == "mine-1"


def test_no_database_is_503_and_a_bug_is_500_without_details(app: Flask, owner: Api) -> None:
    owner.session.rollback()
    db.session.remove()
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE tariff RENAME TO tariff_away"))
    try:
        answer = owner.get("/tariffs")
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE tariff_away RENAME TO tariff"))
    assert answer.status_code in (500, 503)  # SQLite calls a missing table an operational error
    assert answer.mimetype == "application/problem+json"
    assert "tariff_away" not in answer.text
    assert "SELECT" not in answer.text


def test_the_description_names_every_route_and_the_scheme(app: Flask, client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["jwtAuth"]["scheme"] == "bearer"
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {
        (method, rule.rule.replace("<int:", "<").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert described == served
    schemas = set(document["components"]["schemas"])
    references = {
        x.split('"')[0] for x in client.get("/api/openapi.json").text.split("#/components/schemas/")[1:]
    }
    assert references <= schemas


def test_the_description_tells_what_every_call_answers(client: FlaskClient) -> None:
    for path, methods in client.get("/api/openapi.json").json["paths"].items():
        for method, operation in methods.items():
            assert any(code.startswith(("2", "3")) for code in operation["responses"]), (method, path)
            assert "application/problem+json" in operation["responses"]["404"]["content"], (method, path)


def test_no_two_shapes_of_the_description_bear_one_name() -> None:
    """The later one would stand for both."""
    named: dict[str, set[str]] = {}
    below = [BaseModel]
    for model in below:
        below += [x for x in model.__subclasses__() if x not in below]
        if model.__module__.startswith("csms.api."):
            named.setdefault(model.__name__, set()).add(model.__module__)
    assert {name: modules for name, modules in named.items() if len(modules) > 1} == {}


def test_a_text_that_no_database_can_hold_is_no_fault_of_ours(as_role: Any) -> None:
    answer = as_role(Role.OWNER).get("/accounts?q=a%00b")
    assert answer.status_code in (200, 400)  # SQLite can hold it
    if answer.status_code == 400:
        assert answer.json["code"] == "bad_request"


def test_a_number_that_no_database_can_hold_is_no_fault_of_ours(as_role: Any) -> None:
    answer = as_role(Role.OWNER).post("/subscriptions", {"account_id": 10**30, "product_id": 1})
    assert answer.status_code in (400, 404)
    assert answer.mimetype == "application/problem+json"


def test_the_page_of_the_description_loads_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/api/")
    assert page.status_code == 200
    assert 'data-spec="/api/schema/"' in page.text
    assert "//" not in page.text.replace("<!doctype", "")
