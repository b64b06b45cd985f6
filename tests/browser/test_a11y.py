"""No violation of WCAG 2.2 A and AA that axe-core can find: every main page, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from csms.simulator import Charger
from tests.browser.axe import violations
from tests.browser.conftest import CARD, Town, Watch

# Beside those that a walk through all pages meets (test_pages.py): another look of them, and what no link leads to.
PAGES = (
    "/chargers?look=tiles", "/chargers?look=table", "/chargers/bulk/tag?all=1",
    "/map",
)  # fmt: skip
Visit = Callable[..., Page]


@pytest.mark.parametrize("path", PAGES)
def test_operators_pages(
    town: Town, visit: Visit, path: str, record_property: Callable[[str, object], None]
) -> None:
    page = visit(path)
    page.locator("main h1").first.wait_for()
    if path == "/map":
        page.locator(".donut, .pin").first.wait_for()
    found = violations(page)
    record_property("axe", len(found))
    assert found == []


def test_the_page_of_a_refused_connection(town: Town, visit: Visit) -> None:
    knock = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Protocol": "ocpp1.2"}
    assert requests.get(f"{town.url}/ws/ocpp/BOX-9", headers=knock, timeout=10).status_code == 400
    page = visit("/attempts")
    row = page.get_by_role("listitem").filter(has_text="BOX-9")
    row.get_by_role("link", name="What to do").click()
    page.get_by_text("What to enter at the charger").wait_for()
    assert violations(page) == []
    page.goto(f"{town.url}/attempts")
    row.get_by_role("button", name="Forget").click()
    expect(row).to_have_count(0)


def test_drivers_pages(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(10)
    page = visit(f"/c/{town.slug}", olga=False)
    assert violations(page) == []
    assert plaza.swipe(1, CARD).result(10) == "Accepted"
    page.get_by_text("Is it your car?").click()
    page.get_by_label("Number of the card that you began with").fill(CARD)
    page.get_by_role("button", name="Show my session").click()
    page.wait_for_url("**/s/*")
    page.locator(".giant").wait_for()
    assert violations(page) == []
    plaza.swipe(1, CARD).result(10)
    page.get_by_role("link", name="Show the receipt").wait_for()
    assert violations(page) == []
    page.goto(f"{town.url}/find?all=1&near=25.67,-100.31")
    page.get_by_text("Show them on a map").click()
    page.locator("#find-map .spot").first.wait_for()
    assert violations(page) == []


def test_the_doors_of_the_house(visit: Visit, watch: Watch) -> None:
    watch.expected.add(404)
    for path in ("/setup/used-up", "/login/link/used-up", "/no-such-page"):
        page = visit(path, olga=False)
        assert (path, violations(page)) == (path, [])
