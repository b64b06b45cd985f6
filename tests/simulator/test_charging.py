"""How the simulated charger answers about charging profiles, and how its power follows them."""

from __future__ import annotations

from typing import Any

import pytest

from csms.simulator import Charger
from tests.simulator.peer import Peer

PAST = "2020-01-01T00:00:00Z"


def order(limit: float = 10, *, connector: int = 0, number: int = 1, **more: Any) -> dict[str, Any]:
    periods = more.pop("periods", [{"startPeriod": 0, "limit": limit}])
    schedule = {"startSchedule": PAST, "chargingRateUnit": "A", "chargingSchedulePeriod": periods}
    profile = {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargePointMaxProfile" if connector == 0 else "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule | more.pop("schedule", {}),
    }
    return {"connectorId": connector, "csChargingProfiles": profile | more}


def charge(charger: Charger, connector: int, card: str) -> None:
    charger.plug(connector).result(2)
    charger.swipe(connector, card).result(2)
    charger.wait_until_status(connector, "Charging")


def composite(peer: Peer, connector: int, duration_s: int = 3600, unit: str = "A") -> list[dict[str, Any]]:
    asked = {"connectorId": connector, "duration": duration_s, "chargingRateUnit": unit}
    answer = peer.ask("GetCompositeSchedule", asked)
    assert answer["status"] == "Accepted"
    assert answer["chargingSchedule"]["chargingRateUnit"] == unit
    return list(answer["chargingSchedule"]["chargingSchedulePeriod"])


def test_all_that_charge_share_the_chargers_limit(peer: Peer, charger: Charger) -> None:
    charge(charger, 1, "CARD0001")
    assert peer.ask("SetChargingProfile", order(16)) == {"status": "Accepted"}
    charger.wait_until(lambda c: c.state().power_w == 11_000)  # 16 A are more than the car wants
    charge(charger, 2, "CARD0002")
    charger.wait_until(lambda c: c.state().power_w == 16 * 230 * 3)


def test_the_composite_schedule_tells_what_is_to_come(peer: Peer, charger: Charger) -> None:
    assert composite(peer, 1) == [{"startPeriod": 0, "limit": 32.0}]
    assert composite(peer, 0) == [{"startPeriod": 0, "limit": 64.0}]
    assert composite(peer, 0, unit="W") == [{"startPeriod": 0, "limit": 44160.0}]
    peer.ask("SetChargingProfile", order(20))
    daily = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}
    periods = [{"startPeriod": 0, "limit": 6}, {"startPeriod": 43_200, "limit": 10}]
    peer.ask("SetChargingProfile", order(connector=1, number=2, periods=periods, **daily))
    day = composite(peer, 1, 86_400)
    assert {x["limit"] for x in day} == {6, 10}
    assert day[0]["startPeriod"] == 0
    assert 2 <= len(day) <= 3
    assert composite(peer, 0) == [{"startPeriod": 0, "limit": 20.0}]


def test_an_unknown_connector_has_no_schedule(peer: Peer, charger: Charger) -> None:
    assert peer.ask("GetCompositeSchedule", {"connectorId": 9, "duration": 60}) == {"status": "Rejected"}
    assert peer.ask("SetChargingProfile", order(connector=9)) == "PropertyConstraintViolation"


@pytest.mark.parametrize(
    "given",
    [
        order(stackLevel=11),
        order(periods=[{"startPeriod": x, "limit": 6} for x in range(25)]),
        order(periods=[{"startPeriod": 5, "limit": 6}]),
        order(periods=[{"startPeriod": 0, "limit": 6, "numberPhases": 1}, {"startPeriod": 5, "limit": 6}]),
        order(connector=1, chargingProfilePurpose="ChargePointMaxProfile"),
        order(connector=1, chargingProfilePurpose="TxProfile"),
    ],
)
def test_what_it_cannot_do_it_rejects(peer: Peer, charger: Charger, given: dict[str, Any]) -> None:
    assert peer.ask("SetChargingProfile", given) == {"status": "Rejected"}
    assert peer.ask("ClearChargingProfile", {}) == {"status": "Unknown"}


def test_it_holds_as_many_profiles_as_its_configuration_says(peer: Peer, charger: Charger) -> None:
    for level in range(10):
        assert peer.ask("SetChargingProfile", order(number=level + 1, stackLevel=level)) == {
            "status": "Accepted"
        }
    assert peer.ask("SetChargingProfile", order(number=11, connector=1)) == {"status": "Rejected"}
    assert peer.ask("SetChargingProfile", order(8, number=3, stackLevel=2)) == {"status": "Accepted"}


def test_a_profile_of_another_transaction_is_not_taken(peer: Peer, charger: Charger) -> None:
    charge(charger, 1, "CARD0001")
    given = order(connector=1, chargingProfilePurpose="TxProfile", transactionId=999)
    assert peer.ask("SetChargingProfile", given) == {"status": "Rejected"}
    given["csChargingProfiles"]["transactionId"] = 101
    assert peer.ask("SetChargingProfile", given) == {"status": "Accepted"}
    charger.wait_until(lambda c: c.state().power_w == 10 * 230 * 3)


def test_a_remote_start_takes_a_profile_of_the_session_only(peer: Peer, charger: Charger) -> None:
    charger.plug(1).result(2)
    profile = order(8, connector=1)["csChargingProfiles"]
    start = {"idTag": "APP", "connectorId": 1, "chargingProfile": profile}
    assert peer.ask("RemoteStartTransaction", start) == {"status": "Rejected"}
    profile["chargingProfilePurpose"] = "TxProfile"
    assert peer.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
    charger.wait_until(lambda c: c.state().power_w == 8 * 230 * 3)
