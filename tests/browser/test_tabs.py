"""Many tabs at once: a browser opens six connections to a server, so a tab that nobody looks at must let go of its own.

Chromium without a desktop shows all its tabs at the same time. Which one is in front is told to the pages here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from csms.simulator import Charger
from tests.browser.conftest import Town

SOON_MS = 20_000  # a tab that waits for another to let go waits for much longer
# A tab is opened in the background, as by a click with the wheel, and stays where it is when it goes to another page.
IN_BACKGROUND = """const shown = () => { try { return sessionStorage.shown === "yes"; } catch { return false; } };
Object.defineProperty(Document.prototype, "hidden", { get: () => !shown() });
Object.defineProperty(Document.prototype, "visibilityState", { get: () => shown() ? "visible" : "hidden" });"""
TURN = """shown => {
  sessionStorage.shown = shown;
  document.dispatchEvent(new Event("visibilitychange"));
}"""
CHARGERS_TABS = (
    "",
    "/sessions",
    "/messages",
    "/smart-charging",
    "/slots",
    "/configuration",
    "/conformance",
    "/firmware",
    "/security",
    "/settings",
)


def test_twelve_open_tabs_all_work(town: Town, plaza: Charger, visit: Callable[..., Page]) -> None:
    first = visit("/profile")
    first.context.add_init_script(IN_BACKGROUND)
    here = f"/chargers/{town.charger_id}"
    watched = [(f"{here}{tab}", "#charger-head") for tab in CHARGERS_TABS]
    watched += [("/chargers?q=Plaza", "[data-rows] tr:has-text('Plaza DC-2')"), (f"/c/{town.slug}", "main")]
    tabs = []
    for path, where in watched:
        tab = first.context.new_page()
        tab.goto(town.url + path, timeout=SOON_MS)
        tabs.append((tab, tab.locator(where).first))
    assert len(tabs) == 12
    first.close()

    for number, (tab, status) in enumerate(tabs):
        tab.evaluate(TURN, "yes")
        if number % 2:
            plaza.unplug(1).result(10)
        else:
            plaza.plug(1).result(10)
        words = re.compile("Available|Ready to charge" if number % 2 else "Plugged in")
        expect(status).to_contain_text(words, timeout=SOON_MS)
        tab.goto(f"{town.url}/reservations", timeout=SOON_MS)
        expect(tab.get_by_role("heading", name="Reservations", exact=True)).to_be_visible(timeout=SOON_MS)
        tab.evaluate(TURN, "no")
