"""One order to many chargers: who is left out and why, how fast it goes, and what can be done about those that fail."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import batches, chargers, commands
from csms.domain.base import Invalid, Refused
from csms.domain.batches import Batch, BatchState, Order, Outcome, Reason, queries
from csms.domain.chargers import Admission, Charger
from csms.domain.commands import CommandState, Kind

RESET = Order(Kind.RESET, {"is_hard": False})
PING = Order(Kind.TRIGGER, {"message": "Heartbeat"})


def _fleet(session: Session, count: int = 3) -> list[Charger]:
    return [make_charger(session, f"CP-{x}", online=True) for x in range(1, count + 1)]


def _begun(session: Session, found: list[Charger], order: Order = PING, pace: int | None = None) -> Batch:
    batch = batches.begin(session, found, order, per_minute=pace, by="olga", at=NOW)
    store(session)
    return batch


def _tally(session: Session, batch: Batch) -> Counter[Outcome]:
    return queries.tallies(session, [batch.id])[batch.id]


def _asked(session: Session) -> list[commands.Command]:
    return list(session.scalars(select(commands.Command).order_by(commands.Command.id)))


def test_chargers_that_cannot_be_asked_are_left_out_and_it_is_said_why(session: Session) -> None:
    well = make_charger(session, "WELL", online=True)
    busy = make_charger(session, "BUSY", online=True)
    begun = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": NOW.isoformat()}
    make_wire(session, busy).call("StartTransaction", begun)
    gone = make_charger(session, "GONE")
    new = make_charger(session, "NEW", online=True, admission=Admission.PENDING)
    plan = batches.plan(session, [well, busy, gone, new], RESET, at=NOW)
    assert [x.charger.identity for x in plan.turns] == ["WELL"]
    assert {x.charger.identity: x.reason for x in plan.skips} == {
        "BUSY": Reason.BUSY,
        "GONE": Reason.OFFLINE,
        "NEW": Reason.NOT_LET_IN,
    }
    also = batches.plan(session, [well, busy], Order(Kind.RESET, {"is_hard": False}, True), at=NOW)
    assert not also.skips


def test_what_a_charger_says_that_it_cannot_do_is_not_asked_of_it(session: Session) -> None:
    charger = _fleet(session, 1)[0]
    told = [("SupportedFeatureProfiles", "Core,SmartCharging", True), ("Fixed", "1", True)]
    chargers.store_configuration(session, charger, told, at=NOW, missing=["Absent"])
    store(session)
    for order in (
        PING,
        _setting("Fixed"),
        _setting("Absent"),
        Order(Kind.SEND_LOCAL_LIST, {"is_full": True}),
    ):
        plan = batches.plan(session, [charger], order, at=NOW)
        assert [x.reason for x in plan.skips] == [Reason.UNSUPPORTED], order
    assert not batches.plan(session, [charger], _setting("Other"), at=NOW).skips


def _setting(name: str) -> Order:
    return Order(Kind.CHANGE_CONFIGURATION, {"name": name, "value": "2"})


def test_every_connector_is_unlocked_but_those_where_somebody_charges(session: Session) -> None:
    charger = make_charger(session, online=True, connectors=3)
    begun = {"connectorId": 2, "idTag": "A", "meterStart": 0, "timestamp": NOW.isoformat()}
    make_wire(session, charger).call("StartTransaction", begun)
    plan = batches.plan(session, [charger], Order(Kind.UNLOCK, {}), at=NOW)
    assert [x.evse for x in plan.turns] == [1, 3]
    assert plan.chargers == 1


def test_all_are_asked_and_their_answers_are_counted(session: Session) -> None:
    batch = _begun(session, _fleet(session))
    assert _tally(session, batch) == {Outcome.WAITING: 3}
    assert batches.advance(session, NOW) == 3
    store(session)
    assert batch.state is BatchState.DONE
    assert batches.advance(session, NOW + timedelta(seconds=5)) == 0
    first, second, third = _asked(session)
    assert {x.requested_by for x in (first, second, third)} == {"olga"}
    commands.settle_answer(session, first, state=CommandState.ACCEPTED, status="Accepted", answer={}, at=NOW)
    commands.settle_answer(session, second, state=CommandState.REJECTED, status="Rejected", answer={}, at=NOW)
    store(session)
    assert _tally(session, batch) == {Outcome.ACCEPTED: 1, Outcome.REJECTED: 1, Outcome.QUEUED: 1}
    rejected = queries.results(session, batch, outcomes=[Outcome.REJECTED])
    assert [x.charger_id for x, _ in rejected] == [second.charger_id]


def test_a_pace_is_kept_and_nobody_is_asked_twice(session: Session) -> None:
    batch = _begun(session, _fleet(session), pace=2)
    times = (0, 10, 29, 30, 59, 60)
    asked = [batches.advance(session, NOW + timedelta(seconds=x)) for x in times]
    assert asked == [1, 0, 0, 1, 0, 1]
    assert len({x.charger_id for x in _asked(session)}) == 3
    assert batch.state is BatchState.DONE


def test_a_quick_pace_asks_several_at_once(session: Session) -> None:
    _begun(session, _fleet(session, 5), pace=120)
    assert [batches.advance(session, NOW + timedelta(seconds=x)) for x in (0, 1, 2)] == [2, 2, 1]


def test_whoever_is_gone_or_busy_when_its_turn_comes_is_not_asked(session: Session) -> None:
    one, two, three = _fleet(session)
    batch = _begun(session, [one, two, three], RESET)
    assert one.lease is not None
    one.lease.online_until = NOW - timedelta(seconds=1)
    begun = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": NOW.isoformat()}
    make_wire(session, two).call("StartTransaction", begun)
    assert batches.advance(session, NOW) == 3
    store(session)
    assert _tally(session, batch) == {Outcome.OFFLINE: 1, Outcome.SKIPPED: 1, Outcome.QUEUED: 1}
    assert [x.charger_id for x in _asked(session)] == [three.id]


def test_what_is_not_sent_yet_can_be_cancelled(session: Session) -> None:
    batch = _begun(session, _fleet(session), pace=1)
    batches.advance(session, NOW)
    assert batches.cancel(session, batch, at=NOW) == 2
    store(session)
    assert batches.advance(session, NOW + timedelta(minutes=5)) == 0
    assert _tally(session, batch) == {Outcome.CANCELLED: 2, Outcome.QUEUED: 1}
    with pytest.raises(Refused, match="asked already"):
        batches.cancel(session, batch, at=NOW)


def test_those_that_failed_and_those_that_were_offline_are_asked_again(session: Session) -> None:
    one, two, three = _fleet(session)
    gone = make_charger(session, "GONE")
    batch = _begun(session, [one, two, three, gone])
    batches.advance(session, NOW)
    good, bad, silent = _asked(session)
    commands.settle_answer(session, good, state=CommandState.ACCEPTED, status="Accepted", answer={}, at=NOW)
    commands.settle_answer(session, bad, state=CommandState.ERROR, status=None, answer=None, at=NOW)
    commands.fail(session, silent, CommandState.TIMEOUT, "No answer.", at=NOW)
    store(session)
    again = batches.retry(session, batch, by="dave", at=NOW)
    store(session)
    assert again.source_id == batch.id
    assert _tally(session, again) == {Outcome.WAITING: 2, Outcome.SKIPPED: 1}  # GONE is offline still
    assert set(queries.charger_ids(session, again)) == {two.id, three.id, gone.id}


def test_nothing_that_failed_is_nothing_to_repeat(session: Session) -> None:
    batch = _begun(session, _fleet(session))
    with pytest.raises(Refused, match="Nothing has failed"):
        batches.retry(session, batch, by="olga", at=NOW)


def test_an_order_to_nobody_is_refused(session: Session) -> None:
    with pytest.raises(Refused, match="Nobody"):
        _begun(session, [make_charger(session)])


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        (Kind.START, {}, "kind"),
        (Kind.RESET, {"is_hard": "yes"}, "is_hard"),
        (Kind.RESET, {"is_hard": True, "more": 1}, "more"),
        (Kind.UNLOCK, {"evse": 0}, "evse"),
        (Kind.CHANGE_CONFIGURATION, {"value": "1"}, "name"),
        (Kind.CHANGE_CONFIGURATION, {"name": "AuthorizationKey", "value": "1"}, "name"),
        (Kind.GET_CONFIGURATION, {"keys": "all"}, "keys"),
        (Kind.TRIGGER, {"message": "x" * 51}, "message"),
    ],
)
def test_an_order_that_makes_no_sense_is_not_begun(kind: Kind, given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as found:
        batches.checked(kind, given)
    assert found.value.field == field


def test_a_pace_is_a_number_of_orders_a_minute(session: Session) -> None:
    with pytest.raises(Invalid, match="a minute"):
        batches.begin(session, _fleet(session), PING, per_minute=0, by=None, at=NOW)
