"""Objects of others: for a driver, and for a host of another site, they are not there. Routes are the application's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_jwt_extended import create_access_token
from make import make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.api.scopes import Scope
from csms.domain import accounts, sites
from csms.domain.accounts import Account, IdToken, Role
from csms.domain.transactions import Transaction
from tests.api.caller import Api, begin, make_user


@pytest.fixture
def theirs(session: Session) -> dict[str, Any]:
    """What is not the caller's: somebody's account with a card, who has charged at CP-1 of the site North."""
    at = clock.now()
    north = sites.add(session, sites.Details(name="North"), at=at)
    account = accounts.open_account(session, "Olga Serrano", at=at)
    accounts.add_token(session, "04A2B39F", at=at, account_id=account.id)
    charger = make_charger(session, "CP-1", at=at, online=True)
    charger.site_id = north.id
    store(session)
    wire = make_wire(session, charger)
    report = {"connectorId": 1, "idTag": "04A2B39F", "meterStart": 0, "timestamp": at.isoformat()}
    number = wire.call("StartTransaction", report, at=at)["transactionId"]
    token = session.scalars(select(IdToken).where(IdToken.account_id == account.id)).one()
    return {
        "identity": "CP-1",
        "transaction_id": session.get_one(Transaction, number).id,
        "account_id": session.get_one(Account, account.id).id,
        "token_id": token.id,
        "id_token_id": token.id,
    }


def routes(app: Flask, scope: Scope, known: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Method and path of every view that `scope` opens and that names something of what is known."""
    for rule in app.url_map.iter_rules():
        scopes = getattr(app.view_functions[rule.endpoint], "scopes", frozenset())
        if not rule.endpoint.startswith("api.") or scope not in scopes or not rule.arguments & known.keys():
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda x: str(known.get(x[1], 1)), rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, path.removeprefix("/api/v1")


def refused(api: Api, app: Flask, scope: Scope, known: dict[str, Any]) -> int:
    """How many routes were tried; each must say that there is no such thing (or what is wrong with an empty body)."""
    count = 0
    for method, path in routes(app, scope, known):
        body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
        status = api.call(method, path, **body).status_code
        assert status == 404 or (body and status == 422), (method, path, status)
        count += 1
    return count


def test_a_driver_finds_nothing_of_another_driver(app, session, client, password_hash, theirs) -> None:
    begin(session)
    mine = accounts.open_account(session, "Dave", at=clock.now())
    store(session)
    user = make_user(session, Role.DRIVER, password_hash, account_id=mine.id)
    api = Api(client, session, create_access_token(user))
    assert refused(api, app, Scope.SELF, theirs) >= 5


def test_a_host_finds_nothing_of_another_site(app, session, client, password_hash, theirs) -> None:
    user = make_user(session, Role.SITE_HOST, password_hash)
    begin(session)
    south = sites.add(session, sites.Details(name="South"), at=clock.now())
    accounts.set_sites(session, user, [south.id])
    store(session)
    api = Api(client, session, create_access_token(user))
    assert refused(api, app, Scope.HOST, theirs) >= 4


def test_a_key_for_a_site_finds_nothing_of_another(app, session, owner, theirs) -> None:
    made = owner.post("/sites", {"name": "South"}).json
    key = owner.post(
        "/api-keys", {"name": "South", "scopes": ["read", "operate"], "site_uuids": [made["uuid"]]}
    )
    api = owner.but_with(key.json["key"])
    known = {"identity": theirs["identity"]}
    for scope in (Scope.READ, Scope.OPERATE, Scope.HOST):
        assert refused(api, app, scope, known) >= 3
