"""What a central system sees of the simulated charger when people use it."""

import time

from csms.simulator import DC_50KW, Car, Charger
from tests.simulator.conftest import MakeCharger
from tests.simulator.peer import Peer


def measurands(call: dict) -> list[str]:
    return [sample["measurand"] for sample in call["meterValue"][0]["sampledValue"]]


def test_it_boots_and_tells_the_status_of_every_connector(peer: Peer, charger: Charger) -> None:
    charger.wait_until_status(2, "Available")

    assert peer.handshakes == [("/ws/ocpp/SIM-0001", None)]
    assert peer.actions() == ["BootNotification"] + 3 * ["StatusNotification"]
    assert peer.calls("BootNotification")[0]["chargePointSerialNumber"] == "SIM-0001"


def test_it_shows_its_password_as_basic_authentication(peer: Peer, make_charger: MakeCharger) -> None:
    peer.password = "with:colon"

    make_charger(password="with:colon")

    assert peer.handshakes[0][1] == "Basic U0lNLTAwMDE6d2l0aDpjb2xvbg=="


def test_a_refused_charger_says_why_and_tries_again(peer: Peer, make_charger: MakeCharger) -> None:
    peer.password = "right"

    charger = make_charger(password="wrong", connect=False).start()

    charger.wait_until(lambda c: len(peer.handshakes) > 1)
    assert "401" in charger.state().failure


def test_heartbeats_follow_the_interval_of_the_boot_answer(peer: Peer, make_charger: MakeCharger) -> None:
    peer.answers["BootNotification"] = {
        "status": "Accepted",
        "currentTime": "2026-01-01T00:00:00Z",
        "interval": 6,
    }

    make_charger(speed=60)

    peer.wait_for("Heartbeat", times=3, timeout_s=2)


def test_a_pending_charger_sends_nothing_but_boots(peer: Peer, make_charger: MakeCharger) -> None:
    peer.answers["BootNotification"] = {
        "status": "Pending",
        "currentTime": "2026-01-01T00:00:00Z",
        "interval": 6,
    }
    charger = make_charger(connect=False, speed=60).start()

    peer.wait_for("BootNotification", times=3)
    assert set(peer.actions()) == {"BootNotification"}
    peer.answers.clear()
    charger.wait_until_status(0, "Available")


def test_a_whole_session(peer: Peer, charger: Charger) -> None:
    charger.plug(1, Car()).result(2)
    assert charger.swipe(1, "CARD0001").result(2) == "Accepted"
    charger.wait_until_status(1, "Charging")
    peer.wait_for("MeterValues", times=2)
    charger.swipe(1, "card0001").result(2)
    charger.unplug(1).result(2)

    assert peer.statuses(1) == ["Available", "Preparing", "Charging", "Finishing", "Available"]
    told = [a for a in peer.actions() if a != "MeterValues"][4:]
    assert told == [
        "StatusNotification",  # Preparing
        "Authorize",
        "StartTransaction",
        "StatusNotification",  # Charging
        "StopTransaction",
        "StatusNotification",  # Finishing
        "StatusNotification",
    ]
    start, stop = peer.calls("StartTransaction")[0], peer.calls("StopTransaction")[0]
    assert start["connectorId"] == 1
    assert start["idTag"] == "CARD0001"
    assert stop["transactionId"] == 101
    assert stop["reason"] == "Local"
    assert stop["meterStop"] > start["meterStart"]
    begin, end = (value["sampledValue"][0] for value in stop["transactionData"])
    assert (begin["context"], end["context"]) == ("Transaction.Begin", "Transaction.End")
    assert int(float(begin["value"])) == start["meterStart"]


def test_meter_values_of_an_ac_charger_have_three_phases(peer: Peer, charger: Charger) -> None:
    charger.plug(1)
    charger.swipe(1, "CARD0001")

    call = peer.wait_for("MeterValues")

    assert call["transactionId"] == 101
    samples = call["meterValue"][0]["sampledValue"]
    phases = [sample.get("phase") for sample in samples if sample["measurand"] == "Current.Import"]
    assert phases == ["L1", "L2", "L3"]
    assert "SoC" not in measurands(call)
    power = next(sample for sample in samples if sample["measurand"] == "Power.Active.Import")
    assert float(power["value"]) == 11_000


def test_a_dc_charger_tells_the_state_of_charge_and_kwh_if_wanted(
    peer: Peer, make_charger: MakeCharger
) -> None:
    charger = make_charger(speed=300, supply=DC_50KW, energy_unit="kWh", register_wh=5000.0)
    charger.plug(1, Car(soc=0.5))
    charger.swipe(1, "CARD0001")

    samples = {s["measurand"]: s for s in peer.wait_for("MeterValues")["meterValue"][0]["sampledValue"]}

    assert 50 <= float(samples["SoC"]["value"]) <= 53
    assert samples["Energy.Active.Import.Register"]["unit"] == "kWh"
    assert 5.7 < float(samples["Energy.Active.Import.Register"]["value"]) < 6.5


def test_a_blocked_card_starts_nothing(peer: Peer, charger: Charger) -> None:
    peer.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    charger.plug(1).result(2)

    assert charger.swipe(1, "CARD0001").result(2) == "Blocked"
    assert "StartTransaction" not in peer.actions()


def test_a_card_refused_in_the_start_answer_ends_the_transaction(peer: Peer, charger: Charger) -> None:
    peer.answers["StartTransaction"] = {"transactionId": 7, "idTagInfo": {"status": "Invalid"}}
    charger.plug(1)
    charger.swipe(1, "CARD0001")

    assert peer.wait_for("StopTransaction")["reason"] == "DeAuthorized"


def test_another_card_does_not_stop_but_one_of_the_family_does(peer: Peer, charger: Charger) -> None:
    family = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
    stranger = {"idTagInfo": {"status": "Accepted"}}
    peer.answers["Authorize"] = lambda request: stranger if request["idTag"] == "STRANGER" else family
    peer.answers["StartTransaction"] = {"transactionId": 7} | family
    charger.plug(1)
    charger.swipe(1, "MOTHER").result(2)

    assert charger.swipe(1, "STRANGER").result(2) == "Invalid"
    assert charger.swipe(1, "DAUGHTER").result(2) == "Accepted"
    assert peer.calls("StopTransaction")[0]["idTag"] == "DAUGHTER"


def test_a_card_before_the_cable_is_forgotten_after_the_timeout(
    peer: Peer, make_charger: MakeCharger
) -> None:
    charger = make_charger(speed=60, configuration={"ConnectionTimeOut": "12"})
    charger.swipe(2, "CARD0001").result(2)
    charger.wait_until_status(2, "Preparing")

    charger.wait_until_status(2, "Available")
    charger.plug(2).result(2)
    assert "StartTransaction" not in peer.actions()


def test_a_card_before_the_cable_starts_when_the_car_comes(peer: Peer, charger: Charger) -> None:
    charger.swipe(2, "CARD0001").result(2)
    charger.plug(2).result(2)

    assert peer.calls("StartTransaction")[0]["connectorId"] == 2


def test_unplugging_ends_the_transaction(peer: Peer, charger: Charger) -> None:
    charger.plug(1)
    charger.swipe(1, "CARD0001").result(2)
    charger.unplug(1).result(2)

    assert peer.wait_for("StopTransaction")["reason"] == "EVDisconnected"
    charger.wait_until_status(1, "Available")


def test_a_full_car_suspends_itself(peer: Peer, make_charger: MakeCharger) -> None:
    charger = make_charger(speed=600)
    charger.plug(1, Car(soc=0.999, battery_wh=5_000))
    charger.swipe(1, "CARD0001").result(2)

    charger.wait_until_status(1, "SuspendedEV")


def test_a_ground_fault_ends_the_transaction_and_can_be_cleared(peer: Peer, charger: Charger) -> None:
    charger.plug(1)
    charger.swipe(1, "CARD0001").result(2)
    charger.fault(1, "GroundFailure", "RCD tripped").result(2)

    assert peer.calls("StopTransaction")[0]["reason"] == "Other"
    told = peer.calls("StatusNotification")[-1]
    assert (told["status"], told["errorCode"], told["info"]) == ("Faulted", "GroundFailure", "RCD tripped")
    charger.clear_fault(1).result(2)
    charger.wait_until_status(1, "Finishing")


def test_a_weak_signal_is_told_without_a_fault(peer: Peer, charger: Charger) -> None:
    charger.fault(1, "WeakSignal").result(2)

    told = peer.calls("StatusNotification")[-1]
    assert (told["status"], told["errorCode"]) == ("Available", "WeakSignal")


def test_a_wrong_clock_shows_in_its_messages(peer: Peer, charger: Charger) -> None:
    charger.skew_clock(-600 * 24 * 3600).result(2)
    charger.plug(1).result(2)

    assert peer.calls("StatusNotification")[-1]["timestamp"] < "2026"


def test_bad_json_goes_out_as_it_is(peer: Peer, charger: Charger) -> None:
    charger.send_raw("[2,").result(2)

    peer.wait(lambda: [0, "[2,"] in peer.received, "bad JSON")


def test_it_stops_soon_also_when_nobody_answers(peer: Peer, make_charger: MakeCharger) -> None:
    charger = make_charger(call_timeout_s=30)
    peer.answers["Authorize"] = None
    charger.swipe(1, "CARD0001")
    peer.wait_for("Authorize")

    begun = time.monotonic()
    charger.stop()

    assert time.monotonic() - begun < 10  # the answer would be waited for for 30 s
    peer.wait(lambda: peer.closes == [1000], "a proper close")


def test_its_last_frames_are_kept(charger: Charger) -> None:
    charger.wait_until_status(2, "Available")

    frames = charger.frames()

    assert frames[0].direction == "note"
    assert frames[1].text.endswith('"meterSerialNumber":"M-SIM-0001"}]')
    assert charger.frames(after=frames[-1].number) == []
