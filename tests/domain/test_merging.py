"""Two drivers who are one person."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import accounts, merging, removal, subscriptions, tariffs, verify
from csms.domain.accounts import Account, IdToken, LedgerEntry, LedgerKind, Role, User, Vehicle
from csms.domain.base import Refused
from csms.domain.payments import Payment, PaymentState, books
from csms.domain.subscriptions import ProductTerms
from csms.domain.tariffs import simple
from csms.domain.transactions import Transaction, TransactionState

HOME = ProductTerms("Home", price_cents=100, renewal_days=30)
TOP_UP = {"provider": "trial", "currency": "EUR", "asked_cents": 2_000, "held_cents": 2_000}


@pytest.fixture
def ada(session: Session) -> Account:
    tariffs.create(session, "Day", simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, is_default=True)
    account = accounts.open_account(session, "Ada", at=NOW)
    accounts.book(session, account, LedgerKind.TOP_UP, at=NOW, amount_cents=1_000)
    store(session)
    return account


@pytest.fixture
def twin(session: Session) -> Account:
    """Ada once more: with a card, a car, a log-in, a session in the past and credit of both kinds."""
    account = accounts.open_account(session, "Ada L.", at=NOW)
    accounts.add_token(session, "04A2", at=NOW, account_id=account.id)
    accounts.add_vehicle(session, account, brand="Fiat", model="500e", vin=None, at=NOW)
    accounts.create_user(session, "ada", None, Role.DRIVER, at=NOW, account_id=account.id)
    accounts.book(session, account, LedgerKind.TOP_UP, at=NOW, amount_cents=500, energy_wh=7_000)
    store(session)
    return account


def _merge(session: Session, account: Account, other: Account) -> None:
    merging.merge(session, account, other, by="olga", at=NOW + timedelta(hours=2))
    store(session)


def _charge(session: Session) -> Transaction:
    story = Story(make_wire(session, make_charger(session, online=True)))
    story.stop(story.start())
    return session.scalars(select(Transaction)).one()


def test_what_names_the_one_names_the_other_and_both_ledgers_add_up(
    session: Session, ada: Account, twin: Account
) -> None:
    charged = _charge(session)
    assert charged.account_id == twin.id
    had = ada.balance_cents + twin.balance_cents, twin.balance_wh
    _merge(session, ada, twin)
    for model in (IdToken, Vehicle, User, Transaction):
        assert session.scalars(select(model.account_id)).all() == [ada.id]
    assert (ada.balance_cents, ada.balance_wh) == had
    assert accounts.queries.spent_wh(session, [ada.id]) == {ada.id: 3_500}
    assert (twin.balance_cents, twin.balance_wh, twin.merged_into_id) == (0, 0, ada.id)
    assert verify.verify(session) == []


def test_a_session_that_began_while_they_were_merged_is_paid_by_the_one_that_stays(
    session: Session, ada: Account, twin: Account
) -> None:
    story = Story(make_wire(session, make_charger(session, online=True)))
    number = story.start()
    begun = session.scalars(select(Transaction)).one()
    begun.account_id = None
    _merge(session, ada, twin)
    begun.account_id = twin.id  # as another process has written it, which had read the card before
    store(session)
    story.stop(number)
    session.expire_all()
    assert begun.account_id == ada.id
    assert begun.bill
    booked = select(LedgerEntry.account_id).where(LedgerEntry.transaction_id == begun.id)
    assert session.scalars(booked).all() == [ada.id]
    assert verify.verify(session) == []


def test_the_ledger_is_added_to_and_never_changed(session: Session, ada: Account, twin: Account) -> None:
    query = select(LedgerEntry.id, LedgerEntry.account_id, LedgerEntry.amount_cents).order_by(LedgerEntry.id)
    before = session.execute(query).all()
    _merge(session, ada, twin)
    after = session.execute(query).all()
    assert after[: len(before)] == before
    assert [x.amount_cents for x in after[len(before) :]] == [-500, 500]


def test_a_top_up_can_still_go_back_to_its_card_and_the_books_agree(
    session: Session, ada: Account, twin: Account
) -> None:
    paid = Payment(
        **TOP_UP,
        id="p1",
        state=PaymentState.CAPTURED,
        captured_cents=2_000,
        credited_account=twin,
        payer_id=twin.id,
        requested_at=NOW,
        expires_at=NOW,
    )
    session.add(paid)
    session.flush()
    books.book(session, paid, 2_000, at=NOW)
    store(session)
    _merge(session, ada, twin)
    assert (paid.credited_account_id, paid.payer_id) == (ada.id, ada.id)
    assert verify.verify(session) == []
    books.book(session, paid, -500, at=NOW)
    paid.refunded_cents = 500
    store(session)
    assert ada.balance_cents == 1_000 + 500 + 2_000 - 500
    assert verify.verify(session) == []


def test_of_a_merged_driver_nothing_is_booked_offered_or_merged_again(
    session: Session, ada: Account, twin: Account
) -> None:
    _merge(session, ada, twin)
    with pytest.raises(Refused, match="merged with another"):
        accounts.book(session, twin, LedgerKind.TOP_UP, at=NOW, amount_cents=1)
    assert [x.account.id for x in accounts.queries.listed(session)[0]] == [ada.id]
    with pytest.raises(Refused, match="already"):
        merging.merge(session, ada, twin, by="olga", at=NOW)
    with pytest.raises(Refused, match="Cards are with this driver"):
        removal.remove_driver(session, ada)


def test_who_was_merged_before_comes_along(session: Session, ada: Account, twin: Account) -> None:
    third = accounts.open_account(session, "A. Lovelace", at=NOW)
    store(session)
    _merge(session, ada, twin)
    _merge(session, third, ada)
    assert {ada.merged_into_id, twin.merged_into_id} == {third.id}
    assert verify.verify(session) == []


@pytest.mark.parametrize("what", ["same", "running", "unsettled", "subscribed", "house"])
def test_what_would_be_torn_apart_is_not_merged(
    session: Session, ada: Account, twin: Account, what: str
) -> None:
    other = twin
    if what == "same":
        other = ada
    if what == "running":
        Story(make_wire(session, make_charger(session, online=True))).start()
        assert session.scalars(select(Transaction.state)).all() == [TransactionState.ACTIVE]
    if what == "unsettled":
        session.add(
            Payment(
                **TOP_UP,
                id="p1",
                state=PaymentState.HELD,
                credited_account=twin,
                requested_at=NOW,
                expires_at=NOW,
            )
        )
    if what == "subscribed":
        product = subscriptions.add_product(session, HOME, at=NOW)
        for account in (ada, twin):
            subscriptions.subscribe(session, account, product, by="olga", at=NOW)
    if what == "house":
        other = books.account(session, NOW)
    store(session)
    before = ada.balance_cents, other.balance_cents
    problem = merging.preview(session, ada, other).problem
    assert problem is not None
    with pytest.raises(Refused, match=str(problem)[:30]):
        merging.merge(session, ada, other, by="olga", at=NOW)
    assert (ada.balance_cents, other.balance_cents) == before


def test_a_preview_counts_what_moves(session: Session, ada: Account, twin: Account) -> None:
    _charge(session)
    told = merging.preview(session, ada, twin)
    counts = {x.__tablename__: n for x, n in told.counts.items() if n}
    assert counts == {"id_token": 1, "vehicle": 1, "user_": 1, "transaction": 1}
    assert told.balance_wh == twin.balance_wh
    assert told.problem is None
