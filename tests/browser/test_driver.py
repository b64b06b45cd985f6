"""A driver with a phone: the page behind the code, the session, the receipt; and the operator who sees the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from make import make_charger, store
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from csms import clock
from csms.simulator import Charger
from tests.browser.conftest import CARD, PHONE, Town

Visit = Callable[..., Page]
AMOUNT = re.compile(r"(\d+\.\d\d)\s€")


def _total(page: Page, place: str) -> str:
    found = AMOUNT.search(page.locator(place).inner_text())
    assert found
    return found.group(1)


@pytest.mark.task("driver", "Come from the code to a receipt with the operator’s total")
def test_from_the_code_to_the_receipt_with_the_operators_total(
    town: Town, plaza: Charger, visit: Visit, picture: Callable[[Page, str], None]
) -> None:
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    expect(page.get_by_role("heading", name="Ready to charge")).to_be_visible()
    expect(page.locator(".prices")).to_contain_text("0.49")
    plaza.plug(1).result(10)
    expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
    picture(page, "driver-station")
    page.get_by_label("Number of your charging card").fill(CARD)
    page.get_by_role("button", name="Start charging").click()

    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    giant = page.locator(".giant")
    expect(giant).to_contain_text(re.compile(r"0\.(0[1-9]|[1-9])"))
    first = giant.inner_text()
    expect(giant).not_to_have_text(first)  # it moves
    picture(page, "driver-session")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Share this session").click()
    expect(page.get_by_text("The link is copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.get_by_role("link", name="Stop charging").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop charging").click()
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is None, 10)
    expect(page.get_by_text("Please unplug")).to_be_visible()
    page.get_by_role("link", name="Show the receipt").click()
    expect(page.get_by_role("heading", name="Plaza Charging")).to_be_visible()
    receipt = _total(page, ".total")
    picture(page, "driver-receipt")

    office = visit(f"/chargers/{town.charger_id}/sessions")
    office.locator("main a[href^='/sessions/']").first.click()
    assert _total(office, ".bill .total") == receipt


def test_a_wrong_card_is_told_beside_its_field(
    town: Town, plaza: Charger, visit: Visit, watch: object
) -> None:
    watch.expected.add(422)  # type: ignore[attr-defined]
    plaza.plug(1).result(10)
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
    page.get_by_label("Number of your charging card").fill("0BADCAFE")
    page.get_by_role("button", name="Start charging").click()
    expect(page.get_by_text("This card cannot be used here")).to_be_visible()
    expect(page.get_by_label("Number of your charging card")).to_have_value("0BADCAFE")


def test_reading_the_answer_to_a_form_again_does_not_send_it_again(
    town: Town, plaza: Charger, visit: Visit, watch: object
) -> None:
    watch.expected.add(422)  # type: ignore[attr-defined]
    plaza.plug(1).result(10)
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    page.get_by_label("Number of your charging card").fill("0BADCAFE")
    page.get_by_role("button", name="Start charging").click()
    expect(page.get_by_text("This card cannot be used here")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    assert plaza.swipe(1, CARD).result(10) == "Accepted"  # somebody else: the page is another one now
    expect(page.get_by_text("Is it your car?")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Is it your car?")).to_be_visible()
    assert set(sent) == {"GET"}
    plaza.swipe(1, CARD).result(10)


def test_the_way_back_from_a_session_leads_to_its_station(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    plaza.plug(1).result(10)
    expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
    page.get_by_label("Number of your charging card").fill(CARD)
    page.get_by_role("button", name="Start charging").click()
    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    page.go_back()
    expect(page.get_by_role("heading", name="You are charging here")).to_be_visible()


def test_with_letters_twice_as_large_a_phone_shows_all_of_a_session(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    plaza.plug(1).result(10)
    expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
    _fits_twice_as_large(page)
    page.get_by_label("Number of your charging card").fill(CARD)
    page.get_by_role("button", name="Start charging").click()
    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    _fits_twice_as_large(page)
    plaza.swipe(1, CARD).result(10)
    expect(page.get_by_role("link", name="Show the receipt")).to_be_visible()
    page.get_by_role("link", name="Show the receipt").click()
    page.wait_for_url("**/receipt")
    _fits_twice_as_large(page)


def test_news_leave_whoever_goes_by_keyboard_where_they_were(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    plaza.plug(1).result(10)
    expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
    page.get_by_label("Number of your charging card").fill(CARD)
    page.get_by_role("button", name="Start charging").click()
    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    stop = page.get_by_role("link", name="Stop charging")
    stop.focus()
    _wait_for_news(page)
    expect(stop).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    _wait_for_news(page)
    page.keyboard.press("Escape")
    expect(stop).to_be_focused()


def _wait_for_news(page: Page) -> None:
    giant = page.locator(".giant")
    expect(giant).not_to_have_text(giant.inner_text())


def _fits_twice_as_large(page: Page) -> None:
    """As a phone's setting for large letters makes them, whatever unit the styles use."""
    page.evaluate(
        """() => {
          const all = [...document.querySelectorAll("body, body *")];
          const sizes = all.map(one => parseFloat(getComputedStyle(one).fontSize));
          all.forEach((one, place) => { one.style.fontSize = `${2 * sizes[place]}px`; });
        }"""
    )
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


def test_whoever_has_not_plugged_in_cannot_start(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    expect(page.get_by_role("heading", name="Ready to charge")).to_be_visible()
    expect(page.get_by_text("Plug in your car, then press start.")).to_be_visible()


def test_the_station_can_be_used_without_scripts(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(10)
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE, java_script_enabled=False)
    page.get_by_label("Number of your charging card").fill(CARD)
    page.get_by_role("button", name="Start charging").click()
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is not None, 10)
    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    page.get_by_role("link", name="Stop charging").click()
    page.get_by_role("button", name="Stop charging").click()
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is None, 10)


def test_the_page_of_a_station_follows_who_charges_there(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    expect(page.get_by_role("heading", name="Ready to charge")).to_be_visible()
    plaza.plug(1).result(10)
    assert plaza.swipe(1, CARD).result(10) == "Accepted"
    expect(page.get_by_text("Is it your car?")).to_be_visible()
    expect(page.get_by_text("Fleet account 7")).to_be_hidden()  # whose it is, is nobody's business
    expect(page.get_by_role("button", name="Start charging")).to_be_hidden()
    plaza.swipe(1, CARD).result(10)
    plaza.unplug(1).result(10)
    expect(page.get_by_role("heading", name="Ready to charge")).to_be_visible()


def test_a_station_out_of_reach_fits_a_phone(town: Town, visit: Visit) -> None:
    engine = create_engine(town.server.database_url)
    with Session(engine) as session:
        gone = make_charger(session, "PIER-9", at=clock.now() - timedelta(hours=1), online=True, connectors=2)
        slugs = [gone.slug, *(x.slug for x in gone.connectors)]
        store(session)
    engine.dispose()
    for slug in slugs:
        page = visit(f"/c/{slug}", olga=False, size=PHONE)
        expect(page.get_by_text("Cannot reach the station").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
