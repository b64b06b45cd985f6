"""Many chargers in one process: the registry, drivers, the fleet, the old names and the command line."""

import asyncio
import subprocess
import sys
import time

import pytest

from csms.simulator import (
    Action,
    AlreadyRunning,
    Car,
    ChargePointSimulator,
    ChargerOptions,
    Driver,
    Fleet,
    NotRunning,
    Scenario,
    SimulatorConfig,
    Simulators,
    Visit,
)
from csms.simulator.__main__ import main
from tests.simulator.conftest import MakeCharger
from tests.simulator.peer import Peer

FAST = ChargerOptions(speed=60, call_timeout_s=1, reconnect_s=0.05)
SOON_S = 10.0  # promised are two seconds, on a machine that has nothing else to do


def test_actions_by_name_and_snapshots(peer: Peer) -> None:
    simulators = Simulators()
    simulators.start("SIM-0001", peer.url, options=FAST)
    simulators.act("SIM-0001", Action.PLUG, connector=2, car=Car("Van 75", soc=0.5)).result(5)
    simulators.charger("SIM-0001").wait_until(lambda c: c.state().registration == "Accepted")
    assert simulators.act("SIM-0001", Action("swipe"), connector=2, id_tag="CARD0001").result(5) == "Accepted"

    (state,) = simulators.running()
    connector = state.connectors[1]
    assert (state.identity, state.is_connected) == ("SIM-0001", True)
    assert (connector.status, connector.car, connector.id_tag) == ("Charging", "Van 75", "CARD0001")
    assert connector.power_w == 11_000
    assert connector.soc_percent == pytest.approx(50, abs=1)
    assert len(simulators.frames("SIM-0001")) > 5
    for action in (Action.OFFLINE, Action.ONLINE, Action.POWER_CUT, Action.POWER_ON, Action.FAULT):
        simulators.act("SIM-0001", action, connector=2).result(5)
    assert simulators.state("SIM-0001").connectors[1].status == "Faulted"
    simulators.stop_all()
    assert simulators.running() == []


def test_an_identity_runs_once(peer: Peer) -> None:
    simulators = Simulators()
    simulators.start("SIM-0001", peer.url, options=FAST)
    with pytest.raises(AlreadyRunning, match="SIM-0001 is running"):
        simulators.start("SIM-0001", peer.url)
    simulators.stop("SIM-0001")
    with pytest.raises(NotRunning, match="SIM-0001 is not running"):
        simulators.stop("SIM-0001")


def test_a_mistake_is_told_to_who_made_it(peer: Peer, make_charger: MakeCharger) -> None:
    charger = make_charger()
    charger.plug(1).result(2)

    with pytest.raises(ValueError, match="a car is plugged into connector 1"):
        charger.plug(1).result(2)
    with pytest.raises(ValueError, match="no connector 5"):
        charger.unplug(5).result(2)


def test_the_session_scenario_runs_by_itself(peer: Peer) -> None:
    simulators = Simulators()
    simulators.start(
        "SIM-0001", peer.url, options=FAST, scenario=Scenario.SESSION, id_tag="CARD0001", charges_s=20
    )

    assert peer.wait_for("StopTransaction")["idTag"] == "CARD0001"
    simulators.stop_all()


def test_a_driver_repeats_and_leaves_when_the_card_is_refused(peer: Peer, make_charger: MakeCharger) -> None:
    peer.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    charger = make_charger(speed=120, connectors=1)
    driver = Driver(charger, 1, iter(2 * [Visit("CARD0001")])).start()

    charger.wait_until(lambda c: driver.is_done)

    assert "StartTransaction" not in peer.actions()
    assert peer.statuses(1) == ["Available", *2 * ["Preparing", "Available"]]


def test_twelve_chargers_charge_most_of_the_time_and_end_together(peer: Peer) -> None:
    fleet = Fleet(12, peer.url, id_tags=["CARD0001", "CARD0002"], options=FAST).start()

    def charging() -> int:
        return sum(state.power_w > 0 for state in (charger.state() for charger in fleet.chargers))

    peer.wait(lambda: charging() >= 10, "ten that charge", 30)
    begun = time.monotonic()
    fleet.stop()

    assert time.monotonic() - begun < SOON_S
    assert len({path for path, _ in peer.handshakes}) == 12


def test_a_fleet_of_the_same_seed_has_the_same_visitors() -> None:
    def plans(seed: int) -> list[Visit]:
        fleet = Fleet(3, "ws://nowhere", id_tags=["A", "B", "C"], seed=seed)
        return [next(driver.plan) for driver in fleet.drivers]

    assert plans(1) == plans(1)
    assert plans(1) != plans(2)


@pytest.mark.seed("003", "SimulatorConfig")
def test_the_old_names_make_one_session(peer: Peer) -> None:
    config = SimulatorConfig(
        ws_port=peer.port,
        cp_path="any/path/SIM1/",
        duration=1,
        kwh_min=2,
        kwh_max=3,
        interval=1,
        username="SIM1",
        password="s",
    )

    asyncio.run(ChargePointSimulator(config)._run_session())

    stop = peer.calls("StopTransaction")[0]
    assert peer.handshakes == [("/any/path/SIM1", "Basic U0lNMTpz")]
    assert stop["idTag"] == "FFFFFFFF"
    assert 1900 < stop["meterStop"] - peer.calls("StartTransaction")[0]["meterStart"] < 3600
    assert peer.calls("MeterValues")[0]["meterValue"][0]["sampledValue"][0]["unit"] == "kWh"


@pytest.mark.seed("003", "SimulatorConfig")
def test_the_old_names_repeat_until_stopped(peer: Peer) -> None:
    config = SimulatorConfig(ws_port=peer.port, duration=0.1, kwh_min=1, kwh_max=1, repeat=True)
    simulator = ChargePointSimulator(config)
    simulator.start()
    peer.wait_for("StopTransaction", times=2)

    asyncio.run(simulator.stop())

    assert not simulator.is_running


@pytest.mark.seed("001", "python simulator.py <id>")
def test_the_command_line_shows_the_frames_of_one_session(
    peer: Peer, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["CP-1", "--url", peer.url, "--delay", "0", "--duration", "30", "--speed", "60", "--exit"]

    assert main(arguments) == 0

    shown = capsys.readouterr().out
    assert '"BootNotification"' in shown
    assert peer.calls("StopTransaction")[0]["idTag"] == "TESTTAG"


GEVENT = """
from gevent import monkey; monkey.patch_all()
import sys, threading, time
from csms.simulator import Fleet, Simulators, ChargerOptions
before = threading.active_count()
fleet = Fleet(5, sys.argv[1], id_tags=["CARD0001"], options=ChargerOptions(speed=60)).start()
simulators = Simulators()
simulators.adopt(fleet.chargers, fleet.drivers)
deadline = time.monotonic() + 30
while sum(state.power_w > 0 for state in simulators.running()) < 3:
    assert time.monotonic() < deadline, simulators.running()
    time.sleep(0.05)
begun = time.monotonic()
simulators.stop_all()
assert time.monotonic() - begun < 10
time.sleep(0.2)
assert threading.active_count() == before, threading.enumerate()
"""


def test_it_runs_and_ends_on_greenlets_too(peer: Peer) -> None:
    run = subprocess.run([sys.executable, "-c", GEVENT, peer.url], capture_output=True, text=True, timeout=60)

    assert run.stderr == ""
    assert len(peer.calls("StartTransaction")) >= 3


def test_a_meter_goes_on_where_it_stood_when_the_charger_was_stopped(peer: Peer) -> None:
    simulators = Simulators()
    charger = simulators.start("SIM-0001", peer.url, options=FAST)
    charger.plug(1).result(5)
    charger.swipe(1, "CARD0001").result(5)
    charger.wait_until(lambda c: c.state().connectors[0].session_wh > 1)
    simulators.stop("SIM-0001")
    before_wh = charger.state().connectors[0].energy_wh

    again = simulators.start("SIM-0001", peer.url, options=FAST)
    assert again.state().connectors[0].energy_wh == before_wh
    simulators.stop_all()
