"""An operator whom a peer has invited registers there."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from csms.domain.accounts import AuditEntry
from csms.domain.roaming import Peer, PeerState
from tests.emsp import INVITATION, TOKEN_B, Emsp
from tests.ocpi.conftest import Ours, invited
from tests.ocpi.test_pushes import told
from tests.ocpi.test_pushes import turn as turn  # the fixture

pytestmark = pytest.mark.sqlite_is_enough


@pytest.fixture
def ask(olga, emsp: Emsp):
    """The owner's form on the page of a new peer: `ask(url=…)`."""
    invited(olga)
    here = re.search(r"/integrations/ocpi/\d+", olga.text("/integrations/ocpi"))[0]

    def register(**given: str):
        form = {"url": f"{emsp.url}/versions", "token": INVITATION} | given
        return olga.post(f"{here}/register", form)

    register.here = here
    return register


def test_both_have_a_token_of_the_others(ask, emsp: Emsp, olga, session, plaza, turn):
    assert ask().location == ask.here
    assert emsp.guest["url"] == "http://charging.test/ocpi/versions"
    [role] = emsp.guest["roles"]
    assert (role["role"], role["country_code"], role["party_id"]) == ("CPO", "ES", "AMB")
    peer = session.scalars(select(Peer)).one()
    assert (peer.state, peer.country_code, peer.party_id) == (PeerState.REGISTERED, "NL", "EMP")
    page = olga.text(ask.here)
    assert "Registered" in page
    assert "Have they invited you?" not in page
    assert not {INVITATION, TOKEN_B, emsp.guest["token"]} & set(re.findall(r"[\w-]+", page))
    theirs = Ours(olga.app, session, emsp.guest["token"])
    assert theirs.data("/2.2.1/locations")[0]["name"] == "Plaza"
    turn()
    told(emsp)
    plaza.status("Charging")
    turn()
    [status] = told(emsp)  # with the token that it gave
    assert status.body["status"] == "CHARGING"
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "ocpi.registered")).one()
    assert (entry.subject, entry.detail) == ("Amber Roads", f"NL*EMP {emsp.url}/versions")
    assert ask().location == ask.here
    assert "It is registered already." in olga.text(ask.here)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"token": "wrong"}, "gave no answer of OCPI"),
        ({"token": ""}, "1 to 64 printable characters"),
        ({"url": "gopher://x"}, "no address of a web server"),
        ({"url": "http://169.254.169.254/versions"}, "PRIVATE_TARGETS"),
    ],
)
def test_what_cannot_be_is_said_and_can_be_tried_again(ask, emsp: Emsp, given, words):
    answer = ask(**given)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    assert ask().location == ask.here


def test_a_peer_of_another_version_is_not_asked_to_register_us(ask, emsp: Emsp):
    emsp.versions = ["2.1.1"]
    assert "does not offer OCPI 2.2.1" in ask().get_data(as_text=True)
    assert emsp.guest is None


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((405, {"status_code": 2000}), "registered there already"),
        (
            (200, {"status_code": 3001, "status_message": "You do not answer."}),
            "did not register us: 3001 You do not answer.",
        ),
        ((200, {"status_code": 1000, "data": {"token": "x"}}), "no credentials of OCPI"),
    ],
)
def test_what_the_peer_says_against_it_is_shown_and_can_be_mended(ask, emsp: Emsp, olga, refusal, words):
    emsp.refusal = refusal
    assert words in ask().get_data(as_text=True)
    page = olga.text(ask.here)
    assert words in page
    assert "Have they invited you?" in page
    emsp.refusal = None
    assert ask().location == ask.here
    assert words not in olga.text(ask.here)
