"""Habits of real chargers; all of them stay within the schemas."""

from typing import Any

from csms.simulator import Charger, Quirk
from tests.simulator.conftest import MakeCharger
from tests.simulator.peer import Peer


def a_session(make_charger: MakeCharger, peer: Peer, *quirks: Quirk) -> Charger:
    sampled = {"MeterValueSampleInterval": "12"}
    charger = make_charger(speed=60, quirks=frozenset(quirks), configuration=sampled)
    charger.plug(1).result(2)
    charger.swipe(1, "CARD0001").result(2)
    peer.wait_for("MeterValues")
    charger.unplug(1).result(2)
    return charger


def energy(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [sample for sample in samples if sample["measurand"] == "Energy.Active.Import.Register"]


def test_times_can_be_whole_seconds(peer: Peer, make_charger: MakeCharger) -> None:
    a_session(make_charger, peer, Quirk.WHOLE_SECONDS)

    assert len(peer.calls("StartTransaction")[0]["timestamp"]) == len("2026-03-01T12:00:00Z")
    assert len(peer.calls("MeterValues")[0]["meterValue"][0]["timestamp"]) == len("2026-03-01T12:00:00Z")


def test_things_can_be_missing_or_empty(peer: Peer, make_charger: MakeCharger) -> None:
    a_session(
        make_charger, peer, Quirk.NO_TIMESTAMP_IN_STATUS, Quirk.EMPTY_BOOT_FIELDS, Quirk.NO_TRANSACTION_ID
    )

    assert "timestamp" not in peer.calls("StatusNotification")[0]
    assert peer.calls("BootNotification")[0]["iccid"] == ""
    assert "transactionId" not in peer.calls("MeterValues")[0]
    assert peer.calls("StopTransaction")[0]["transactionId"] == 101


def test_energy_can_come_per_phase_without_a_total(peer: Peer, make_charger: MakeCharger) -> None:
    a_session(make_charger, peer, Quirk.ENERGY_PER_PHASE, Quirk.BARE_SAMPLES)

    samples = energy(peer.calls("MeterValues")[0]["meterValue"][0]["sampledValue"])
    assert [(s["phase"], s["unit"]) for s in samples] == [("L1", "kWh"), ("L2", "kWh"), ("L3", "kWh")]
    assert "context" not in samples[0]
    total_wh = 1000 * sum(float(sample["value"]) for sample in samples)
    assert total_wh > peer.calls("StartTransaction")[0]["meterStart"]


def test_message_ids_can_begin_anew_at_every_boot(peer: Peer, make_charger: MakeCharger) -> None:
    charger = a_session(make_charger, peer, Quirk.NUMBERED_MESSAGES)
    charger.reset().result(2)
    peer.wait_for("BootNotification", times=2)

    assert [f[1] for f in peer.received if f[2] == "BootNotification"] == ["1", "1"]
