"""An installer at a charger that is refused: told why, let in from there, and connected without touching it again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from csms.simulator import Charger, ChargerOptions
from tests.desk import Desk, wait_for
from tests.live import LiveServer

PATIENCE_S = 30.0


@pytest.fixture
def live_settings() -> dict[str, str]:
    return {"CSMS_LAB": "0", "UNKNOWN_CHARGERS": "refuse"}


@pytest.fixture
def charger(live: LiveServer) -> Iterator[Charger]:
    options = ChargerOptions(connectors=1, reconnect_s=0.2)
    charger = Charger("BOX-9", f"{live.ws_url}/ws/ocpp", options).start()
    yield charger
    charger.stop()


def test_a_refused_charger_is_let_in_and_comes_by_itself(desk: Desk, charger: Charger) -> None:
    attempts = wait_for(lambda: desk.call("GET", "/attempts")["data"], bool)
    assert [(x["identity"], x["cause"]) for x in attempts] == [("BOX-9", "unknown_charger")]
    desk.call("POST", f"/attempts/{attempts[0]['id']}/admit", 201)
    charger.wait_until(lambda x: x.conversation.registration == "Accepted", PATIENCE_S)
    wait_for(lambda: desk.is_online("BOX-9"), bool)
