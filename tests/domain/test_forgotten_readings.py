"""Meter values are not kept for ever: the oldest go, and what sessions came to stays as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from story import Story, energy

from csms.domain import letting_go, tariffs, transactions
from csms.domain.tariffs import Terms, from_json
from csms.domain.transactions import Reading, Transaction
from csms.domain.transactions.signed import signed_values
from csms.domain.verify import verify

LATER = NOW + timedelta(days=800)
SIGNED = {"value": 'OCMF|{"FV":"1.0"}|{"SD":"30"}', "format": "SignedData", "context": "Transaction.Begin"}
WINDOWS = [
    {
        "price_components": [{"type": "ENERGY", "price": "0.30"}],
        "restrictions": {"start_time": "09:30", "end_time": "22:00"},
    },
    {"price_components": [{"type": "ENERGY", "price": "0.60"}], "restrictions": {}},
]


def forget(session: Session) -> int:
    gone = transactions.forget_readings(session, LATER - timedelta(days=730))
    store(session)
    return gone


def left(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Reading)) or 0


def charge(session: Session) -> tuple[Story, Transaction]:
    """A session whose price depends on when its energy came, which only readings tell."""
    tariffs.create(session, "Windows", Terms("EUR", from_json(WINDOWS)), at=NOW, is_default=True)
    story = Story(make_wire(session, make_charger(session, online=True)))
    number = story.start()
    story.read("2026-03-14T09:00:00Z", SIGNED, transactionId=number)
    for minute, register in ((10, "2800"), (30, "3900"), (50, "4400")):
        story.read(f"2026-03-14T09:{minute}:00Z", energy(register), transactionId=number)
    story.stop(number)
    return story, story.transaction(number)


def test_a_session_keeps_its_energy_its_price_and_what_was_signed(desk: Session) -> None:
    story, transaction = charge(desk)
    story.wire.now = LATER
    story.read("2028-05-22T09:00:00Z", energy("9000"))
    before = (transaction.energy_wh, transaction.cost_cents, transaction.bill)
    assert before[1] == 192  # 2.9 kWh at 0.60 and 0.6 kWh at 0.30
    assert not transaction.are_readings_gone
    assert transactions.oldest_reading(desk) == NOW
    assert verify(desk, at=LATER) == []
    assert forget(desk) == 4
    assert forget(desk) == 0
    desk.refresh(transaction)
    assert (transaction.energy_wh, transaction.cost_cents, transaction.bill) == before
    assert transaction.are_readings_gone
    assert transactions.oldest_reading(desk) is None  # the newest of all stays, and is not to go
    assert left(desk) == 2
    assert [x.raw for x in signed_values(desk, transaction.id)] == [SIGNED["value"]]
    assert verify(desk, at=LATER) == []


def test_what_came_later_stays_and_is_still_checked(desk: Session) -> None:
    story, _ = charge(desk)
    story.wire.now = LATER
    number = story.start(meter=5000, at="2028-05-22T09:00:00Z")
    story.read("2028-05-22T09:10:00Z", energy("6000"), transactionId=number)
    story.stop(number, 7000, "2028-05-22T10:00:00Z")
    assert forget(desk) == 4
    newer = story.transaction(number)
    assert not newer.are_readings_gone
    newer.energy_wh = 1
    store(desk)
    assert any("its meter gives 2000 Wh" in x for x in verify(desk, at=LATER))


def test_they_go_a_portion_at_a_time_and_signed_ones_are_passed_once(
    desk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letting_go, "PORTION", 2)
    charge(desk)
    story = Story(make_wire(desk, make_charger(desk, "CP-2", online=True)))
    story.wire.now = LATER
    story.read("2028-05-22T09:00:00Z", energy("9000"))
    assert [forget(desk) for _ in range(3)] == [2, 2, 0]
    assert left(desk) == 2
