"""A central system of plain frames, and chargers that are stopped when the test is over."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from csms.simulator import Charger, ChargerOptions
from tests.simulator.peer import Peer


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Complains at the end about every frame that the schemas of OCPP 1.6 refuse."""
    before = set(threading.enumerate())
    peer = Peer()
    yield peer
    peer.close()
    assert peer.complaints == []
    peer.wait(lambda: set(threading.enumerate()) <= before, "end of all threads", 2)


MakeCharger = Callable[..., Charger]


@pytest.fixture
def make_charger(peer: Peer) -> Iterator[MakeCharger]:
    """A charger that is connected and booted; times are short, and `configuration` adds to the defaults."""
    made: list[Charger] = []

    def make(identity: str = "SIM-0001", *, connect: bool = True, **options: Any) -> Charger:
        defaults: dict[str, Any] = {"call_timeout_s": 0.5, "reconnect_s": 0.05, "reboot_s": 0.05, "seed": 7}
        charger = Charger(identity, peer.url, ChargerOptions(**(defaults | options)))
        made.append(charger)
        return charger.connect(20) if connect else charger

    yield make
    for charger in made:
        charger.stop()


@pytest.fixture
def charger(make_charger: MakeCharger) -> Charger:
    patient = {
        "MeterValueSampleInterval": "12",
        "ConnectionTimeOut": "3600",
    }  # a card waits, however busy the machine
    return make_charger(speed=60, configuration=patient)
