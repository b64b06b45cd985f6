"""Orders on the wire: claimed, sent, answered in every way that chargers answer, and seen to work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from make import NOW, store
from sqlalchemy.orm import Session
from story import Story

from csms.domain import chargers, commands, transactions
from csms.domain.base import Refused
from csms.domain.chargers import Admission, Charger, Connector
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.transactions import Source
from csms.ocpp import message, units
from csms.ocpp.orders import Claim, Outgoing, give_up
from csms.ocpp.v16 import version

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


@dataclass
class Desk:
    """Where orders are given, and their answers come in."""

    story: Story

    @property
    def session(self) -> Session:
        return self.story.session

    @property
    def charger(self) -> Charger:
        return self.session.get_one(Charger, self.story.wire.charger.id)

    def order(self, kind: Kind, **arguments: Any) -> Command:
        return self.keep(commands.request(self.session, self.charger, kind, arguments, by="olga", at=NOW))

    def keep(self, command: Command) -> Command:
        store(self.session)
        return command

    def claim(self) -> Outgoing | None:
        wire = self.story.wire
        outgoing = Claim(version, wire.station, wire.epoch, NOW, 30)(self.session)
        store(self.session)
        return outgoing

    def answer(self, text: str, at: datetime = NOW) -> str | None:
        wire = self.story.wire
        reply = message.parse(text)
        assert isinstance(reply, (message.CallResult, message.CallError))
        unit = units.Answered(version, wire.station, wire.epoch, text, at, time.perf_counter(), reply)
        known = unit(self.session)
        store(self.session)
        return known

    def done(self, kind: Kind, status: str = "Accepted", **arguments: Any) -> Command:
        """An order that was sent and answered with a status."""
        command = self.order(kind, **arguments)
        outgoing = self.claim()
        assert outgoing is not None
        self.answer(json.dumps([3, outgoing.message_id, {"status": status}]))
        return command


@pytest.fixture
def desk(story: Story) -> Desk:
    return Desk(story)


@pytest.mark.parametrize(
    ("kind", "arguments", "action", "payload"),
    [
        (Kind.START, {"id_tag": "A", "evse": 1}, "RemoteStartTransaction", {"idTag": "A", "connectorId": 1}),
        (Kind.STOP, {"reference": "7", "transaction_id": 7}, "RemoteStopTransaction", {"transactionId": 7}),
        (Kind.RESET, {"is_hard": True}, "Reset", {"type": "Hard"}),
        (Kind.RESET, {}, "Reset", {"type": "Soft"}),
        (Kind.UNLOCK, {"evse": 1}, "UnlockConnector", {"connectorId": 1}),
        (
            Kind.AVAILABILITY,
            {"is_operative": False},
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
        ),
        (Kind.GET_CONFIGURATION, {}, "GetConfiguration", {}),
        (Kind.GET_CONFIGURATION, {"keys": ["A"]}, "GetConfiguration", {"key": ["A"]}),
        (
            Kind.CHANGE_CONFIGURATION,
            {"name": "A", "value": "1"},
            "ChangeConfiguration",
            {"key": "A", "value": "1"},
        ),
        (Kind.CLEAR_CACHE, {}, "ClearCache", {}),
        (Kind.TRIGGER, {"message": "Heartbeat"}, "TriggerMessage", {"requestedMessage": "Heartbeat"}),
        (Kind.DATA_TRANSFER, {"vendor_id": "v", "data": "d"}, "DataTransfer", {"vendorId": "v", "data": "d"}),
        (Kind.RAW, {"action": "Reset", "payload": {"type": "Soft"}}, "Reset", {"type": "Soft"}),
    ],
)
def test_an_order_goes_out_in_the_words_of_the_specification(
    desk: Desk, kind: Kind, arguments: dict[str, Any], action: str, payload: dict[str, Any]
) -> None:
    desk.order(kind, **arguments)
    outgoing = desk.claim()
    assert outgoing is not None
    assert json.loads(outgoing.text) == [2, outgoing.message_id, action, payload]
    assert len(outgoing.message_id) == 36


def test_an_order_is_claimed_once(desk: Desk) -> None:
    desk.order(Kind.CLEAR_CACHE)
    assert desk.claim() is not None
    assert desk.claim() is None


def test_orders_go_out_in_the_order_in_which_they_were_given(desk: Desk) -> None:
    first = desk.order(Kind.CLEAR_CACHE)
    desk.order(Kind.RESET)
    outgoing = desk.claim()
    assert outgoing is not None
    assert outgoing.command_id == first.id


def test_an_order_that_the_schema_refuses_is_never_sent(desk: Desk) -> None:
    bad = desk.order(Kind.RAW, action="Reset", payload={"type": "Sideways"})
    unknown = desk.order(Kind.RAW, action="Dance", payload={})
    assert desk.claim() is None
    assert {desk.session.get_one(Command, x.id).state for x in (bad, unknown)} == {CommandState.ERROR}


@pytest.mark.parametrize(
    ("admission", "kind", "is_sent"),
    [
        (Admission.PENDING, Kind.START, False),  # F62: 1.6 §4.2
        (Admission.PENDING, Kind.RAW, False),
        (Admission.PENDING, Kind.CLEAR_CACHE, True),
        (Admission.REJECTED, Kind.CLEAR_CACHE, False),
    ],
)
def test_a_charger_that_was_put_out_is_not_asked_what_it_may_not_be_asked(
    desk: Desk, admission: Admission, kind: Kind, is_sent: bool
) -> None:
    raw = {"action": "RemoteStopTransaction", "payload": {"transactionId": 1}}
    command = desk.order(kind, **(raw if kind is Kind.RAW else {"id_tag": "A"}))
    desk.story.wire.station = replace(desk.story.wire.station, admission=admission)
    assert (desk.claim() is not None) is is_sent
    state = desk.session.get_one(Command, command.id).state
    assert state is (CommandState.SENT if is_sent else CommandState.CANCELLED)


@pytest.mark.parametrize(
    ("payload", "state", "word"),
    [
        ({"status": "Accepted"}, CommandState.ACCEPTED, "Accepted"),
        ({"status": "Rejected"}, CommandState.REJECTED, "Rejected"),
        ({"status": "Dancing" * 20}, CommandState.REJECTED, ("Dancing" * 20)[:40]),
        ({"status": "\x00"}, CommandState.REJECTED, "\ufffd"),
        ({}, CommandState.ERROR, None),
        (None, CommandState.ERROR, None),
        ([1], CommandState.ERROR, None),
        ({"status": 7, "more": {"a": "\x00"}}, CommandState.REJECTED, "7"),
    ],
)
def test_whatever_a_charger_answers_the_order_ends(  # F69
    desk: Desk, payload: object, state: CommandState, word: str | None
) -> None:
    command = desk.order(Kind.CLEAR_CACHE)
    outgoing = desk.claim()
    assert outgoing is not None
    assert desk.answer(json.dumps([3, outgoing.message_id, payload])) == outgoing.message_id
    kept = desk.session.get_one(Command, command.id)
    assert (kept.state, kept.answer_status) == (state, word)


@pytest.mark.parametrize("code", ["NotImplemented", "Whatever" * 30, "\x00", ""])
def test_an_error_ends_the_order_with_the_chargers_words(desk: Desk, code: str) -> None:  # F41, F69
    command = desk.order(Kind.CLEAR_CACHE)
    outgoing = desk.claim()
    assert outgoing is not None
    desk.answer(json.dumps([4, outgoing.message_id, code, "line\nline" * 100, {"echo": "x" * 500}]))
    assert desk.session.get_one(Command, command.id).state is CommandState.ERROR


@pytest.mark.parametrize(
    "answer", ['[3,"nobody",{}]', '[4,"nobody","What","ever",{}]', '[3,"a\\u0000b",{}]', "[3,7,null]"]
)
def test_an_answer_to_nothing_is_ignored(desk: Desk, answer: str) -> None:  # F41
    assert desk.answer(answer) is None


def test_a_late_answer_is_recorded_as_such_and_a_second_one_ignored(desk: Desk) -> None:  # must-pass 17
    command = desk.order(Kind.CLEAR_CACHE)
    outgoing = desk.claim()
    assert outgoing is not None
    give_up(command.id, CommandState.TIMEOUT, "no answer", NOW)(desk.session)
    store(desk.session)
    text = json.dumps([3, outgoing.message_id, {"status": "Accepted"}])
    assert desk.answer(text, NOW + timedelta(minutes=5)) == outgoing.message_id
    kept = desk.session.get_one(Command, command.id)
    assert (kept.state, kept.is_late) == (CommandState.ACCEPTED, True)
    assert desk.answer(text.replace("Accepted", "Rejected")) is None


def test_a_start_from_afar_is_done_when_its_transaction_is_there(desk: Desk) -> None:
    command = desk.done(Kind.START, id_tag="WEB1", evse=1)
    assert desk.session.get_one(Command, command.id).is_waiting
    desk.story.start(tag="OTHER", connector=2)
    transaction_id = desk.story.start(tag="web1")
    kept = desk.session.get_one(Command, command.id)
    assert (kept.is_waiting, kept.transaction_id) == (False, transaction_id)
    assert desk.story.transaction(transaction_id).source is Source.REMOTE


def test_a_charger_that_acts_before_it_answers_is_understood(desk: Desk) -> None:
    command = desk.order(Kind.START, id_tag="WEB1", evse=1)
    outgoing = desk.claim()
    assert outgoing is not None
    transaction_id = desk.story.start(tag="WEB1")
    desk.answer(json.dumps([3, outgoing.message_id, {"status": "Accepted"}]))
    kept = desk.session.get_one(Command, command.id)
    assert (kept.is_waiting, kept.transaction_id) == (False, transaction_id)


def test_a_reset_that_is_never_answered_is_seen_to_have_worked(desk: Desk) -> None:  # seen on the wire
    command = desk.order(Kind.RESET)
    assert desk.claim() is not None
    give_up(command.id, CommandState.UNKNOWN, "The connection was lost.", NOW)(desk.session)
    store(desk.session)
    desk.story.tell("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    kept = desk.session.get_one(Command, command.id)
    assert (kept.state, kept.observed_at) == (CommandState.UNKNOWN, NOW)


def test_a_stop_from_afar_is_done_when_just_that_session_has_ended(desk: Desk) -> None:
    first, second = desk.story.start(connector=1), desk.story.start(connector=2)
    transaction = desk.story.transaction(first)
    command = desk.keep(transactions.request_stop(desk.session, transaction, by="olga", at=NOW))
    outgoing = desk.claim()
    assert outgoing is not None
    desk.answer(json.dumps([3, outgoing.message_id, {"status": "Accepted"}]))
    desk.story.stop(second)
    assert desk.session.get_one(Command, command.id).is_waiting
    desk.story.stop(first)
    assert desk.session.get_one(Command, command.id).observed_at == NOW


@pytest.mark.parametrize(
    ("kind", "arguments", "happens"),
    [
        (
            Kind.RESET,
            {},
            lambda story: story.tell("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        ),
        (Kind.TRIGGER, {"message": "Heartbeat"}, lambda story: story.tell("Heartbeat", {})),
        (
            Kind.TRIGGER,
            {"message": "MeterValues"},
            lambda story: story.read("2026-03-14T09:10:00Z", {"value": "1"}),
        ),
        (
            Kind.AVAILABILITY,
            {"is_operative": False, "evse": 1},
            lambda story: story.tell(
                "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Unavailable"}
            ),
        ),
    ],
)
def test_an_accepted_order_waits_for_its_effect(
    desk: Desk, kind: Kind, arguments: dict[str, Any], happens: Callable[[Story], object]
) -> None:
    command = desk.done(kind, **arguments)
    assert desk.session.get_one(Command, command.id).is_waiting
    happens(desk.story)
    kept = desk.session.get_one(Command, command.id)
    assert (kept.is_waiting, kept.observed_at) == (False, NOW)


def test_a_status_of_another_connector_is_not_the_effect(desk: Desk) -> None:
    command = desk.done(Kind.AVAILABILITY, is_operative=False, evse=1)
    payload = {"connectorId": 2, "errorCode": "NoError", "status": "Unavailable"}
    desk.story.tell("StatusNotification", payload)
    assert desk.session.get_one(Command, command.id).is_waiting


def test_configuration_is_kept_as_it_was_told_without_the_key_to_the_door(desk: Desk) -> None:
    desk.order(Kind.GET_CONFIGURATION)
    outgoing = desk.claim()
    assert outgoing is not None
    told = [
        {"key": "HeartbeatInterval", "readonly": False, "value": 300},
        {"key": "AuthorizationKey", "readonly": False, "value": "SECRET-SECRET-SECRET"},
        {"key": "basicAuthPassword", "readonly": False, "value": "SECRET-SECRET-SECRET"},
        {"key": "Odd\x00", "readonly": "yes"},
        {"nokey": 1},
        None,
    ]
    desk.answer(json.dumps([3, outgoing.message_id, {"configurationKey": told, "unknownKey": None}]))
    keys = {x.name: x.value for x in desk.session.query(chargers.ConfigurationKey)}
    assert keys == {
        "HeartbeatInterval": "300",
        "AuthorizationKey": None,
        "basicAuthPassword": None,
        "Odd\ufffd": None,
    }
    assert all("SECRET" not in x.text for x in desk.session.query(units.frames.Frame))


def test_what_a_key_was_before_is_kept_with_who_changed_it(desk: Desk) -> None:
    def tell(value: str) -> None:
        desk.order(Kind.GET_CONFIGURATION)
        outgoing = desk.claim()
        assert outgoing is not None
        keys = [
            {"key": "HeartbeatInterval", "readonly": False, "value": value},
            {"key": "authorizationKey", "readonly": False, "value": f"SECRET-SECRET-{value}"},
        ]
        desk.answer(json.dumps([3, outgoing.message_id, {"configurationKey": keys}]))

    tell("300")
    desk.done(Kind.CHANGE_CONFIGURATION, name="HeartbeatInterval", value="900")
    desk.done(Kind.CHANGE_CONFIGURATION, "Rejected", name="HeartbeatInterval", value="1")
    tell("900")
    tell("600")
    past = chargers.changes_of(desk.session, desk.charger.id)
    assert [*past] == ["HeartbeatInterval"]
    told = [(x.old_value, x.new_value, x.is_set, x.changed_by) for x in past["HeartbeatInterval"]]
    assert told == [("900", "600", False, None), ("300", "900", True, "olga")]


def test_a_connector_in_use_or_out_of_order_is_not_started(desk: Desk) -> None:
    connector = desk.session.query(Connector).one()
    desk.story.start()
    with pytest.raises(Refused, match="in use"):
        transactions.request_start(desk.session, connector, id_tag="A", by=None, at=NOW)
    desk.story.tell("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Faulted"})
    with pytest.raises(Refused, match="out of service"):
        transactions.request_start(desk.session, connector, id_tag="A", by=None, at=NOW)
