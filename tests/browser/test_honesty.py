"""A page says when it no longer knows: also one that was told something every second until then."""

from __future__ import annotations

import signal
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Town, Watch

Visit = Callable[..., Page]


def test_a_busy_page_says_when_the_server_falls_silent_and_when_it_is_back(town: Town, visit: Visit) -> None:
    page = visit("/profile")
    page.clock.install()
    page.goto(f"{town.url}/ui/")
    expect(page.locator("#live-state")).to_have_attribute("data-state", "live")
    assert town.server.process is not None
    town.server.process.send_signal(signal.SIGSTOP)
    try:
        page.clock.fast_forward(46_000)
        expect(page.get_by_text("Connection lost. Showing")).to_be_visible()
        expect(page.locator("#live-state")).to_contain_text("Reconnecting…")
    finally:
        town.server.process.send_signal(signal.SIGCONT)
    expect(page.get_by_text("Connection lost. Showing")).to_be_hidden()
    expect(page.locator("#live-state")).to_have_attribute("data-state", "live")


def test_a_page_whose_first_stream_could_not_be_had_asks_for_it_again(
    town: Town, visit: Visit, watch: Watch
) -> None:
    watch.expected.add(503)
    page = visit("/profile")
    page.route("**/live?*", lambda route: route.fulfill(status=503), times=1)
    page.clock.install()
    page.goto(f"{town.url}/ui/")
    page.clock.fast_forward(5_000)
    expect(page.locator("#live-state")).to_have_attribute("data-state", "lost")
    page.clock.fast_forward(16_000)
    expect(page.locator("#live-state")).to_have_attribute("data-state", "live")
