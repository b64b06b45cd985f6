"""A start that cannot go well ends with one sentence that says what to write, and not with a traceback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT, SECRET_KEY

WITHIN_S = 180  # the machine may be busy with many tests


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"HOST": "not-a-host.invalid"}, "HOST is 'not-a-host.invalid', which is not this machine"),
        ({"HOST": "192.0.2.254"}, "HOST is '192.0.2.254', which is not this machine"),
        ({"PORT": "{taken}"}, "stop what uses it, or set PORT."),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:8499/nowhere"}, "start it, or correct DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:///{directory}/none/a.db"}, "start it, or correct DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:///{directory}/no.pem"}, "start it, or correct DATABASE_URL"),
        ({"CA_FILE": "{directory}/no.pem"}, "CA_FILE is '{directory}/no.pem', which cannot be used: "),
        ({"TLS_CLIENT_CA": "{directory}/no.pem"}, "TLS_CLIENT_CA is '{directory}/no.pem', which cannot be"),
    ],
)
def test_what_is_wrong_with_a_setting_is_told_at_the_start(
    tmp_path: Path, sqlite_template: Path, settings: dict[str, str], sentence: str
) -> None:
    shutil.copy(sqlite_template, tmp_path / "amberline.db")
    (tmp_path / "no.pem").write_text(
        "neither a certificate nor a database, but long enough to be looked at\n" * 20
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        names = {"directory": str(tmp_path), "taken": str(taken.getsockname()[1])}
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **{
                "HOST": "127.0.0.1",
                "PORT": "{taken}",
                "INSTANCE_DIR": "{directory}",
                "SECRET_KEY": SECRET_KEY,
            },
            **settings,
        }
        done = subprocess.run(
            [sys.executable, "wsgi.py"],
            cwd=ROOT,
            env={name: value.format(**names) for name, value in environment.items()},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
    assert done.returncode == 2, done.stderr
    assert sentence.format(**names) in done.stderr
    assert "Traceback" not in done.stderr
