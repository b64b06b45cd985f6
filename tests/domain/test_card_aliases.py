"""Cards that readers call differently, and cards that are added at a charger."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import Likeness, ScanState, TokenStatus
from csms.domain.base import Refused
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.local_lists import queries as local_lists


def verdict(session: Session, uid: str, charger_id: int | None = None) -> TokenStatus:
    return accounts.authorize(
        session, uid, needs_known=True, needs_credit=False, at=NOW, charger_id=charger_id
    ).status


@pytest.mark.parametrize(
    ("read", "known", "expected"),
    [
        ("04:A2:B3:9F", "04A2B39F", Likeness.SEPARATORS),
        ("04a2b39f", "04-A2-B3-9F", Likeness.SEPARATORS),
        ("4A2B39F", "04A2B39F", Likeness.ZEROS),
        ("000004A2B39F", "04A2B39F", Likeness.ZEROS),
        ("9FB3A204", "04A2B39F", Likeness.REVERSED),
        ("0077771679", "04A2B39F", Likeness.DECIMAL),  # its number in decimal digits, filled up to ten
        ("77771679", "04A2B39F", Likeness.DECIMAL),
        ("04A2B39F", "2679349764", Likeness.DECIMAL),  # of the bytes turned round
        ("04A2B39F112280", "04A2B39F1122", Likeness.PART),
        ("04A2B39F_4711", "04A2B39F", Likeness.PART),
        ("80221198", "04A2B398112280", Likeness.REVERSED),  # cut to four bytes, and turned round
        ("04A2B39E", "04A2B39F", None),
        ("A2B3", "04A2B39F", None),  # too short to mean anything
        ("OLGA", "OLGB", None),
    ],
)
def test_numbers_of_one_card_are_told_by_what_differs(desk, read, known, expected) -> None:
    token = accounts.add_token(desk, known, at=NOW)
    found = accounts.hints(desk, [read]).get(read)
    assert accounts.likeness(read, known) is expected
    assert (found and (found.token, found.likeness)) == (expected and (token, expected))


def test_the_surest_of_several_cards_is_named_and_what_pages_made_is_nobodys(desk) -> None:
    accounts.add_token(desk, "04A2B39F11", at=NOW)
    turned = accounts.add_token(desk, "9FB3A204", at=NOW)
    accounts.add_token(desk, "WEB04A2B39F", at=NOW, label="Web")
    assert accounts.hints(desk, ["04A2B39F", "FFFFFFFF"])["04A2B39F"].token is turned
    assert "FFFFFFFF" not in accounts.hints(desk, ["FFFFFFFF"])


def test_a_card_charges_under_its_other_number_and_keeps_its_driver(desk) -> None:
    olga = accounts.open_account(desk, "Olga", at=NOW)
    token = accounts.add_token(desk, "04A2B39F", at=NOW, account_id=olga.id)
    accounts.add_alias(desk, token, "9FB3A204", by="olga", at=NOW)
    store(desk)
    decision = accounts.authorize(desk, "9fb3a204", needs_known=True, needs_credit=False, at=NOW)
    assert (decision.status, decision.token_id, decision.account_id) == (
        TokenStatus.ACCEPTED,
        token.id,
        olga.id,
    )
    token.is_allowed = False
    store(desk)
    accounts.preload(desk, ["9FB3A204", "04A2B39F", "FFFFFFFF"])
    assert [verdict(desk, x) for x in ("9FB3A204", "04A2B39F")] == [TokenStatus.BLOCKED] * 2
    listed = local_lists.contents(desk, AuthorizationPolicy.KNOWN, at=NOW)
    assert {x.uid: x.status for x in listed} == dict.fromkeys(("04A2B39F", "9FB3A204"), TokenStatus.BLOCKED)


def test_no_two_cards_share_a_number(desk) -> None:
    token = accounts.add_token(desk, "04A2B39F", at=NOW)
    accounts.add_alias(desk, token, "9FB3A204", by=None, at=NOW)
    with pytest.raises(Refused, match="another number of the card 04A2B39F"):
        accounts.add_token(desk, "9fb3a204", at=NOW)
    with pytest.raises(Refused, match="is there already"):
        accounts.add_alias(desk, token, "04a2b39f", by=None, at=NOW)
    accounts.remove_alias(desk, token, token.aliases[0].id)
    store(desk)
    assert verdict(desk, "9FB3A204") is TokenStatus.INVALID
    accounts.add_token(desk, "9FB3A204", at=NOW)


def test_the_next_unknown_card_at_a_charger_is_caught_once_and_the_charger_answered_as_ever(desk) -> None:
    here, there = (
        make_wire(desk, make_charger(desk, x, online=True, policy=AuthorizationPolicy.KNOWN))
        for x in ("A", "B")
    )
    accounts.add_token(desk, "KNOWN001", at=NOW)
    scan = accounts.wait_for_card(desk, here.charger.id, by="olga", at=NOW)
    store(desk)
    there.call("Authorize", {"idTag": "ELSEWHERE"}, id="1")
    assert here.call("Authorize", {"idTag": "KNOWN001"}, id="2")["idTagInfo"]["status"] == "Accepted"
    assert accounts.get_scan(desk, scan.id).state(NOW) is ScanState.WAITING
    assert [x.uid for x in accounts.known_meanwhile(desk, scan)] == ["KNOWN001"]
    assert here.call("Authorize", {"idTag": "CAFE01"}, id="3")["idTagInfo"]["status"] == "Invalid"
    here.call("Authorize", {"idTag": "CAFE02"}, id="4")
    caught = accounts.get_scan(desk, scan.id)
    assert (caught.uid, caught.caught_at, caught.state(NOW)) == ("CAFE01", NOW, ScanState.CAUGHT)


def test_a_card_that_begins_a_session_is_caught_too_and_one_that_comes_late_is_not(desk) -> None:
    wire = make_wire(desk, make_charger(desk, online=True))
    late = accounts.wait_for_card(desk, wire.charger.id, by="olga", at=NOW - timedelta(minutes=2))
    scan = accounts.wait_for_card(desk, wire.charger.id, by="olga", at=NOW)
    store(desk)
    begun = {"connectorId": 1, "idTag": "CAFE01", "meterStart": 0, "timestamp": NOW.isoformat()}
    assert wire.call("StartTransaction", begun)["idTagInfo"]["status"] == "Accepted"
    states = [accounts.get_scan(desk, x.id).state(NOW) for x in (late, scan)]
    assert states == [ScanState.OVER, ScanState.CAUGHT]


def test_whoever_waits_anew_takes_the_place_of_who_waited_before(desk) -> None:
    charger = make_charger(desk)
    first = accounts.wait_for_card(desk, charger.id, by="olga", at=NOW)
    accounts.wait_for_card(desk, charger.id, by="dave", at=NOW + timedelta(seconds=5))
    assert first.state(NOW) is ScanState.STOPPED
