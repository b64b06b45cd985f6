"""Where things stand: picked on a map, dragged there, or typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Town

Visit = Callable[..., Page]


def _drag(page: Page, what: Locator, right: float, down: float) -> None:
    box = what.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=6)
    page.mouse.up()


@pytest.mark.task("operator", "Place a site on the map")
@pytest.mark.seed("004", "latitude and longitude")
def test_a_site_is_placed_by_a_click_a_drag_and_by_typing(visit: Visit) -> None:
    page = visit("/sites/new")
    latitude, longitude = page.locator("#latitude"), page.locator("#longitude")
    page.fill("#name", "Old quay")
    page.locator("#picker-view").click(position={"x": 120, "y": 100})
    expect(latitude).not_to_have_value("")
    clicked = float(longitude.input_value())
    pin = page.locator("#picker-view .leaflet-marker-icon")
    _drag(page, pin, 80, 40)
    assert float(longitude.input_value()) > clicked
    latitude.fill("25.7")
    longitude.fill("-100.3")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("h1")).to_have_text("Old quay")
    expect(page.get_by_text("25.7, -100.3")).to_be_visible()


@pytest.mark.task("operator", "Move a charger on the map, and put it back")
def test_a_charger_is_dragged_on_the_map_and_put_back(town: Town, visit: Visit) -> None:
    page = visit(f"/map?site={_alone(visit)}")
    page.get_by_role("button", name="Move chargers").click()
    before = _point(page, town)
    _drag(page, page.locator("#map-view .pin").first, -60, -40)
    expect(page.locator("#map-moved")).to_contain_text("is moved")
    assert _point(page, town) != before
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#map-moved")).to_be_hidden()
    assert _point(page, town) == before


def _alone(visit: Visit) -> str:
    """The id of a site with one charger: no cluster hides its pin."""
    page = visit("/sites")
    address = page.get_by_role("link", name="Airport").get_attribute("href")
    assert address is not None
    return address.rpartition("/")[2]


def _point(page: Page, town: Town) -> Any:
    points = page.request.get(f"{town.url}/map/points").json()
    return next(x[1:3] for x in points if x[4] == "Airport DC-1")
