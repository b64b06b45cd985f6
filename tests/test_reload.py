"""The server that starts again when its code changes, on a copy of the program."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config import Config
from tests.desk import wait_for
from tests.live import ROOT, LiveServer

PARTS = ("csms", "settings", "templates", "static", "migrations", "tools")


class Developed(LiveServer):
    """A server of a copy of the program in `program`."""

    program: Path

    def spawn(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "wsgi.py"], cwd=self.program, env=environment, stdout=log, stderr=log
            )


def copied(directory: Path) -> Path:
    for name in PARTS:
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.glob("*.py"):
        shutil.copy(file, directory)
    return directory


@pytest.mark.seed("003", ".vscode/launch.json")
def test_the_editor_runs_the_server_and_debugs_it() -> None:
    configurations = json.loads((ROOT / ".vscode" / "launch.json").read_text())["configurations"]
    assert [x.get("noDebug", False) for x in configurations] == [True, False]
    known = {declared.name for _, declared in Config.settings()}
    for one in configurations:
        assert one["program"] == "${workspaceFolder}/wsgi.py"
        assert set(one["env"]) <= known
    assert configurations[0]["env"]["DEV_RELOAD"] == "1"


@pytest.mark.seed("003", "Settings")
def test_dev_reload_starts_the_server_again_when_its_code_changes(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    instance.mkdir()
    server = Developed(instance, f"sqlite:///{instance}/amberline.db", DEV_RELOAD="1")
    server.program = copied(tmp_path / "program")
    code = server.program / "csms" / "clock.py"
    server.start()
    try:
        code.write_text(code.read_text() + "#\n")
        wait_for(lambda: server.log.read_text().count("Amberline is running."), lambda count: count == 2, 90)
    finally:
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)
    assert server.faults() == []
