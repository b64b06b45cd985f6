"""A central system that is not ours: the `ocpp` package on asyncio, in a thread, with a memory of what it was told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from dataclasses import dataclass, field
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.live import free_port

PATIENCE_S = 30.0
FIRST_ID = 7001  # far from the numbers that our server gives


class _Station(ChargePoint):
    """The charger as the other system sees it."""

    def __init__(self, identity: str, connection: Any, backend: SecondBackend) -> None:
        super().__init__(identity, connection)
        self._backend = backend

    def _note(self, action: str, given: dict[str, Any]) -> None:
        self._backend.heard.append((action, given))

    @on(Action.boot_notification)
    def boot(self, **given: Any) -> call_result.BootNotification:
        self._note("BootNotification", given)
        return call_result.BootNotification(
            current_time="2026-01-01T00:00:00Z", interval=300, status=self._backend.admission
        )

    @on(Action.heartbeat)
    def heartbeat(self, **given: Any) -> call_result.Heartbeat:
        self._note("Heartbeat", given)
        return call_result.Heartbeat(current_time="2026-01-01T00:00:00Z")

    @on(Action.status_notification)
    def status(self, **given: Any) -> call_result.StatusNotification:
        self._note("StatusNotification", given)
        return call_result.StatusNotification()

    @on(Action.authorize)
    def authorize(self, **given: Any) -> call_result.Authorize:
        self._note("Authorize", given)
        return call_result.Authorize(id_tag_info={"status": self._backend.verdict})

    @on(Action.start_transaction)
    def start_transaction(self, **given: Any) -> call_result.StartTransaction:
        self._note("StartTransaction", given)
        self._backend.begun += 1
        return call_result.StartTransaction(
            transaction_id=FIRST_ID + self._backend.begun - 1, id_tag_info={"status": self._backend.verdict}
        )

    @on(Action.stop_transaction)
    def stop(self, **given: Any) -> call_result.StopTransaction:
        self._note("StopTransaction", given)
        return call_result.StopTransaction()

    @on(Action.meter_values)
    def meter_values(self, **given: Any) -> call_result.MeterValues:
        self._note("MeterValues", given)
        return call_result.MeterValues()


@dataclass
class SecondBackend:
    """`heard`: (action, payload in Python's names) of everything, in its order. `away`: nobody listens at its port."""

    password: str | None = None
    verdict: str = "Accepted"
    admission: str = "Accepted"
    port: int = field(default_factory=free_port)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    begun: int = 0
    moved_to: str | None = None  # it says that it is elsewhere

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: Server | None = None
        self.station: _Station | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/other"

    def __enter__(self) -> SecondBackend:
        self._thread.start()
        self.come()
        return self

    def __exit__(self, *_: object) -> None:
        self.go()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def come(self) -> None:
        self._do(self._listen())

    def go(self) -> None:
        """Close every connection, and listen no more."""
        if self._server is not None:
            self._do(self._close(self._server))
            self._server = None

    def told(self, action: str) -> list[dict[str, Any]]:
        return [given for name, given in self.heard if name == action]

    def ask(self, request: Any) -> Any:
        """A CALL of this system to the charger; its answer, None for an error."""
        assert self.station is not None
        return self._do(self.station.call(request))

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _listen(self) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, subprotocols=["ocpp1.6"], process_request=self._judge
        )

    async def _close(self, server: Server) -> None:
        server.close()
        await server.wait_closed()

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        given = request.headers.get("Authorization")
        self.logins.append(given)
        identity = request.path.rpartition("/")[2]
        if self.moved_to is not None:
            moved = connection.respond(302, "elsewhere\n")
            moved.headers["Location"] = self.moved_to
            return moved
        if self.password is None:
            return None
        wanted = "Basic " + base64.b64encode(f"{identity}:{self.password}".encode()).decode()
        return None if given == wanted else connection.respond(401, "no\n")

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.station = _Station(connection.request.path.rpartition("/")[2], connection, self)
        with contextlib.suppress(ConnectionClosed):
            await self.station.start()
