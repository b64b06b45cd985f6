"""From the meter to the account."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session
from story import Story

from csms.domain import accounts, tariffs
from csms.domain.accounts import Account, LedgerEntry, LedgerKind
from csms.domain.tariffs import simple
from csms.domain.transactions import bill_of
from csms.domain.verify import verify

PRICES = simple(
    "EUR", price_per_kwh=Decimal("0.50"), price_per_start=Decimal("1.00"), vat_percent=Decimal(20)
)


def driver(session: Session, *, cents: int = 0, energy_wh: int = 0, is_service: bool = False) -> Account:
    account = accounts.open_account(session, "Ada", at=NOW, is_service=is_service)
    accounts.book(session, account, LedgerKind.TOP_UP, at=NOW, amount_cents=cents, energy_wh=energy_wh)
    accounts.add_token(session, "04A2", at=NOW, account_id=account.id)
    return account


@pytest.fixture
def story(desk: Session) -> Story:
    tariffs.create(desk, "Day", PRICES, at=NOW, is_default=True)
    return Story(make_wire(desk, make_charger(desk, online=True)))


def test_money_pays_when_there_are_no_kwh(story: Story) -> None:
    account = driver(story.session, cents=1000)
    story.stop(story.start(meter=0), 4000)
    story.session.refresh(account)
    assert account.balance_cents == 700
    assert story.transaction().cost_cents == 300


@pytest.mark.parametrize(
    ("begun", "per_kwh_cents"),
    [("2026-03-14T09:00:00Z", 50), ("2026-03-14T06:00:00Z", 90), (NOW.isoformat(), 90)],
)
def test_a_session_told_late_pays_what_it_was_offered(desk: Session, begun: str, per_kwh_cents: int) -> None:
    tariff = tariffs.create(desk, "Day", PRICES, at=NOW - timedelta(hours=3), is_default=True)
    dearer = simple("EUR", price_per_kwh=Decimal("0.90"), price_per_start=Decimal("1.00"))
    tariffs.revise(desk, tariff, dearer, at=NOW - timedelta(minutes=10))
    store(desk)
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    story.stop(story.start(meter=0, at=begun), 1000, (NOW + timedelta(hours=1)).isoformat())
    assert story.transaction().cost_cents == 100 + per_kwh_cents


def test_kwh_pay_for_energy_first_and_money_for_the_rest(story: Story) -> None:
    account = driver(story.session, cents=1000, energy_wh=3000)
    story.stop(story.start(meter=0), 4000)
    story.session.refresh(account)
    assert (account.balance_wh, account.balance_cents) == (0, 850)
    bill = bill_of(story.transaction(), NOW)
    assert [(x.kind, x.cents) for x in bill.lines] == [("energy", 200), ("start", 100), ("credit", -150)]
    assert (bill.total_cents, bill.vat_cents) == (150, 25)


def test_a_service_account_is_let_in_without_credit_and_its_use_is_booked(story: Story) -> None:
    account = driver(story.session, is_service=True)
    story.stop(story.start(meter=0), 4000)
    story.session.refresh(account)
    assert account.has_credit
    assert account.balance_cents == -300


def test_without_energy_that_can_be_believed_nothing_is_booked(story: Story) -> None:
    account = driver(story.session, cents=1000)
    story.stop(story.start(meter=5000), 4000)
    story.session.refresh(account)
    assert account.balance_cents == 1000


def test_a_session_that_was_made_free_costs_neither_money_nor_kwh(story: Story) -> None:
    account = driver(story.session, cents=1000, energy_wh=3000)
    transaction_id = story.start(meter=0)
    story.transaction().is_free = True
    store(story.session)
    story.stop(transaction_id, 4000)
    story.session.refresh(account)
    assert (account.balance_wh, account.balance_cents) == (3000, 1000)
    assert story.transaction().cost_cents == 0


def test_a_stop_that_comes_twice_is_booked_once(story: Story) -> None:
    driver(story.session, cents=1000)
    transaction_id = story.start(meter=0)
    for _ in range(3):
        story.stop(transaction_id, 4000)
    assert story.session.query(LedgerEntry).filter_by(kind=LedgerKind.SESSION).count() == 1
    assert verify(story.session, at=NOW) == []


def test_an_estimate_is_not_booked_until_its_stop_comes(story: Story) -> None:
    account = driver(story.session, cents=1000)
    first = story.start(meter=0)
    story.start(meter=4000, at="2026-03-14T09:20:00Z")
    story.session.refresh(account)
    assert account.balance_cents == 1000
    story.stop(first, 4000, "2026-03-14T09:10:00Z")
    story.session.refresh(account)
    assert account.balance_cents == 700


def test_a_running_session_is_priced_by_what_it_began_with(story: Story) -> None:
    story.start(meter=0)
    tariff = tariffs.listed(story.session)[0]
    tariffs.revise(story.session, tariff, simple("EUR", price_per_kwh=Decimal(9)), at=NOW)
    store(story.session)
    story.read("2026-03-14T09:20:00Z", {"value": "2000"})
    assert bill_of(story.transaction(), NOW + timedelta(hours=1)).total_cents == 200
