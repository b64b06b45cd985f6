"""No violation of WCAG 2.2 A and AA that axe-core can find: every main page, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from csms.simulator import Charger
from tests.browser.conftest import CARD, PHONE, WIDE, Town, Watch

AXE = (Path(__file__).parent / "vendor/axe-core-4.14.1/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
EVERYTHING = {"type": "tag", "values": RULES}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
RUN = """async (rules) => (await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})).violations
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`)"""
PAGES = (
    "/", "/map", "/chargers", "/chargers/new", "/chargers/{charger}", "/chargers/{charger}/sessions",
    "/chargers/{charger}/messages", "/chargers/{charger}/configuration", "/chargers/{charger}/settings",
    "/sessions", "/sessions/{session}", "/commands", "/attempts", "/cards", "/cards/new", "/accounts", "/tariffs",
    "/simulator", "/settings",
)  # fmt: skip
Visit = Callable[..., Page]


def _violations(page: Page) -> list[str]:
    found = []
    page.evaluate(AXE)
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for theme in ("light", "dark"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
            options = EVERYTHING if theme == "light" else COLOURS  # nothing but colours depends on the theme
            found += [f"{theme} {size['width']}: {words}" for words in page.evaluate(RUN, options)]
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wide > 0:
                found.append(f"{size['width']}: {wide} px too wide")
    return found


@pytest.mark.parametrize("path", PAGES)
def test_operators_pages(town: Town, visit: Visit, path: str) -> None:
    page = visit("/sessions" if "{session}" in path else path.format(charger=town.charger_id))
    if "{session}" in path:
        page.locator("main a[href^='/sessions/']").first.click()
    page.locator("main h1").first.wait_for()
    if path == "/map":
        page.locator(".donut, .pin").first.wait_for()
    assert _violations(page) == []


def test_drivers_pages(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(10)
    page = visit(f"/c/{town.slug}", olga=False)
    assert _violations(page) == []
    assert plaza.swipe(1, CARD).result(10) == "Accepted"
    page.get_by_text("Is it your car?").click()
    page.get_by_label("Number of the card that you began with").fill(CARD)
    page.get_by_role("button", name="Show my session").click()
    page.wait_for_url("**/s/*")
    page.locator(".giant").wait_for()
    assert _violations(page) == []
    session = page.url
    plaza.swipe(1, CARD).result(10)
    page.get_by_role("link", name="Show the receipt").wait_for()
    assert _violations(page) == []
    page.goto(f"{session}/receipt")
    assert _violations(page) == []


def test_the_doors_of_the_house(visit: Visit, watch: Watch) -> None:
    watch.expected.add(404)
    for path in ("/login", "/setup/used-up", "/no-such-page"):
        page = visit(path, olga=False)
        assert (path, _violations(page)) == (path, [])
