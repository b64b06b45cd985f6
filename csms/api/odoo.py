"""Odoo servers, their log-ins, and whether they let us in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import current_app, url_for
from limits import RateLimitItemPerMinute
from pydantic import Field

from csms import clock
from csms import odoo as client
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import odoo
from csms.domain.odoo import Login
from csms.extensions import db

TESTS = RateLimitItemPerMinute(30)  # by caller: each takes our time and somebody else's


class OdooChange(In):
    """Only what is given is changed."""

    name: str | None = Field(None, min_length=1, max_length=80, examples=["Accounting"])
    url: str | None = Field(None, max_length=200, examples=["https://odoo.example.org"])
    database: str | None = Field(None, max_length=80)
    username: str | None = Field(None, max_length=120)
    password: str | None = Field(
        None, min_length=1, max_length=200, description="an API key, or a password; never told"
    )


class NewOdoo(OdooChange):
    """`database` may be empty where the server has one; `username` where `password` is an API key of Odoo 19."""

    name: str = Field(min_length=1, max_length=80, examples=["Accounting"])
    url: str = Field(max_length=200, examples=["https://odoo.example.org"])
    database: str = Field("", max_length=80)
    username: str = Field("", max_length=120)
    password: str = Field(min_length=1, max_length=200, description="an API key, or a password; never told")


class OdooOut(Out):
    """`check_result` is of the last test: success, invalid credentials or failed; null: there was none."""

    id: int
    name: str
    url: str
    database: str
    username: str
    created_at: datetime
    checked_at: datetime | None
    check_result: str | None
    check_interface: str | None
    check_detail: str | None


class OdooList(Out):
    data: list[OdooOut]


@blueprint.get("/odoo-instances")
@spec.validate(resp=answers(200, OdooList), tags=["odoo"], operation_id="listOdooInstances")
@needs(Scope.READ)
def list_odoo() -> OdooList:
    """All of them by name, without what lets us in."""
    return OdooList(data=[OdooOut.of(x) for x in odoo.listed(db.session())])


@blueprint.get("/odoo-instances/<int:instance_id>")
@spec.validate(resp=answers(200, OdooOut), tags=["odoo"], operation_id="getOdooInstance")
@needs(Scope.READ)
def show_odoo(instance_id: int) -> OdooOut:
    """One of them."""
    return OdooOut.of(odoo.find(db.session(), instance_id))


@blueprint.post("/odoo-instances")
@spec.validate(resp=answers(201, OdooOut), tags=["odoo"], operation_id="addOdooInstance")
@needs(Scope.ADMIN)
def add_odoo(json: NewOdoo) -> Any:
    """Enter a server. What lets us in is stored encrypted."""
    login = Login(json.name, json.url, json.database, json.username)
    with unit() as session:
        row = odoo.add(session, login, password_sealed=_sealed(json.password), at=clock.now())
        guard.audit(session, "odoo.added", row.name, row.url)
        told = OdooOut.of(row)
    return told, 201, {"Location": url_for("api.show_odoo", instance_id=told.id)}


@blueprint.patch("/odoo-instances/<int:instance_id>")
@spec.validate(resp=answers(200, OdooOut), tags=["odoo"], operation_id="changeOdooInstance")
@needs(Scope.ADMIN)
def change_odoo(instance_id: int, json: OdooChange) -> OdooOut:
    """Change a server. A password goes to no new address: give it again with the `url`."""
    given = json.model_dump(exclude_none=True, exclude={"password"})
    with unit() as session:
        row = odoo.find(session, instance_id)
        sealed = _sealed(json.password) if json.password else None
        odoo.change(session, row, Login(**asdict(row.login) | given), password_sealed=sealed)
        guard.audit(session, "odoo.changed", row.name, row.url)
        return OdooOut.of(row)


@blueprint.delete("/odoo-instances/<int:instance_id>")
@spec.validate(resp=answers(204, None), tags=["odoo"], operation_id="removeOdooInstance")
@needs(Scope.ADMIN)
def delete_odoo(instance_id: int) -> tuple[str, int]:
    """Forget a server and its log-in."""
    with unit() as session:
        guard.audit(session, "odoo.removed", odoo.remove(session, instance_id).name)
    return "", 204


@blueprint.post("/odoo-instances/<int:instance_id>/test")
@spec.validate(resp=answers(200, OdooOut), tags=["odoo"], operation_id="testOdooInstance")
@needs(Scope.ADMIN)
def test_odoo(instance_id: int) -> OdooOut:
    """Ask the server to let us in, and tell what came of it."""
    tested(instance_id)
    return OdooOut.of(odoo.find(db.session(), instance_id))


def tested(instance_id: int) -> client.Outcome:
    """What a test says, for this door and for those of old. Raises NotFound, Problem when too many are asked for."""
    if not guard.hit(TESTS, "odoo", guard.caller().username):
        raise guard.too_many(TESTS, "odoo", guard.caller().username)
    return client.test(instance_id)


def _sealed(password: str) -> str:
    sealed: str = current_app.extensions["seal"].close(password)
    return sealed
