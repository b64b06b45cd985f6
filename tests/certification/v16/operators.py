"""Whoever runs the chargers, as far as the certification tests need: orders over the API, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.certification.v16.charge_point import ChargePoint
from tests.desk import Desk, wait_for

# Cards as operators keep them; GROUP is what a parent idTag names.
CARD, EXPIRED, BLOCKED, UNKNOWN = "04A1B2C3D4E5F6", "04EEEEEEEEEEEE", "04BBBBBBBBBBBB", "04DEADBEEF0000"
MEMBER, OTHER_MEMBER, GROUP = "04AAAAAAAAAA01", "04AAAAAAAAAA02", "HOUSEHOLD-7"
CARDS: list[dict[str, Any]] = [
    {"uid": CARD},
    {"uid": EXPIRED, "expires_at": "2020-01-01T00:00:00Z"},
    {"uid": BLOCKED, "is_allowed": False},
    {"uid": MEMBER, "parent_uid": GROUP},
    {"uid": OTHER_MEMBER, "parent_uid": GROUP},
]


@dataclass(frozen=True)
class Given:
    """An order that was given."""

    desk: Desk
    id: str

    def ends(self, state: str, status: str | None = None) -> dict[str, Any]:
        """The operator is told that it ended in `state`, with the charger's own word for it if that is given."""
        command = self.desk.command_when(self.id, lambda x: x["state"] not in ("queued", "sent"))
        assert command["state"] == state, command
        if status is not None:
            assert command["answer_status"] == status
        return command

    def is_seen(self) -> dict[str, Any]:
        """The operator is told that what was promised has happened."""
        return self.desk.command_when(self.id, lambda x: x["observed_at"] is not None)


@dataclass
class Operator:
    """The operator of one charger."""

    desk: Desk
    identity: str

    def orders(self, action: str, **payload: Any) -> Given:
        return Given(self.desk, self.desk.order(action, payload, self.identity))

    def sessions(self) -> list[dict[str, Any]]:
        """The charger's sessions, the newest first."""
        return list(self.desk.call("GET", f"/transactions?charger={self.identity}")["data"])

    def charger(self) -> dict[str, Any]:
        return dict(self.desk.call("GET", f"/chargers/{self.identity}"))

    def makes_key(self) -> str:
        """A new key for the charger, in hexadecimal digits."""
        return str(self.desk.call("POST", f"/chargers/{self.identity}/key", 201)["key"])

    def reserves(self, **wanted: Any) -> int:
        """The number of a reservation that the charger is being asked for."""
        return int(self.desk.call("POST", "/reservations", 202, json=wanted)["id"])

    def gives_up(self, number: int) -> None:
        self.desk.call("DELETE", f"/reservations/{number}", 202)

    def reservation(self, number: int) -> dict[str, Any]:
        return dict(self.desk.call("GET", f"/reservations/{number}"))

    def sees_reservation(self, number: int, state: str) -> dict[str, Any]:
        """The reservation, once it is in `state`."""
        return wait_for(lambda: self.reservation(number), lambda x: x["state"] == state)

    def sets_profile(self, **wanted: Any) -> None:
        self._post("/charging-profiles", 201, wanted)

    def profiles(self) -> list[dict[str, Any]]:
        """What the charger is meant to have."""
        return list(self.desk.call("GET", f"/chargers/{self.identity}/charging-profiles")["data"])

    def sees_profile(self, number: int, state: str) -> None:
        wait_for(self.profiles, lambda found: (number, state) in [(x["number"], x["state"]) for x in found])

    def starts_with(self, **wanted: Any) -> Given:
        """A remote start with a profile."""
        return Given(self.desk, self._post("/starts", 202, wanted)["id"])

    def clears(self, **criteria: Any) -> Given:
        return Given(self.desk, self._post("/charging-profiles/clear", 200, criteria)["command"]["id"])

    def asks_for_composite(self, **wanted: Any) -> None:
        self._post("/composite-schedule", 200, wanted)

    def sees_composite(self, evse: int) -> dict[str, Any]:
        """The composite schedule, once the charger has told its own."""
        path = f"/chargers/{self.identity}/composite-schedule?evse={evse}"
        return dict(wait_for(lambda: self.desk.call("GET", path), lambda x: x["told"] is not None))

    def adds_card(self, uid: str) -> None:
        self.desk.call("POST", "/id-tokens", 201, json={"uid": uid})

    def orders_list(self, order: str) -> None:
        """Keep a list of cards at the charger (`on`), or send it what is missing (`send`)."""
        self._post("/local-list", 202, {"order": order})

    def sees_list(self, state: str) -> dict[str, Any]:
        """The charger's list, once it is in `state`."""
        path = f"/chargers/{self.identity}/local-list"
        return dict(wait_for(lambda: self.desk.call("GET", path), lambda x: x["state"] == state))

    def asks_for_log(self, **wanted: Any) -> int:
        """The number of a job that fetches a log."""
        return int(self._post("/logs", 201, wanted)["id"])

    def updates(self, **wanted: Any) -> int:
        """The number of a job that updates the charger's firmware."""
        return int(self._post("/firmware", 201, wanted)["id"])

    def sees_job(self, kind: str, number: int, state: str, word: str) -> None:
        """The job (of `logs` or `firmware`) is in this state, and the charger's newest word of it is shown."""
        job = self.desk.call("GET", f"/chargers/{self.identity}/{kind}/{number}")
        assert (job["state"], job["word"]) == (state, word), job

    def sends_key(self) -> tuple[str, Given]:
        """A new key that is on its way to the charger."""
        told = self._post("/key/rotate", 202, {})
        return told["key"], Given(self.desk, told["command"]["id"])

    def raises_profile(self, profile: int) -> Given:
        return Given(self.desk, self._post("/security/raise", 202, {"security_profile": profile})["id"])

    def renews_certificate(self) -> Given:
        return Given(self.desk, self._post("/certificates/renew", 202, {})["id"])

    def installs(self, use: str, certificate: str) -> Given:
        wanted = {"use": use, "certificate": certificate}
        return Given(self.desk, self._post("/certificates", 202, wanted)["id"])

    def reads_certificates(self, use: str) -> Given:
        return Given(self.desk, self._post("/certificates/read", 202, {"use": use})["id"])

    def deletes_certificate(self, number: int) -> Given:
        path = f"/chargers/{self.identity}/certificates/{number}"
        return Given(self.desk, self.desk.call("DELETE", path, 202)["id"])

    def security(self) -> dict[str, Any]:
        return dict(self.desk.call("GET", f"/chargers/{self.identity}/security"))

    def events(self) -> list[str]:
        """What the charger has told of its security, the newest first."""
        found = self.desk.call("GET", f"/security-events?charger={self.identity}")["data"]
        return [x["type"] for x in found]

    def _post(self, path: str, status: int, given: dict[str, Any]) -> Any:
        return self.desk.call("POST", f"/chargers/{self.identity}{path}", status, json=given)

    def sees_connector(self, status: str, number: int = 1) -> None:
        found = self.charger()["connectors"]
        assert [x["status"] for x in found if x["evse"] == number] == [status]

    def sees_offline(self) -> None:
        wait_for(lambda: self.charger()["is_online"], lambda is_online: not is_online)


def asks(cp: ChargePoint, operator: Operator, status: str, action: str, **payload: Any) -> Given:
    """The operator gives an order; it reaches the charger as it was given, and the charger answers with a status."""
    order = operator.orders(action, **payload)
    assert cp.expects(action).answers(status=status) == payload
    return order
