"""One who calls the API, and users to call it as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g
from flask.testing import FlaskClient
from make import store
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role, User
from csms.extensions import db

PASSWORD = "an amber line at dusk"


@dataclass
class Api:
    """A client with somebody's token; paths are those below /api/v1."""

    client: FlaskClient
    session: Session  # the test's own
    token: str | None = None

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        self.session.rollback()  # what a test has stored is stored, and it must not hold SQLite's only pen
        db.session.remove()  # tests share one application context; requests of a server do not
        g.pop("sight", None)
        headers = dict(more.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    def but_with(self, token: str | None) -> Api:
        return Api(self.client, self.session, token)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> TestResponse:
        return self.call("POST", path, json=json, **more)

    def patch(self, path: str, json: Any, **more: Any) -> TestResponse:
        return self.call("PATCH", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> TestResponse:
        return self.call("DELETE", path, **more)


def begin(session: Session) -> None:
    """Begin to write anew, on what the server has done meanwhile."""
    session.rollback()
    session.connection(execution_options={"writes": True})


def make_user(
    session: Session, role: Role, password_hash: str, *, username: str = "", account_id: int | None = None
) -> User:
    begin(session)
    user = accounts.create_user(
        session, username or role.value, password_hash, role, at=clock.now(), account_id=account_id
    )
    store(session)
    return user
