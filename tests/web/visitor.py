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
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Visitor:
    """Somebody with a browser; `log_in` makes a user of a role and logs in."""

    def __init__(self, app: Flask, session: Session) -> None:
        self.app, self.session, self.client = app, session, app.test_client()
        self._token, self._of = "", ""

    def get(self, url: str, **more: Any) -> TestResponse:
        self.session.rollback()  # an arranging session must not hold the only writer's lock
        with self.app.app_context():
            answer = self.client.get(url, **more)
        if answer.mimetype == "text/html" and (found := TOKEN.search(answer.text)):
            self._token, self._of = found[1], self._cookie()
        return answer

    def post(self, url: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        """Send a form with the token of the page that was read last, or of `home` where that is another session's."""
        if not self._token or self._of != self._cookie():
            self._read_home()
        self.session.rollback()
        with self.app.app_context():
            return self.client.post(url, data={"csrf_token": self._token, **(data or {})}, **more)

    def _read_home(self) -> None:
        self._token = ""
        page = self.text(self.home)
        assert self._token, page[:500]

    def _cookie(self) -> str:
        cookie = self.client.get_cookie("session")
        return cookie.value if cookie else ""

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
