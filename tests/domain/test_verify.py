"""Each promise about the database, broken on purpose, is told by its sentence; an honest one has nothing to tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from story import Story, energy

from csms.domain import accounts, commands, tariffs
from csms.domain.accounts import Account, LedgerEntry, LedgerKind
from csms.domain.cdrs import Cdr
from csms.domain.commands import Kind
from csms.domain.frames import Frame, Verdict
from csms.domain.reservations import Reservation, ReservationState
from csms.domain.tariffs import simple
from csms.domain.transactions import Transaction, TransactionState
from csms.domain.verify import verify


@pytest.fixture
def honest(desk: Session) -> Session:
    """One day at one charger: a billed session, a repeated message, an orphan, a running session, an order."""
    tariffs.create(desk, "Day", simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, is_default=True)
    account = accounts.open_account(desk, "Ada", at=NOW)
    accounts.book(desk, account, LedgerKind.TOP_UP, at=NOW, amount_cents=1000, energy_wh=1000)
    accounts.add_token(desk, "04A2", at=NOW, account_id=account.id)
    charger = make_charger(desk, online=True)
    story = Story(make_wire(desk, charger))
    transaction_id = story.start()
    story.read("2026-03-14T09:10:00Z", energy("2000"), transactionId=transaction_id)
    story.read("2026-03-14T09:20:00Z", energy("2500"), transactionId=transaction_id)
    stop = (
        '[2,"x","StopTransaction",{"transactionId":%d,"meterStop":4500,"timestamp":"2026-03-14T10:00:00Z"}]'
    )
    story.wire.answer(stop % transaction_id)
    story.wire.answer(stop % transaction_id)
    story.stop(4711)
    story.start(meter=4500, at="2026-03-14T11:00:00Z")
    command = commands.request(desk, charger, Kind.RESET, {}, by="olga", at=NOW)
    desk.flush()
    commands.claim(desk, command, message_id="m", epoch=1, at=NOW, timeout_s=30)
    store(desk)
    return desk


@pytest.mark.parametrize(
    "named", ['"transactionId":21.4', '"transactionId":"21.0"', '"transaction_id":7', '"x":0']
)
def test_a_stop_whose_name_was_mended_has_left_an_orphan(desk: Session, named: str) -> None:
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    story.wire.answer(
        f'[2,"x","StopTransaction",{{{named},"meterStop":90,"timestamp":"2026-03-14T09:26:53Z"}}]'
    )
    store(desk)
    assert verify(desk) == []


def ended(**values: object) -> Callable[[Session], object]:
    """An alteration of the session that has ended."""
    statement = update(Transaction).where(Transaction.state == TransactionState.ENDED).values(**values)
    return lambda session: session.execute(statement)


def entries(action: str, **values: object) -> Callable[[Session], object]:
    """An alteration of journal entries."""
    return lambda session: session.execute(update(Frame).where(Frame.action == action).values(**values))


def remove_newest_entry(session: Session) -> None:
    session.delete(session.scalars(select(Frame).order_by(Frame.id.desc()).limit(1)).one())


def remove_oldest_entry(session: Session) -> None:
    session.delete(session.scalars(select(Frame).order_by(Frame.id).limit(1)).one())


def answer_a_repetition_otherwise(session: Session) -> None:
    session.execute(update(Frame).where(Frame.verdict == Verdict.REPEATED).values(reply='[3,"x",{"a":1}]'))


def open_a_second(session: Session) -> None:
    running = session.scalars(select(Transaction).where(Transaction.state == TransactionState.ACTIVE)).one()
    connector_id = running.connector_id
    state = TransactionState.ACTIVE
    ended(state=state, ended_at=None, connector_id=connector_id)(session)


def test_an_honest_database_has_nothing_to_tell(honest: Session) -> None:
    assert verify(honest, at=NOW) == []


def test_without_a_moment_it_takes_the_databases_own(honest: Session) -> None:
    assert [x for x in verify(honest) if not x.startswith("Command")] == []


@pytest.mark.parametrize(
    ("breach", "sentence"),
    [
        (entries("MeterValues", text="[]"), "was altered"),
        (
            entries("StartTransaction", reply='[3,"a",{"transactionId":5}]'),
            "transaction 5 was confirmed, and is not",
        ),
        (remove_newest_entry, "its newest entries are gone"),
        (remove_oldest_entry, "what stood before it is gone"),
        (answer_a_repetition_otherwise, "a repetition was answered otherwise"),
        (
            ended(state=TransactionState.ENDED_UNKNOWN, reference="0", end_received_at=None),
            "has ended nothing",
        ),
        (ended(connector_id=None), "it has no connector"),
        (ended(ended_at=None), "it is over and has no end"),
        (ended(ended_at=NOW - timedelta(days=1)), "it ends before it begins"),
        (ended(energy_wh=-1), "its energy is negative, -1 Wh"),
        (ended(energy_wh=None), "it has no energy, and no flag says why"),
        (ended(energy_wh=3600), "its meter gives 3500 Wh, and it says 3600 Wh"),
        (ended(cost_cents=1), "the lines of its bill do not come to its cost of 1 cents"),
        (ended(idle_s=1, started_at=NOW, meter_stop_wh=9000), "its meter gives 8000 Wh"),
        (ended(bill=[], cost_cents=0), "its bill is not what its tariff makes of its figures"),
        (ended(bill=None), "it has ended and was not billed"),
        (
            lambda session: session.execute(
                delete(LedgerEntry).where(LedgerEntry.kind == LedgerKind.SESSION)
            ),
            "it cost 125 cents, and 0 cents were booked",
        ),
        (
            lambda session: session.execute(update(Account).values(balance_wh=7)),
            "is not the sum of its ledger",
        ),
        (
            lambda session: session.execute(update(Account).values(balance_cents=7)),
            "is not the sum of its ledger",
        ),
        (lambda session: session.execute(delete(Cdr)), "it is billed, and has no charge record"),
        (open_a_second, "2 transactions are active at once"),
    ],
)
def test_a_breach_is_told(honest: Session, breach: Callable[[Session], object], sentence: str) -> None:
    breach(honest)
    store(honest)
    assert any(sentence in finding for finding in verify(honest, at=NOW)), verify(honest, at=NOW)


def test_an_order_that_nobody_has_given_up_is_told_when_it_is_long_overdue(honest: Session) -> None:
    assert verify(honest, at=NOW + timedelta(seconds=44)) == []
    (finding,) = verify(honest, at=NOW + timedelta(seconds=46))
    assert "long overdue" in finding


def test_one_alteration_is_one_finding(honest: Session) -> None:
    honest.execute(update(Frame).where(Frame.id == 2).values(text="[]"))
    assert len([x for x in verify(honest, at=NOW) if x.startswith("Journal of")]) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "used", "transaction_id": 7}, "no session that has used it"),
        ({"state": "reserved"}, "nobody has ended it"),
    ],
)
def test_a_reservation_that_does_not_hold_together_is_told(
    honest: Session, values: dict[str, object], words: str
) -> None:
    made = make_reservation(honest)
    honest.execute(update(Reservation).where(Reservation.id == made).values(**values))
    store(honest)
    assert words in " ".join(verify(honest, at=NOW))


def make_reservation(session: Session) -> int:
    charger_id = session.scalars(select(Transaction.charger_id)).first()
    assert charger_id is not None
    long_ago = NOW - timedelta(days=1)
    times = {"starts_at": long_ago, "expires_at": long_ago, "created_at": long_ago}
    made = Reservation(charger_id=charger_id, evse=1, id_tag="04A2", state=ReservationState.EXPIRED, **times)
    session.add(made)
    store(session)
    assert verify(session, at=NOW) == []
    return made.id
