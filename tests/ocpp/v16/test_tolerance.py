"""Messages as real chargers write them: what can be saved is, each deviation has its name, and strict is strict."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from make import NOW, Wire, store
from sqlalchemy import func, select
from story import BEGAN, ENDED, Story, energy

from csms.domain import conformance
from csms.domain.frames import Deviation, Frame, Verdict, deviations_of
from csms.domain.transactions import Transaction, TransactionState

D = Deviation
START = {"connectorId": 1, "idTag": "04A2", "meterStart": 1000, "timestamp": BEGAN}


def deviations(wire: Wire) -> set[Deviation]:
    """Of the newest message."""
    text = wire.session.scalars(select(Frame.deviations).order_by(Frame.id.desc())).first()
    return {kind for kind, _ in deviations_of(text)}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"connectorId": "1"}, {D.TEXT_FOR_NUMBER}),
        ({"connectorId": 1.0}, {D.FRACTION_FOR_WHOLE}),
        ({"idTag": 4711}, {D.NUMBER_FOR_TEXT}),
        ({"meterStart": "1000"}, {D.TEXT_FOR_NUMBER}),
        ({"meterStart": 1000.4}, {D.FRACTION_FOR_WHOLE}),
        ({"idTag": "x" * 30}, {D.TEXT_TOO_LONG}),
        ({"reservationId": None}, {D.MEMBER_NULL}),
        ({"reservationId": ""}, {D.TEXT_EMPTY}),
        ({"vendorData": {"a": 1}}, {D.MEMBER_UNEXPECTED}),
        ({"timestamp": "2026-03-14t09:00:00z"}, {D.TIME_FORMAT}),
        ({"timestamp": "2026-03-14T09:00:00.123456789Z"}, set()),
        ({"timestamp": "2026-03-14T09:00:00"}, {D.TIME_ZONE_MISSING}),
        ({"timestamp": 1773478800}, {D.NUMBER_FOR_TEXT, D.TIME_FORMAT}),
        ({"timestamp": "1970-01-01T00:00:10Z"}, {D.CLOCK_WRONG}),
        ({"timestamp": "yesterday"}, {D.TIME_UNREADABLE}),
        ({"timestamp": None}, {D.MEMBER_NULL, D.MEMBER_MISSING}),
        ({"idTag": None, "idtag": "04A2"}, {D.MEMBER_NULL, D.MEMBER_MISSING, D.MEMBER_UNEXPECTED}),
    ],
)
def test_a_start_is_kept_however_it_is_written(
    story: Story, given: dict[str, Any], found: set[Deviation]
) -> None:
    answer = story.tell("StartTransaction", START | given)
    assert answer["transactionId"] == story.transaction().id
    assert deviations(story.wire) == found
    verdict = story.session.scalars(select(Frame.verdict)).one()
    assert verdict is (Verdict.REPAIRED if found else Verdict.VALID)


def test_names_in_other_letters_are_known(story: Story) -> None:
    given = {"ConnectorID": 1, "id_tag": "04A2", "MeterStart": 1000, "timeStamp": BEGAN}
    story.tell("StartTransaction", given)
    transaction = story.transaction()
    assert (transaction.id_tag, transaction.meter_start_wh) == ("04A2", 1000)
    assert deviations(story.wire) == {D.MEMBER_MISSPELT}


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ([energy(3500)], {D.NUMBER_FOR_TEXT}),
        ([energy("3500", unit="wh")], {D.WORD_CASE}),
        ([energy("3,5", unit="KWH")], {D.WORD_CASE, D.DECIMAL_COMMA}),
        ([energy("3500", measurand="energy active import register")], {D.WORD_CASE}),
        ([energy("3500"), {"value": "7", "measurand": "Voltage"}], {D.UNIT_MISSING}),
        ([energy("3500"), {"value": "about 3", "measurand": "SoC"}], {D.VALUE_NO_NUMBER, D.UNIT_MISSING}),
        ([energy("3500", phase=None)], {D.MEMBER_NULL}),
        ([energy("3500", context="")], {D.TEXT_EMPTY}),
        ([energy("3500"), {"value": "1", "measurand": "Current.Import", "unit": "mA"}], {D.WORD_UNKNOWN}),
        ([energy("3500"), None], {D.MEMBER_NULL}),
        ([energy("3500"), {"value": "31", "measurand": "Temperature", "unit": "Celcius"}], set()),
    ],
)
def test_a_meter_is_read_however_it_is_written(
    story: Story, samples: list[Any], found: set[Deviation]
) -> None:
    transaction_id = story.start(meter=1000)
    story.read("2026-03-14T09:10:00Z", *samples, transactionId=transaction_id)
    assert story.transaction().energy_wh == 2500
    assert deviations(story.wire) == found


def test_energy_in_an_unknown_unit_is_kept_and_moves_nothing(story: Story) -> None:  # F55
    transaction_id = story.start(meter=1000)
    story.read("2026-03-14T09:10:00Z", energy("3500", unit="Joule"), transactionId=transaction_id)
    assert (story.transaction().energy_wh, story.readings()[0].energy_wh) == (0, None)
    assert '"raw":"3500","raw_unit":"Joule"' in story.readings()[0].samples
    assert deviations(story.wire) == {D.WORD_UNKNOWN}


def test_an_empty_list_and_a_single_sample_cost_nothing(story: Story) -> None:
    transaction_id = story.start(meter=1000)
    story.read("2026-03-14T09:05:00Z", transactionId=transaction_id)
    assert deviations(story.wire) == {D.LIST_EMPTY}
    single = {"timestamp": "2026-03-14T09:10:00Z", "sampledValue": energy("3500")}
    story.tell("MeterValues", {"connectorId": 1, "transactionId": transaction_id, "meterValue": single})
    assert deviations(story.wire) == {D.SINGLE_FOR_LIST}
    assert story.transaction().energy_wh == 2500


@pytest.mark.parametrize("payload", ["null", "[]"])
def test_nothing_to_say_may_be_said_in_every_way(wire: Wire, payload: str) -> None:
    assert "currentTime" in wire.answer(f'[2,"a","Heartbeat",{payload}]')[2]
    assert "currentTime" in wire.answer('[2,"b","Heartbeat"]')[2]
    assert deviations(wire) == {D.PAYLOAD_NULL}


def test_words_in_other_letters_are_understood(wire: Wire) -> None:
    wire.call("StatusNotification", {"connectorId": 1, "status": "suspended_ev", "errorCode": "noerror"})
    assert deviations(wire) == {D.WORD_CASE}
    wire.session.refresh(wire.charger)
    assert wire.charger.connectors[0].status.value == "SuspendedEV"


def test_a_word_that_nobody_knows_is_not_guessed_at(wire: Wire) -> None:
    status = {"connectorId": 1, "status": "Dancing", "errorCode": "NoError"}
    assert wire.answer(json.dumps([2, "a", "StatusNotification", status]))[2] == "PropertyConstraintViolation"
    assert wire.call("StatusNotification", status | {"status": "Charging", "errorCode": "NoErorr"}) == {}
    assert deviations(wire) == {D.WORD_UNKNOWN}


def test_a_doubtful_transaction_message_is_kept_and_any_other_refused(wire: Wire) -> None:  # F31
    start = json.dumps(START)[:-1]
    assert wire.answer(f'[2,"a","StartTransaction",{start},"meterStart":2000}}]')[0] == 3
    assert wire.session.scalars(select(Transaction.meter_start_wh)).one() == 2000
    assert deviations(wire) == {D.KEY_TWICE}
    status = '{"status":"Idle","status":"Uploaded"}'
    assert wire.answer(f'[2,"b","DiagnosticsStatusNotification",{status}]')[2] == "FormationViolation"


def test_days_of_samples_are_taken_with_a_stop_and_with_nothing_else(story: Story) -> None:  # F3, F30
    transaction_id = story.start(meter=1000)
    samples = [{"value": str(1000 + n), "unit": "Wh"} for n in range(3500)]
    data = [{"timestamp": "2026-03-14T09:30:00Z", "sampledValue": samples}]
    story.stop(transaction_id, 4500, transactionData=data)
    assert story.transaction().energy_wh == 3500
    boot = {"chargePointVendor": "V", "chargePointModel": "M", "x": [0] * 10_001}
    reply = story.wire.answer(json.dumps([2, "b", "BootNotification", boot]))
    assert reply[2] == "FormationViolation"


def test_a_strict_chargers_faults_are_refused_and_stay_in_the_journal(wire: Wire) -> None:
    wire.station = replace(wire.station, is_strict=True)
    frame = json.dumps([2, "a", "StartTransaction", START | {"meterStart": "1000"}])
    assert wire.answer(frame)[:3] == [4, "a", "TypeConstraintViolation"]
    kept = wire.session.scalars(select(Frame)).one()
    assert (kept.text, kept.verdict) == (frame, Verdict.INVALID)
    assert deviations(wire) == {D.TEXT_FOR_NUMBER}
    assert wire.call("StartTransaction", START)["transactionId"]


def test_deviations_are_counted_by_charger_and_firmware_with_an_example(story: Story) -> None:
    boot = {"chargePointVendor": "Acme", "chargePointModel": "Box", "firmwareVersion": "1.0", "iccid": ""}
    story.tell("BootNotification", boot)
    transaction_id = story.start(meter="1000")
    for minute in range(10, 30):
        story.read(f"2026-03-14T09:{minute}:00Z", energy(3500), transactionId=transaction_id)
    story.stop(transaction_id, 4500)
    later = NOW + timedelta(seconds=10)
    assert conformance.tally(story.session, later) == 22
    store(story.session)
    assert conformance.tally(story.session, later) == 0
    store(story.session)
    (standing,) = conformance.of_charger(story.session, story.wire.charger.id)
    assert (standing.vendor, standing.model, standing.firmware_version) == ("Acme", "Box", "1.0")
    assert (standing.messages, standing.deviations) == (23, 22)
    assert standing.score == 100 - round(100 * (20 + 1 + 0.2) / 23)
    worst = standing.evidence[0]
    assert (worst.kind, worst.action, worst.count) == (D.NUMBER_FOR_TEXT, "MeterValues", 20)
    assert worst.place == "meterValue.sampledValue.value"
    newest = story.session.scalar(select(func.max(Frame.id)).where(Frame.action == "MeterValues"))
    assert worst.frame_id == newest
    assert conformance.fleet(story.session)[0].score == standing.score


def test_a_new_firmware_begins_with_a_clean_sheet(story: Story) -> None:
    boot = {"chargePointVendor": "Acme", "chargePointModel": "Box", "firmwareVersion": "1.0", "imsi": ""}
    story.tell("BootNotification", boot)
    conformance.tally(story.session, NOW + timedelta(seconds=10))
    store(story.session)
    story.wire.call("BootNotification", boot | {"firmwareVersion": "2.0", "imsi": "7"}, id="new")
    conformance.tally(story.session, NOW + timedelta(seconds=10))
    store(story.session)
    counted = {x.firmware_version: x.deviations for x in conformance.fleet(story.session)}
    assert counted == {"1.0": 1, "2.0": 0}


def test_a_session_of_mistakes_comes_out_right(story: Story) -> None:
    story.tell(
        "StartTransaction",
        {"connectorId": "1", "idTag": 4711, "meterStart": 1000.0, "timestamp": BEGAN, "x": 1},
    )
    transaction = story.transaction()
    story.read("2026-03-14T09:30:00", energy("2,5", unit="kwh"), transactionId=str(transaction.id))
    story.stop(str(transaction.id), "4500", at=ENDED.lower(), reason="local", idTag="")
    transaction = story.transaction()
    assert (transaction.state, transaction.energy_wh) == (TransactionState.ENDED, 3500)
    assert (transaction.id_tag, transaction.stop_reason) == ("4711", "Local")
