"""What the documentation says is so: its links, commands, settings, pages and pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, RequestRedirect

from config import Config
from csms import cli, documents

ROOT = Path(__file__).parents[1]
TEXTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/*.md"), ROOT / "bench/README.md"])
IMAGES = sorted(ROOT.glob("docs/images/*"))
IMAGE_BYTES = 200_000
# In capitals, and yet no settings: of the tests and the tools.
OTHERS = {"SAVE_SCREENSHOTS", "CI", "TEST_POSTGRES_URL", "TEST_REDIS_URL", "ARGS"}
# What documents may name: this machine, and what RFC 2606 keeps for examples.
HOSTS = re.compile(r"^(localhost|127\.0\.0\.1|([\w-]+\.)*example\.(org|com|net))$")

each_text = pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)


@each_text
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", x.lower()).replace(" ", "-") for x in headings}
            assert anchor in slugs, link


@each_text
def test_make_knows_the_targets(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"(?:^|`|&& |[A-Z_]+=\S+ )make ([a-z-]+)", path.read_text(), re.MULTILINE)) <= targets
    )


@each_text
def test_flask_knows_the_commands(path: Path) -> None:
    known = {x.name for x in vars(cli).values() if isinstance(x, click.Command)} | {"db"}
    assert set(re.findall(r"flask --app wsgi ([a-z-]+)", path.read_text())) <= known


@each_text
def test_settings_exist(path: Path) -> None:
    known = {declared.name for _, declared in Config.settings()}
    known |= {f"{name}_FILE" for name in known} | OTHERS
    text = path.read_text()
    named = set(re.findall(r"`([A-Z][A-Z_]{3,})(?:=[^`]*)?`", text))
    named |= set(re.findall(r"^([A-Z][A-Z_]{3,})=", text, re.MULTILINE))
    assert {x for x in named if "_" in x} <= known


@each_text
def test_files_that_are_named_exist(path: Path) -> None:
    named = re.findall(r"`((?:csms|tests|docs|bench|tools|static|templates)/[\w./-]+)`", path.read_text())
    assert [x for x in named if not (ROOT / x).exists()] == []


@each_text
def test_no_host_is_named_but_examples(path: Path) -> None:
    named = re.findall(r"\b(?:https?|wss?)://([\w.-]+)", path.read_text())
    assert [host for host in named if not HOSTS.match(host)] == []


@pytest.mark.sqlite_is_enough
def test_addresses_in_the_readme_lead_somewhere(app: Flask) -> None:
    served = app.url_map.bind("charging.test")
    named = re.findall(r"`(?:[A-Z]+ )?(/api/[\w./-]*)`", (ROOT / "README.md").read_text())
    assert [x for x in named if x != "/api/v1" and not _is_served(served, x)] == []


def _is_served(served: MapAdapter, address: str) -> bool:
    try:
        served.match(address, method="GET")
    except (MethodNotAllowed, RequestRedirect):
        return True
    except HTTPException:
        return False
    return True


def test_every_document_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [x.name for x in ROOT.glob("docs/*.md") if f"docs/{x.name}" not in readme] == []


def test_pictures_are_small_and_used() -> None:
    texts = "".join(path.read_text() for path in TEXTS)
    for image in IMAGES:
        assert image.stat().st_size < IMAGE_BYTES, image.name
        assert image.name in texts, image.name


def test_what_the_readme_prints_is_what_the_server_prints() -> None:
    printed = (ROOT / "csms/serve.py").read_text()
    for words in ("Set-up", "Chargers", "/ws/ocpp/<identity>"):
        assert words in printed


def test_the_readme_is_made_of_its_parts() -> None:
    """README.md is not edited: README.base.md and the README.md of a module are, and then `flask build-readme`."""
    assert (ROOT / "README.md").read_text() == documents.joined(ROOT)
