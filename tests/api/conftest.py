"""The API as a program on the other side of the wire meets it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token
from make import quick_hash
from sqlalchemy.orm import Session

from csms.domain.accounts import Role
from tests.api.caller import PASSWORD, Api, make_user


@pytest.fixture(scope="session")
def password_hash() -> str:
    return quick_hash(PASSWORD)


@pytest.fixture
def stranger(client: FlaskClient, session: Session) -> Api:
    """One without a token."""
    return Api(client, session)


@pytest.fixture
def as_role(app: Flask, session: Session, client: FlaskClient, password_hash: str) -> Any:
    """A function: the API as a new user of this role calls it."""

    def log_in(role: Role, account_id: int | None = None) -> Api:
        user = make_user(session, role, password_hash, account_id=account_id)
        return Api(client, session, create_access_token(user))

    return log_in


@pytest.fixture
def owner(as_role: Any) -> Api:
    return as_role(Role.OWNER)
