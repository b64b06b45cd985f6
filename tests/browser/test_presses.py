"""A press is never lost: not to news that come while the button is down, not to scripts that are not there yet."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, Route, expect

from csms.simulator import Charger
from tests.browser.conftest import CARD, Town

Visit = Callable[..., Page]
ON_THEIR_WAY = "**/static/**/*.js*"


def _down(page: Page, button: Locator) -> None:
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()


def _news(page: Page, path: str) -> None:
    """Let the page read a region again, and do with the answer what it does."""
    with page.expect_response(lambda answer: answer.url.endswith(path)) as reading:
        page.evaluate("htmx.trigger('#live', 'resync')")
    reading.value.finished()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def _simulated(visit: Visit) -> tuple[Page, Locator]:
    """The page of the simulators, and the part of a charger of its own."""
    page = visit("/simulator")
    page.get_by_label("Or one called").fill("PRESSED")
    page.get_by_role("button", name="Start", exact=True).first.click()
    card = page.locator("#sim-PRESSED")
    expect(card).to_contain_text("Accepted")
    return page, card


def test_news_that_come_while_a_button_is_down_wait_until_it_is_up(visit: Visit) -> None:
    page, card = _simulated(visit)
    for there, now in (("plug", "unplug"), ("unplug", "plug")):
        _down(page, page.locator(f"#sim-PRESSED-1-{there}"))
        _news(page, "/simulator/live")
        page.mouse.up()
        expect(page.locator(f"#sim-PRESSED-1-{now}")).to_be_visible()
    card.get_by_role("button", name="Stop", exact=True).click()


def test_a_key_that_is_down_presses_the_same_button_when_it_is_up(visit: Visit) -> None:
    page, card = _simulated(visit)
    page.locator("#sim-PRESSED-1-plug").focus()
    _news(page, "/simulator/live")  # the focus stays where it was
    page.keyboard.down(" ")
    _news(page, "/simulator/live")
    page.keyboard.up(" ")
    expect(page.locator("#sim-PRESSED-1-unplug")).to_be_visible()
    card.get_by_role("button", name="Stop", exact=True).click()


def test_what_came_during_a_press_is_shown_after_it(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/chargers/{town.charger_id}")
    badge = page.locator("#charger-live .badge").first
    expect(badge).to_contain_text("Available")
    _down(page, page.get_by_role("heading", name="Connector 1"))
    plaza.plug(1).result(10)
    _news(page, "/live")
    expect(badge).to_contain_text("Available")
    page.mouse.up()
    expect(badge).to_contain_text("Plugged in")


def test_the_button_of_a_dialog_ends_the_session_whatever_comes_meanwhile(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    plaza.plug(1).result(10)
    assert plaza.swipe(1, CARD).result(10) == "Accepted"
    page = visit(f"/chargers/{town.charger_id}")
    page.get_by_role("button", name="Stop…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Fleet account 7")).to_be_visible()
    _down(page, dialog.get_by_role("button", name="Stop session"))
    _news(page, "/live")
    page.mouse.up()
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is None, 20)


def test_a_press_before_the_scripts_are_here_opens_the_dialog_and_sends_its_form(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    page = visit("/chargers")
    late: list[Route] = []
    page.route(ON_THEIR_WAY, lambda route: late.append(route))
    newest = max(frame.number for frame in plaza.frames())
    page.goto(f"{town.url}/chargers/{town.charger_id}", wait_until="commit")
    page.get_by_role("button", name="Reset…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Reset", exact=True).click()
    plaza.wait_until(lambda c: any('"BootNotification"' in f.text for f in c.frames(newest)), 20)
    page.unroute_all(behavior="ignoreErrors")


def test_a_dialog_that_was_open_before_the_scripts_came_is_filled_by_them(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    plaza.plug(1).result(10)
    assert plaza.swipe(1, CARD).result(10) == "Accepted"
    page = visit("/chargers")
    late: list[Route] = []
    page.route(ON_THEIR_WAY, lambda route: late.append(route))
    page.goto(f"{town.url}/chargers/{town.charger_id}", wait_until="commit")
    page.get_by_role("button", name="Stop…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    for route in late:
        route.continue_()
    expect(page.get_by_role("dialog").get_by_text("Fleet account 7")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Stop session").click()
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is None, 20)


def test_a_form_that_is_pressed_again_while_its_page_waits_is_sent_once(visit: Visit) -> None:
    page = visit("/accounts/new")
    asked: list[Route] = []
    page.route("**/accounts/new", lambda route: asked.append(route))  # noqa: PLW0108  Playwright looks at its signature
    page.get_by_label("Name").fill("Impatient")
    _down(page, page.get_by_role("button", name="Add driver"))
    for _ in range(2):
        page.mouse.down()
        page.mouse.up()
        page.wait_for_timeout(300)
    assert len(asked) == 1
    asked[0].continue_()
    expect(page.get_by_role("heading", name="Impatient")).to_be_visible()
