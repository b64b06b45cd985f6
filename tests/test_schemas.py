"""What the specification's schema files say of payloads."""

from __future__ import annotations

import pytest

from csms import schemas
from csms.schemas import FaultKind


def test_a_right_payload_has_no_fault() -> None:
    assert schemas.check("ocpp1.6", "Heartbeat", {}) == []
    assert schemas.check("ocpp2.0.1", "Heartbeat", {}) == []


@pytest.mark.parametrize(
    ("payload", "kinds"),
    [
        ({}, [FaultKind.MISSING]),
        ({"idTag": 5}, [FaultKind.TYPE]),
        ({"idTag": "x" * 21}, [FaultKind.VALUE]),
        ({"idTag": "x", "a": 1, "b": 2}, [FaultKind.SHAPE]),
        ({"a": 1}, [FaultKind.MISSING, FaultKind.SHAPE]),
        (None, [FaultKind.TYPE]),
    ],
)
def test_faults_are_told_apart_the_worst_first(payload: object, kinds: list[FaultKind]) -> None:
    assert [fault.kind for fault in schemas.check("ocpp1.6", "Authorize", payload)] == kinds


def test_answers_have_schemas_of_their_own() -> None:
    assert schemas.check("ocpp1.6", "Reset", {"status": "Accepted"}, is_response=True) == []
    assert schemas.check("ocpp1.6", "Reset", {"status": "Scheduled"}, is_response=True) != []


def test_an_action_that_is_none_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        schemas.check("ocpp1.6", "Dance", {})


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_every_action_has_a_request_and_an_answer_that_compile(protocol: str) -> None:
    for action in schemas.actions(protocol):
        for is_response in (False, True):
            if protocol == "ocpp2.1" and not _has(protocol, action, is_response):
                continue  # 2.1 has messages without an answer
            schemas.check(protocol, action, {}, is_response=is_response)


def _has(protocol: str, action: str, is_response: bool) -> bool:
    try:
        schemas.schema(protocol, action, is_response)
    except KeyError:
        return False
    return True
