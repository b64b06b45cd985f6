"""What was entered by mistake can go; what has a past stays."""

from __future__ import annotations

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import accounts, removal
from csms.domain.accounts import Account, LedgerKind, Role, Vehicle
from csms.domain.base import Refused
from csms.domain.payments import books


@pytest.fixture
def ada(desk: Session) -> Account:
    account = accounts.open_account(desk, "Ada", at=NOW)
    accounts.add_vehicle(desk, account, brand="Fiat", model="500e", vin=None, at=NOW)
    store(desk)
    return account


def test_a_driver_on_whom_nothing_hangs_goes_with_the_vehicles(desk: Session, ada: Account) -> None:
    removal.remove_driver(desk, ada)
    store(desk)
    assert desk.scalars(select(Account)).all() == []
    assert desk.scalars(select(Vehicle)).all() == []


@pytest.mark.parametrize("what", ["card", "user", "credit", "session", "payments"])
def test_a_driver_with_whom_something_is_stays(desk: Session, ada: Account, what: str) -> None:
    if what == "card":
        accounts.add_token(desk, "04A2", at=NOW, account_id=ada.id)
    if what == "user":
        accounts.create_user(desk, "ada", None, Role.DRIVER, at=NOW, account_id=ada.id)
    if what == "credit":
        accounts.book(desk, ada, LedgerKind.TOP_UP, at=NOW, amount_cents=500)
    if what == "session":
        card = accounts.add_token(desk, "04A2", at=NOW, account_id=ada.id)
        store(desk)
        Story(make_wire(desk, make_charger(desk, online=True))).start()
        card.account_id = None
    kept = books.account(desk, NOW) if what == "payments" else ada
    store(desk)
    with pytest.raises(Refused):
        removal.remove_driver(desk, kept)


def test_a_card_goes_as_long_as_it_has_not_charged(desk: Session) -> None:
    unused, used = (accounts.add_token(desk, uid, at=NOW) for uid in ("04A1", "04A2"))
    store(desk)
    Story(make_wire(desk, make_charger(desk, online=True))).start(tag="04A2")
    removal.remove_card(desk, unused)
    store(desk)
    assert accounts.find_token(desk, "04A1") is None
    with pytest.raises(Refused, match="block it"):
        removal.remove_card(desk, used)
