"""Every message of a version is there, or somebody says why not."""

from __future__ import annotations

import pytest
from flask import Flask

from csms.ocpp import coverage
from csms.ocpp.endpoint import VERSIONS
from tools import conformance

each_version = pytest.mark.parametrize("protocol", VERSIONS)


@each_version
def test_what_is_not_there_has_a_reason_and_what_is_there_has_none(protocol: str) -> None:
    rows = list(coverage.coverage(VERSIONS[protocol]))
    assert [x.action for x in rows if not x.is_there and x.reason is None] == []
    assert [x.action for x in rows if x.is_there and x.reason is not None] == []
    assert {x.action for x in rows} >= set(VERSIONS[protocol].verbs)


@each_version
def test_reasons_are_given_for_messages_that_exist(protocol: str) -> None:
    actions = {x.action for x in coverage.coverage(VERSIONS[protocol])}
    assert set(coverage.NOT_THERE.get(protocol, {})) <= actions


def test_the_command_prints_messages_and_ways(app: Flask) -> None:
    printed = app.test_cli_runner().invoke(args=["ocpp-coverage"]).output
    assert "| Authorize | yes |  |" in printed
    assert "| Reset |  | yes |" in printed
    assert "| DataTransfer | yes | yes |" in printed


def test_the_document_is_up_to_date() -> None:
    assert conformance.DOCUMENT.read_text() == conformance.document(), "run python -m tools.conformance"
