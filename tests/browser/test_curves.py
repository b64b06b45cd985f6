"""A session's curve is drawn by the server; what zoom and cursor take comes when somebody goes near it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Town

TWO_READINGS_MS = 60_000  # the town's chargers have just begun; a curve takes two readings
Visit = Callable[..., Page]


def _session_with_a_curve(visit: Visit, town: Town) -> Page:
    page = visit("/sessions")
    link = page.locator("main td a[href^='/sessions/']").first
    link.wait_for(timeout=TWO_READINGS_MS)
    page.goto(town.url + str(link.get_attribute("href")))
    expect(page.locator(".still svg").first).to_be_visible(timeout=TWO_READINGS_MS)
    return page


def test_the_drawn_curve_gets_zoom_and_cursor_when_it_is_pointed_at(visit: Visit, town: Town) -> None:
    page = _session_with_a_curve(visit, town)
    expect(page.locator("script[src*=uPlot]")).to_have_count(0)
    page.locator(".still").first.hover()
    expect(page.locator(".plot .uplot")).to_be_visible()
    expect(page.locator(".still").first).to_be_hidden()


def test_by_keyboard_the_focus_goes_from_the_drawn_curve_to_the_new_one(visit: Visit, town: Town) -> None:
    page = _session_with_a_curve(visit, town)
    page.locator(".still").first.focus()
    expect(page.locator(".plot .uplot")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".u-legend .u-value").first).not_to_have_text("--")
