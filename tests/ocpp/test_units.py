"""Units of the chargers' lane: fenced, journalled, and read ahead in batches without a difference."""

from __future__ import annotations

import json
import time

import gevent
import pytest
from make import NOW, Wire, make_charger, make_wire, store
from orders import take
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.bus import LocalBus
from csms.domain import chargers, commands
from csms.domain.chargers import Charger, Fenced
from csms.domain.commands import CommandState, Kind
from csms.domain.frames import Frame, Verdict
from csms.domain.transactions import Transaction
from csms.domain.verify import verify
from csms.ocpp import message, units
from csms.ocpp.v16 import version
from csms.work import Lane

START = '[2,"%s","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":0,"timestamp":"2026-03-14T09:00:00Z"}]'


def received(wire: Wire, text: str) -> units.Received:
    call = message.parse(text)
    assert isinstance(call, message.Call)
    return units.Received(version, wire.station, wire.epoch, text, NOW, time.perf_counter(), call)


def test_a_payload_is_read_when_it_is_handled_unless_something_is_looked_up_for_it(wire: Wire) -> None:
    text = '[2,"1","Heartbeat",{}]'
    heading = units.first_look(version, text)
    assert heading == message.Heading("1", "Heartbeat")
    unit = units.Received(version, wire.station, wire.epoch, text, NOW, time.perf_counter(), heading)
    assert "currentTime" in unit(wire.session)
    assert unit.kept_as is Verdict.VALID
    for eager in (START % "2", ' [2,"3","Heartbeat",{}]', '[2,"4","Unheard",{}]', '[2,5,"Heartbeat",{}]'):
        assert isinstance(units.first_look(version, eager), message.Call)
    assert isinstance(units.first_look(version, '[3,"6",{}]'), message.CallResult)


@pytest.mark.parametrize("rest", ["{]", "{},{}]", "1e999]", ""])
def test_what_only_begins_like_a_call_is_given_back_and_stores_nothing(wire: Wire, rest: str) -> None:
    text = '[2,"1","Heartbeat",' + rest
    unit = units.Received(
        version,
        wire.station,
        wire.epoch,
        text,
        NOW,
        time.perf_counter(),
        message.Heading("1", "Heartbeat"),
    )
    assert unit(wire.session) == ""
    assert unit.garbage == message.parse(text)
    store(wire.session)
    assert wire.session.scalars(select(Frame)).all() == []


def test_a_connection_that_was_replaced_stores_nothing_more(
    session: Session, wire: Wire
) -> None:  # F12, promise 11
    charger = session.get_one(Charger, wire.charger.id)
    chargers.open_link(
        session,
        charger,
        node="other",
        address="::1",
        is_secure=False,
        protocol="ocpp1.6",
        path="/",
        at=NOW,
        online_until=NOW,
    )
    session.flush()
    with pytest.raises(Fenced):
        received(wire, START % "a")(session)
    assert session.scalars(select(Transaction)).all() == []


def test_an_answer_that_a_fault_of_ours_kept_from_being_used_still_ends_its_order(wire: Wire) -> None:
    order = commands.request(wire.session, wire.charger, Kind.CLEAR_CACHE, {}, by="olga", at=NOW)
    store(wire.session)
    taken = take(wire, NOW)
    assert taken is not None
    text = json.dumps([3, taken.id, {"status": "Accepted"}])
    reply = message.parse(text)
    assert isinstance(reply, message.CallResult)
    frame = (version, wire.station, wire.epoch, text, NOW, time.perf_counter(), reply)
    unit = units.Answered(*frame)
    unit.fault = "KeyError: 'x'"
    assert unit(wire.session) == taken.id
    store(wire.session)
    assert order.state is CommandState.ACCEPTED
    frame_kept = wire.session.scalars(select(Frame).order_by(Frame.id.desc())).first()
    assert frame_kept is not None
    assert (frame_kept.verdict, frame_kept.detail) == (Verdict.FAILED, "KeyError: 'x'")


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_batch_of_many_chargers_gives_what_each_alone_would_get(
    session: Session, database_url: str
) -> None:
    wires = [make_wire(session, make_charger(session, f"CP-{n}", online=True)) for n in range(20)]
    session.commit()
    lane = Lane(database_url, LocalBus(), units.gather)
    script = (
        START % "1",
        START % "1",
        '[2,"2","Heartbeat",{}]',
        '[2,"3","Authorize",{"idTag":"A"}]',
        '[2,"4","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-03-14T09:05:00Z",'
        '"sampledValue":[{"value":"700"}]}]}]',
        '[2,"5","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Charging"}]',
        '[2,"6","Nonsense",{}]',
        '[2,"7","StopTransaction",{"transactionId":-1,"meterStop":900,"timestamp":"2026-03-14T10:00:00Z"}]',
    )
    for text in script:
        waiting = [gevent.spawn(lane.run, received(wire, text)) for wire in wires]
        gevent.joinall(waiting, timeout=30, raise_error=True)
        types = {json.loads(greenlet.value)[0] for greenlet in waiting}
        assert types == ({4} if "Nonsense" in text else {3})
    lane.stop()
    session.rollback()
    kept = session.scalars(select(Transaction)).all()
    assert [x.energy_wh for x in kept] == [900] * len(wires)
    assert lane.batches < lane.units
    assert verify(session, at=NOW) == []


def test_the_journal_never_holds_a_password(wire: Wire) -> None:  # S4
    wire.answer('[2,"a","DataTransfer",{"vendorId":"v","data":"ftp://me:hunter2@host/"}]')
    frame = wire.session.scalars(select(Frame)).one()
    assert "hunter2" not in frame.text
