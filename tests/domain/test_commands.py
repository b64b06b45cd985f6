"""Orders: who may be asked, and how an order ends when nobody answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, make_charger, store
from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Refused
from csms.domain.chargers import Admission, Charger
from csms.domain.commands import Command, CommandState, Effect, Kind


def ask(session: Session, charger: Charger, kind: Kind = Kind.RESET) -> Command:
    command = commands.request(session, charger, kind, {}, by="olga", at=NOW)
    store(session)
    return command


def sent(
    session: Session, charger: Charger, kind: Kind = Kind.RESET, effect: Effect | None = None
) -> Command:
    command = ask(session, charger, kind)
    command.effect = effect
    assert commands.claim(session, command, message_id="m", epoch=1, at=NOW, timeout_s=30)
    return command


def test_a_charger_that_is_offline_is_not_asked_unless_it_may_take_its_time(desk: Session) -> None:
    charger = make_charger(desk)
    with pytest.raises(Refused, match="offline"):
        ask(desk, charger)
    until = NOW + timedelta(days=1)
    later = commands.request(desk, charger, Kind.RESET, {}, by=None, at=NOW, deliver_until=until)
    assert (later.state, later.deliver_until) == (CommandState.QUEUED, until)


@pytest.mark.parametrize(
    ("admission", "kind"),
    [(Admission.REJECTED, Kind.RESET), (Admission.PENDING, Kind.START), (Admission.PENDING, Kind.STOP)],
)
def test_a_charger_that_is_not_let_in_is_not_asked(
    desk: Session, admission: Admission, kind: Kind
) -> None:  # F62
    charger = make_charger(desk, admission=admission, online=True)
    with pytest.raises(Refused, match="not accepted"):
        ask(desk, charger, kind)


def test_a_pending_charger_may_be_looked_into(desk: Session) -> None:
    charger = make_charger(desk, admission=Admission.PENDING, online=True)
    assert ask(desk, charger, Kind.GET_CONFIGURATION).state is CommandState.QUEUED


def test_only_the_first_of_two_claims_wins(desk: Session) -> None:
    command = sent(desk, make_charger(desk, online=True))
    assert not commands.claim(desk, command, message_id="n", epoch=1, at=NOW, timeout_s=30)
    assert command.message_id == "m"


def test_an_order_that_was_never_delivered_expires(desk: Session) -> None:
    command = ask(desk, make_charger(desk, online=True))
    assert commands.expire(desk, NOW + timedelta(seconds=59)) == 0
    assert commands.expire(desk, NOW + timedelta(seconds=60)) == 1
    assert command.state is CommandState.EXPIRED


def test_an_order_in_flight_when_we_crashed_is_unknown_and_never_sent_again(desk: Session) -> None:  # F4
    charger = make_charger(desk, online=True)
    command = sent(desk, charger)
    assert commands.expire(desk, NOW + timedelta(seconds=34)) == 0
    assert commands.expire(desk, NOW + timedelta(seconds=35)) == 1
    assert command.state is CommandState.UNKNOWN
    assert commands.next_due(desk, charger.id, NOW + timedelta(seconds=36)) is None


def test_an_effect_that_never_comes_ends_the_waiting_with_a_reason(desk: Session) -> None:
    command = sent(desk, make_charger(desk, online=True))
    commands.settle_answer(
        desk, command, state=CommandState.ACCEPTED, status="Accepted", answer={}, at=NOW, awaits=Effect.BOOTED
    )
    assert command.is_waiting
    assert commands.expire(desk, NOW + timedelta(minutes=5)) == 1
    assert not command.is_waiting
    assert command.detail == "Accepted, but nothing was seen of it in time."


def test_a_refusal_waits_for_nothing(desk: Session) -> None:
    charger = make_charger(desk, online=True)
    command = sent(desk, charger, effect=Effect.BOOTED)
    commands.settle_answer(
        desk, command, state=CommandState.REJECTED, status="Rejected", answer={}, at=NOW, awaits=Effect.BOOTED
    )
    store(desk)
    assert commands.observe(desk, charger.id, Effect.BOOTED, at=NOW) is None


def test_of_two_that_wait_for_the_same_the_oldest_is_done_first(desk: Session) -> None:
    charger = make_charger(desk, online=True)
    first, second = (sent(desk, charger, effect=Effect.BOOTED) for _ in range(2))
    assert commands.observe(desk, charger.id, Effect.BOOTED, at=NOW) is first
    store(desk)
    assert commands.observe(desk, charger.id, Effect.BOOTED, at=NOW) is second


def test_order_ids_sort_as_the_orders_were_given() -> None:
    ids = [commands.new_id(NOW) for _ in range(50)]
    assert len(set(ids)) == 50
    assert commands.new_id(NOW + timedelta(milliseconds=1)) > max(ids)
