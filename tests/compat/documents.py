"""Runs the examples of old systems' documents as they stand: only host and port are those of the test's server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.live import ROOT, LiveServer

WRITTEN = re.compile(r"(?:localhost|127\.0\.0\.1|ov2xmp\.trsc\.net):8000")


def here(example: str, server: LiveServer) -> str:
    """The example with the server's host and port in place of those that are written."""
    return WRITTEN.sub(f"127.0.0.1:{server.port}", example)


def shell(example: str, server: LiveServer) -> Any:
    """What a shell prints for the example, decoded."""
    run = subprocess.run(
        ["bash", "-ec", here(example, server)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@contextmanager
def program(example: str, server: LiveServer, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A Python example as a program that runs until the end of the test."""
    script = directory / "example.py"
    script.write_text(here(example, server).replace("ws_port=8000", f"ws_port={server.port}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "csms.simulator.script", str(script)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
