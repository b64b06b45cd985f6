"""The container's recipe fits the program: its files, its settings, and what it runs. No container is built here."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import services

from config import Config
from tests.live import ROOT
from tests.nursery import ForkedServer, Nursery

RECIPE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()


def _environment(text: str) -> dict[str, str]:
    """The settings of the recipe's ENV line."""
    line = next(x for x in text.splitlines() if x.startswith("ENV "))
    return dict(x.split("=", 1) for x in shlex.split(line.removeprefix("ENV ")))


def test_what_the_containers_set_are_settings() -> None:
    known = {declared.name for _, declared in Config.settings()}
    web = COMPOSE.partition("\n  web:")[2].partition("environment:")[2].partition("volumes:")[0]
    named = set(re.findall(r"^ {6}([A-Z_]+):", web, re.MULTILINE))
    assert named
    assert named | set(_environment(RECIPE)) <= known


def test_what_the_recipe_copies_and_runs_is_there() -> None:
    copied = re.findall(r"^COPY (\S+)", RECIPE, re.MULTILINE)
    assert all((ROOT / x).exists() for x in copied)
    command = json.loads(RECIPE.rpartition("\nCMD ")[2])
    assert (command[0], (ROOT / command[1]).exists()) == ("python", True)


@pytest.mark.seed("002", "Docker Compose")
def test_the_server_starts_with_the_recipes_settings_on_postgresql_and_redis(
    nursery: Nursery, tmp_path: Path
) -> None:
    database, redis = services.postgresql(), services.redis_server()
    if database.url is None or redis.url is None:
        pytest.skip(database.reason or redis.reason)
    given = {x: y for x, y in _environment(RECIPE).items() if x not in ("HOST", "PORT", "INSTANCE_DIR")}
    with services.scratch_database(database.url) as url:
        server = ForkedServer(nursery, tmp_path, url, **given, REDIS_URL=redis.url)
        server.start()
        try:
            check = json.loads(RECIPE.partition("HEALTHCHECK")[2].partition("CMD ")[2].partition("\n")[0])
            program = check[2].replace("8000", str(server.port))
            assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
        finally:
            server.stop()
