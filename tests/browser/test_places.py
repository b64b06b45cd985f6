"""Where things stand: picked on a map, dragged there, or typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import pmtiles
from tests.browser.conftest import PHONE, Town
from tests.web.test_plans import png

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


@pytest.mark.task("operator", "Look closely at a site's plan on a phone")
def test_a_plan_is_zoomed_with_two_fingers_buttons_and_keys(visit: Visit) -> None:
    page = _with_plan(visit)
    view, drawn = page.locator("#plan-view"), page.locator("#plan")
    page.get_by_role("button", name="Zoom in").click()
    expect(view).to_have_attribute("style", re.compile("--zoom: 1.5"))
    view.press("+")
    expect(view).to_have_attribute("style", re.compile("--zoom: 2.25"))
    page.get_by_role("button", name="Show all of the plan").click()
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    before = _width(drawn)
    _pinch(page, view, 60, 180)
    expect(view).to_have_attribute("style", re.compile("--zoom: (2.[5-9]|3)"))
    assert _width(drawn) > before * 2.5
    box = view.bounding_box()
    assert box is not None
    assert box["width"] <= PHONE["width"]


def _with_plan(visit: Visit) -> Page:
    page = visit("/sites", size=PHONE, has_touch=True)
    page.get_by_role("link", name="Airport").click()
    page.goto(f"{page.url}/plan")
    page.set_input_files("#picture", {"name": "plan.png", "mimeType": "image/png", "buffer": png(400, 300)})
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#plan")).to_be_visible()
    return page


def _width(what: Locator) -> float:
    box = what.bounding_box()
    assert box is not None
    return box["width"]


def _pinch(page: Page, what: Locator, apart: int, wider: int) -> None:
    """Two fingers, from `apart` to `wider` pixels."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    screen = page.context.new_cdp_session(page)

    def touch(kind: str, spread: int | None = None) -> None:
        ends = () if spread is None else (-spread / 2, spread / 2)
        points = [{"x": x + beside, "y": y, "id": number} for number, beside in enumerate(ends)]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", apart)
    for spread in range(apart, wider + 1, 20):
        touch("touchMove", spread)
    touch("touchEnd")


@pytest.mark.parametrize("path", ["/ui/", "/find"])
def test_a_name_from_right_to_left_turns_nothing_beside_it(visit: Visit, path: str) -> None:
    """Without isolation the number would stand before the name, as it would in Hebrew."""
    is_after = visit(path).evaluate("""() => {
      const line = document.createElement("p");
      line.innerHTML = "<a href='#'>\\u05d0\\u05d1\\u05d2</a> 12 kW";
      document.querySelector("main, body").append(line);
      const number = document.createRange();
      number.setStart(line.lastChild, 1);
      number.setEnd(line.lastChild, 3);
      return number.getBoundingClientRect().left > line.firstChild.getBoundingClientRect().left;
    }""")
    assert is_after


@pytest.fixture
def streets(town: Town) -> Iterator[None]:
    """The operator has put a file with land everywhere beside the database."""
    path = town.server.directory / "basemap.pmtiles"
    pmtiles.write(path)
    yield
    path.unlink()


def test_streets_are_drawn_from_the_operators_file_by_day_and_by_night(streets: None, visit: Visit) -> None:
    page = visit("/map")
    by_day = _ground(page)
    assert min(by_day) > 200
    page.locator("[data-theme-button]").click()  # from the system's choice to a light page
    page.locator("[data-theme-button]").click()
    page.wait_for_function(f"() => {PAINTED}()?.join() !== '{','.join(map(str, by_day))}'")
    assert max(_ground(page)) < 90


# The colour in the middle of a painted tile, read from a copy: browsers warn of a canvas that is read often.
PAINTED = """(() => {
  const tile = [...document.querySelectorAll(".leaflet-streets-pane canvas")].find((x) => x.isConnected && x.width);
  if (!tile) return null;
  const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  copy.drawImage(tile, -tile.width / 2, -tile.height / 2);
  const [red, green, blue, alpha] = copy.getImageData(0, 0, 1, 1).data;
  return alpha ? [red, green, blue] : null;
})"""


def _ground(page: Page) -> list[int]:
    """The colour of the land, as it is painted."""
    found: list[int] = page.wait_for_function(f"() => {PAINTED}()").json_value()
    return found
