"""Our own charger in software at a server of a test: it is there when the server knows all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers
from csms.domain.chargers import ConnectorStatus
from csms.simulator import Charger, ChargerOptions
from tests.desk import wait_for
from tests.live import LiveServer

PATIENCE_S = 30.0  # the machine may be busy with many tests


@contextmanager
def simulated(
    server: LiveServer, identity: str = "CP-1", options: ChargerOptions | None = None
) -> Iterator[Charger]:
    """A charger that is `plugged_in`; stopped at the end."""
    charger = Charger(identity, f"{server.ws_url}/ws/ocpp", options)
    try:
        yield plugged_in(charger, server)
    finally:
        charger.stop()


def plugged_in(charger: Charger, server: LiveServer) -> Charger:
    """The charger, connected. Its boot and the status of every connector are stored: whoever asks the server now is not
    told that there is no such connector. Raises TimeoutError, AssertionError."""
    connectors = range(charger.options.connectors + 1)
    charger.connect(PATIENCE_S)
    charger.wait_until(lambda x: all(x.reported_status(number) for number in connectors), PATIENCE_S)
    engine = create_engine(server.database_url)
    try:
        wait_for(lambda: _what_is_missing(engine, charger), lambda missing: missing == [], PATIENCE_S)
    finally:
        engine.dispose()
    return charger


def _what_is_missing(engine: Engine, charger: Charger) -> list[str]:
    """What the server does not know yet."""
    with Session(engine) as session:
        found = session.scalars(
            select(chargers.Charger).where(chargers.Charger.identity == charger.identity)
        ).one_or_none()
        if found is None:
            return ["the charger"]
        shown = {x.evse_number for x in found.connectors if x.status is not ConnectorStatus.UNKNOWN}
        facts = {
            "its boot": found.booted_at is not None,
            "its connection": found.lease is not None and found.lease.is_online(clock.now()),
        }
        facts |= {f"connector {n}": n in shown for n in range(1, charger.options.connectors + 1)}
        return [name for name, is_known in facts.items() if not is_known]
