"""Three things that an operator does with a charger, as a person does them: its key, a limit, a place kept."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from csms.simulator import Charger
from tests.browser.conftest import CARD, Town, Watch, at_work

KNOCK = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "ocpp1.6",
}
Visit = Callable[..., Page]


@pytest.mark.task("operator", "Change a charger’s key without locking it out")
def test_a_charger_gets_a_new_key_without_being_locked_out(town: Town, visit: Visit, watch: Watch) -> None:
    watch.expected.add(409)
    with at_work(town, "KIOSK-1"):
        page = visit("/chargers?q=KIOSK-1")
        page.get_by_role("link", name="KIOSK-1").first.click()
        page.get_by_role("navigation", name="About KIOSK-1").get_by_role("link", name="Security").click()
        page.wait_for_load_state()  # a page answers to its buttons when its script has run
        expect(page.get_by_text("Whoever knows its identity can pretend").first).to_be_visible()
        page.get_by_role("button", name="Send a new key…").click()
        page.get_by_role("dialog").get_by_role("button", name="Send a new key").click()
        expect(page.get_by_text("This is the only time that you see it.")).to_be_visible()
        key = page.locator("main .codebox code").first.inner_text()
        page.get_by_role("link", name="I have it").click()
        expect(page.locator("#charger-security")).to_contain_text("Protected")
        expect(page.locator("#charger-security")).to_contain_text("1 · Key, without TLS")
        assert len(key) >= 16
        address = f"{town.url}/ws/ocpp/KIOSK-1"
        assert requests.get(address, headers=KNOCK, timeout=10).status_code == 401
        page.reload()  # the dialog offers what could be reached when its page was read
        page.wait_for_load_state()
        page.get_by_role("button", name="Raise…").click()
        page.get_by_role("dialog").get_by_role("button", name="Raise").click()
        expect(page.locator("#command .command.is-fault")).to_be_visible()  # there is no TLS to rise to


@pytest.mark.task("operator", "Limit a charger now, and take the limit away")
def test_a_limit_now_is_in_force_and_on_the_timeline(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/chargers/{town.charger_id}/smart-charging?unit=W")
    now = page.locator("#smart-charging .figure", has_text="Now")
    expect(now).to_contain_text("no limit")
    page.get_by_role("button", name="Limit now…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Limit", exact=True).fill("40")
    dialog.get_by_role("button", name="Set limit").click()
    expect(now).to_contain_text("40.0 kW")
    row = page.get_by_role("row", name=re.compile("Limit 40 kW"))
    expect(row).to_contain_text("Installed")
    expect(page.get_by_role("img", name=re.compile(r"now 40\.0\s+kW"))).to_be_visible()
    plaza.plug(1).result(10)
    assert plaza.swipe(1, CARD).result(10) == "Accepted"
    plaza.wait_until(lambda c: 1_000 < c.state().connectors[0].power_w < 41_000, 10)
    row.get_by_role("button", name="Clear").click()
    expect(now).to_contain_text("no limit")
    plaza.wait_until(lambda c: c.state().connectors[0].power_w > 41_000, 10)


@pytest.mark.task("operator", "Keep a connector for a card")
def test_a_place_is_kept_for_a_card_and_given_back(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/chargers/{town.charger_id}")
    page.locator("summary", has_text="More").click()
    page.get_by_role("link", name="Reserve…").click()
    page.get_by_label("Card", exact=True).fill(CARD)
    page.get_by_role("button", name="Reserve", exact=True).click()
    plaza.wait_until_status(1, "Reserved", 10)
    row = page.locator("[id^=reservation-]", has_text="Plaza DC-2")
    expect(row.locator(".badge", has_text="Reserved")).to_be_visible()
    driver = visit(f"/c/{town.slug}", olga=False)
    expect(driver.locator("#landing-state")).to_contain_text("Reserved until")
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0)
    plaza.wait_until_status(1, "Available", 10)
    expect(page.get_by_role("row", name=re.compile("Plaza DC-2.*Cancelled"))).to_be_visible()
    expect(driver.locator("#landing-state")).to_contain_text("Ready to charge")
