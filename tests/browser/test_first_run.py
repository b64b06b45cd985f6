"""From a fresh installation to a charging session on the screen, without reading any documentation."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from live import running
from playwright.sync_api import Browser, Page, expect

from tests.browser import looks, reach
from tests.browser.axe import violations
from tests.browser.conftest import PASSWORD, PATIENCE_MS, WIDE, Watch, setup_link
from tests.nursery import ForkedServer, Nursery

MOVES = re.compile(r"[1-9]|0[.,]0*[1-9]")  # a figure that is not zero


@pytest.mark.task("operator", "Come from the set-up link to a first session")
def test_a_first_session_is_on_the_screen(
    nursery: Nursery, chromium: Browser, tmp_path: Path, picture: Callable[[Page, str], None]
) -> None:
    with running(ForkedServer(nursery, tmp_path, f"sqlite:///{tmp_path / 'amberline.db'}")) as server:
        watch = Watch(urlsplit(server.url).netloc)
        context = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE_MS)
        watch.on(context)
        page = context.new_page()
        page.goto(setup_link(server))
        expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
        looks.keep(page, "setup.show")
        assert violations(page) == []
        assert reach.weight(page.content()) < reach.KIB * reach.ORDINARY
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.get_by_label("Your organisation").fill("Plaza Charging")
        page.get_by_label("Your user name").fill("olga")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create the owner and begin").click()

        expect(page.get_by_role("heading", name="Connect your first charger")).to_be_visible()
        expect(page.get_by_text(f"{server.ws_url}/ws/ocpp/").first).to_be_visible()
        picture(page, "first-run")
        page.get_by_role("button", name="Start a simulated charger").click()
        page.get_by_role("button", name="Plug in").first.click()
        page.get_by_role("button", name="Swipe card").first.click()
        page.get_by_role("link", name="SIM-0001").first.click()

        expect(page.locator(".badge", has_text="Charging").first).to_be_visible()
        energy = page.locator(".figure", has_text="Power").locator(".value").first
        expect(energy).to_contain_text(MOVES, timeout=PATIENCE_MS)
        context.close()
    assert watch.faults == []
    assert server.faults() == []


def test_the_set_up_link_works_once(nursery: Nursery, chromium: Browser, tmp_path: Path) -> None:
    with running(ForkedServer(nursery, tmp_path, f"sqlite:///{tmp_path / 'amberline.db'}")) as server:
        link = setup_link(server)
        page = chromium.new_page()
        page.goto(link)
        page.get_by_label("Your organisation").fill("Plaza Charging")
        page.get_by_label("Your user name").fill("olga")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create the owner and begin").click()
        page.wait_for_url(f"{server.url}/ui/")
        page.goto(link)
        expect(page.get_by_text("This link does not work any more")).to_be_hidden()
        expect(page.get_by_role("heading", name="The set-up is done")).to_be_visible()
        page.close()
