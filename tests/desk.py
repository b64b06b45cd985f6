"""Those on the other side of the server: its API as an operator's program uses it, and its database as it really is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import requests
from make import quick_hash
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from csms import clock, work
from csms.domain import accounts, base
from csms.domain.accounts import Role
from csms.domain.chargers import Charger
from tests.live import LiveServer

T = TypeVar("T")

USERNAME, PASSWORD = "olga", "an amber line at dusk"
PATIENCE_S = 60.0  # a failure takes this long; what goes well never does
NAP_S = 0.02


class Desk:
    """An operator with a token, who can also look into the books."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self._engine = create_engine(server.database_url)
        work.tune(self._engine, is_native_thread=True)
        self._token: str | None = None

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """The database as it is now."""
        with Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A unit of work of another process, of which the server is told nothing."""
        with Session(self._engine, expire_on_commit=False) as session:
            session.connection(execution_options={"writes": True})
            yield session
            base.settle(session)
            session.commit()

    def charger(self, identity: str = "CP-1") -> Charger:
        """The charger's row, with its lease."""
        with self.reading() as session:
            charger = session.scalars(select(Charger).where(Charger.identity == identity)).one()
            assert charger.lease is not None
            session.expunge_all()
            return charger

    def is_online(self, identity: str = "CP-1") -> bool:
        lease = self.charger(identity).lease
        return lease is not None and lease.is_online(clock.now())

    def call(
        self, method: str, path: str, status: int = 200, server: LiveServer | None = None, **more: Any
    ) -> Any:
        """A request to the API, of `server` if there are several; what it answers, decoded."""
        headers = {**self.headers(), **more.pop("headers", {})}
        url = f"{(server or self.server).url}/api/v1{path}"
        response = requests.request(method, url, headers=headers, timeout=60, **more)
        assert response.status_code == status, response.text
        return response.json()

    def headers(self) -> dict[str, str]:
        """What says who asks."""
        if self._token is None:
            self._token = self._log_in()
        return {"Authorization": f"Bearer {self._token}"}

    def order(
        self,
        action: str,
        payload: dict[str, Any],
        identity: str = "CP-1",
        server: LiveServer | None = None,
    ) -> str:
        """Ask something of a charger; the id of the command."""
        path = f"/chargers/{identity}/commands"
        command = self.call("POST", path, 202, server, json={"action": action, "payload": payload})
        return str(command["id"])

    def command(self, command_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/commands/{command_id}"))

    def command_when(
        self, command_id: str, condition: Callable[[dict[str, Any]], bool], within_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The command as soon as `condition` holds for it."""
        return wait_for(lambda: self.command(command_id), condition, within_s)

    def _log_in(self) -> str:
        with self.writing() as session:
            accounts.create_user(session, USERNAME, quick_hash(PASSWORD), Role.OWNER, at=clock.now())
        url = f"{self.server.url}/api/v1/token"
        answer = requests.post(url, json={"username": USERNAME, "password": PASSWORD}, timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access"])


def wait_for(look: Callable[[], T], condition: Callable[[T], bool], within_s: float = PATIENCE_S) -> T:
    """What `look` sees as soon as `condition` holds for it; fails with what it saw last."""
    give_up_at = time.monotonic() + within_s
    while not condition(seen := look()):
        assert time.monotonic() < give_up_at, f"still {seen!r} after {within_s} s"
        time.sleep(NAP_S)
    return seen
