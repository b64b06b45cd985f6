"""A colour and a logo of one's own: pages stay as readable as they were, and keep to the content policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.axe import violations
from tests.browser.conftest import Town, Watch, a_town
from tests.nursery import Nursery

LOGO = Path(__file__).parents[2] / "docs" / "images" / "charger.png"
ACCENT = "#a3005c"


@pytest.fixture
def branded(
    nursery: Nursery, sqlite_template: Path, tmp_path: Path, chromium: Browser
) -> Iterator[tuple[Town, Page]]:
    """A server whose owner has set both, and the owner's page."""
    with a_town(nursery, sqlite_template, tmp_path, chromium) as town:
        watch = Watch(town.url.partition("://")[2])
        context = chromium.new_context(storage_state=town.storage, reduced_motion="reduce")
        watch.on(context)
        page = context.new_page()
        page.goto(f"{town.url}/settings")
        page.get_by_label("Logo", exact=True).set_input_files(LOGO)
        page.get_by_role("button", name="Upload").click()
        page.get_by_role("button", name="Remove the logo").wait_for()
        page.get_by_label("Accent colour").fill(ACCENT)
        page.get_by_role("button", name="Save the colour").click()
        page.get_by_role("button", name="Back to the usual colour").wait_for()
        yield town, page
        context.close()
        assert watch.faults == []


def test_pages_with_a_look_of_their_own_are_accessible(branded: tuple[Town, Page]) -> None:
    town, page = branded
    for path in ("/settings", "/labels", f"/c/{town.slug}", "/find", "/chargers"):
        page.goto(f"{town.url}{path}")
        logo = page.locator(".logo, .label-logo").locator("visible=true").first
        logo.wait_for()
        assert logo.evaluate("one => one.naturalWidth") > 0
        assert violations(page) == [], path
