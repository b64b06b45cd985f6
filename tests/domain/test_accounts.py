"""Cards and credit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import Account, LedgerEntry, LedgerKind, TokenStatus
from csms.domain.base import Invalid, Refused


def verdict(session: Session, uid: str, *, known: bool = True, credit: bool = False) -> TokenStatus:
    return accounts.authorize(session, uid, needs_known=known, needs_credit=credit, at=NOW).status


def test_a_balance_is_the_sum_of_its_bookings(desk: Session) -> None:
    account = accounts.open_account(desk, " Ada ", at=NOW)
    accounts.book(desk, account, LedgerKind.TOP_UP, at=NOW, amount_cents=1000, note="cash\x00", by="olga")
    accounts.book(desk, account, LedgerKind.CORRECTION, at=NOW, amount_cents=-250, energy_wh=500)
    store(desk)
    kept = desk.scalars(select(Account)).one()
    assert (kept.name, kept.balance_cents, kept.balance_wh) == ("Ada", 750, 500)
    entries = desk.scalars(select(LedgerEntry).order_by(LedgerEntry.id)).all()
    assert [(x.amount_cents, x.note) for x in entries] == [(1000, "cash\ufffd"), (-250, None)]


@pytest.mark.parametrize(
    ("booked", "is_service", "expected"),
    [
        ({}, False, TokenStatus.NO_CREDIT),
        ({}, True, TokenStatus.ACCEPTED),
        ({"amount_cents": 1}, False, TokenStatus.ACCEPTED),
        ({"energy_wh": 1}, False, TokenStatus.ACCEPTED),
        ({"amount_cents": -1}, False, TokenStatus.NO_CREDIT),
    ],
)
def test_a_session_needs_credit_of_either_kind(
    desk: Session, booked: dict[str, int], is_service: bool, expected: TokenStatus
) -> None:
    account = accounts.open_account(desk, "Ada", at=NOW, is_service=is_service)
    accounts.book(desk, account, LedgerKind.CORRECTION, at=NOW, **booked)
    accounts.add_token(desk, "A", at=NOW, account_id=account.id)
    assert verdict(desk, "a", credit=True) is expected


def test_a_card_without_an_account_has_no_credit(desk: Session) -> None:
    accounts.add_token(desk, "A", at=NOW)
    assert verdict(desk, "A", credit=True) is TokenStatus.NO_CREDIT
    assert verdict(desk, "A") is TokenStatus.ACCEPTED


def test_blocked_is_said_before_expired_and_both_before_no_credit(desk: Session) -> None:
    token = accounts.add_token(desk, "A", at=NOW, expires_at=NOW - timedelta(days=1), is_allowed=False)
    assert verdict(desk, "A", credit=True) is TokenStatus.BLOCKED
    token.is_allowed = True
    assert verdict(desk, "A", credit=True) is TokenStatus.EXPIRED


@pytest.mark.parametrize("uid", ["", "   ", "x" * 21, "a\x00b", "a\nb"])
def test_a_card_that_no_charger_can_present_is_not_added(desk: Session, uid: str) -> None:
    with pytest.raises(Invalid):
        accounts.add_token(desk, uid, at=NOW)


def test_a_card_is_there_once_in_whatever_letters(desk: Session) -> None:
    accounts.add_token(desk, "04a2", at=NOW)
    with pytest.raises(Refused, match="there already"):
        accounts.add_token(desk, " 04A2 ", at=NOW)


def test_cards_read_ahead_for_a_batch_get_the_same_verdicts(desk: Session) -> None:
    accounts.add_token(desk, "A", at=NOW)
    accounts.preload(desk, ["a", "B"])
    assert [verdict(desk, uid) for uid in ("A", "b", "c")] == [
        TokenStatus.ACCEPTED,
        TokenStatus.INVALID,
        TokenStatus.INVALID,
    ]
