"""How the simulated charger obeys its central system."""

import pytest

from csms.simulator import DC_50KW, Charger
from tests.simulator.conftest import MakeCharger
from tests.simulator.peer import Peer


def charging(charger: Charger) -> Charger:
    charger.plug(1).result(2)
    charger.swipe(1, "CARD0001").result(2)
    return charger.wait_until_status(1, "Charging")


def test_remote_start_waits_for_the_car(peer: Peer, charger: Charger) -> None:
    assert peer.ask("RemoteStartTransaction", {"idTag": "APP"}) == {"status": "Accepted"}
    charger.wait_until_status(1, "Preparing")
    charger.plug(1)

    assert peer.wait_for("StartTransaction")["idTag"] == "APP"
    assert "Authorize" not in peer.actions()


def test_remote_start_takes_the_connector_where_a_car_waits(peer: Peer, charger: Charger) -> None:
    charger.plug(2).result(2)
    peer.ask("RemoteStartTransaction", {"idTag": "APP"})

    assert peer.wait_for("StartTransaction")["connectorId"] == 2


def test_remote_start_is_authorized_first_if_so_configured(peer: Peer, charger: Charger) -> None:
    order = {"key": "AuthorizeRemoteTxRequests", "value": "true"}
    assert peer.ask("ChangeConfiguration", order) == {"status": "Accepted"}
    peer.answers["Authorize"] = {"idTagInfo": {"status": "Expired"}}
    charger.plug(1).result(2)
    peer.ask("RemoteStartTransaction", {"idTag": "APP", "connectorId": 1})

    assert peer.wait_for("Authorize") == {"idTag": "APP"}
    assert charger.tell("Heartbeat", {}).result(2)
    assert "StartTransaction" not in peer.actions()


def test_remote_start_is_rejected_where_somebody_charges(peer: Peer, charger: Charger) -> None:
    charging(charger)

    assert peer.ask("RemoteStartTransaction", {"idTag": "APP", "connectorId": 1}) == {"status": "Rejected"}
    assert peer.ask("RemoteStartTransaction", {"idTag": "APP", "connectorId": 9}) == {"status": "Rejected"}


def test_remote_stop_ends_the_transaction_of_that_id(peer: Peer, charger: Charger) -> None:
    charging(charger)

    assert peer.ask("RemoteStopTransaction", {"transactionId": 999}) == {"status": "Rejected"}
    assert peer.ask("RemoteStopTransaction", {"transactionId": 101}) == {"status": "Accepted"}
    assert peer.wait_for("StopTransaction")["reason"] == "Remote"


def test_a_soft_reset_tells_the_stop_before_it_boots(peer: Peer, charger: Charger) -> None:
    charging(charger)
    assert peer.ask("Reset", {"type": "Soft"}) == {"status": "Accepted"}
    peer.wait_for("BootNotification", times=2)

    assert peer.calls("StopTransaction")[0]["reason"] == "SoftReset"
    actions = peer.actions()
    assert actions.index("StopTransaction") < actions.index("BootNotification", 1)
    peer.wait(lambda: peer.closes == [1000], "a proper close")


def test_a_hard_reset_tells_the_stop_after_it_has_booted(peer: Peer, charger: Charger) -> None:
    charging(charger)
    assert peer.ask("Reset", {"type": "Hard"}) == {"status": "Accepted"}

    assert peer.wait_for("StopTransaction")["reason"] == "HardReset"
    actions = peer.actions()
    assert actions.index("BootNotification", 1) < actions.index("StopTransaction")
    peer.wait(lambda: peer.closes == [1006], "a socket without a close")


def test_unlock_finishes_the_transaction(peer: Peer, charger: Charger) -> None:
    charging(charger)

    assert peer.ask("UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
    assert peer.wait_for("StopTransaction")["reason"] == "UnlockCommand"
    assert peer.ask("UnlockConnector", {"connectorId": 9}) == {"status": "NotSupported"}


def test_a_stuck_lock_and_a_fixed_cable_do_not_unlock(peer: Peer, make_charger: MakeCharger) -> None:
    stuck = make_charger()
    stuck.fault(1, "ConnectorLockFailure").result(2)
    assert peer.ask("UnlockConnector", {"connectorId": 1}) == {"status": "UnlockFailed"}
    stuck.stop()

    make_charger("SIM-0002", supply=DC_50KW)
    assert peer.ask("UnlockConnector", {"connectorId": 1}) == {"status": "NotSupported"}


def test_availability_waits_for_the_transaction(peer: Peer, charger: Charger) -> None:
    charging(charger)
    order = {"connectorId": 0, "type": "Inoperative"}

    assert peer.ask("ChangeAvailability", order) == {"status": "Scheduled"}
    charger.wait_until_status(2, "Unavailable")
    assert charger.reported_status(1) == "Charging"
    charger.swipe(1, "CARD0001").result(2)
    charger.wait_until_status(1, "Unavailable")
    charger.wait_until_status(0, "Unavailable")


def test_unavailable_survives_a_reset(peer: Peer, charger: Charger) -> None:
    assert peer.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}) == {"status": "Accepted"}
    peer.ask("Reset", {"type": "Hard"})
    peer.wait_for("BootNotification", times=2)

    peer.wait(lambda: len(peer.statuses(1)) == 3, "status after boot")
    assert peer.statuses(1)[-1] == "Unavailable"


def test_configuration_is_read_with_unknown_keys_apart(peer: Peer, charger: Charger) -> None:
    reply = peer.ask("GetConfiguration", {"key": ["numberofconnectors", "Nonsense"]})

    assert reply == {
        "configurationKey": [{"key": "NumberOfConnectors", "value": "2", "readonly": True}],
        "unknownKey": ["Nonsense"],
    }
    everything = peer.ask("GetConfiguration", {})
    assert len(everything["configurationKey"]) > 20
    assert "AuthorizationKey" not in str(everything)


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("MeterValueSampleInterval", "30", "Accepted"),
        ("MeterValueSampleInterval", "-1", "Rejected"),
        ("MeterValuesSampledData", "Voltage,Nonsense", "Rejected"),
        ("NumberOfConnectors", "3", "Rejected"),
        ("WebSocketPingInterval", "10", "RebootRequired"),
        ("Nonsense", "1", "NotSupported"),
    ],
)
def test_configuration_is_changed(peer: Peer, charger: Charger, key: str, value: str, status: str) -> None:
    assert peer.ask("ChangeConfiguration", {"key": key, "value": value}) == {"status": status}


def test_a_new_heartbeat_interval_takes_effect(peer: Peer, charger: Charger) -> None:
    peer.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "6"})

    peer.wait_for("Heartbeat", times=2)


def test_a_new_sample_interval_takes_effect_on_a_running_transaction(
    peer: Peer, make_charger: MakeCharger
) -> None:
    charging(make_charger(speed=60, configuration={"MeterValueSampleInterval": "0"}))
    assert not peer.calls("MeterValues")
    peer.ask("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "6"})

    peer.wait_for("MeterValues", times=2)


def test_clock_aligned_values_come_from_every_connector(peer: Peer, make_charger: MakeCharger) -> None:
    make_charger(speed=60, configuration={"ClockAlignedDataInterval": "10"})

    peer.wait_for("MeterValues", times=2)

    assert {call["connectorId"] for call in peer.calls("MeterValues")} == {1, 2}
    sample = peer.calls("MeterValues")[0]["meterValue"][0]["sampledValue"][0]
    assert sample["context"] == "Sample.Clock"


def test_a_new_authorization_key_is_used_at_once(peer: Peer, charger: Charger) -> None:
    key = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"
    peer.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": key})

    peer.wait_for_connection(2)
    assert peer.handshakes[1][1] == "Basic U0lNLTAwMDE6AAECAwQFBgf///////////////8="
    assert key not in str(charger.frames())


def test_the_cache_is_cleared(peer: Peer, charger: Charger) -> None:
    charger.swipe(1, "CARD0001").result(2)
    assert peer.ask("ClearCache", {}) == {"status": "Accepted"}
    charger.go_offline().result(2)

    assert charger.swipe(2, "CARD0001").result(2) == "Offline"


@pytest.mark.parametrize(
    "message",
    [
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ],
)
def test_every_message_can_be_triggered(peer: Peer, charger: Charger, message: str) -> None:
    charger.wait_until_status(2, "Available")
    told = len(peer.calls(message))

    assert peer.ask("TriggerMessage", {"requestedMessage": message}) == {"status": "Accepted"}

    peer.wait_for(message, times=told + 1)


def test_a_triggered_status_of_one_connector_comes_alone(peer: Peer, charger: Charger) -> None:
    charger.wait_until_status(2, "Available")
    order = {"requestedMessage": "StatusNotification", "connectorId": 2}
    peer.ask("TriggerMessage", order)

    assert peer.wait_for("StatusNotification", times=4)["connectorId"] == 2
    assert peer.ask("TriggerMessage", order | {"connectorId": 9}) == {"status": "Rejected"}


def test_unknown_things_are_refused_in_the_words_of_the_protocol(peer: Peer, charger: Charger) -> None:
    assert peer.ask("DataTransfer", {"vendorId": "com.example"}) == {"status": "UnknownVendorId"}
    assert peer.ask("GetVariables", {}) == "NotImplemented"
    assert peer.ask("Reset", {}) == "OccurenceConstraintViolation"
    assert peer.ask("RemoteStopTransaction", {"transactionId": "x"}) == "TypeConstraintViolation"


def test_a_charging_profile_limits_the_power_and_clearing_it_frees_it(peer: Peer, charger: Charger) -> None:
    charging(charger)
    profile = {
        "chargingProfileId": 5,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": "2020-01-01T00:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
        },
    }

    order = {"connectorId": 0, "csChargingProfiles": profile}
    assert peer.ask("SetChargingProfile", order) == {"status": "Accepted"}
    charger.wait_until(lambda c: c.state().power_w == 10 * 230 * 3)
    profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] = 0
    peer.ask("SetChargingProfile", order)
    charger.wait_until_status(1, "SuspendedEVSE")
    assert peer.ask("ClearChargingProfile", {"id": 5}) == {"status": "Accepted"}
    charger.wait_until_status(1, "Charging")
    assert peer.ask("ClearChargingProfile", {"id": 5}) == {"status": "Unknown"}


def test_a_test_may_put_answers_into_its_mouth(peer: Peer, charger: Charger) -> None:
    charger.answer_with("Reset", {"status": "Rejected"})
    charger.answer_with("ClearCache", "InternalError")
    charger.answer_with("UnlockConnector", None)

    assert peer.ask("Reset", {"type": "Soft"}) == {"status": "Rejected"}
    assert peer.ask("ClearCache", {}) == "InternalError"
    with pytest.raises(AssertionError, match="no answer"):
        peer.ask("UnlockConnector", {"connectorId": 1}, timeout_s=0.1)
    charger.answer_by_itself("ClearCache")
    assert peer.ask("ClearCache", {}) == {"status": "Accepted"}
