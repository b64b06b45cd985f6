"""Vouchers and refunds: what comes onto an account, and what goes back to it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session
from story import Story

from csms.domain import accounts, cdrs, tariffs, transactions
from csms.domain.accounts import Account, LedgerKind, queries
from csms.domain.base import Invalid, Refused
from csms.domain.tariffs import Terms, from_json, simple
from csms.domain.transactions import bill_of, repair
from csms.domain.verify import verify

PRICES = simple(
    "EUR", price_per_kwh=Decimal("0.50"), price_per_start=Decimal("1.00"), vat_percent=Decimal(20)
)
TWO_RATES = Terms(
    "EUR",
    from_json(
        [
            {
                "price_components": [
                    {"type": "ENERGY", "price": "0.50"},
                    {"type": "FLAT", "price": "1", "vat": "10"},
                ]
            }
        ]
    ),
    vat_percent=Decimal(20),
)


@pytest.fixture
def ada(desk: Session) -> Account:
    account = accounts.open_account(desk, "Ada", at=NOW)
    accounts.add_token(desk, "04A2", at=NOW, account_id=account.id)
    store(desk)
    return account


def story_of(desk: Session, terms: Terms = PRICES) -> Story:
    tariffs.create(desk, "Day", terms, at=NOW, is_default=True)
    return Story(make_wire(desk, make_charger(desk, online=True)))


def ledger(session: Session, account: Account) -> list[tuple[str, int, int, str | None]]:
    return [
        (x.kind.value, x.amount_cents, x.energy_wh, x.created_by) for x in queries.ledger(session, account.id)
    ]


def test_a_voucher_is_worth_its_amount_once(desk: Session, ada: Account) -> None:
    money, energy = (
        accounts.make_vouchers(desk, 1, by="olga", at=NOW, label="Spring", **worth)[0]
        for worth in ({"amount_cents": 2500}, {"energy_wh": 50_000})
    )
    assert money.written.count("-") == 2
    accounts.redeem_voucher(desk, ada, money.written.lower(), by="ada", at=NOW)
    accounts.redeem_voucher(desk, ada, f" {energy.code} ", by="ada", at=NOW)
    store(desk)
    assert (ada.balance_cents, ada.balance_wh) == (2500, 50_000)
    assert ledger(desk, ada) == [("voucher", 0, 50_000, "ada"), ("voucher", 2500, 0, "ada")]
    with pytest.raises(Invalid, match="redeemed already"):
        accounts.redeem_voucher(desk, ada, money.code, by="ada", at=NOW)
    with pytest.raises(Invalid, match="no such voucher"):
        accounts.redeem_voucher(desk, ada, "ABCD-EFGH-JKMN", by="ada", at=NOW)
    with pytest.raises(Refused):
        accounts.void_voucher(desk, money, by="olga", at=NOW)
    assert verify(desk, at=NOW) == []


def test_a_voucher_that_is_void_or_late_is_worth_nothing(desk: Session, ada: Account) -> None:
    later = NOW + timedelta(days=1)
    void, late = accounts.make_vouchers(desk, 2, amount_cents=500, expires_at=later, by="olga", at=NOW)
    accounts.void_voucher(desk, void, by="olga", at=NOW)
    for one, at, words in ((void, NOW, "not valid"), (late, later, "expired")):
        with pytest.raises(Invalid, match=words):
            accounts.redeem_voucher(desk, ada, one.code, by="ada", at=at)
    store(desk)
    assert ada.balance_cents == 0
    for wrong in ({}, {"amount_cents": 1, "energy_wh": 1}, {"amount_cents": -5}, {"amount_cents": 10**9}):
        with pytest.raises(Invalid):
            accounts.make_vouchers(desk, 1, by="olga", at=NOW, **wrong)


def test_a_code_is_an_account_of_its_own_to_whoever_holds_it(desk: Session) -> None:
    (one,) = accounts.make_vouchers(desk, 1, amount_cents=500, by="olga", at=NOW)
    account = accounts.account_of_voucher(desk, one.code, at=NOW)
    store(desk)
    assert accounts.account_of_voucher(desk, one.written, at=NOW) is account
    accounts.book(desk, account, LedgerKind.SESSION, at=NOW, amount_cents=-500)
    store(desk)
    with pytest.raises(Invalid, match="used up"):
        accounts.account_of_voucher(desk, one.code, at=NOW)


def test_a_session_is_refunded_in_part_and_then_whole(desk: Session, ada: Account) -> None:
    story = story_of(desk, TWO_RATES)
    transaction_id = story.start(meter=0)
    story.stop(transaction_id, 4000)
    transaction = story.transaction()
    transactions.refund(desk, transaction, cents=150, reason="cable stuck", by="olga", at=NOW)
    store(desk)
    assert (transaction.cost_cents, ada.balance_cents) == (150, -150)
    bill = bill_of(transaction, NOW)
    assert [(x.kind, x.cents) for x in bill.lines][2:] == [("refund", -50), ("refund", -100)]
    assert [(x.percent, x.cents, x.vat_cents) for x in bill.vat] == [(10, 50, 5), (20, 100, 17)]
    records = cdrs.of_transaction(desk, transaction_id)
    assert [(x.total_cents, x.body.get("remark")) for x in records] == [
        (300, None),
        (-300, "refund: cable stuck"),
        (150, "refund: cable stuck"),
    ]
    with pytest.raises(Invalid):
        transactions.refund(desk, transaction, cents=151, reason="too much", by="olga", at=NOW)
    with pytest.raises(Invalid):
        transactions.refund(desk, transaction, cents=1, reason=" ", by="olga", at=NOW)
    transactions.refund(desk, transaction, cents=None, reason="goodwill", by="olga", at=NOW)
    store(desk)
    assert (transaction.cost_cents, ada.balance_cents) == (0, 0)
    assert sum(x.total_cents for x in cdrs.of_transaction(desk, transaction_id)) == 0
    with pytest.raises(Refused):
        transactions.refund(desk, transaction, cents=None, reason="again", by="olga", at=NOW)
    assert verify(desk, at=NOW) == []
    assert ledger(desk, ada) == [
        ("refund", 150, 0, "olga"),
        ("refund", 150, 0, "olga"),
        ("session", -300, 0, None),
    ]


@pytest.mark.parametrize(("cents", "left_cents", "left_wh"), [(150, 95, 0), (None, 0, 1000)])
def test_what_was_given_back_of_an_estimate_stays_given_back_when_the_stop_comes(
    desk: Session, ada: Account, cents: int | None, left_cents: int, left_wh: int
) -> None:
    story = story_of(desk)
    accounts.book(desk, ada, LedgerKind.TOP_UP, at=NOW, energy_wh=1000)
    store(desk)
    first = story.start(meter=0)
    story.start(meter=4000, at="2026-03-14T09:20:00Z")
    transaction = story.transaction(first)
    repair.settle(desk, transaction, waive=False, by="olga", at=NOW)
    store(desk)
    assert (transaction.cost_cents, ada.balance_wh) == (250, 0)
    transactions.refund(desk, transaction, cents=cents, reason="sorry", by="olga", at=NOW)
    store(desk)
    story.stop(first, 3900, "2026-03-14T09:19:00Z")
    desk.expire_all()
    assert transaction.cost_cents == left_cents  # of 2.45, one of 3.9 kWh being paid by credit
    assert (ada.balance_cents, ada.balance_wh) == (-left_cents, left_wh)
    assert "refund" in [x.kind for x in bill_of(transaction, NOW).lines]
    assert cdrs.of_transaction(desk, first)[-1].total_cents == left_cents
    assert verify(desk, at=NOW) == []


def test_kwh_that_paid_are_given_back_as_kwh(desk: Session, ada: Account) -> None:
    story = story_of(desk)
    accounts.book(desk, ada, LedgerKind.TOP_UP, at=NOW, energy_wh=4000)
    store(desk)
    story.stop(story.start(meter=0), 4000)
    transactions.refund(desk, story.transaction(), cents=None, reason="goodwill", by="olga", at=NOW)
    store(desk)
    assert (ada.balance_wh, ada.balance_cents) == (4000, 0)
    assert queries.spent_wh(desk, [ada.id]) == {ada.id: 0}
    assert verify(desk, at=NOW) == []


def test_what_is_not_billed_cannot_be_given_back(desk: Session) -> None:
    story = story_of(desk)
    story.start(meter=0)
    with pytest.raises(Refused):
        transactions.refund(desk, story.transaction(), cents=None, reason="why not", by="olga", at=NOW)
