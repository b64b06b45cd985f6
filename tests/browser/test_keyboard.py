"""The main tasks without a mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]


@pytest.mark.task("operator", "Ask several chargers for their status without a mouse")
def test_chargers_are_asked_for_their_status_by_keys_alone(visit: Visit) -> None:
    page = visit("/ui/")
    page.locator("main h1").first.wait_for()
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/chargers*")
    page.locator("[data-rows] > tr").first.wait_for()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("2 ticked")).to_be_visible()
    page.keyboard.press(".")
    action = page.get_by_role("button", name="Ask for a message…")
    expect(action).to_be_visible()
    action.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/chargers/bulk/trigger?*")
    page.locator("button[name=what][value=begin]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/commands/batches/*")
    expect(page.get_by_text("All asked", exact=True)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/commands")
    expect(page.get_by_role("link", name="Ask for StatusNotification").first).to_be_visible()


def test_a_list_with_ticks_keeps_its_rows_and_renews_its_cells(visit: Visit) -> None:
    page = visit("/chargers?q=DEMO")
    row = page.locator("[data-rows] > tr").first
    row.locator("[name=id]").check()
    page.evaluate("document.querySelector('[data-rows] > tr').dataset.mark = 'mine'")
    heard = page.locator("[id^=heard-] time").first
    before = heard.get_attribute("datetime")
    assert before is not None
    expect(heard).not_to_have_attribute("datetime", before, timeout=60_000)
    assert row.get_attribute("data-mark") == "mine"
    expect(page.get_by_text("1 ticked")).to_be_visible()
