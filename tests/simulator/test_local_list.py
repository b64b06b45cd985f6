"""How the simulated charger keeps a list of cards."""

from typing import Any

from csms.simulator import Charger
from tests.simulator.conftest import MakeCharger
from tests.simulator.peer import Peer

ACCEPTED = {"status": "Accepted"}


def card(id_tag: str, **info: Any) -> dict[str, Any]:
    return {"idTag": id_tag, "idTagInfo": ACCEPTED | info}


def send(peer: Peer, version: int, *cards: dict[str, Any], kind: str = "Full") -> str:
    given = {"listVersion": version, "updateType": kind, "localAuthorizationList": list(cards)}
    return str(peer.ask("SendLocalList", given)["status"])


def version_of(peer: Peer) -> int:
    return int(peer.ask("GetLocalListVersion", {})["listVersion"])


def test_a_list_is_kept_under_its_version(peer: Peer, charger: Charger) -> None:
    assert version_of(peer) == 0
    assert send(peer, 4, card("CARD0001"), card("CARD0002")) == "Accepted"
    peer.wait(lambda: version_of(peer) == 4, "version 4")
    assert send(peer, 5, {"idTag": "CARD0001"}, card("CARD0003"), kind="Differential") == "Accepted"
    peer.wait(lambda: version_of(peer) == 5, "version 5")
    assert set(charger.station.local_list.tags) == {"card0002", "card0003"}


def test_a_difference_to_another_version_is_refused(peer: Peer, charger: Charger) -> None:
    send(peer, 4, card("CARD0001"))
    peer.wait(lambda: version_of(peer) == 4, "version 4")
    assert send(peer, 4, card("CARD0002"), kind="Differential") == "VersionMismatch"


def test_more_than_fits_into_a_message_fails(peer: Peer, make_charger: MakeCharger) -> None:
    make_charger(configuration={"SendLocalListMaxLength": "1"})
    assert send(peer, 1, card("CARD0001"), card("CARD0002")) == "Failed"


def test_a_charger_without_lists_says_so(peer: Peer, make_charger: MakeCharger) -> None:
    make_charger(configuration={"LocalAuthListEnabled": "false"})
    assert version_of(peer) == -1
    assert send(peer, 1, card("CARD0001")) == "NotSupported"


def test_a_listed_card_charges_without_network_and_an_expired_one_does_not(
    peer: Peer, make_charger: MakeCharger
) -> None:
    charger = make_charger()
    send(peer, 1, card("CARD0001"), card("CARD0002", expiryDate="2020-01-01T00:00:00Z"))
    peer.wait(lambda: version_of(peer) == 1, "version 1")
    charger.go_offline().result(2)
    charger.plug(1).result(2)
    assert charger.swipe(1, "CARD0002").result(2) == "Expired"
    assert charger.swipe(1, "card0001").result(2) == "Accepted"
