"""Authorize: the verdict on a card in the words of 1.6."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, Wire, make_charger, make_wire, store
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import IdToken, LedgerKind
from csms.domain.chargers import AuthorizationPolicy


@pytest.fixture
def careful(session: Session) -> Wire:
    """A charger that asks for a known card with credit, and some cards."""
    rich = accounts.open_account(session, "Rich", at=NOW)
    accounts.book(session, rich, LedgerKind.TOP_UP, at=NOW, amount_cents=1)
    poor = accounts.open_account(session, "Poor", at=NOW)
    staff = accounts.open_account(session, "Staff", at=NOW, is_service=True)
    accounts.add_token(session, "Rich-1", at=NOW, account_id=rich.id, parent_uid="FAMILY")
    accounts.add_token(session, "POOR", at=NOW, account_id=poor.id)
    accounts.add_token(session, "STAFF", at=NOW, account_id=staff.id)
    accounts.add_token(session, "BLOCKED", at=NOW, account_id=rich.id, is_allowed=False)
    accounts.add_token(session, "OLD", at=NOW, account_id=rich.id, expires_at=NOW)
    accounts.add_token(session, "SOON", at=NOW, account_id=rich.id, expires_at=NOW + timedelta(days=1))
    return make_wire(session, make_charger(session, policy=AuthorizationPolicy.CREDIT, online=True))


@pytest.mark.seed("003", "require_rfid")
@pytest.mark.seed("004", "Account can pay")
@pytest.mark.parametrize(
    ("tag", "info"),
    [
        ("Rich-1", {"status": "Accepted", "parentIdTag": "FAMILY"}),
        ("rICH-1", {"status": "Accepted", "parentIdTag": "FAMILY"}),  # F59: CiString
        (" rich-1 ", {"status": "Accepted", "parentIdTag": "FAMILY"}),
        ("STAFF", {"status": "Accepted"}),
        ("SOON", {"status": "Accepted", "expiryDate": "2026-03-15T09:26:53.000Z"}),
        ("BLOCKED", {"status": "Blocked"}),
        ("OLD", {"status": "Expired", "expiryDate": "2026-03-14T09:26:53.000Z"}),
        ("POOR", {"status": "Blocked"}),  # 1.6 has no word for no credit
        ("STRANGER", {"status": "Invalid"}),
        ("FAMILY", {"status": "Invalid"}),  # F60: a group is nobody's card
        ("x" * 21, {"status": "Invalid"}),  # F59
        ("", {"status": "Invalid"}),
        ("\x00\ud800é", {"status": "Invalid"}),  # F32
        (4711, {"status": "Invalid"}),
    ],
)
def test_a_card_gets_its_verdict(careful: Wire, tag: object, info: dict[str, str]) -> None:
    assert careful.call("Authorize", {"idTag": tag}) == {"idTagInfo": info}


def test_where_anybody_may_charge_an_unknown_card_is_accepted_and_a_blocked_one_is_not(
    session: Session,
) -> None:
    accounts.add_token(session, "BLOCKED", at=NOW, is_allowed=False)
    wire = make_wire(session, make_charger(session, online=True))
    assert wire.call("Authorize", {"idTag": "STRANGER"}) == {"idTagInfo": {"status": "Accepted"}}
    assert wire.call("Authorize", {"idTag": "BLOCKED"}) == {"idTagInfo": {"status": "Blocked"}}
    assert wire.call("Authorize", {"idTag": "x" * 21}) == {"idTagInfo": {"status": "Invalid"}}


def test_the_verdict_is_given_anew_each_time(session: Session, careful: Wire) -> None:
    frame = '[2,"1","Authorize",{"idTag":"STAFF"}]'
    assert careful.answer(frame)[2]["idTagInfo"]["status"] == "Accepted"
    token = accounts.find_token(session, "STAFF")
    assert token is not None
    token.is_allowed = False
    store(session)
    assert careful.answer(frame)[2]["idTagInfo"]["status"] == "Blocked"


def test_a_card_remembers_where_it_was_last_seen(session: Session, careful: Wire) -> None:
    careful.call("Authorize", {"idTag": "staff"})
    token = session.query(IdToken).filter_by(uid="STAFF").one()
    assert (token.last_seen_at, token.last_seen_charger_id) == (NOW, careful.charger.id)


@pytest.mark.parametrize("payload", ["{}", '{"idTag":null}', '{"idTag":["a"]}', "null", "[]", '"x"'])
def test_a_question_without_a_card_is_refused(careful: Wire, payload: str) -> None:
    assert careful.answer(f'[2,"a","Authorize",{payload}]')[0] == 4
