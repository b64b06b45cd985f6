"""The scripts of the old systems, which know nothing but their addresses."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from make import quick_hash

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role
from tests.desk import Desk
from tests.live import LiveServer
from tests.nursery import ForkedServer, Nursery

USERNAME, PASSWORD = "script", "a script of long ago"


class Script:
    """A caller of old addresses, with a token or without; `later` does it while the test plays the charger."""

    def __init__(self, server: LiveServer, token: str | None = None) -> None:
        self.server, self.token = server, token
        self._pool = ThreadPoolExecutor(1)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= more.pop("headers", {})
        return requests.request(
            method, self.server.url + path, headers=headers, timeout=60, allow_redirects=False, **more
        )

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return self.call("POST", path, json=json, **more)

    def later(self, method: str, path: str, json: Any = None) -> Future[requests.Response]:
        return self._pool.submit(self.call, method, path, json=json)


@pytest.fixture(scope="module")
def sqlite_server(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForkedServer]:
    """One server in lab mode for all tests of a module, on a database of its own."""
    directory = tmp_path_factory.mktemp("server")
    shutil.copy(sqlite_template, directory / "amberline.db")
    server = ForkedServer(nursery, directory, f"sqlite:///{directory / 'amberline.db'}")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def stranger(live: LiveServer) -> Script:
    return Script(live)


@pytest.fixture
def script(live: LiveServer, desk: Desk) -> Script:
    """A script with an operator's access token."""
    return make_script(live, desk, Role.OPERATOR)


@pytest.fixture
def script_of(live: LiveServer, desk: Desk) -> Callable[[Role], Script]:
    return lambda role: make_script(live, desk, role)


def make_script(live: LiveServer, desk: Desk, role: Role) -> Script:
    name = f"{USERNAME}-{role.value}"
    with desk.writing() as session:
        accounts.create_user(session, name, quick_hash(PASSWORD), role, at=clock.now())
    given = {"username": name, "password": PASSWORD}
    answer = requests.post(f"{live.url}/api/v1/token", json=given, timeout=30)
    assert answer.status_code == 200, answer.text
    return Script(live, answer.json()["access"])
