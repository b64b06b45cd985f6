"""What is done to many chargers, or before one is in use: each as a person does it, from where one would look."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from csms.simulator import Charger, ChargerOptions
from tests.browser.conftest import CARD, PHONE, Town

Visit = Callable[..., Page]
PATIENCE_S = 30.0


@pytest.mark.task("operator", "Let a new charger in, and give it a key that is shown once")
def test_let_a_new_charger_in_and_give_it_a_key_that_is_shown_once(town: Town, visit: Visit) -> None:
    address = f"{town.server.ws_url}/ws/ocpp"
    charger = Charger("ZINC-7", address).start()
    charger.wait_until(lambda x: x.state().registration == "Pending", PATIENCE_S)
    page = visit("/ui/", size=PHONE)
    row = page.get_by_role("listitem").filter(has_text="ZINC-7")
    row.get_by_role("button", name="Adopt").click()
    expect(page.get_by_text("ZINC-7 is let in.")).to_be_visible()
    charger.boot().result(PATIENCE_S)  # as it does by itself, a minute later
    charger.wait_until(lambda x: x.state().registration == "Accepted", PATIENCE_S)
    charger.stop()
    page.goto(f"{town.url}/chargers?q=ZINC")
    page.get_by_role("link", name="ZINC-7", exact=True).click()
    page.get_by_role("link", name="Security").click()
    page.get_by_role("button", name="Make a key…").click()
    page.get_by_role("dialog").get_by_role("button", name="Make").click()
    expect(page.get_by_text("This is the only time that you see it.")).to_be_visible()
    key = page.locator("main .codebox code").first.inner_text()
    page.get_by_role("link", name="I have it").click()
    expect(page.get_by_role("main")).to_contain_text("Protected")
    expect(page.get_by_text(key)).to_have_count(0)
    charger = Charger("ZINC-7", address, ChargerOptions(password=key)).connect(PATIENCE_S)
    charger.stop()


@pytest.mark.task("operator", "Set a key of many chargers, and look at who took it")
def test_set_a_key_of_many_chargers_and_look_at_who_took_it(visit: Visit) -> None:
    page = visit("/chargers?q=Plaza")
    page.get_by_role("link", name=re.compile("that match")).click()
    page.get_by_role("link", name="Set a configuration key").click()
    page.get_by_label("Key", exact=True).fill("ClockAlignedDataInterval")
    page.get_by_label("Value", exact=True).fill("900")
    page.get_by_role("button", name="Show who is meant").click()
    expect(page.get_by_role("row", name="Plaza DC-2")).to_contain_text("Offline")
    meant = page.get_by_label(re.compile(r"^Type \d+ to confirm$"))
    meant.fill(re.findall(r"\d+", meant.locator("xpath=..").inner_text())[0])
    page.get_by_role("button", name="Set a configuration key").click()
    expect(page.get_by_text("All asked", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="Plaza AC-1")).to_contain_text("Accepted")
    page.get_by_role("link", name="Plaza AC-1").click()
    page.get_by_role("link", name="Configuration", exact=True).last.click()
    expect(page.get_by_role("row", name="ClockAlignedDataInterval")).to_contain_text("900")


@pytest.mark.task("operator", "See what a charger’s key was before, and set it back")
@pytest.mark.usefixtures("plaza")
def test_see_what_a_key_was_before_and_set_it_back(visit: Visit) -> None:
    page = visit("/chargers?q=Plaza DC-2")
    page.get_by_role("link", name="Plaza DC-2", exact=True).click()
    page.get_by_role("link", name="Configuration", exact=True).last.click()
    page.get_by_role("button", name="Read all from the charger").click()
    row = page.get_by_role("row", name="ConnectionTimeOut")
    row.get_by_role("img", name="Change ConnectionTimeOut").click()
    row.get_by_label("New value of ConnectionTimeOut").fill("90")
    row.get_by_role("button", name="Set", exact=True).click()
    row.get_by_text("History").click()
    expect(row.get_by_role("listitem").first).to_contain_text("60 → 90")
    row.get_by_role("button", name="Set back to 60").click()
    expect(row.get_by_role("listitem").first).to_contain_text("90 → 60")


@pytest.mark.task("operator", "Keep an hour of tomorrow on the day’s grid, and give it back")
def test_keep_an_hour_of_tomorrow_on_the_grid_of_days(visit: Visit) -> None:
    page = visit("/reservations")
    page.get_by_role("link", name="The day after").click()
    page.get_by_role("link", name="Reserve Airport DC-1 · connector 2 at 15:00").click()
    page.get_by_label("Card", exact=True).fill(CARD)
    page.get_by_role("button", name="Reserve", exact=True).click()
    expect(page.locator("[id^=reservation-]", has_text="Airport DC-1")).to_contain_text("15:00")
    page.get_by_role("link", name="The day after").click()
    page.get_by_role("button", name="Cancel 15:00 to 16:00").click()
    expect(page.locator("[id^=reservation-]", has_text="Airport DC-1")).to_have_count(0)


@pytest.mark.task("operator", "Roll out a firmware to those that lack it")
def test_roll_out_a_firmware_to_those_that_lack_it(
    town: Town, plaza: Charger, visit: Visit, tmp_path: Path
) -> None:
    image = tmp_path / "dc150-1.1.0.bin"
    image.write_bytes(b"firmware 1.1.0")
    page = visit("/firmware")
    page.get_by_label("File").set_input_files(image)
    page.get_by_label("Version").fill("1.1.0")
    page.get_by_label("Model").fill("DC 150")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("link", name="Roll out…").click()
    page.get_by_label("Stages, in percent").fill("100")
    page.get_by_role("button", name="Show who takes part").click()
    expect(page.get_by_role("row", name="Plaza DC-2")).to_contain_text("1.0.0")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("row", name="Plaza DC-2")).to_contain_text("It has booted with 1.1.0")


@pytest.mark.task("operator", "Keep a view of the chargers, and come back to it")
def test_keep_a_view_of_the_list_and_come_back_to_it(visit: Visit) -> None:
    page = visit("/chargers")
    page.get_by_label("Find").fill("Hotel")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("Views").click()
    page.get_by_role("button", name="Keep this view…").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Hotels")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    page.get_by_role("navigation", name="All pages").get_by_role("link", name="Chargers").click()
    page.get_by_text("Views").click()
    page.get_by_role("link", name="Hotels").click()
    expect(page.get_by_label("Find")).to_have_value("Hotel")
    expect(page.get_by_role("link", name="Hotel 1", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Airport DC-1", exact=True)).to_have_count(0)


@pytest.mark.task("operator", "Give a site a grid connection, and limit its chargers")
def test_give_a_site_a_grid_connection_and_limit_its_chargers(visit: Visit) -> None:
    page = visit("/sites")
    page.get_by_role("link", name="Airport").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Its connection gives").fill("43")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("43.0\u00a0kW")
    page.get_by_role("main").get_by_text("More").click()
    page.get_by_role("link", name="Limit power…").click()
    page.get_by_label("At most").fill("16")
    page.get_by_label("How long", exact=True).fill("1")
    page.get_by_role("button", name="Limit power").click()
    page.get_by_role("link", name="Airport DC-1", exact=True).first.click()
    page.get_by_role("link", name="Smart charging", exact=True).last.click()
    expect(page.locator("#smart-charging .figure", has_text="Now")).to_contain_text("16")


@pytest.mark.task("operator", "Find a page, a site, a driver or a charger from the keyboard")
def test_find_anything_from_the_keyboard(town: Town, visit: Visit) -> None:
    page = visit("/profile")
    for words, heading in (
        ("backups", "Settings"),
        ("Airport", "Airport"),
        ("fleet acc", "Search"),
    ):
        page.wait_for_load_state()
        page.keyboard.press("Control+k")
        page.keyboard.type(words)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.get_by_role("main").get_by_role("link", name="Fleet account 7").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Fleet account 7")
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    page.keyboard.type("Plaza DC-2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Chargers")
    expect(page.get_by_role("link", name="Plaza DC-2", exact=True)).to_be_visible()


@pytest.mark.task("operator", "Say how chargers shall be configured, and write what differs")
def test_say_how_chargers_shall_be_configured_and_write_what_differs(visit: Visit) -> None:
    page = visit("/configuration")
    page.get_by_role("link", name="New template").first.click()
    page.get_by_label("Name", exact=True).fill("Patient car parks")
    page.get_by_label("Site", exact=True).fill("Airport")
    page.get_by_label("Keys and values").fill("ConnectionTimeOut = 90")
    page.get_by_role("button", name="Create template").click()
    page.get_by_role("link", name="Airport DC-1").click()
    page.get_by_role("button", name="Read all from the charger").click()
    wanted = page.get_by_role("table", name="Wanted values").get_by_role("row", name="ConnectionTimeOut")
    expect(wanted).to_contain_text("Differs")
    page.get_by_role("link", name="Look at what would be written…").click()
    expect(page.get_by_role("row", name="Airport DC-1")).to_contain_text(
        re.compile(r"ConnectionTimeOut\s*60\s*90")
    )
    page.get_by_role("button", name="Write 1 key").click()
    done = page.get_by_text("Every key that has been read is as the templates want it.")
    expect(done).to_be_visible(timeout=40_000)  # a charger that has just booted is left alone for 20 s
