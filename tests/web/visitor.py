"""A browser for tests: it keeps cookies, sends the CSRF token of a page, and every request is a fresh one."""

from __future__ import annotations

import html
import re
from typing import Any

from flask import Flask
from make import quick_hash, store
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role

PASSWORD = "correct horse battery"  # noqa: S105


class Visitor:
    """Somebody with a browser; `log_in` makes a user of a role and logs in."""

    def __init__(self, app: Flask, session: Session) -> None:
        self.app, self.session, self.client = app, session, app.test_client()

    def get(self, url: str, **more: Any) -> TestResponse:
        self.session.rollback()  # an arranging session must not hold the only writer's lock
        with self.app.app_context():
            return self.client.get(url, **more)

    def post(self, url: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        page = self.text(self.home)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found, page[:500]
        self.session.rollback()
        with self.app.app_context():
            return self.client.post(url, data={"csrf_token": found.group(1), **(data or {})}, **more)

    home = "/login"

    def text(self, url: str, **more: Any) -> str:
        """A page as it is read: entities resolved, hard spaces soft."""
        return told(self.get(url, **more))

    def log_in(self, role: Role = Role.OWNER, account_id: int | None = None) -> Visitor:
        with self.app.app_context():
            name = f"{role.value}-{account_id or 0}"
            hashed = quick_hash(PASSWORD)
            accounts.create_user(self.session, name, hashed, role, at=clock.now(), account_id=account_id)
            store(self.session)
        answer = self.post("/login", {"username": name, "password": PASSWORD})
        assert answer.status_code == 302, told(answer)
        self.home = "/accounts/me"
        return self


def told(answer: TestResponse) -> str:
    text = html.unescape(answer.get_data(as_text=True))
    return text.replace("\u00a0", " ").replace("\u202f", " ")
