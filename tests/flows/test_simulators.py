"""Simulators that are set up: they charge by themselves, and go on after a restart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk import Desk, wait_for
from tests.live import LiveServer


def state_of(desk: Desk, simulator_id: int) -> str:
    state: str = desk.call("GET", f"/simulators/{simulator_id}")["state"]
    return state


def set_up(desk: Desk, live: LiveServer, name: str, **more: Any) -> int:
    recipe = {"name": name, "cp_path": f"any/path/{name}/", "ws_port": live.port, "rfid": "04A2B39C"}
    made = desk.call("POST", "/simulators", 201, json=recipe | {"interval": 1} | more)
    desk.call("POST", f"/simulators/{made['id']}/start")
    return int(made["id"])


def sessions(desk: Desk, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.call("GET", "/transactions", params={"charger": name})["data"]
    return found


@pytest.mark.seed("004", "Simulator entries")
def test_one_makes_its_session_and_is_off_and_one_goes_on_after_a_restart(
    live: LiveServer, desk: Desk
) -> None:
    once = set_up(desk, live, "ONCE", duration=1, kwh_min="2", kwh_max="2")
    always = set_up(desk, live, "ALWAYS", duration=600)
    wait_for(lambda: state_of(desk, once), lambda state: state == "off")
    (made,) = sessions(desk, "ONCE")
    assert made["ended_at"] is not None
    wait_for(lambda: sessions(desk, "ALWAYS"), bool)
    live.stop()
    live.start()
    wait_for(lambda: state_of(desk, always), lambda state: state == "running")
    wait_for(lambda: desk.is_online("ALWAYS"), bool)
    assert state_of(desk, once) == "off"
    desk.call("POST", f"/simulators/{always}/stop")
    wait_for(lambda: desk.is_online("ALWAYS"), lambda is_online: not is_online)
    assert live.faults() == []
