"""A peer's cards charge here as long as it says so."""

from __future__ import annotations

import re

import pytest
from make import store
from sqlalchemy import select

from csms.domain.accounts import IdToken
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.local_lists import queries
from csms.domain.roaming import RoamingCard, authorization
from csms.domain.roaming.authorization import Said
from tests.emsp import Emsp
from tests.ocpi.conftest import Ours, invited

HERE = "/2.2.1/tokens/NL/EMP/C0FFEE01"


def verdict(plaza, uid: str = "C0FFEE01") -> str:
    """What a charger is told that asks about the card."""
    return str(plaza.tell("Authorize", {"idTag": uid}, plaza.now)["idTagInfo"]["status"])


@pytest.fixture
def strict(plaza, session):
    """The charger takes cards with credit alone: peers pay for theirs."""
    from make import make_wire

    session.get_one(Charger, plaza.charger.id).policy = AuthorizationPolicy.CREDIT
    store(session)
    plaza.wire = make_wire(session, session.get_one(Charger, plaza.charger.id))
    session.rollback()
    return plaza


def test_a_token_is_put_read_changed_and_blocked(ours: Ours, emsp: Emsp, strict, olga):
    assert verdict(strict) == "Invalid"
    card = emsp.card("C0FFEE01")
    assert ours.call("PUT", HERE, json=card).status_code == 201
    assert verdict(strict) == "Accepted"
    assert ours.data(HERE) == card
    assert ours.data(HERE.lower().replace("/nl/", "/NL/"))["uid"] == "C0FFEE01"
    assert ours.call("PUT", HERE, json=card | {"contract_id": "NL-EMP-2"}).status_code == 200
    assert ours.data(HERE)["contract_id"] == "NL-EMP-2"
    change = {"valid": False, "last_updated": "2026-02-01T00:00:00Z"}
    ours.data(HERE, "PATCH", json=change)
    assert verdict(strict) == "Blocked"
    assert ours.data(HERE)["valid"] is False
    assert ours.call("PATCH", HERE, json={"valid": True}).get_json()["status_code"] == 2001
    assert "Amber Roads" in olga.text("/cards")


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize(
    ("whitelist", "told"),
    [("ALWAYS", "Accepted"), ("ALLOWED", "Accepted"), ("ALLOWED_OFFLINE", "Blocked"), ("NEVER", "Blocked")],
)
def test_a_card_about_which_its_peer_wants_to_be_asked_is_refused(
    ours: Ours, emsp: Emsp, plaza, whitelist, told
):
    ours.data(HERE, "PUT", json=emsp.card("C0FFEE01", whitelist=whitelist))
    assert verdict(plaza) == told


@pytest.mark.sqlite_is_enough
def test_cards_charge_while_their_peer_takes_part(ours: Ours, emsp: Emsp, plaza, olga, session):
    ours.data(HERE, "PUT", json=emsp.card("C0FFEE01"))
    ours.data("/2.2.1/tokens/NL/EMP/BAD", "PUT", json=emsp.card("BAD", valid=False))
    here = re.search(r"/integrations/ocpi/\d+", olga.text("/integrations/ocpi"))[0]
    olga.post(f"{here}/suspend")
    assert verdict(plaza) == "Blocked"
    olga.post(f"{here}/resume")
    assert (verdict(plaza), verdict(plaza, "BAD")) == ("Accepted", "Blocked")
    olga.post(f"{here}/remove")
    assert session.scalars(select(RoamingCard)).all() == []
    again = invited(olga)
    again.register(emsp)
    assert again.call("PUT", HERE, json=emsp.card("C0FFEE01")).status_code == 201


@pytest.mark.sqlite_is_enough
def test_a_token_without_a_number_that_a_reader_sends_is_a_card_all_the_same(ours: Ours, emsp: Emsp, session):
    uid = "5f0e1f5a-3a5b-4b62-9d4e-8a5f8f7f0c11"
    ours.data(f"/2.2.1/tokens/NL/EMP/{uid}?type=APP_USER", "PUT", json=emsp.card(uid, type="APP_USER"))
    assert ours.data(f"/2.2.1/tokens/NL/EMP/{uid}?type=APP_USER")["uid"] == uid
    assert ours.call("GET", f"/2.2.1/tokens/NL/EMP/{uid}").get_json()["status_code"] == 2004
    number = session.scalars(select(IdToken).join(RoamingCard)).one()
    assert re.fullmatch("EMP[0-9A-F]{16}", number.uid)


@pytest.mark.sqlite_is_enough
def test_nobody_takes_anothers_card(ours: Ours, emsp: Emsp, plaza, olga):
    answer = ours.call("PUT", "/2.2.1/tokens/NL/EMP/04A2B39F", json=emsp.card("04A2B39F")).get_json()
    assert (answer["status_code"], answer["status_message"]) == (2000, "The card 04A2B39F is there already.")
    assert ours.call("GET", "/2.2.1/tokens/NL/EMP/04A2B39F").status_code == 404
    ours.data(HERE, "PUT", json=emsp.card("C0FFEE01"))
    stranger = invited(olga, "Other Roads")
    with Emsp(party="OTH") as other:
        stranger.register(other)
    assert stranger.call("GET", HERE).status_code == 404
    assert stranger.call("PUT", HERE, json=emsp.card("C0FFEE01")).get_json()["status_code"] == 2001


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize(
    "wrong",
    [
        {"uid": "OTHER"},
        {"type": "CARD"},
        {"whitelist": "YES"},
        {"valid": "true"},
        {"contract_id": None},
        {"issuer": "x" * 65},
        {"last_updated": "yesterday"},
    ],
)
def test_a_token_that_makes_no_sense_is_refused_by_ocpi(ours: Ours, emsp: Emsp, wrong):
    answer = ours.call("PUT", HERE, json=emsp.card("C0FFEE01") | wrong)
    assert (answer.status_code, answer.get_json()["status_code"]) == (200, 2001)


@pytest.mark.sqlite_is_enough
def test_no_charger_keeps_a_card_about_which_its_peer_is_asked(ours: Ours, emsp: Emsp, plaza, session, olga):
    for uid, whitelist in (("AA01", "NEVER"), ("AA02", "ALWAYS"), ("AA03", "ALLOWED_OFFLINE")):
        ours.data(f"/2.2.1/tokens/NL/EMP/{uid}", "PUT", json=emsp.card(uid, whitelist=whitelist))
    listed = queries.contents(session, AuthorizationPolicy.KNOWN, at=plaza.now)
    assert {x.uid for x in listed} & {"AA01", "AA02", "AA03"} == {"AA02"}
    ours.data("/2.2.1/tokens/NL/EMP/AA01", "PUT", json=emsp.card("AA01", whitelist="ALLOWED"))
    session.rollback()
    listed = queries.contents(session, AuthorizationPolicy.KNOWN, at=plaza.now)
    assert "AA01" in {x.uid for x in listed}


@pytest.mark.sqlite_is_enough
def test_a_yes_holds_for_a_while_and_ends_when_the_peer_takes_it_back(
    ours: Ours, emsp: Emsp, plaza, session, olga
):
    def put(**more: object) -> None:
        ours.data(HERE, "PUT", json=emsp.card("C0FFEE01", whitelist="NEVER", **more))

    def said(word: str) -> None:
        card = session.scalars(select(RoamingCard)).one()
        authorization.note(session, card.id, Said(word), at=plaza.now)
        store(session)

    put()
    said("ALLOWED")
    assert verdict(plaza) == "Accepted"
    put(issuer="Amber Roads NV")  # tells nothing against it
    assert verdict(plaza) == "Accepted"
    later = plaza.now + authorization.GOOD_FOR
    assert plaza.tell("Authorize", {"idTag": "C0FFEE01"}, later)["idTagInfo"]["status"] == "Blocked"
    put(valid=False)
    assert verdict(plaza) == "Blocked"
    put()
    said("ALLOWED")
    here = re.search(r"/integrations/ocpi/\d+", olga.text("/integrations/ocpi"))[0]
    assert "Cards it is asked about" in olga.text(here)
    olga.post(f"{here}/suspend")
    assert verdict(plaza) == "Blocked"
