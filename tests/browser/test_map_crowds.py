"""The map of a fleet over several continents, with many chargers in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Town, a_town, at_work
from tests.nursery import Nursery

Visit = Callable[..., Page]

CITIES = (
    ("Berlin", 52.52, 13.40),
    ("Utrecht", 52.09, 5.12),
    ("Suva", -18.14, 178.44),
    ("Anchorage", 61.2, -149.9),
)
GARAGE, IN_GARAGE = (48.84, 2.38), 60


@pytest.fixture(scope="module")
def town(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Town]:
    """Seven chargers around each city, and sixty in one garage."""
    lines = ["identity,name,latitude,longitude"]
    for city, latitude, longitude in CITIES:
        lines += [f"{city}-{n},{city} {n},{latitude + n / 50},{longitude}" for n in range(1, 8)]
    lines += [f"BAY-{n},Bay {n},{GARAGE[0]},{GARAGE[1]}" for n in range(1, IN_GARAGE + 1)]
    with a_town(
        nursery, sqlite_template, tmp_path_factory.mktemp("crowds"), chromium, DEMO_CHARGERS="0"
    ) as town:
        page = chromium.new_context(storage_state=town.storage).new_page()
        page.goto(f"{town.url}/chargers/import")
        sheet = {"name": "fleet.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
        page.set_input_files("[name=file]", sheet)
        page.get_by_role("button", name="Look at it").click()
        page.get_by_role("button", name="Keep all").click()
        page.wait_for_url(f"{town.url}/chargers**")
        page.context.close()
        yield town


@pytest.mark.parametrize("size", [None, PHONE])
def test_a_fleet_on_four_continents_is_on_the_map_at_once(visit: Visit, size: dict[str, int] | None) -> None:
    page = visit("/map#map", size=size)
    expect(page.locator("#map-view .donut").first).to_be_visible()
    whole = page.locator("#map-view").bounding_box()
    boxes = [x.bounding_box() for x in page.locator("#map-view .leaflet-marker-icon").all()]
    assert whole is not None
    assert sum(int(x) for x in page.locator("#map-view .donut text").all_text_contents()) >= 7 * 4 + IN_GARAGE
    for box in boxes:
        assert box is not None
        assert whole["x"] <= box["x"] < whole["x"] + whole["width"] - 20


def test_no_donut_covers_another(visit: Visit) -> None:
    page = visit("/map")
    expect(page.locator("#map-view .donut").first).to_be_visible()
    for _ in range(4):
        boxes = [x.bounding_box() for x in page.locator("#map-view .donut").all()]
        centres = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box]
        for at, one in enumerate(centres):
            for other in centres[:at]:
                assert abs(one[0] - other[0]) + abs(one[1] - other[1]) > 40
        page.get_by_role("button", name="Zoom in").click()


def _garage(page: Page) -> None:
    """Open the garage's donut as far as it goes: a list of all that stands there."""
    page.get_by_role("link", name="Show Bay 7 on the map").click()
    expect(page.locator(".leaflet-popup")).to_contain_text("Bay 7")
    page.get_by_role("button", name="Zoom out").click()
    page.get_by_role("button", name=f"{IN_GARAGE} chargers:").focus()
    page.keyboard.press("Enter")


def test_all_that_stands_in_one_place_is_listed_in_order_and_stays_open_while_it_changes(
    town: Town, visit: Visit
) -> None:
    page = visit("/map")
    _garage(page)
    rows = page.locator(".leaflet-popup li")
    expect(rows).to_have_count(IN_GARAGE)
    assert [x.partition("\n")[0] for x in rows.all_inner_texts()[:3]] == ["Bay 1", "Bay 2", "Bay 3"]
    rows.nth(40).get_by_role("link").focus()
    with at_work(town, "BAY-2"):
        expect(rows.nth(1)).to_contain_text("Available")
        expect(rows).to_have_count(IN_GARAGE)
        expect(rows.nth(40).get_by_role("link")).to_be_focused()


def test_the_charger_that_was_asked_for_is_the_one_that_is_dragged(visit: Visit) -> None:
    page = visit("/map")
    page.get_by_role("button", name="Move chargers").click()
    page.get_by_role("link", name="Show Bay 7 on the map").click()
    tip = page.locator(".leaflet-popup-tip").bounding_box()
    assert tip is not None
    x, y = tip["x"] + tip["width"] / 2, tip["y"] + tip["height"] + 10
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 60, steps=6)
    page.mouse.up()
    expect(page.locator("#map-moved")).to_contain_text("Bay 7 is moved")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#map-moved")).to_be_hidden()


def test_a_key_on_a_donut_leaves_the_keyboard_on_the_map(visit: Visit) -> None:
    page = visit("/map")
    donut = page.locator("#map-view .donut").first
    expect(donut).to_be_visible()
    donut.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('map-view').contains(document.activeElement)")


def test_two_fingers_zoom_the_map(visit: Visit) -> None:
    page = visit("/map#map", size=PHONE, has_touch=True)
    scale = page.locator(".leaflet-control-scale-line").first
    expect(page.locator("#map-view .donut").first).to_be_visible()
    before = scale.inner_text()
    box = page.locator("#map-view").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    screen = page.context.new_cdp_session(page)
    for spread in range(30, 130, 20):
        ends = [{"x": x + beside, "y": y, "id": number} for number, beside in enumerate((-spread, spread))]
        kind = "touchStart" if spread == 30 else "touchMove"
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": ends})
        page.wait_for_timeout(40)
    screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(scale).not_to_have_text(before)
    assert page.evaluate("visualViewport.scale") == 1


def test_a_place_that_another_map_tells_is_pasted_as_it_is(visit: Visit) -> None:
    page = visit("/sites/new")
    page.locator("#latitude").focus()
    page.evaluate(
        """() => {
            const told = new DataTransfer();
            told.setData("text", "41.3874, 2.1686");
            const paste = new ClipboardEvent("paste", { clipboardData: told, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(paste);
        }"""
    )
    expect(page.locator("#longitude")).to_have_value("2.1686")
    expect(page.locator("#latitude")).to_have_value("41.3874")
    expect(page.locator("#picker-view .pin")).to_be_visible()
