"""Rollouts: a few first, the rest when those are well, and a halt at the first sign of trouble."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session

from csms.domain import maintenance, quiet
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger, ConnectorStatus
from csms.domain.maintenance import (
    Addresses,
    FirmwareFile,
    Job,
    JobState,
    Plan,
    Rollout,
    RolloutState,
    library,
)
from csms.domain.maintenance import rollouts as rules
from csms.domain.maintenance.rules import split

OURS = Addresses("https://charging.example.org", timedelta(hours=24))
GATE = timedelta(minutes=10)


class Fleet:
    """Chargers of one kind, a firmware for them, and the clock."""

    def __init__(self, session: Session, count: int = 4) -> None:
        self.session, self.at = session, NOW
        kind = {"vendor": "Acme", "model": "Box", "firmware_version": "1.0"}
        self.chargers = [make_charger(session, f"CP-{x}", online=True, **kind) for x in range(count)]
        self.wires = {x.id: make_wire(session, x) for x in self.chargers}
        self.firmware = library.add(session, library.About("box.bin", "2.0", "Acme"), by=None, at=NOW)
        library.attach(session, self.firmware, stored_as="0" * 32, size_bytes=1, sha256="", at=NOW)
        store(session)

    def begin(self, **plan: Any) -> Rollout:
        given = {"name": "To 2.0", "stages": (25, 100), "gate_s": GATE.seconds} | plan
        rollout = rules.begin(self.session, self.firmware, Plan(**given), by="olga", at=self.at)
        store(self.session)
        self.look()
        return rollout

    def look(self, after: timedelta = timedelta(seconds=3)) -> None:
        self.at += after
        maintenance.advance(self.session, OURS, self.at)
        store(self.session)

    def tell(self, job: Job, word: str) -> None:
        wire = self.wires[job.charger_id]
        wire.call("FirmwareStatusNotification", {"status": word}, id=word, at=self.at)

    def boot(self, job: Job, version: str = "2.0") -> None:
        report = {"chargePointVendor": "Acme", "chargePointModel": "Box", "firmwareVersion": version}
        self.at += timedelta(seconds=1)
        self.wires[job.charger_id].call("BootNotification", report, id=f"b{self.at}", at=self.at)

    def install(self, *jobs: Job) -> None:
        for job in jobs:
            self.boot(job)
            self.tell(job, "Installed")
        self.look()


@pytest.fixture
def fleet(session: Session) -> Fleet:
    return Fleet(session)


def _states(rollout: Rollout) -> list[str]:
    return [x.state.value for x in rollout.jobs]


def test_the_first_stage_is_never_empty() -> None:
    assert split(3, (5, 100)) == [1, 2]
    assert split(1, (5, 25, 100)) == [1, 0, 0]
    assert split(200, (5, 25, 100)) == [10, 40, 150]


def test_the_rest_follow_when_the_first_are_well(fleet: Fleet) -> None:
    rollout = fleet.begin()
    assert _states(rollout) == ["ordered", "waiting", "waiting", "waiting"]
    fleet.install(rollout.jobs[0])
    assert rollout.gate_until is not None
    fleet.look(GATE / 2)
    assert (rollout.stage, _states(rollout)[1]) == (0, "waiting")
    fleet.look(GATE)
    fleet.look()
    assert (rollout.stage, _states(rollout)) == (1, ["done", "ordered", "ordered", "ordered"])
    fleet.install(*rollout.jobs[1:])
    fleet.look(GATE)
    assert rollout.state is RolloutState.DONE
    assert {x.firmware_version for x in fleet.chargers} == {"2.0"}


def test_a_failed_canary_stops_it_until_somebody_goes_on(fleet: Fleet) -> None:
    rollout = fleet.begin()
    fleet.tell(rollout.jobs[0], "InstallationFailed")
    fleet.look()
    assert rollout.state is RolloutState.PAUSED
    assert rollout.reason == "CP-0: The charger said InstallationFailed."
    fleet.look(GATE * 3)
    assert _states(rollout) == ["failed", "waiting", "waiting", "waiting"]
    rules.resume(fleet.session, rollout, at=fleet.at)
    store(fleet.session)
    fleet.look()
    fleet.look()
    assert _states(rollout) == ["failed", "ordered", "ordered", "ordered"]
    fleet.tell(rollout.jobs[1], "DownloadFailed")
    fleet.look()
    assert rollout.reason == "CP-1: The charger said DownloadFailed."


def test_a_failed_one_can_be_tried_again(fleet: Fleet) -> None:
    rollout = fleet.begin()
    fleet.tell(rollout.jobs[0], "DownloadFailed")
    fleet.look()
    rules.retry(fleet.session, rollout, rollout.jobs[0], at=fleet.at)
    rules.resume(fleet.session, rollout, at=fleet.at)
    store(fleet.session)
    fleet.look()
    again = next(x for x in rollout.jobs if x.state is JobState.ORDERED)
    assert again.charger_id == fleet.chargers[0].id
    fleet.install(again)
    fleet.look(GATE)
    assert rollout.stage == 1


def _offline(fleet: Fleet, charger: Charger) -> str:
    assert charger.lease is not None
    charger.lease.online_until = None
    return "CP-0 is offline since its update."


def _faulted(fleet: Fleet, charger: Charger) -> str:
    charger.connectors[0].status = ConnectorStatus.FAULTED
    return "CP-0 reports a fault since its update."


def _rolled_back(fleet: Fleet, charger: Charger) -> str:
    charger.firmware_version = "1.0"
    return "CP-0 has gone back to version 1.0."


def _no_energy(fleet: Fleet, charger: Charger) -> str:
    wire = fleet.wires[charger.id]
    for number in (1, 2):
        fleet.at += timedelta(seconds=30)
        stamp = {"timestamp": fleet.at.isoformat()}
        start = {"connectorId": 1, "idTag": "A", "meterStart": 5} | stamp
        told = wire.call("StartTransaction", start, id=f"s{number}", at=fleet.at)
        fleet.at += timedelta(seconds=5)
        stop = {"transactionId": told["transactionId"], "meterStop": 5, "timestamp": fleet.at.isoformat()}
        wire.call("StopTransaction", stop, id=f"e{number}", at=fleet.at)
    return "2 of 2 sessions at CP-0 came to nothing since its update."


@pytest.mark.parametrize("ail", [_offline, _faulted, _rolled_back, _no_energy])
def test_the_gate_holds_when_an_updated_charger_is_not_well(fleet: Fleet, ail: Any) -> None:
    rollout = fleet.begin()
    fleet.install(rollout.jobs[0])
    words = ail(fleet, fleet.session.get_one(Charger, rollout.jobs[0].charger_id))
    store(fleet.session)
    fleet.look(GATE)
    assert (rollout.state, rollout.stage, rollout.reason) == (RolloutState.PAUSED, 0, words)
    rules.resume(fleet.session, rollout, at=fleet.at)
    store(fleet.session)
    fleet.look()
    fleet.look(GATE)
    assert rollout.stage == 1  # somebody has seen it, and goes on


def test_a_boot_loop_stops_it_at_once(fleet: Fleet) -> None:
    rollout = fleet.begin(stages=(50, 100))
    fleet.install(rollout.jobs[0])
    for _ in range(3):
        fleet.boot(rollout.jobs[0])
    fleet.look()
    assert rollout.reason == "CP-0 has restarted 3 times since its update."


def test_who_charges_is_not_disturbed(fleet: Fleet) -> None:
    start = {"connectorId": 1, "idTag": "A", "meterStart": 5, "timestamp": NOW.isoformat()}
    wire = fleet.wires[fleet.chargers[0].id]
    told = wire.call("StartTransaction", start)
    rollout = fleet.begin()
    assert rollout.jobs[0].detail == "Waits until nobody charges"
    stop = {"transactionId": told["transactionId"], "meterStop": 900, "timestamp": NOW.isoformat()}
    wire.call("StopTransaction", stop, id="2")
    fleet.look()
    assert rollout.jobs[0].state is JobState.ORDERED


def test_quiet_mode_and_absence_hold_a_charger_back_and_it_can_be_left_out(fleet: Fleet) -> None:
    quiet.switch(fleet.session, is_on=True, at=NOW)
    rollout = fleet.begin()
    assert rollout.jobs[0].state is JobState.WAITING
    assert "quiet mode" in (rollout.jobs[0].detail or "")
    assert rules.skip(fleet.session, rollout, at=fleet.at) == 1
    store(fleet.session)
    quiet.switch(fleet.session, is_on=False, at=NOW)
    fleet.look()
    fleet.look()
    assert _states(rollout) == ["cancelled", "ordered", "ordered", "ordered"]


def test_a_cancelled_rollout_orders_nothing_more(fleet: Fleet) -> None:
    rollout = fleet.begin()
    rules.cancel(fleet.session, rollout, at=fleet.at)
    store(fleet.session)
    fleet.look()
    assert _states(rollout) == ["ordered", "cancelled", "cancelled", "cancelled"]
    with pytest.raises(Refused):
        rules.resume(fleet.session, rollout, at=fleet.at)


def test_two_workers_look_after_a_rollout_once(fleet: Fleet) -> None:
    fleet.begin(stages=(100,))
    at: datetime = fleet.at + timedelta(minutes=1)
    maintenance.advance(fleet.session, OURS, at)
    assert maintenance.advance(fleet.session, OURS, at) == 0


def test_who_takes_part(fleet: Fleet) -> None:
    session = fleet.session
    fleet.chargers[0].firmware_version = "2.0"  # has it
    fleet.chargers[1].firmware_version = "10.1"  # newer than 2.0, by numbers
    fleet.chargers[2].vendor = "Other"
    store(session)

    def meant(firmware: FirmwareFile = fleet.firmware, **plan: Any) -> list[str]:
        return [x.identity for x in rules.members(session, firmware, Plan("x", **plan))]

    assert meant() == ["CP-3"]
    assert meant(allows_downgrade=True) == ["CP-1", "CP-3"]
    assert meant(version_from="9") == []
    assert meant(vendor="acme", model="box") == ["CP-3"]
    fleet.begin()
    assert meant() == []
    with pytest.raises(Refused):
        rules.begin(session, fleet.firmware, Plan("again"), by=None, at=NOW)
    with pytest.raises(Invalid):
        rules.begin(session, fleet.firmware, Plan("x", stages=(50, 20)), by=None, at=NOW)
