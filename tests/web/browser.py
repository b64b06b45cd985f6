"""A person with a browser: logs in through the front door, and sends forms with the token of the page they are on."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, g
from flask.testing import FlaskClient
from make import quick_hash, store
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role, User
from csms.extensions import db

PASSWORD = "green horses run far"
HTMX = {"HX-Request": "true"}


def publish(session: Session) -> None:
    """Commit what was arranged, and let go of the database, so that the server may write."""
    store(session)
    session.rollback()


def make_user(session: Session, username: str = "olga", role: Role = Role.OWNER) -> User:
    """A user, committed, whose password is PASSWORD."""
    stored = quick_hash(PASSWORD)
    user = accounts.create_user(session, username, stored, role, at=clock.now())
    publish(session)
    return user


class Browser:
    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = ""

    def _begin(self) -> None:
        """Tests share one application context; requests of a server do not."""
        db.session.remove()
        for name in tuple(g):
            g.pop(name)

    def open(self, path: str, **more: Any) -> TestResponse:
        self._begin()
        response = self.client.get(path, **more)
        found = re.search(r'name="csrf_token" value="([^"]+)"', response.get_data(as_text=True))
        self.token = found.group(1) if found else self.token
        return response

    def read(self, path: str, **more: Any) -> str:
        """The text of a page that must be there."""
        response = self.open(path, **more)
        assert response.status_code == 200, (
            path,
            response.status_code,
            response.get_data(as_text=True)[:300],
        )
        return response.get_data(as_text=True)

    def send(self, path: str, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        """Post a form as a page of ours would."""
        self._begin()
        return self.client.post(path, data={"csrf_token": self.token, **form}, headers=headers)

    def log_in(self, username: str = "olga", password: str = PASSWORD, **form: Any) -> TestResponse:
        self.open("/login")
        response = self.send("/login", username=username, password=password, **form)
        if response.status_code == 302:
            self.open("/attempts")  # any page, for its token
        return response


def logged_in(app: Flask, session: Session, role: Role = Role.OWNER, username: str = "olga") -> Browser:
    make_user(session, username, role)
    browser = Browser(app)
    assert browser.log_in(username).status_code == 302
    return browser
