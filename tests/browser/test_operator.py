"""What an operator does all day, with a charger that is in the test's own hands."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from csms.simulator import Charger
from tests.browser.conftest import CARD, PHONE, Town, Watch

SOON_S = 5.0
Visit = Callable[..., Page]


def _told_wh(charger: Charger, after: int) -> tuple[int, float | None]:
    """(number of the newest frame, register in Wh of the newest MeterValues after `after`)."""
    newest, told = after, None
    for frame in charger.frames(after):
        newest = frame.number
        if '"MeterValues"' not in frame.text:
            continue
        for value in json.loads(frame.text)[3]["meterValue"]:
            for sample in value["sampledValue"]:
                if (
                    sample.get("measurand", "Energy.Active.Import.Register")
                    == "Energy.Active.Import.Register"
                ):
                    told = float(sample["value"])
    return newest, told


def _charge(charger: Charger) -> None:
    charger.plug(1).result(10)
    assert charger.swipe(1, CARD).result(10) == "Accepted"


def test_the_figures_of_a_running_session_follow_its_meter(
    town: Town, plaza: Charger, visit: Visit, picture: Callable[..., None]
) -> None:
    _charge(plaza)
    page = visit(f"/chargers/{town.charger_id}")
    energy = page.locator(".figure", has_text="Energy").locator(".value")
    expect(page.locator(".figure", has_text="Power").locator(".value")).to_contain_text("kW")
    begin_wh = plaza.state().connectors[0].energy_wh - plaza.state().connectors[0].session_wh
    seen, told_wh = _told_wh(plaza, 0)
    for _ in range(3):
        told_wh = None
        while told_wh is None:
            seen, told_wh = _told_wh(plaza, seen)
            time.sleep(0.02)
        began = time.monotonic()
        shown = f"{round((told_wh - round(begin_wh)) / 10) / 100:.2f}"
        page.wait_for_function(
            "([box, wanted]) => Math.abs(parseFloat(box.textContent) - wanted) < 0.0151",
            arg=[energy.element_handle(), float(shown)],
        )
        assert time.monotonic() - began < SOON_S
    picture(page, "charger", after_s=3)


@pytest.mark.task("operator", "Start a session from afar, and stop it")
def test_a_remote_start_from_the_page_ends_in_a_session_and_a_stop_ends_it(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    plaza.plug(1).result(10)
    page = visit(f"/chargers/{town.charger_id}")
    expect(page.locator(".badge", has_text="Plugged in").first).to_be_visible()
    page.get_by_role("button", name="Start…").click()
    page.get_by_role("dialog").get_by_label("Card").fill(CARD)
    page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is not None, 10)
    expect(page.locator("#command").get_by_role("link", name="Session")).to_be_visible()
    expect(page.locator(".badge", has_text="Charging").first).to_be_visible()

    page.get_by_role("button", name="Stop…").click()
    expect(page.get_by_role("dialog").get_by_text("Fleet account 7")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Stop session").click()
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is None, 10)
    expect(page.locator(".badge", has_text="Unplug").first).to_be_visible()


@pytest.mark.task("operator", "Restart a charger")
def test_a_reset_restarts_the_charger(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/chargers/{town.charger_id}")
    newest = max(frame.number for frame in plaza.frames())
    page.get_by_role("button", name="Reset…").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset", exact=True).click()
    plaza.wait_until(lambda c: any('"BootNotification"' in f.text for f in c.frames(newest)), 15)
    expect(page.locator("#command")).to_contain_text("Reset")
    expect(page.locator("#command .command.is-ready, #command .command.is-active").first).to_be_visible()


@pytest.mark.task("operator", "Add a card that was seen at a charger")
def test_a_card_is_added_and_can_be_used_at_once(plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(10)
    assert plaza.swipe(1, "AABBCCDD").result(10) != "Accepted"
    page = visit("/cards")
    row = page.locator(".line", has_text="AABBCCDD")
    row.get_by_role("link", name="Add").click()
    expect(page.get_by_label("Number", exact=True)).to_have_value("AABBCCDD")
    page.get_by_label("Label", exact=True).fill("Found at the plaza")
    page.get_by_role("button", name="Add card").click()
    expect(page.get_by_text("Found at the plaza")).to_be_visible()
    assert plaza.swipe(1, "AABBCCDD").result(10) == "Accepted"


@pytest.mark.task("operator", "See why a charger cannot connect")
def test_a_refused_connection_is_explained(town: Town, visit: Visit) -> None:
    answer = requests.get(
        f"{town.url}/ws/ocpp/NEW-9",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol": "ocpp2.0",
        },
        timeout=10,
    )
    assert answer.status_code >= 400
    page = visit("/attempts")
    row = page.locator("[id^=attempt-]").first
    expect(row).to_contain_text("NEW-9")
    expect(row.locator(".remedy")).not_to_be_empty()


@pytest.mark.task("operator", "See on the map where a charger has broken")
def test_the_map_repaints_when_a_charger_breaks(
    town: Town, plaza: Charger, visit: Visit, watch: Watch
) -> None:
    page = visit("/map")
    row = page.locator(f"#spot-{town.charger_id}")
    expect(row).to_contain_text("Available")
    plaza.fault(1, "GroundFailure").result(10)
    expect(row).to_contain_text("Faulted")
    row.get_by_role("link", name="Show Plaza DC-2 on the map").click()
    pin = page.get_by_role("button", name="Plaza DC-2: Faulted")
    expect(pin).to_be_visible()
    expect(page.locator(".leaflet-popup")).to_contain_text("Faulted")
    plaza.clear_fault(1).result(10)
    expect(page.get_by_role("button", name="Plaza DC-2: Available")).to_be_visible()
    expect(page.locator(".leaflet-popup")).to_contain_text("Available")


def test_the_buttons_of_the_map_are_in_the_readers_language(town: Town, visit: Visit) -> None:
    page = visit("/map", locale="de-DE")
    expect(page.get_by_role("button", name="Vergrößern")).to_have_attribute("title", "Vergrößern")
    expect(page.get_by_role("button", name="Verkleinern")).to_be_visible()
    page.get_by_role("link", name="Plaza DC-2 auf der Karte zeigen").click()
    expect(page.locator(".leaflet-popup-close-button")).to_have_attribute("aria-label", "Schließen")


def test_who_is_quicker_than_the_map_is_shown_the_charger_all_the_same(town: Town, visit: Visit) -> None:
    page = visit("/chargers")
    held: list[Route] = []
    page.route("**/map/points*", lambda route: held.append(route), times=1)
    with page.expect_request("**/map/points*"):
        page.goto(f"{town.url}/map")
    page.get_by_role("link", name="Show Plaza DC-2 on the map").click()
    held[0].continue_()
    expect(page.locator(".leaflet-popup")).to_contain_text("Plaza DC-2")


def test_the_map_is_never_blank(town: Town, visit: Visit, picture: Callable[[Page, str], None]) -> None:
    page = visit("/map")
    expect(page.locator(".donut, .pin").first).to_be_visible()
    expect(page.locator("path.map-land").first).to_be_attached()
    picture(page, "map")


def test_a_keyboard_opens_a_cluster_and_a_charger(visit: Visit) -> None:
    page = visit("/map")
    cluster = page.get_by_role("button", name="chargers:").first
    expect(cluster).to_be_visible()
    cluster.focus()
    page.keyboard.press("Enter")
    pin = page.locator(".leaflet-marker-icon:has(.pin)").first
    expect(pin).to_be_visible()
    pin.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".leaflet-popup a[href^='/chargers/']")).to_be_visible()


def test_on_a_phone_the_list_comes_first_and_the_map_on_request(visit: Visit) -> None:
    page = visit("/map", size=PHONE)
    expect(page.locator("#map-list")).to_be_visible()
    expect(page.locator("#map-view")).to_be_hidden()
    page.get_by_role("navigation", name="View").get_by_role("link", name="Map").click()
    expect(page.locator(".donut, .pin").first).to_be_visible()
    expect(page.locator("#map-list")).to_be_hidden()


def test_the_dashboard_shows_the_town_at_work(visit: Visit, picture: Callable[..., None]) -> None:
    page = visit("/")
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator("#dashboard-sessions")).to_contain_text("kWh")
    picture(page, "dashboard", after_s=1)


def test_the_orders_stay_within_a_thumbs_reach_on_a_phone(town: Town, visit: Visit) -> None:
    page = visit(f"/chargers/{town.charger_id}", size=PHONE)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("button", name="Reset…")).to_be_in_viewport(ratio=1)
    bar, last = page.locator(".order-bar").bounding_box(), page.locator("main .card").last.bounding_box()
    assert bar is not None
    assert last is not None
    assert last["y"] + last["height"] <= bar["y"]
    page.locator(".order-bar summary").click()
    expect(page.get_by_role("link", name="Reserve…")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


def test_the_messages_wait_while_one_is_read(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/chargers/{town.charger_id}/messages")
    newest = page.locator("#charger-messages details").first
    newest.locator("summary").click()
    name = newest.get_attribute("id")
    with page.expect_response("**/messages/list*"):
        plaza.tell("Heartbeat", {}).result(10)
    expect(page.get_by_text("New messages wait while one is open.")).to_be_visible()
    assert newest.get_attribute("id") == name
    newest.locator("summary").click()
    expect(page.get_by_text("New messages wait while one is open.")).to_be_hidden()
    with page.expect_response("**/messages/list*"):
        plaza.tell("Heartbeat", {}).result(10)
    expect(newest).not_to_have_id(name or "")
