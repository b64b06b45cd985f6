"""No violation of WCAG 2.2 A and AA that axe-core can find: every main page, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page

from csms.simulator import Charger
from tests.browser.conftest import CARD, PHONE, WIDE, Town, Watch

AXE = (Path(__file__).parent / "vendor/axe-core-4.14.1/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
EVERYTHING = {"type": "tag", "values": RULES}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
RUN = """async (rules) => (await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})).violations
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`)"""
TWICE = """() => [...document.querySelectorAll("[id]")].map((one) => one.id)
    .filter((id, at, all) => all.indexOf(id) !== at).map((id) => `two elements are called ${id}`)"""
CUT_OFF = """() => [...document.querySelectorAll(".segmented")].filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => `cut off: ${one.textContent.trim()}`)"""
PAGES = (
    "/", "/map", "/sites", "/sites/1", "/sites/1/edit", "/sites/1/plan", "/sites/new",
    "/chargers?status=all", "/chargers?look=tiles", "/chargers?look=table", "/chargers/new", "/chargers/import",
    "/chargers/bulk?all=1", "/chargers/bulk/reset-soft?all=1", "/chargers/bulk/tag?all=1", "/commands/batches",
    "/chargers/{charger}", "/chargers/{charger}/sessions",
    "/chargers/{charger}/messages", "/chargers/{charger}/readings",
    "/chargers/{charger}/configuration", "/chargers/{charger}/settings",
    "/chargers/{charger}/security", "/certificates", "/certificates/events",
    "/chargers/{charger}/smart-charging", "/chargers/{charger}/smart-charging/clear", "/chargers/{charger}/slots",
    "/charging-profiles", "/charging-profiles/new",
    "/sessions", "/sessions/review", "/sessions/{session}", "/commands", "/reservations", "/reservations/new",
    "/attempts", "/cards", "/cards/new", "/cards/scan", "/cards/import",
    "/accounts", "/accounts/vehicles", "/vouchers", "/subscriptions", "/tariffs", "/cdrs",
    "/payments", "/settings/payments",
    "/configuration", "/configuration/new", "/configuration/drift", "/local-lists",
    "/nodes", "/simulator", "/simulator/entries/new", "/odoo", "/odoo/new", "/settings", "/hostnames", "/readme/",
    "/developers", "/ui-kit",
    "/settings/users", "/settings/users/1", "/settings/mail", "/settings/audit",
    "/settings/backups", "/settings/health", "/profile", "/profile/second-factor",
    "/grid", "/integrations", "/webhooks", "/webhooks/new", "/alerts", "/alerts/rules/new",
    "/chargers/{charger}/conformance", "/conformance",
    "/chargers/{charger}/firmware", "/firmware", "/firmware/rollouts", "/labels",
)  # fmt: skip
Visit = Callable[..., Page]


def violations(page: Page) -> list[str]:
    found = page.evaluate(TWICE)
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
            found += page.evaluate(CUT_OFF)
            if wide > 0:
                found.append(f"{size['width']}: {wide} px too wide")
    return found


@pytest.mark.parametrize("path", PAGES)
def test_operators_pages(
    town: Town, visit: Visit, path: str, record_property: Callable[[str, object], None]
) -> None:
    page = visit("/sessions" if "{session}" in path else path.format(charger=town.charger_id))
    if "{session}" in path:
        page.locator("main a[href^='/sessions/']").first.click()
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
    page.get_by_role("link", name="What to do").click()
    page.get_by_text("What to enter at the charger").wait_for()
    assert violations(page) == []
    page.goto(f"{town.url}/attempts")
    page.get_by_role("button", name="Forget").click()
    page.get_by_text("Nobody was sent away").wait_for()


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
    session = page.url
    plaza.swipe(1, CARD).result(10)
    page.get_by_role("link", name="Show the receipt").wait_for()
    assert violations(page) == []
    page.goto(f"{session}/receipt")
    assert violations(page) == []
    page.goto(f"{town.url}/c/{town.slug}/trouble")
    assert violations(page) == []
    page.goto(f"{town.url}/find?all=1&near=25.67,-100.31")
    page.get_by_text("Show them on a map").click()
    page.locator("#find-map .spot").first.wait_for()
    assert violations(page) == []


def test_the_doors_of_the_house(visit: Visit, watch: Watch) -> None:
    watch.expected.add(404)
    for path in ("/login", "/setup/used-up", "/no-such-page"):
        page = visit(path, olga=False)
        assert (path, violations(page)) == (path, [])
