"""Another company's driver charges here: the handshake, the card, the session and its record, over real sockets."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
import requests

from csms import clock
from csms.domain import sites, tariffs
from csms.domain.chargers import Charger, ConnectorFormat, ConnectorStandard, PowerType
from tests.desk import PASSWORD, USERNAME, Desk
from tests.emsp import INVITATION, Emsp, token
from tests.flows.peer import Peer, dial
from tests.live import LiveServer
from tests.ocpi.conftest import EVSE_UID, PLAZA
from tests.web.site import PRICES


@pytest.fixture
def live_settings() -> dict[str, str]:
    return {"PRIVATE_TARGETS": "1"}


class Platform:
    """The peer's own program: it calls the server at the addresses that the server names."""

    def __init__(self, live: LiveServer, invitation: str, emsp: Emsp) -> None:
        self.token = invitation
        [version] = self.ask("GET", f"{live.url}/ocpi/versions")
        self.endpoints = {
            (x["identifier"], x["role"]): x["url"] for x in self.ask("GET", version["url"])["endpoints"]
        }
        url = self.endpoints["credentials", "RECEIVER"]
        self.token = self.ask("POST", url, json=emsp.credentials)["token"]

    def ask(self, method: str, url: str, **more: Any) -> Any:
        headers = {"Authorization": token(self.token), "X-Request-ID": "1", "X-Correlation-ID": "2"}
        answer = requests.request(method, url, headers=headers, timeout=60, **more)
        assert answer.ok, answer.text
        assert answer.json()["status_code"] == 1000, answer.text
        return answer.json().get("data")

    def fetch(self, module: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", self.endpoints[module, "SENDER"]))

    def put(self, card: dict[str, Any]) -> None:
        url = "/".join((self.endpoints["tokens", "RECEIVER"], "NL", "EMP", card["uid"]))
        self.ask("PUT", url, json=card)


class Owner:
    """The owner, at the pages."""

    def __init__(self, live: LiveServer, desk: Desk) -> None:
        desk.call("GET", "/me")  # the owner is made
        self.live, self.pages = live, requests.Session()
        self.post("/login", username=USERNAME, password=PASSWORD)
        self.post("/integrations/ocpi/party", at="/integrations/ocpi", country_code="ES", party_id="AMB")

    def post(self, path: str, *, at: str | None = None, **form: str) -> requests.Response:
        """A form of the page `at`."""
        page = self.pages.get(f"{self.live.url}{at or path}", timeout=60).text
        form["csrf_token"] = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
        answer = self.pages.post(f"{self.live.url}{path}", data=form, timeout=60)
        assert answer.ok, answer.text
        return answer


def invitation(live: LiveServer, desk: Desk) -> str:
    """The token that the owner gets on the page."""
    shown = Owner(live, desk).post("/integrations/ocpi", name="Amber Roads").text
    return str(re.findall(r'data-copy="([^"]+)"', shown)[1])


def settled(desk: Desk, live: LiveServer) -> Peer:
    """CP-1, connected, at a place that everybody may see, with prices."""
    peer = dial(live)
    peer.boot()
    at = clock.now()
    free = {"connectorId": 1, "status": "Available", "errorCode": "NoError", "timestamp": at.isoformat()}
    peer.tell("StatusNotification", free)
    with desk.writing() as session:
        tariffs.create(session, "Public", PRICES, at=at, is_default=True)
        charger = session.get_one(Charger, desk.charger().id)
        charger.site_id = sites.add(session, PLAZA, at=at).id
        [connector] = charger.connectors
        connector.standard = ConnectorStandard.IEC_62196_T2
        connector.format, connector.power_type = ConnectorFormat.SOCKET, PowerType.AC_3_PHASE
        connector.max_power_w = 22_000
        connector.uuid = EVSE_UID
    return peer


def test_a_driver_of_a_peer_charges_and_the_peer_gets_the_record(live: LiveServer, desk: Desk) -> None:
    peer = settled(desk, live)
    with Emsp() as emsp:
        platform = Platform(live, invitation(live, desk), emsp)
        [location] = platform.fetch("locations")
        assert location["evses"][0]["status"] == "AVAILABLE"
        platform.put(emsp.card("C0FFEE01"))
        assert peer.tell("Authorize", {"idTag": "C0FFEE01"})["idTagInfo"]["status"] == "Accepted"
        begun = clock.now() - timedelta(minutes=30)
        start = {"connectorId": 1, "idTag": "C0FFEE01", "meterStart": 0, "timestamp": begun.isoformat()}
        number = peer.tell("StartTransaction", start)["transactionId"]
        [running] = platform.fetch("sessions")
        assert (running["id"], running["status"]) == (str(number), "ACTIVE")
        stop = {"transactionId": number, "meterStop": 8_000, "timestamp": clock.now().isoformat()}
        peer.tell("StopTransaction", stop)
        [record] = platform.fetch("cdrs")
        assert (record["session_id"], record["total_energy"]) == (str(number), 8.0)
        assert record["cdr_token"]["contract_id"] == "NL-EMP-C12345678-X"
        assert record["total_cost"]["incl_vat"] > record["total_cost"]["excl_vat"] > 3
        assert emsp.next("cdrs").body == record  # by itself
    peer.close()


def test_a_peer_starts_and_stops_a_session_from_afar(live: LiveServer, desk: Desk) -> None:
    peer = settled(desk, live)
    with Emsp() as emsp:
        platform = Platform(live, invitation(live, desk), emsp)
        [location] = platform.fetch("locations")
        url, answered = platform.endpoints["commands", "RECEIVER"], f"{emsp.url}/commands/7"
        card = emsp.card("5f0e1f5a-3a5b-4b62-9d4e-8a5f8f7f0c11", type="APP_USER", whitelist="NEVER")
        place = {"location_id": location["id"], "evse_uid": EVSE_UID, "connector_id": "1"}
        asked = {"response_url": answered, "token": card, "authorization_reference": "auth-7", **place}
        assert platform.ask("POST", f"{url}/START_SESSION", json=asked)["result"] == "ACCEPTED"
        order = peer.order_to("RemoteStartTransaction")
        assert order.payload["connectorId"] == 1
        peer.answer(order, {"status": "Accepted"})
        assert emsp.next("commands") == ("POST", "/commands/7", {"result": "ACCEPTED"})
        tag = order.payload["idTag"]
        assert peer.tell("Authorize", {"idTag": tag})["idTagInfo"]["status"] == "Accepted"
        start = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": clock.now().isoformat()}
        number = peer.tell("StartTransaction", start)["transactionId"]
        begun = emsp.next("sessions")
        assert (begun.method, begun.path) == ("PUT", f"/2.2.1/sessions/ES/AMB/{number}")
        assert begun.body["cdr_token"]["uid"] == card["uid"]
        assert begun.body["authorization_reference"] == "auth-7"
        stop = {"response_url": answered, "session_id": str(number)}
        assert platform.ask("POST", f"{url}/STOP_SESSION", json=stop)["result"] == "ACCEPTED"
        order = peer.order_to("RemoteStopTransaction")
        assert order.payload == {"transactionId": number}
        peer.answer(order, {"status": "Rejected"})
        assert emsp.next("commands") == ("POST", "/commands/7", {"result": "REJECTED"})
    peer.close()


def test_we_register_with_a_peer_that_has_invited_us(live: LiveServer, desk: Desk) -> None:
    peer = settled(desk, live)
    with Emsp() as emsp:
        emsp.asks_back = True
        owner = Owner(live, desk)
        shown = owner.post("/integrations/ocpi", name="Amber Roads").text
        here = str(re.findall(r"/integrations/ocpi/\d+", shown)[0])
        form = {"url": f"{emsp.url}/versions", "token": INVITATION}
        page = owner.post(f"{here}/register", at=here, **form).text
        assert "Registered: from now on each has a token" in page
        assert emsp.guest is not None
        headers = {"Authorization": token(emsp.guest["token"])}
        fetched = requests.get(f"{live.url}/ocpi/2.2.1/locations", headers=headers, timeout=60).json()
        assert [x["name"] for x in fetched["data"]] == ["Plaza"]
        taken = {"connectorId": 1, "status": "Charging", "errorCode": "NoError"}
        peer.tell("StatusNotification", taken)
        while emsp.next("locations").body.get("status") != "CHARGING":
            pass
    peer.close()


def test_a_peer_is_asked_about_a_card_each_time_it_is_shown(live: LiveServer, desk: Desk) -> None:
    peer = settled(desk, live)

    def verdict(uid: str) -> str:
        return str(peer.tell("Authorize", {"idTag": uid})["idTagInfo"]["status"])

    with Emsp() as emsp:
        platform = Platform(live, invitation(live, desk), emsp)
        for uid, whitelist in (("AA01", "NEVER"), ("AA02", "ALLOWED_OFFLINE"), ("AA03", "ALWAYS")):
            platform.put(emsp.card(uid, whitelist=whitelist))
        [location] = platform.fetch("locations")
        emsp.verdicts = {"AA01": {"allowed": "ALLOWED", "authorization_reference": "yes-1"}, "AA02": None}
        assert verdict("AA01") == "Accepted"
        asked = emsp.next("authorize?type=RFID")
        assert asked.path == "/2.2.1/tokens/AA01/authorize?type=RFID"
        assert asked.body == {"location_id": location["id"], "evse_uids": [EVSE_UID]}
        start = {"connectorId": 1, "idTag": "AA01", "meterStart": 0, "timestamp": clock.now().isoformat()}
        begun = peer.tell("StartTransaction", start)
        assert begun["idTagInfo"]["status"] == "Accepted"
        told = emsp.next("sessions").body
        assert (told["auth_method"], told["authorization_reference"]) == ("AUTH_REQUEST", "yes-1")
        emsp.verdicts["AA01"] = {"allowed": "ALLOWED", "authorization_reference": "yes-2"}
        assert verdict("AA01") == "Accepted"  # the driver stops with the card
        stop = {
            "transactionId": begun["transactionId"],
            "meterStop": 900,
            "timestamp": clock.now().isoformat(),
        }
        peer.tell("StopTransaction", stop)
        record = emsp.next("cdrs").body
        assert (record["auth_method"], record["authorization_reference"]) == ("AUTH_REQUEST", "yes-1")
        emsp.verdicts["AA01"] = {"allowed": "NO_CREDIT"}
        assert verdict("AA01") == "Blocked"
        emsp.verdicts["AA01"] = None  # its server is in trouble
        assert (verdict("AA01"), verdict("AA02"), verdict("AA03")) == ("Blocked", "Accepted", "Accepted")
        assert "AA03" not in str(list(emsp.told.queue))
    peer.close()


def test_a_peer_is_asked_where_a_session_begins_and_nobody_has_asked_before(
    live: LiveServer, desk: Desk
) -> None:
    peer = settled(desk, live)

    def begin(uid: str) -> dict[str, Any]:
        start = {"connectorId": 1, "idTag": uid, "meterStart": 0, "timestamp": clock.now().isoformat()}
        return peer.tell("StartTransaction", start)

    with Emsp() as emsp:
        platform = Platform(live, invitation(live, desk), emsp)
        for uid in ("AA01", "AA02"):
            platform.put(emsp.card(uid, whitelist="NEVER"))
        emsp.verdicts = {
            "AA01": {"allowed": "ALLOWED", "authorization_reference": "late"},
            "AA02": {"allowed": "BLOCKED"},
        }
        assert begin("AA01")["idTagInfo"]["status"] == "Accepted"
        assert emsp.next("sessions").body["authorization_reference"] == "late"
        emsp.verdicts["AA01"] = {"allowed": "BLOCKED"}
        assert begin("AA01")["idTagInfo"]["status"] == "Accepted"  # the yes holds
        refused = begin("AA02")
        assert refused["idTagInfo"]["status"] == "Blocked"
        assert refused["transactionId"] > 0  # what has begun is kept all the same
    peer.close()


def test_while_a_peer_thinks_about_a_card_only_its_charger_waits(live: LiveServer, desk: Desk) -> None:
    peer = settled(desk, live)
    other = dial(live, "/ws/ocpp/CP-2")
    other.boot()
    with Emsp() as emsp:
        platform = Platform(live, invitation(live, desk), emsp)
        platform.put(emsp.card("AA01", whitelist="NEVER"))
        emsp.verdicts, emsp.thinks_s = {"AA01": {"allowed": "ALLOWED"}}, 3.0
        began = time.monotonic()
        peer.send('[2, "slow", "Authorize", {"idTag": "AA01"}]')
        emsp.next("authorize?type=RFID")
        other.tell("Heartbeat", {})
        assert time.monotonic() - began < 3.0
        assert peer.reply("slow")[2]["idTagInfo"]["status"] == "Accepted"
    other.close()
    peer.close()
