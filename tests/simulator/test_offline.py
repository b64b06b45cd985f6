"""Power cuts, lost networks, slow and failing central systems: nothing is lost, everything comes in order."""

from datetime import datetime

from csms.simulator import Charger
from tests.simulator.conftest import MakeCharger
from tests.simulator.peer import Peer

RETRY = {"TransactionMessageAttempts": "3", "TransactionMessageRetryInterval": "1"}


def charging(charger: Charger, connector: int = 1) -> Charger:
    charger.plug(connector).result(2)
    charger.swipe(connector, "CARD0001").result(2)
    return charger.wait_until_status(connector, "Charging")


def test_a_power_cut_is_told_after_the_next_boot(peer: Peer, charger: Charger) -> None:
    charging(charger)
    charger.power_cut().result(2)
    peer.wait(lambda: peer.closes == [1006], "a socket without a close")
    before = len(peer.actions())
    charger.power_on().result(2)
    peer.wait_for("StopTransaction")

    assert peer.actions()[before:] == ["BootNotification", *3 * ["StatusNotification"], "StopTransaction"]
    stop = peer.calls("StopTransaction")[0]
    assert stop["reason"] == "PowerLoss"
    assert stop["timestamp"] < peer.calls("StatusNotification")[-1]["timestamp"]
    assert peer.statuses(1)[-1] == "Finishing"


def test_offline_it_charges_on_and_tells_everything_in_order(peer: Peer, charger: Charger) -> None:
    charging(charger)
    charger.go_offline().result(2)
    charger.wait_until(lambda c: c.state().queued >= 2)
    charger.swipe(1, "CARD0001").result(2)
    assert "StopTransaction" not in peer.actions()
    charger.come_back().result(2)
    peer.wait_for("StopTransaction")

    assert len(peer.calls("BootNotification")) == 1
    moments = [call["meterValue"][0]["timestamp"] for call in peer.calls("MeterValues")]
    assert len(moments) >= 2
    assert moments == sorted(moments)
    assert peer.calls("StopTransaction")[0]["timestamp"] >= moments[-1]
    assert peer.statuses(1)[-1] == "Finishing"


def test_a_transaction_begun_offline_takes_the_id_that_it_gets_later(peer: Peer, charger: Charger) -> None:
    charger.swipe(1, "CARD0001").result(2)
    charger.wait_until_status(1, "Preparing")
    charger.go_offline().result(2)
    charger.plug(1).result(2)
    charger.wait_until(lambda c: c.state().queued >= 2)
    charger.unplug(1).result(2)
    charger.come_back().result(2)

    stop = peer.wait_for("StopTransaction")

    assert peer.actions(without=("StatusNotification", "Heartbeat"))[-1] == "StopTransaction"
    assert stop["transactionId"] == 101
    assert all(call["transactionId"] == 101 for call in peer.calls("MeterValues"))
    began, ended = peer.calls("StartTransaction")[0]["timestamp"], stop["timestamp"]
    assert datetime.fromisoformat(began) < datetime.fromisoformat(ended)


def test_an_unknown_card_is_refused_offline_and_a_known_one_is_not(charger: Charger) -> None:
    charger.swipe(1, "CARD0001").result(2)
    charger.go_offline().result(2)

    assert charger.swipe(2, "STRANGER").result(2) == "Offline"
    assert charger.swipe(2, "CARD0001").result(2) == "Accepted"


def test_a_start_without_an_answer_is_sent_again_with_the_same_words(
    peer: Peer, make_charger: MakeCharger
) -> None:
    charger = make_charger(speed=20, configuration=RETRY, call_timeout_s=0.1)
    peer.answers["StartTransaction"] = None
    charger.plug(1)
    charger.swipe(1, "CARD0001")
    peer.wait_for("StartTransaction")
    peer.answers.clear()
    peer.wait_for("StartTransaction", times=2)

    first, second = peer.calls("StartTransaction")
    assert first == second


def test_a_failed_message_is_given_up_after_the_attempts_and_the_next_one_goes(
    peer: Peer, make_charger: MakeCharger
) -> None:
    charger = make_charger(speed=20, configuration=RETRY)
    peer.answers["StartTransaction"] = "InternalError"
    charger.plug(1)
    charger.swipe(1, "CARD0001")
    peer.wait_for("StartTransaction", times=3)
    charger.unplug(1)

    assert peer.wait_for("StopTransaction")["transactionId"] == -1
    assert len(peer.calls("StartTransaction")) == 3


def test_a_start_cut_off_by_a_dying_server_is_sent_again(peer: Peer, charger: Charger) -> None:
    peer.answers["StartTransaction"] = lambda request: peer.hang_up()
    charger.plug(1)
    charger.swipe(1, "CARD0001")
    peer.wait_for("StartTransaction")
    peer.answers.clear()

    charger.wait_until(lambda c: c.state().connectors[0].transaction_id == 101)
    assert len(peer.calls("BootNotification")) == 1
    calls = peer.calls("StartTransaction")
    assert calls[0] == calls[-1]


def test_some_chargers_keep_the_message_id_when_they_resend(peer: Peer, make_charger: MakeCharger) -> None:
    charger = make_charger(speed=20, configuration=RETRY, same_id_on_resend=True)
    peer.answers["StartTransaction"] = "InternalError"
    charger.plug(1)
    charger.swipe(1, "CARD0001")
    peer.wait_for("StartTransaction", times=3)

    assert len({frame[1] for frame in peer.received if frame[2] == "StartTransaction"}) == 1
    assert peer.complaints
    assert all("used twice" in complaint for complaint in peer.complaints)
    peer.complaints.clear()


def test_a_lost_connection_is_dialled_again_without_a_boot(peer: Peer, charger: Charger) -> None:
    charging(charger)
    peer.hang_up()

    peer.wait_for_connection(2)
    peer.wait_for("MeterValues", times=2)
    assert len(peer.calls("BootNotification")) == 1


def test_a_status_that_is_refused_is_not_repeated(peer: Peer, make_charger: MakeCharger) -> None:
    peer.answers["StatusNotification"] = "InternalError"
    charger = make_charger()
    charger.plug(1).result(2)
    charger.tell("Heartbeat", {}).result(2)

    assert peer.statuses(1) == ["Available", "Preparing"]
