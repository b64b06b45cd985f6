"""Arthexis: nodes, as its documents promise them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from make import store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts import Role
from csms.domain.nodes import Node
from tests.api.caller import begin
from tests.compat.near import Near
from tests.web.visitor import Visitor

NODE = {"hostname": "depot-north", "address": "192.0.2.7"}
both_forms = pytest.mark.parametrize("slash", ["/", ""])


@pytest.fixture
def near(app: Flask, session: Session) -> Near:
    return Near(app, session)


@pytest.mark.seed("003", "POST /nodes/register/", "GET /nodes/list/")
@both_forms
def test_nodes_register_adds_a_node_and_nodes_list_tells_it(near: Near, slash: str) -> None:
    clerk = near.as_role(Role.OPERATOR)
    first = clerk.post(f"/nodes/register{slash}", NODE)
    assert (first.status_code, set(first.json)) == (200, {"id"})
    (known,) = clerk.get(f"/nodes/list{slash}").json["nodes"]
    assert (known["hostname"], known["address"], known["port"]) == ("depot-north", "192.0.2.7", 8000)
    assert known["last_seen"].endswith("Z")
    moved = {"hostname": "DEPOT-NORTH", "address": "2001:db8::7", "port": "8001"}
    again = clerk.call("POST", f"/nodes/register{slash}", data=moved)  # as a form
    assert again.json == first.json
    (known,) = clerk.get("/nodes/list/").json["nodes"]
    assert (known["address"], known["port"]) == ("2001:db8::7", 8001)


@pytest.mark.parametrize(
    "change",
    [
        {"address": "not an ip"},
        {"address": "999.1.1.1"},
        {"address": "a/b"},
        {"port": 0},
        {"hostname": "a b"},
    ],
)
def test_nodes_register_refuses_what_no_machine_is_called(near: Near, change: dict[str, Any]) -> None:
    clerk = near.as_role(Role.OPERATOR)
    assert clerk.post("/nodes/register/", NODE | change).status_code == 400
    assert clerk.get("/nodes/list/").json == {"nodes": []}


def test_nodes_register_says_what_is_missing(near: Near) -> None:
    clerk = near.as_role(Role.OPERATOR)
    answer = clerk.post("/nodes/register/", {"hostname": "x"})
    assert (answer.status_code, answer.json) == (400, {"detail": "hostname and address required"})
    wrong = clerk.get("/nodes/register/")
    assert (wrong.status_code, wrong.json) == (400, {"detail": "POST required"})


def test_nodes_ask_who_is_there(near: Near) -> None:
    assert near.post("/nodes/register/", NODE).status_code == 401
    assert near.get("/nodes/list/").status_code == 401
    assert near.as_role(Role.READ_ONLY).post("/nodes/register/", NODE).status_code == 403


class TestWithATokenOfNodes:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"node_token": "shared among depots"}

    def test_nodes_register_themselves_by_it(self, near: Near) -> None:
        shown = {"X-Node-Token": "shared among depots"}
        assert near.post("/nodes/register/", NODE, headers=shown).status_code == 200
        assert near.post("/nodes/register/", NODE, headers={"X-Node-Token": "guess"}).status_code == 401


def test_a_node_that_is_silent_for_a_day_is_stale(near: Near, session: Session) -> None:
    clerk = near.as_role(Role.OPERATOR)
    added = clerk.post("/api/v1/nodes", NODE).json
    assert added["is_stale"] is False
    begin(session)
    session.scalars(select(Node)).one().last_seen_at -= timedelta(hours=25)
    store(session)
    (known,) = clerk.get("/api/v1/nodes").json["data"]
    assert known["is_stale"] is True
    assert clerk.call("DELETE", f"/api/v1/nodes/{added['id']}").status_code == 204
    assert clerk.get("/api/v1/nodes").json["data"] == []


def test_this_host_registers_from_the_page(app: Flask, session: Session) -> None:
    olga = Visitor(app, session).log_in()
    assert "No nodes yet" in olga.text("/nodes")
    olga.post("/nodes/this")
    assert "Seen" in olga.text("/nodes")
    assert olga.post("/nodes", {"hostname": "x", "address": "not an ip", "port": "1"}).status_code == 422
