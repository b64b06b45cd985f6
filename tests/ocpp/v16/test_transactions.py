"""StartTransaction and StopTransaction: whatever they say is kept and answered, once and for all."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from make import NOW, Wire, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import BEGAN, Story, energy

from csms.domain import accounts, tariffs
from csms.domain.accounts import AuditEntry, LedgerEntry, LedgerKind, TokenStatus
from csms.domain.chargers import Admission, AuthorizationPolicy, Connector
from csms.domain.tariffs import simple
from csms.domain.transactions import Flag, Transaction, TransactionState
from csms.ocpp import message, units
from csms.ocpp.v16 import version

START = (
    '[2,"%s","StartTransaction",'
    '{"connectorId":1,"idTag":"04A2","meterStart":1000,"timestamp":"2026-03-14T09:00:00Z"}]'
)


def test_a_session_ends_with_the_energy_between_its_registers(story: Story) -> None:
    assert story.stop(story.start(meter=1000), 4500) == {}
    transaction = story.transaction()
    assert transaction.state is TransactionState.ENDED
    assert (transaction.energy_wh, transaction.flags) == (3500, [])


def test_a_confirmation_has_the_members_that_the_specification_wants(wire: Wire) -> None:
    reply = wire.answer(START % "a")
    assert reply[:2] == [3, "a"]
    assert set(reply[2]) == {"transactionId", "idTagInfo"}
    assert reply[2]["idTagInfo"] == {"status": "Accepted"}
    assert 0 < reply[2]["transactionId"] < 2**31


def test_a_repeated_start_gets_the_same_bytes_and_makes_no_second_transaction(wire: Wire) -> None:  # F1, F2
    first = wire.send(START % "a")
    assert wire.send(START % "a", NOW + timedelta(days=3)) == first
    assert wire.answer(START % "b")[2] == json.loads(first)[2]
    assert len(Story(wire).transactions()) == 1


def test_a_start_repeated_after_its_stop_opens_nothing_again(story: Story) -> None:  # F47
    transaction_id = story.start()
    story.stop(transaction_id)
    assert story.start() == transaction_id
    assert story.transaction().state is TransactionState.ENDED


def test_the_same_message_id_with_other_content_is_a_new_message(wire: Wire) -> None:  # must-pass 5
    first = wire.answer(START % "1")[2]["transactionId"]
    second = wire.answer((START % "1").replace('"meterStart":1000', '"meterStart":7000'))[2]["transactionId"]
    assert first != second


@pytest.mark.parametrize(
    ("tag", "told", "kept"),
    [
        ("BLOCKED", "Blocked", TokenStatus.BLOCKED),
        ("EXPIRED", "Expired", TokenStatus.EXPIRED),
        ("STRANGER", "Invalid", TokenStatus.INVALID),
        ("POOR", "Blocked", TokenStatus.NO_CREDIT),
        ("x" * 21, "Invalid", TokenStatus.INVALID),  # F59
    ],
)
def test_a_start_with_a_bad_card_is_kept_with_its_verdict_and_repeats_it(  # F48
    session: Session, tag: str, told: str, kept: TokenStatus
) -> None:
    accounts.add_token(session, "BLOCKED", at=NOW, is_allowed=False)
    accounts.add_token(session, "EXPIRED", at=NOW, expires_at=NOW - timedelta(seconds=1))
    account = accounts.open_account(session, "Empty", at=NOW)
    accounts.add_token(session, "POOR", at=NOW, account_id=account.id)
    story = Story(make_wire(session, make_charger(session, policy=AuthorizationPolicy.CREDIT, online=True)))
    start = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": BEGAN}
    first = story.tell("StartTransaction", start)
    assert first["idTagInfo"]["status"] == told
    assert story.tell("StartTransaction", start) == first
    transaction = story.transaction(first["transactionId"])
    assert transaction.authorization is kept
    assert Flag.UNAUTHORISED in transaction.flags
    assert transaction.state is TransactionState.ACTIVE


def test_a_repeated_start_gets_its_first_verdict_though_the_card_was_blocked_since(session: Session) -> None:
    token = accounts.add_token(session, "04A2", at=NOW)
    story = Story(make_wire(session, make_charger(session, policy=AuthorizationPolicy.KNOWN, online=True)))
    start = {"connectorId": 1, "idTag": "04a2", "meterStart": 0, "timestamp": BEGAN}
    first = story.tell("StartTransaction", start)
    token = session.merge(token)
    token.is_allowed = False
    store(session)
    assert story.tell("StartTransaction", start) == first
    assert first["idTagInfo"]["status"] == "Accepted"


def test_a_new_start_closes_what_is_open_on_its_connector_with_an_estimate(story: Story) -> None:  # F46
    first = story.start(meter=1000)
    story.read("2026-03-14T09:05:00Z", energy("1800"), transactionId=first)
    second = story.start(meter=2000, at="2026-03-14T09:20:00Z")
    old = story.transaction(first)
    assert (old.state, old.energy_wh) == (TransactionState.ENDED_UNKNOWN, 1000)  # as the register tells
    assert old.end_received_at == NOW
    assert Flag.ESTIMATED in old.flags
    assert story.transaction(second).is_active


def test_a_late_stop_ends_exactly_what_was_only_estimated(story: Story) -> None:  # F46
    first = story.start(meter=1000)
    second = story.start(meter=2000, at="2026-03-14T09:20:00Z")
    assert story.stop(first, 1900, "2026-03-14T09:15:00Z") == {}
    old = story.transaction(first)
    assert (old.state, old.energy_wh, old.flags) == (TransactionState.ENDED, 900, [])
    assert story.transaction(second).is_active


def test_a_start_on_another_connector_leaves_the_first_alone(story: Story) -> None:
    first = story.start(connector=1)
    story.start(connector=2, tag="BEEF")
    assert story.transaction(first).is_active
    assert len(story.transactions()) == 2


def test_energy_that_flowed_between_two_sessions_is_flagged(story: Story) -> None:  # F54
    story.stop(story.start(meter=1000), 4500)
    second = story.start(meter=9000, at="2026-03-14T11:00:00Z")
    assert story.transaction(second).flags == [Flag.MISSING_ENERGY]


def test_a_late_stop_does_not_make_the_next_sessions_energy_look_missing(story: Story) -> None:
    first = story.start(meter=1000)
    second = story.start(meter=2000, at="2026-03-14T09:20:00Z")
    story.stop(second, 4000, "2026-03-14T10:00:00Z")
    story.stop(first, 2000, "2026-03-14T09:19:00Z")
    third = story.start(meter=4000, at="2026-03-14T11:00:00Z")
    assert story.transaction(third).flags == []


@pytest.mark.parametrize("connector", [0, -3, 33, 2**40, None, "one"])
def test_a_start_on_no_connector_that_can_be_is_kept_and_flagged(story: Story, connector: object) -> None:
    transaction_id = story.start(connector=connector)  # type: ignore[arg-type]
    transaction = story.transaction(transaction_id)
    assert transaction.connector_id is None
    assert Flag.REPAIRED in transaction.flags
    story.stop(transaction_id)
    assert story.transaction(transaction_id).energy_wh == 3500


def test_numbers_that_come_as_strings_are_read_as_numbers(story: Story) -> None:  # F42
    transaction_id = story.start(connector="1", meter="1000")  # type: ignore[arg-type]
    story.stop(str(transaction_id), "4500.0")
    assert story.transaction().energy_wh == 3500


def test_a_transaction_id_with_a_decimal_point_is_the_same_number(story: Story) -> None:
    transaction_id = story.start()
    story.stop(float(transaction_id))
    assert story.transaction().state is TransactionState.ENDED


@pytest.mark.parametrize("more", [{"vendorThing": 1}, {"reservationId": "seven"}, {"idTag": "n" * 300}])
def test_what_the_schema_refuses_costs_no_session(story: Story, more: dict[str, object]) -> None:  # F42
    assert story.transaction(story.start(**more)).is_active  # type: ignore[arg-type]


@pytest.mark.parametrize("tag", ["card\\u0000", "\\ud800", "é\\u0007", " 04A2 ", "VID:001122334455", ""])
def test_any_card_text_can_be_stored(wire: Wire, tag: str) -> None:  # F32, F59
    reply = wire.answer((START % "a").replace("04A2", tag))
    assert reply[0] == 3
    assert Story(wire).transaction().id == reply[2]["transactionId"]


@pytest.mark.parametrize("reference", [12345, 0, 2**63 - 1, 2**70, "abc", "", "\x00", None, [], {}])
def test_a_stop_of_an_unknown_transaction_is_confirmed_and_kept_as_an_orphan(  # F43, F45
    story: Story, reference: object
) -> None:
    active = story.start()
    data = [{"timestamp": "2026-03-14T09:30:00Z", "sampledValue": [energy("2000")]}]
    assert story.stop(reference, 4500, transactionData=data) == {}
    assert story.stop(reference, 4500, transactionData=data) == {}
    orphan = next(x for x in story.transactions() if x.state is TransactionState.ORPHAN)
    assert len(story.transactions()) == 2
    assert (orphan.meter_stop_wh, orphan.connector_id) == (4500, None)
    assert [x.transaction_id for x in story.readings()] == [orphan.id]
    assert story.transaction(active).is_active


def test_a_stop_with_a_card_is_answered_with_its_verdict(session: Session) -> None:
    story = Story(make_wire(session, make_charger(session, policy=AuthorizationPolicy.KNOWN, online=True)))
    assert story.stop(story.start(), idTag="STRANGER") == {"idTagInfo": {"status": "Invalid"}}
    assert story.stop(777, idTag="STRANGER") == {"idTagInfo": {"status": "Invalid"}}


def test_minus_one_ends_the_open_session_that_it_fits(story: Story) -> None:  # F44
    transaction_id = story.start(meter=1000)
    assert story.stop(-1, 4500, idTag="04a2") == {"idTagInfo": {"status": "Accepted"}}
    assert story.transaction(transaction_id).energy_wh == 3500


@pytest.mark.parametrize(
    "stop",
    [
        {"meterStop": 900},
        {"idTag": "OTHER", "meterStop": 4500},
        {"timestamp": "2026-03-14T08:00:00Z", "meterStop": 4500},
    ],
    ids=["register", "card", "time"],
)
def test_minus_one_is_not_guessed_onto_a_session_that_it_does_not_fit(  # F44
    story: Story, stop: dict[str, object]
) -> None:
    transaction_id = story.start(meter=1000)
    story.tell("StopTransaction", {"transactionId": -1, "timestamp": "2026-03-14T10:00:00Z"} | stop)
    assert story.transaction(transaction_id).is_active
    assert {x.state for x in story.transactions()} == {TransactionState.ACTIVE, TransactionState.ORPHAN}


def test_minus_one_with_two_open_sessions_is_for_a_person(story: Story) -> None:  # F44
    story.start(connector=1)
    story.start(connector=2)
    story.stop(-1)
    assert [x.is_active for x in story.transactions()].count(True) == 2


def test_a_second_stop_is_confirmed_and_changes_nothing(story: Story) -> None:  # F50
    transaction_id = story.start()
    story.stop(transaction_id, 4500)
    assert story.stop(transaction_id, 4500) == {}
    assert story.transaction().flags == []
    assert story.stop(transaction_id, 9999) == {}
    assert (story.transaction().energy_wh, story.transaction().flags) == (3500, [Flag.DIFFERING_STOP])


def test_another_chargers_session_cannot_be_stopped_and_the_attempt_is_on_record(  # F51
    session: Session, story: Story
) -> None:
    transaction_id = story.start()
    thief = Story(make_wire(session, make_charger(session, "CP-2", online=True)))
    assert thief.stop(transaction_id) == {}
    thief.read("2026-03-14T09:30:00Z", energy("999999"), transactionId=transaction_id)
    owned = story.transaction(transaction_id)
    assert (owned.is_active, owned.meter_last_wh) == (True, 1000)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.subject) == (f"charger {thief.wire.charger.id}", str(transaction_id))


@pytest.mark.parametrize(
    ("meter", "flag"),
    [
        (900, Flag.METER_BACKWARDS),
        (-1, Flag.METER_IMPLAUSIBLE),
        (10**12, Flag.METER_IMPLAUSIBLE),
        (2**63, Flag.METER_IMPLAUSIBLE),
        ("12,5", Flag.METER_IMPLAUSIBLE),
        (None, Flag.METER_IMPLAUSIBLE),
    ],
)
def test_a_register_that_makes_no_sense_is_flagged_and_never_billed(  # F53
    session: Session, meter: object, flag: Flag
) -> None:
    tariffs.create(session, "Dear", simple("EUR", price_per_start=Decimal(1)), at=NOW, is_default=True)
    story = Story(make_wire(session, make_charger(session, online=True)))
    assert story.stop(story.start(meter=1000), meter) == {}
    transaction = story.transaction()
    assert transaction.state is TransactionState.ENDED
    assert (transaction.energy_wh, transaction.cost_cents, transaction.bill) == (None, None, None)
    assert flag in transaction.flags


def test_a_start_register_that_makes_no_sense_is_replaced_by_the_first_reading(story: Story) -> None:  # F53
    transaction_id = story.start(meter=-5)
    story.read("2026-03-14T09:10:00Z", energy("2000"), transactionId=transaction_id)
    story.stop(transaction_id, 3000)
    assert story.transaction().energy_wh == 1000
    assert story.transaction().flags == [Flag.METER_IMPLAUSIBLE]


@pytest.mark.parametrize(
    ("given", "kept"),
    [({}, "Local"), ({"reason": "Rain"}, "Rain"), ({"reason": "x" * 99}, "x" * 40)],
)
def test_a_stops_reason_is_kept_and_its_absence_means_local(  # F63
    story: Story, given: dict[str, str], kept: str
) -> None:
    story.stop(story.start(), **given)
    assert story.transaction().stop_reason == kept


def test_the_readings_that_come_with_a_stop_are_all_kept(story: Story) -> None:
    transaction_id = story.start(meter=1000)
    data = [
        {"timestamp": "2026-03-14T09:00:00Z", "sampledValue": [energy("1000", context="Transaction.Begin")]},
        {"timestamp": "2026-03-14T09:30:00Z", "sampledValue": [energy("3000")]},
        {"timestamp": "2026-03-14T10:00:00Z", "sampledValue": [energy("4500", context="Transaction.End")]},
        {"timestamp": "2026-03-14T10:00:00Z", "sampledValue": []},
    ]
    story.stop(transaction_id, 4500, transactionData=data)
    assert [x.energy_wh for x in story.readings()] == [1000, 3000, 4500]
    assert story.transaction().energy_wh == 3500


@pytest.mark.parametrize(
    "data", [None, "none", [None], [{"timestamp": 5}], [{"sampledValue": [{"value": None, "unit": 7}]}]]
)
def test_readings_that_are_none_do_not_keep_a_session_from_ending(story: Story, data: object) -> None:
    assert story.stop(story.start(), transactionData=data) == {}
    assert story.transaction().energy_wh == 3500


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("1970-01-01T00:01:00Z", Flag.CLOCK_SUSPECT),
        ("2031-01-01T00:00:00Z", Flag.CLOCK_SUSPECT),
        ("yesterday", Flag.CLOCK_SUSPECT),
        (None, Flag.CLOCK_SUSPECT),
    ],
)
def test_a_wrong_clock_is_flagged_and_costs_no_energy(story: Story, text: str, flag: Flag) -> None:  # F56
    transaction_id = story.start(at=text, meter=1000)
    transaction = story.transaction()
    assert transaction.flags == [flag]
    assert abs(NOW - transaction.started_at) < timedelta(hours=1)
    story.stop(transaction_id, 31_000, at=text)  # a whole night's energy in one moment by that clock
    assert story.transaction().energy_wh == 30_000


def test_a_clock_that_was_wrong_for_a_moment_costs_no_energy(story: Story) -> None:  # F56
    """Ours stood in for it meanwhile, and is ahead of it: what it says next looks older than that."""
    transaction_id = story.start(at="2026-03-14T09:00:00Z")
    story.read("1969-11-08T01:00:00Z", energy("1000"), transactionId=transaction_id)
    story.read("2026-03-14T09:06:00Z", energy("3000"), transactionId=transaction_id)
    story.stop(transaction_id, 3_500, at="2026-03-14T09:07:00Z")
    ended = story.transaction(transaction_id)
    assert (ended.state, ended.energy_wh) == (TransactionState.ENDED, 2_500)


def test_a_time_without_a_zone_is_taken_for_utc_and_flagged(story: Story) -> None:  # F56
    story.start(at="2026-03-14T09:00:00")
    assert story.transaction().started_at.isoformat() == "2026-03-14T09:00:00+00:00"
    assert story.transaction().flags == [Flag.NO_TIME_ZONE]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-14T11:00:00+02:00",
        "2026-03-14T09:00:00.123456789Z",
        "2026-03-14t09:00:00z",
        "2026-03-14T08:59:60Z",
    ],
)
def test_every_way_to_write_a_time_is_read(story: Story, text: str) -> None:  # F56
    story.start(at=text)
    transaction = story.transaction()
    assert transaction.started_at.replace(microsecond=0).isoformat() == "2026-03-14T09:00:00+00:00"
    assert (transaction.started_text, transaction.flags) == (text, [])


def test_a_message_from_weeks_ago_is_processed_as_any_other(story: Story) -> None:  # F57
    transaction_id = story.start(at="2026-02-01T09:00:00Z")
    story.stop(transaction_id, 4500, "2026-02-01T10:00:00Z")
    transaction = story.transaction()
    assert transaction.started_at.month == 2
    assert (transaction.energy_wh, transaction.flags) == (3500, [])


def test_an_end_before_the_beginning_is_flagged(story: Story) -> None:
    story.stop(story.start(), 4500, "2026-03-14T08:00:00Z")
    transaction = story.transaction()
    assert transaction.ended_at == transaction.started_at
    assert (transaction.energy_wh, transaction.flags) == (3500, [Flag.CLOCK_SUSPECT])


def test_a_power_cut_ends_in_two_right_sessions(story: Story) -> None:  # seen on the wire
    story.tell(
        "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "iccid": "", "imsi": ""}
    )
    story.tell("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    first = story.start(meter=1000, at="2026-03-14T03:00:00Z")
    story.stop(first, 2000, "2026-03-14T03:30:00Z", reason="PowerLoss")
    second = story.start(meter=2000, at="2026-03-14T09:00:00Z")
    assert [x.state for x in story.transactions()] == [TransactionState.ENDED, TransactionState.ACTIVE]
    assert (story.transaction(first).energy_wh, story.transaction(second).flags) == (1000, [])


def test_an_accounts_credit_in_kwh_is_used_before_its_money(session: Session) -> None:
    tariffs.create(session, "Day", simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, is_default=True)
    account = accounts.open_account(session, "Ada", at=NOW)
    accounts.book(session, account, LedgerKind.TOP_UP, at=NOW, amount_cents=1000, energy_wh=1500)
    accounts.add_token(session, "04A2", at=NOW, account_id=account.id)
    store(session)
    story = Story(make_wire(session, make_charger(session, policy=AuthorizationPolicy.CREDIT, online=True)))
    story.stop(story.start(meter=0), 3500)
    session.refresh(account)
    assert (account.balance_wh, account.balance_cents) == (0, 900)
    entry = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == LedgerKind.SESSION)).one()
    assert (entry.amount_cents, entry.energy_wh) == (-100, -1500)


def test_a_fault_of_ours_still_gives_the_charger_an_id_and_always_the_same(wire: Wire) -> None:  # F15
    ids = set()
    for message_id in ("a", "b"):
        text = START % message_id
        call = message.parse(text)
        assert isinstance(call, message.Call)
        unit = units.Salvaged(
            version, wire.station, wire.epoch, text, NOW, time.perf_counter(), call, "Bug: \x00"
        )
        ids.add(json.loads(unit(wire.session))[2]["transactionId"])
        store(wire.session)
    assert len(ids) == 1
    assert Story(wire).transaction().flags == [Flag.SALVAGED]


def test_a_charger_that_was_put_back_to_pending_still_delivers_its_sessions(wire: Wire) -> None:  # F61
    wire.station = replace(wire.station, admission=Admission.PENDING)
    story = Story(wire)
    story.stop(story.start())
    assert story.transaction().energy_wh == 3500


def test_a_start_refused_before_adoption_is_taken_when_it_comes_again(wire: Wire) -> None:
    accepted = wire.station
    wire.station = replace(accepted, admission=Admission.PENDING, was_accepted=False)
    assert wire.answer(START % "a")[:3] == [4, "a", "SecurityError"]
    wire.station = accepted
    assert wire.answer(START % "a")[0] == 3


def test_connectors_come_into_being_when_they_are_spoken_of(story: Story) -> None:  # F49
    story.start(connector=32)
    assert story.session.scalars(select(Connector.evse_number).order_by(Connector.evse_number)).all() == [
        1,
        32,
    ]


def test_transaction_ids_do_not_look_like_a_sequence(story: Story) -> None:
    ids = [story.start(at=f"2026-03-14T09:0{n}:00Z") for n in range(5)]
    assert len(set(ids)) == 5
    assert all(abs(a - b) > 1 for a, b in zip(ids, ids[1:], strict=False))
    assert story.session.scalars(select(Transaction.reference)).all() != []
