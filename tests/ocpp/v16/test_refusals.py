"""What is refused, under which of the specification's error codes, and what is only kept."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from make import NOW, Wire, store
from sqlalchemy import select

from csms.domain.chargers import Admission, Charger
from csms.domain.frames import Frame, Verdict
from csms.ocpp import message, units
from csms.ocpp.v16 import version


@pytest.mark.parametrize(
    "action", ["CustomOperation", "heartbeat", "HEARTBEAT", "TransactionEvent", "x" * 300, "\x00"]
)
def test_an_unknown_action_is_not_implemented(wire: Wire, action: str) -> None:  # F40
    assert wire.answer(json.dumps([2, "a", action, {}]))[:3] == [4, "a", "NotImplemented"]


@pytest.mark.parametrize("action", ["RemoteStartTransaction", "Reset", "ReserveNow"])
def test_a_known_action_that_chargers_do_not_send_is_not_supported(wire: Wire, action: str) -> None:  # F40
    assert wire.answer(json.dumps([2, "a", action, {}]))[:3] == [4, "a", "NotSupported"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "OccurenceConstraintViolation"),  # sic: the misspelling is normative
        ({"status": 5}, "TypeConstraintViolation"),
        ({"status": "Dancing"}, "PropertyConstraintViolation"),
        ({"status": "Idle", "more": 1}, "FormationViolation"),
        ({"status": "Idle", "\x00": 1}, "FormationViolation"),
        (None, "TypeConstraintViolation"),
    ],
)
def test_each_kind_of_fault_has_its_error_code(wire: Wire, payload: object, code: str) -> None:  # F42
    wire.station = replace(wire.station, is_strict=True)
    reply = wire.answer(json.dumps([2, "a", "DiagnosticsStatusNotification", payload]))
    assert reply[:3] == [4, "a", code]
    assert reply[4] == {}
    assert "Dancing" not in reply[3]  # what was sent is not sent back


@pytest.mark.parametrize(
    "action",
    [
        "Authorize",
        "StartTransaction",
        "StopTransaction",
        "MeterValues",
        "Heartbeat",
        "Nonsense",
        "DataTransfer",
    ],
)
def test_before_acceptance_nothing_but_the_boot_is_heard(wire: Wire, action: str) -> None:  # F61
    wire.station = replace(wire.station, admission=Admission.PENDING, was_accepted=False)
    assert wire.answer(json.dumps([2, "a", action, 7]))[:3] == [4, "a", "SecurityError"]
    boot = wire.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert boot["status"] == "Accepted"  # by the charger's row; the station was only old news


@pytest.mark.parametrize("given", ["7", "0", '"' + "x" * 36 + '"', '"a\\u0000b"'])
def test_an_answer_bears_the_very_id_of_its_question(wire: Wire, given: str) -> None:  # F39
    reply = wire.send(f'[2,{given},"Heartbeat",{{}}]')
    assert json.loads(reply)[1] == json.loads(given)


def test_a_message_that_is_none_is_in_the_journal_all_the_same(wire: Wire) -> None:  # F30
    text = '[2,"dup","StartTransaction",{"a":1,"a":2,"\x00":0}]'
    garbage = message.parse(text)
    assert isinstance(garbage, message.Garbage)
    noise = units.Noise(version, wire.station, wire.epoch, text, NOW, time.perf_counter(), garbage, None)
    noise(wire.session)
    store(wire.session)
    frame = wire.session.scalars(select(Frame)).one()
    assert (frame.verdict, frame.message_id) == (Verdict.GARBAGE, "dup")


def test_the_journal_tells_what_became_of_each_message(wire: Wire) -> None:
    start = '{"connectorId":1,"idTag":"A","meterStart":0,"timestamp":"2026-03-14T09:00:00Z"%s}]'
    wire.answer('[2,"1","StartTransaction",' + start % "")
    wire.answer('[2,"1","StartTransaction",' + start % "")
    wire.answer('[2,"2","StartTransaction",' + start % ',"more":1')
    wire.answer('[2,"3","Nonsense",{}]')
    verdicts = wire.session.scalars(select(Frame.verdict).order_by(Frame.id)).all()
    assert verdicts == [Verdict.VALID, Verdict.REPEATED, Verdict.REPAIRED, Verdict.INVALID]


def test_a_vendors_own_message_is_answered_as_one_of_an_unknown_vendor(wire: Wire) -> None:
    assert wire.call("DataTransfer", {"vendorId": "acme", "data": "x" * 5000}) == {
        "status": "UnknownVendorId"
    }


def test_progress_of_firmware_and_diagnostics_is_kept(wire: Wire) -> None:
    assert wire.call("FirmwareStatusNotification", {"status": "Installed"}) == {}
    assert wire.call("DiagnosticsStatusNotification", {"status": "UploadFailed"}) == {}
    charger = wire.session.get_one(Charger, wire.charger.id)
    assert (charger.firmware_state, charger.diagnostics_state) == ("Installed", "UploadFailed")
