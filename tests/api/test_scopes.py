"""Every role at every route: the table that says who may do what, walked."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from csms.api.scopes import SCOPES, Scope
from csms.domain.accounts import Role
from tests.api.caller import Api

READ, OPERATE, MONEY, ADMIN = Scope.READ, Scope.OPERATE, Scope.MONEY, Scope.ADMIN
SELF = Scope.SELF

# What is asked, and the scopes of which one lets it pass the guard.
ROUTES: list[tuple[str, str, set[Scope]]] = [
    ("GET", "/chargers", {READ}),
    ("POST", "/chargers", {ADMIN}),
    ("GET", "/chargers/CP-9", {READ}),
    ("PATCH", "/chargers/CP-9", {OPERATE}),
    ("DELETE", "/chargers/CP-9", {ADMIN}),
    ("POST", "/chargers/CP-9/key", {ADMIN}),
    ("POST", "/chargers/CP-9/commands", {OPERATE}),
    ("GET", "/chargers/CP-9/frames", {READ}),
    ("GET", "/connectors", {READ}),
    ("GET", "/commands", {READ}),
    ("GET", "/commands/1", {READ}),
    ("GET", "/transactions", {READ, SELF}),
    ("GET", "/transactions/9", {READ, SELF}),
    ("GET", "/transactions/9/readings", {READ, SELF}),
    ("GET", "/id-tokens", {READ, SELF}),
    ("POST", "/id-tokens", {OPERATE}),
    ("GET", "/id-tokens/9", {READ, SELF}),
    ("PATCH", "/id-tokens/9", {OPERATE}),
    ("DELETE", "/id-tokens/9", {OPERATE}),
    ("GET", "/accounts", {MONEY, SELF}),
    ("POST", "/accounts", {MONEY}),
    ("GET", "/accounts/9", {MONEY, SELF}),
    ("POST", "/accounts/9/credit", {MONEY}),
    ("GET", "/tariffs", {READ}),
    ("POST", "/tariffs", {ADMIN}),
    ("GET", "/tariffs/9", {READ}),
    ("POST", "/tariffs/9/versions", {ADMIN}),
]
OPEN = {"/token", "/token/refresh", "/token/revoke"}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_its_scopes_say_and_nothing_else(as_role: Any, role: Role) -> None:
    api = as_role(role)
    for method, path, scopes in ROUTES:
        status = api.call(method, path, json={} if method in ("POST", "PATCH") else None).status_code
        if scopes & SCOPES[role]:
            assert status in (200, 404, 422), (method, path, status)
        else:
            assert status == 403, (method, path, status)


def test_a_stranger_may_do_nothing(stranger: Api) -> None:
    for method, path, _ in ROUTES:
        answer = stranger.call(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.mimetype == "application/problem+json"


def test_the_table_knows_every_route(app: Flask) -> None:
    seen = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            path = rule.rule.removeprefix("/api/v1")
            path = path.replace("<identity>", "CP-9").replace("<command_id>", "1")
            path = "/".join("9" if part.startswith("<") else part for part in path.split("/"))
            seen |= {(method, path) for method in rule.methods or () if method not in ("HEAD", "OPTIONS")}
    assert seen - {("POST", path) for path in OPEN} == {(method, path) for method, path, _ in ROUTES}
