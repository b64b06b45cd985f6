"""The yardstick: the least central system that one writes on the `ocpp` package, with every message durable.

The package's asyncio `ChargePoint` for 1.6 on the `websockets` server; one SQLite file in WAL with
synchronous=FULL; one row and one commit per message. It authorises everybody and knows no rule.
It is not slowed down on purpose: no logging, no compression, a long accept queue.

    python -m bench.baseline --port 8250 --database /tmp/baseline.sqlite
"""

import argparse
import asyncio
import json
import signal
import sqlite3
from datetime import UTC, datetime
from typing import Any

from ocpp import messages
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

ACCEPTED = IdTagInfo(status=AuthorizationStatus.accepted)
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, charger TEXT NOT NULL, action TEXT NOT NULL, at TEXT NOT NULL,
    payload TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY, charger TEXT NOT NULL, id_tag TEXT NOT NULL, started_at TEXT NOT NULL,
    meter_start_wh INTEGER NOT NULL, meter_stop_wh INTEGER);
"""


class Store:
    """One SQLite file; every method is one commit, on the disk when it returns."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.executescript(SCHEMA)

    def write(self, statement: str, *values: object) -> int:
        """Run one statement, commit, and return the row's id."""
        cursor = self.connection.execute(statement, values)
        self.connection.commit()
        return cursor.lastrowid or 0

    def keep(self, charger: str, action: str, payload: dict[str, Any]) -> None:
        """Store one message as one row."""
        self.write(
            "INSERT INTO messages (charger, action, at, payload) VALUES (?, ?, ?, ?)",
            charger, action, now(), json.dumps(payload),
        )  # fmt: skip


def now() -> str:
    return datetime.now(UTC).isoformat()  # noqa: TID251  it shares no code with the product


class CentralSystem(ChargePoint):  # type: ignore[misc]  # the package ships no types
    """One connected charger, as the package's documentation shows it."""

    def __init__(self, charger: str, connection: ServerConnection, store: Store) -> None:
        super().__init__(charger, connection)
        self.store = store

    @on(Action.boot_notification)  # type: ignore[untyped-decorator]
    async def boot_notification(self, **payload: Any) -> call_result.BootNotification:
        self.store.keep(self.id, "BootNotification", payload)
        return call_result.BootNotification(
            current_time=now(), interval=300, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat)  # type: ignore[untyped-decorator]
    async def heartbeat(self, **payload: Any) -> call_result.Heartbeat:
        self.store.keep(self.id, "Heartbeat", payload)
        return call_result.Heartbeat(current_time=now())

    @on(Action.status_notification)  # type: ignore[untyped-decorator]
    async def status_notification(self, **payload: Any) -> call_result.StatusNotification:
        self.store.keep(self.id, "StatusNotification", payload)
        return call_result.StatusNotification()

    @on(Action.authorize)  # type: ignore[untyped-decorator]
    async def authorize(self, **payload: Any) -> call_result.Authorize:
        self.store.keep(self.id, "Authorize", payload)
        return call_result.Authorize(id_tag_info=ACCEPTED)

    @on(Action.start_transaction)  # type: ignore[untyped-decorator]
    async def start_transaction(
        self, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> call_result.StartTransaction:
        transaction_id = self.store.write(
            "INSERT INTO transactions (charger, id_tag, started_at, meter_start_wh) VALUES (?, ?, ?, ?)",
            self.id, id_tag, timestamp, meter_start,
        )  # fmt: skip
        return call_result.StartTransaction(transaction_id=transaction_id, id_tag_info=ACCEPTED)

    @on(Action.meter_values)  # type: ignore[untyped-decorator]
    async def meter_values(self, **payload: Any) -> call_result.MeterValues:
        self.store.keep(self.id, "MeterValues", payload)
        return call_result.MeterValues()

    @on(Action.stop_transaction)  # type: ignore[untyped-decorator]
    async def stop_transaction(
        self, transaction_id: int, meter_stop: int, **_: Any
    ) -> call_result.StopTransaction:
        self.store.write("UPDATE transactions SET meter_stop_wh = ? WHERE id = ?", meter_stop, transaction_id)
        return call_result.StopTransaction(id_tag_info=ACCEPTED)


def health(connection: ServerConnection, request: Request) -> Response | None:
    """Answer /healthz over plain HTTP; everything else goes on to the websocket handshake."""
    return connection.respond(200, "ok\n") if request.path == "/healthz" else None


async def listen(port: int, database: str) -> None:
    store = Store(database)

    async def connected(connection: ServerConnection) -> None:
        charger = connection.request.path.rsplit("/", 1)[-1] if connection.request else ""
        try:
            await CentralSystem(charger, connection, store).start()
        except ConnectionClosed:
            return

    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    # 60 s for the handshake and a long queue: in a storm of 5,000 nobody is turned away for being late.
    async with serve(
        connected, "127.0.0.1", port, subprotocols=[Subprotocol("ocpp1.6")], process_request=health,
        open_timeout=60, backlog=4096,
    ):  # fmt: skip
        await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--validate-in-threads", action="store_true", help="as the package does by default")
    arguments = parser.parse_args()
    # The package checks each payload in a thread pool unless told otherwise; on one core that only costs.
    messages.ASYNC_VALIDATION = arguments.validate_in_threads
    asyncio.run(listen(arguments.port, arguments.database))


if __name__ == "__main__":
    main()
