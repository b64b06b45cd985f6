"""What the audit says of pip-audit's answer."""

from pathlib import Path

import pytest

from tools import audit

CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
VULNERABLE = {"name": "left", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
SKIPPED = {"name": "right", "skip_reason": "Dependency not found"}


def test_packages_without_advisories_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.judge([CLEAN]) == 0
    assert capsys.readouterr().out == "1 audited, 0 vulnerable, 0 skipped\n"


def test_a_vulnerable_package_fails_and_is_named_with_its_cure(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.judge([CLEAN, VULNERABLE]) == 1
    assert "left 1: PYSEC-1 (fixed in 2)" in capsys.readouterr().out


def test_a_package_that_was_not_looked_at_fails() -> None:
    assert audit.judge([CLEAN, SKIPPED]) == 1


def test_a_registry_without_any_advisories_is_said_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.judge([SKIPPED, SKIPPED]) == 0
    assert "NOT AUDITED" in capsys.readouterr().out


def test_an_audit_that_could_not_run_is_a_failure_of_its_own(tmp_path: Path) -> None:
    assert audit.main([str(tmp_path / "absent.txt")]) == 2
