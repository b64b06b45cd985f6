"""How a peer comes, changes its token, and goes."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from csms.domain.accounts import AuditEntry
from csms.domain.roaming import Peer, PeerState
from tests.emsp import TOKEN_B, Emsp, token
from tests.ocpi.conftest import Ours, invited

pytestmark = pytest.mark.sqlite_is_enough


def test_a_peer_registers_with_the_token_of_its_invitation(olga, emsp: Emsp, session):
    ours = invited(olga)
    [version] = ours.data("/versions")
    assert version == {"version": "2.2.1", "url": "http://charging.test/ocpi/2.2.1"}
    details = ours.data("/2.2.1")
    offered = {(x["identifier"], x["role"]) for x in details["endpoints"]}
    assert {("locations", "SENDER"), ("cdrs", "SENDER"), ("tokens", "RECEIVER")} <= offered
    invitation = ours.token
    given = ours.data("/2.2.1/credentials", "POST", json=emsp.credentials)
    assert given["url"] == "http://charging.test/ocpi/versions"
    [role] = given["roles"]
    assert (role["role"], role["country_code"], role["party_id"]) == ("CPO", "ES", "AMB")
    assert given["token"] != invitation
    assert ours.call("GET", "/versions").status_code == 401  # it has been used
    ours.token = given["token"]
    assert ours.data("/2.2.1/credentials") == given
    peer = session.scalars(select(Peer)).one()
    assert (peer.state, peer.country_code, peer.party_id) == (PeerState.REGISTERED, "NL", "EMP")
    assert peer.receiver("sessions") == f"{emsp.url}/2.2.1/sessions"
    kept = f"{peer.token_hash} {peer.their_token_sealed}"
    assert given["token"] not in kept
    assert TOKEN_B not in kept
    assert "Registered" in olga.text("/integrations/ocpi")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "ocpi.registered")).one()
    assert (entry.actor, entry.detail) == ("peer Amber Roads", f"NL*EMP {emsp.url}/versions")


def test_tokens_may_come_as_they_stand_and_a_peer_may_want_its_own_so(olga):
    with Emsp(takes_plain_alone=True) as emsp:
        ours = invited(olga)
        answer = ours.call("GET", "/versions", headers={"Authorization": f"Token {ours.token}"})
        assert answer.status_code == 200
        ours.register(emsp)
        assert ours.data("/versions")


def test_a_registered_peer_changes_its_token_with_put_and_goes_with_delete(ours: Ours, emsp: Emsp, olga):
    assert ours.call("POST", "/2.2.1/credentials", json=emsp.credentials).status_code == 405
    before = ours.token
    ours.token = ours.data("/2.2.1/credentials", "PUT", json=emsp.credentials)["token"]
    assert Ours(ours.app, ours.session, before).call("GET", "/versions").status_code == 401
    ours.data("/2.2.1/credentials", "DELETE")
    assert ours.call("GET", "/versions").status_code == 401
    assert "Has left" in olga.text("/integrations/ocpi")


def test_an_invited_peer_has_nothing_to_change_yet(olga, emsp: Emsp):
    ours = invited(olga)
    for method in ("PUT", "DELETE"):
        assert ours.call(method, "/2.2.1/credentials", json=emsp.credentials).status_code == 405


def test_a_peer_of_another_version_is_told_so_and_the_page_as_well(olga, emsp: Emsp):
    emsp.versions = ["2.1.1", "3.0"]
    ours = invited(olga)
    answer = ours.call("POST", "/2.2.1/credentials", json=emsp.credentials)
    assert (answer.status_code, answer.get_json()["status_code"]) == (200, 3002)
    assert "does not offer OCPI 2.2.1" in olga.text("/integrations/ocpi")
    emsp.versions = ["2.2.1"]
    ours.register(emsp)
    assert "does not offer" not in olga.text("/integrations/ocpi")


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": ""},
        {"token": "ü"},
        {"url": 3},
        {"roles": []},
        {"roles": [{"role": "EMSP", "country_code": "NLD", "party_id": "EMP"}]},
        {"roles": ["EMSP"]},
    ],
)
def test_credentials_that_make_no_sense_are_refused_by_ocpi(olga, emsp: Emsp, wrong):
    answer = invited(olga).call("POST", "/2.2.1/credentials", json=emsp.credentials | wrong)
    assert (answer.status_code, answer.get_json()["status_code"]) == (200, 2001)


def test_a_peer_that_cannot_be_reached_stays_invited(olga, emsp: Emsp):
    ours = invited(olga)
    told = emsp.credentials | {"url": "http://127.0.0.1:9/versions"}
    answer = ours.call("POST", "/2.2.1/credentials", json=told)
    assert answer.get_json()["status_code"] == 3001
    told = emsp.credentials | {"url": "http://169.254.169.254/versions"}  # never, whatever may be private
    answer = ours.call("POST", "/2.2.1/credentials", json=told)
    assert "PRIVATE_TARGETS" in answer.get_json()["status_message"]
    ours.register(emsp)


def test_whoever_has_no_token_learns_nothing_and_not_for_long(olga):
    ours = invited(olga)
    for header in ("", "Token", "Token %%%", f"Bearer {ours.token}", token("made-up"), "Token /w=="):
        answer = ours.call("GET", "/versions", headers={"Authorization": header})
        assert (answer.status_code, answer.get_json()["status_code"]) == (401, 2000)
    ours.token = "guess"
    statuses = {ours.call("GET", "/2.2.1/locations").status_code for _ in range(30)}
    assert statuses == {401, 429}


def test_requests_are_followed_through_and_errors_have_the_envelope(ours: Ours):
    names = {
        "X-Request-ID": "r-1",
        "X-Correlation-ID": "c-1",
        "OCPI-from-country-code": "NL",
        "OCPI-from-party-id": "EMP",
        "OCPI-to-country-code": "ES",
        "OCPI-to-party-id": "AMB",
    }
    answer = ours.call("GET", "/versions", headers=names)
    assert answer.headers["X-Request-ID"] == "r-1"
    assert answer.headers["X-Correlation-ID"] == "c-1"
    assert answer.headers["OCPI-from-party-id"] == "AMB"
    assert answer.headers["OCPI-to-country-code"] == "NL"
    missing = ours.call("GET", "/2.2.1/nothing")
    assert (missing.status_code, missing.get_json()["status_code"]) == (404, 2000)
    wrong = ours.call("DELETE", "/2.2.1/locations")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]
    assert wrong.get_json()["timestamp"]
    garbled = ours.call("PUT", "/2.2.1/credentials", data=b"{")
    assert (garbled.status_code, garbled.get_json()["status_code"]) == (400, 2001)
    assert ours.call("GET", "/2.2.1/cdrs?offset=-1").get_json()["status_code"] == 2001
    assert ours.call("GET", "/2.2.1/cdrs?date_from=soon").get_json()["status_code"] == 2001


def test_the_owner_suspends_renews_and_removes(olga, ours: Ours, emsp: Emsp, session):
    page = olga.text("/integrations/ocpi")
    here = re.search(r"/integrations/ocpi/\d+", page)[0]
    assert olga.post(f"{here}/suspend").location == here
    assert ours.call("GET", "/versions").status_code == 401
    assert "Suspended" in olga.text(here)
    olga.post(f"{here}/resume")
    assert ours.data("/versions")
    answer = olga.post(f"{here}/token")
    renewed = re.findall(r'data-copy="([^"]+)"', answer.get_data(as_text=True))[1]
    assert renewed not in olga.text(here)
    assert ours.call("GET", "/versions").status_code == 401
    ours.token = renewed
    ours.register(emsp)
    answer = olga.post(f"{here}/remove", follow_redirects=True)
    assert "could not be told" not in answer.get_data(as_text=True)
    assert (emsp.next("credentials").method, emsp.told.empty()) == ("DELETE", True)
    assert ours.call("GET", "/versions").status_code == 401
    assert "No peers yet" in olga.text("/integrations/ocpi")
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("ocpi.%"))).all()
    assert {"ocpi.party_set", "ocpi.invited", "ocpi.suspended", "ocpi.resumed", "ocpi.removed"} <= set(
        actions
    )


def test_a_peer_that_cannot_be_told_is_removed_all_the_same(olga, ours: Ours, emsp: Emsp):
    here = re.search(r"/integrations/ocpi/\d+", olga.text("/integrations/ocpi"))[0]
    emsp.refusal = (200, {"status_code": 3000, "status_message": "Not now."})
    answer = olga.post(f"{here}/remove", follow_redirects=True).get_data(as_text=True)
    assert "The peer is gone." in answer
    assert "It could not be told: 3000 Not now." in answer
    assert ours.call("GET", "/versions").status_code == 401


def test_why_a_peer_could_not_be_told_is_said_in_the_readers_language(olga, ours: Ours, emsp: Emsp):
    here = re.search(r"/integrations/ocpi/\d+", olga.text("/integrations/ocpi"))[0]
    olga.post("/language", {"language": "de"})
    emsp.__exit__(None, None, None)
    answer = olga.post(f"{here}/remove", follow_redirects=True).get_data(as_text=True)
    assert "ist nicht erreichbar" in answer


def test_nobody_is_invited_before_we_have_said_who_we_are(app, session):
    from tests.web.visitor import Visitor

    olga = Visitor(app, session).log_in()
    assert olga.post("/integrations/ocpi", {"name": "Amber"}).status_code == 422
    answer = olga.post("/integrations/ocpi/party", {"country_code": "ESP", "party_id": "amb"})
    assert answer.status_code == 422
    assert "two letters" in answer.get_data(as_text=True)
