"""A caller of old addresses without a server between: for what needs neither a charger nor a socket."""

from __future__ import annotations

import functools
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from csms.domain import accounts
from csms.domain.accounts import Role
from csms.extensions import db
from tests.api.caller import make_user


class Near:
    """A client with somebody's token, or with none; cookies are kept."""

    def __init__(self, app: Flask, session: Session, token: str | None = None) -> None:
        self.app, self.session, self.token = app, session, token
        self.client: FlaskClient = app.test_client()

    def as_role(self, role: Role, account_id: int | None = None) -> Near:
        """The same as a new user of this role."""
        user = make_user(self.session, role, _hash(), account_id=account_id, username=f"near-{role.value}")
        return Near(self.app, self.session, create_access_token(user))

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        self.session.rollback()  # what a test has stored is stored, and it must not hold SQLite's only pen
        db.session.remove()
        headers = dict(more.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        with self.app.app_context():  # each request its own, as a server has it
            return self.client.open(path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> TestResponse:
        return self.call("POST", path, json=json, **more)


@functools.cache
def _hash() -> str:
    return accounts.hash_password("an amber line at dusk")  # slow on purpose
