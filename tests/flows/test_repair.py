"""A forgetful charger on its socket: its sessions are closed by what it shows, and put right by what it says later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from csms import clock
from csms.domain.verify import verify
from tests.desk import Desk, wait_for
from tests.flows.peer import Peer, dial
from tests.live import LiveServer


@pytest.fixture
def live_settings() -> dict[str, str]:
    return {"REPAIR_AFTER_S": "0"}


def start(peer: Peer, connector: int, meter: int, at: datetime) -> int:
    given = {"connectorId": connector, "idTag": "04A2", "meterStart": meter, "timestamp": at.isoformat()}
    return int(peer.tell("StartTransaction", given)["transactionId"])


def read(peer: Peer, connector: int, transaction_id: int, meter: int, at: datetime) -> None:
    value = {"timestamp": at.isoformat(), "sampledValue": [{"value": str(meter), "unit": "Wh"}]}
    given = {"connectorId": connector, "transactionId": transaction_id, "meterValue": [value]}
    peer.tell("MeterValues", given)


def show(peer: Peer, connector: int, status: str) -> None:
    given = {"connectorId": connector, "errorCode": "NoError", "status": status}
    peer.tell("StatusNotification", given | {"timestamp": clock.now().isoformat()})


def told(desk: Desk, transaction_id: int) -> dict[str, Any]:
    return dict(desk.call("GET", f"/transactions/{transaction_id}"))


def test_what_a_charger_forgets_is_mended_and_what_it_says_late_counts(live: LiveServer, desk: Desk) -> None:
    peer, now = dial(live), clock.now()
    peer.boot()
    began, middle = now - timedelta(minutes=30), now - timedelta(minutes=10)
    freed, followed, forgotten = (start(peer, x, 1000, began) for x in (1, 2, 3))
    for connector, transaction_id in enumerate((freed, followed, forgotten), 1):
        read(peer, connector, transaction_id, 3000, middle)
    show(peer, 1, "Available")
    start(peer, 2, 3000, clock.now())
    show(peer, 2, "Charging")
    peer.boot()
    show(peer, 3, "Preparing")

    def all_told() -> list[dict[str, Any]]:
        return [told(desk, x) for x in (freed, followed, forgotten)]

    mended = wait_for(all_told, lambda x: all(y["state"] == "ended_unknown" for y in x))
    assert [x["repairs"][0]["kind"] for x in mended] == ["available", "next_start", "boot"]
    assert [x["energy_wh"] for x in mended] == [2000, 2000, 2000]
    assert all(x["flags"] == ["estimated"] for x in mended)
    stop = {"transactionId": freed, "meterStop": 3100, "timestamp": (now - timedelta(minutes=5)).isoformat()}
    peer.tell("StopTransaction", stop)
    exact = told(desk, freed)
    assert (exact["state"], exact["energy_wh"], exact["flags"]) == ("ended", 2100, [])
    assert (exact["bill"]["is_final"], exact["repairs"][0]["state"]) == (True, "superseded")
    peer.tell("StopTransaction", stop)
    assert told(desk, freed) == exact
    undone = f"/transactions/{forgotten}/repairs/{mended[2]['repairs'][0]['id']}/undo"
    desk.call("POST", undone)
    assert told(desk, forgotten)["state"] == "active"
    with desk.reading() as session:
        assert verify(session) == []
    assert live.faults() == []
