"""What chargers have said is not kept for ever: the oldest goes, and what is left still shows what is missing of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from story import Story, energy

from csms.domain import frames, tariffs
from csms.domain.frames import Frame
from csms.domain.tariffs import simple
from csms.domain.transactions import Reading, Transaction
from csms.domain.verify import verify

LATER = NOW + timedelta(days=100)


def forget(session: Session, before: datetime) -> int:
    gone = frames.forget(session, before)
    store(session)
    return gone


def kept(session: Session, charger_id: int) -> int:
    query = select(func.count()).select_from(Frame).where(Frame.charger_id == charger_id)
    return session.scalar(query) or 0


def test_the_oldest_go_and_the_rest_is_still_a_chain(desk: Session) -> None:
    one, other = (make_wire(desk, make_charger(desk, x, online=True)) for x in ("CP-1", "CP-2"))
    for hours in range(4):
        one.call("Heartbeat", {}, id=f"a{hours}", at=NOW + timedelta(hours=hours))
    other.call("Heartbeat", {}, id="b", at=NOW)
    assert frames.oldest(desk) == NOW
    assert forget(desk, NOW) == 0
    assert forget(desk, NOW + timedelta(hours=2)) == 2
    assert (kept(desk, one.charger.id), kept(desk, other.charger.id)) == (2, 1)
    assert verify(desk, at=NOW) == []
    other.call("Heartbeat", {}, id="c", at=LATER)
    assert forget(desk, LATER + timedelta(days=1)) == 3  # and the newest of all stays
    assert (kept(desk, one.charger.id), kept(desk, other.charger.id)) == (0, 1)
    assert verify(desk, at=NOW) == []
    for day in (1, 2):
        one.call("Heartbeat", {}, id=f"d{day}", at=LATER + timedelta(days=day))
    assert forget(desk, LATER + timedelta(days=2)) == 2
    assert verify(desk, at=NOW) == []


@pytest.mark.parametrize("which", ["oldest", "newest", "altered"])
def test_what_is_missing_or_altered_among_the_rest_shows(desk: Session, which: str) -> None:
    wire = make_wire(desk, make_charger(desk, online=True))
    for day in range(4):
        wire.call("Heartbeat", {}, id=f"{day}", at=NOW + timedelta(days=day))
    assert forget(desk, NOW + timedelta(hours=1)) == 1
    ids = desk.scalars(select(Frame.id).order_by(Frame.id)).all()
    if which == "altered":
        desk.execute(update(Frame).where(Frame.id == ids[1]).values(text="[]"))
    else:
        desk.execute(delete(Frame).where(Frame.id == (ids[0] if which == "oldest" else ids[-1])))
    (finding,) = verify(desk, at=NOW)
    assert ("newest entries are gone" if which == "newest" else "was altered") in finding


def test_they_go_a_portion_at_a_time(desk: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FORGOTTEN_AT_ONCE", 2)
    wire = make_wire(desk, make_charger(desk, online=True))
    for day in range(5):
        wire.call("Heartbeat", {}, id=f"{day}", at=NOW + timedelta(days=day))
    assert [forget(desk, LATER) for _ in range(4)] == [2, 2, 0, 0]
    assert verify(desk, at=NOW) == []


def test_a_session_that_is_told_again_when_its_messages_are_gone_is_the_same_one(desk: Session) -> None:
    tariffs.create(desk, "Day", simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, is_default=True)

    def told() -> int:
        story = Story(make_wire(desk, charger))
        transaction_id = story.start()
        story.read("2026-03-14T09:10:00Z", energy("2000"), transactionId=transaction_id)
        story.stop(transaction_id)
        return transaction_id

    charger = make_charger(desk, online=True)
    first = told()
    story = Story(make_wire(desk, charger))
    story.tell("Heartbeat", {})
    assert forget(desk, LATER) == 3
    assert told() == first
    session = desk.scalars(select(Transaction)).one()
    assert (session.energy_wh, session.cost_cents) == (3500, 175)
    assert desk.scalar(select(func.count()).select_from(Reading)) == 1
    assert verify(desk, at=NOW) == []
