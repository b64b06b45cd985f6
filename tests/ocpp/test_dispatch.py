"""What the words about a faulty payload look like, whatever the version."""

from __future__ import annotations

import pytest

from csms import schemas
from csms.ocpp import dispatch
from csms.ocpp.v16 import version
from csms.schemas import Fault, FaultKind


def test_a_fault_is_told_by_its_place_and_never_by_what_was_sent() -> None:
    faults = schemas.check("ocpp1.6", "Authorize", {"idTag": "SECRET" * 9, "more": 1})
    told = dispatch.describe(faults)
    assert told == "/idTag has a value that is not allowed; /more is not expected"


def test_many_faults_are_cut_to_what_fits() -> None:
    faults = [Fault(FaultKind.MISSING, "/x" * 100, "", f"n{n}") for n in range(9)]
    assert len(dispatch.describe(faults)) <= 255
    assert dispatch.describe([]) == "the payload makes no sense"


@pytest.mark.seed("all", "Errors of OCPP")
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.MISSING, "OccurenceConstraintViolation"),
        (FaultKind.TYPE, "TypeConstraintViolation"),
        (FaultKind.VALUE, "PropertyConstraintViolation"),
        (FaultKind.SHAPE, "FormationViolation"),
    ],
)
def test_errors_are_spelt_as_1_6_spells_them(
    kind: FaultKind, code: str
) -> None:  # OCPP-J 1.6 Table 7, errata 5.1
    assert version.error_codes[kind] == code


@pytest.mark.seed("all", "OCPP-J 1.6")
def test_every_message_that_a_1_6_charger_may_send_is_handled() -> None:
    core = {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
    assert core <= set(version.verbs)


def test_just_the_messages_about_transactions_are_answered_once_and_for_all() -> None:
    kept = {action for action, verb in version.verbs.items() if verb.keeps_reply}
    assert kept == {"StartTransaction", "StopTransaction", "MeterValues"}
