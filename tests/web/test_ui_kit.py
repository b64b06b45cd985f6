"""The page of components needs nothing but the macros, and keeps the promises that every page makes."""

import gzip
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask, render_template
from jinja2 import StrictUndefined

from csms.web import filters, languages
from csms.web.branding import Brand
from tests.web.browser import Browser

ROOT = Path(__file__).resolve().parents[2]
SHELL = SimpleNamespace(
    theme="auto",
    counts={"chargers": 24},
    hidden={"settings"},
    attention=3,
    faults=1,
    lab_mode=None,
    quiet_mode=None,
    user="Olga",
    role="operator",
    now=datetime(2026, 11, 21, 13, 32, 7, tzinfo=UTC),
    zone="Europe/Madrid",
    times="site",
)


@pytest.fixture(scope="module")
def page() -> str:
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.secret_key = "only for this test"
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals["csrf_token"] = lambda: "token"
    languages.register(app)
    filters.register(app)
    with app.test_request_context():
        return render_template("ui_kit.html", shell=SHELL, brand=Brand(), organisation="Amberline")


def test_every_icon_on_the_page_is_in_the_sprite(page: str) -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/icons.svg").read_text()))
    assert set(re.findall(r'<use href="[^"]*#([^"]+)"', page)) <= drawn


def test_nothing_is_loaded_from_another_host(page: str) -> None:
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//', page) == []


def test_there_is_no_inline_script_or_style(page: str) -> None:
    assert re.findall(r"<style|<script(?![^>]* src=)|\sstyle=|\son\w+=|hx-on", page) == []


def test_what_a_role_may_not_use_is_not_in_the_navigation(page: str) -> None:
    assert 'href="/chargers"' in page
    assert 'href="/settings"' not in page


def test_the_number_of_things_that_need_a_human_is_in_the_title(page: str) -> None:
    assert "<title>(3) Components · Amberline</title>" in page


def test_every_request_carries_the_token_against_forgery(page: str) -> None:
    assert """hx-headers:inherited='{"X-CSRFToken": "token"}'""" in page


@pytest.mark.parametrize(
    ("name", "most_bytes"),
    [("app.css", 15_000), ("app.js", 6_000), ("land.css", 5_000), ("land.js", 2_400), ("icons.svg", 6_000)],
)
def test_own_files_stay_within_their_budget_when_compressed(name: str, most_bytes: int) -> None:
    assert len(gzip.compress((ROOT / "static" / name).read_bytes())) <= most_bytes


def test_a_drivers_page_loads_little() -> None:
    files = ["land.css", "land.js", "vendor/htmx.org-4.0.1/htmx-sse.min.js"]
    assert sum(len(gzip.compress((ROOT / "static" / name).read_bytes())) for name in files) <= 22_000


def test_whoever_may_look_around_finds_it_and_its_buttons_change_nothing(olga: Browser) -> None:
    assert "Status language" in olga.read("/ui-kit")
    pressed = olga.send("/ui-kit", {})
    assert (pressed.status_code, pressed.location) == (303, "/ui-kit")
    assert "Nothing has changed." in olga.read("/ui-kit")
