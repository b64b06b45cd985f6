"""A test that fails in company and passes alone is named; one that fails alone too is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT

IN_COMPANY_ONLY = 'import os\ndef test_it(): assert "PYTEST_XDIST_WORKER" not in os.environ\n'


@pytest.mark.parametrize(
    ("test", "code", "is_named"), [(IN_COMPANY_ONLY, 0, True), ("def test_it(): assert False\n", 1, False)]
)
def test_what_fails_is_run_once_more_and_alone(tmp_path: Path, test: str, code: int, is_named: bool) -> None:
    (tmp_path / "test_sample.py").write_text(test)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "tools.steady", str(tmp_path), "-q", "-n", "1", "--rootdir", str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, "UNSTEADY" in done.stdout) == (code, is_named), done.stdout + done.stderr
