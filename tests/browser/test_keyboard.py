"""The main tasks without a mouse: everything is come to by Tab, is seen to have the focus, and obeys a key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from make import make_charger
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain.chargers import AuthorizationPolicy, Connector
from csms.simulator import Charger
from tests.browser.conftest import CARD, PASSWORD, PHONE, Town, at_work

Visit = Callable[..., Page]
MOST_STOPS = 200  # of Tab on one page
HAS_FOCUS = "one => one === document.activeElement"
LOOK = """one => [one, one.parentElement].map((x) => {
    const { outline, boxShadow, borderColor } = getComputedStyle(x);
    return [outline, boxShadow, borderColor].join();
}).join()"""


def reach(thing: Locator) -> None:
    """Raises AssertionError where Tab does not come to it, or where it then looks as it does without the focus."""
    thing.wait_for()
    if thing.evaluate(HAS_FOCUS):
        thing.page.keyboard.press("Tab")  # away, to see how it looks without it
    before = thing.evaluate(LOOK)
    for _ in range(MOST_STOPS):
        if thing.evaluate(HAS_FOCUS):
            assert thing.evaluate(LOOK) != before, f"nothing shows that {thing} has the focus"
            return
        thing.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {thing}")


def press(thing: Locator, key: str = "Enter") -> None:
    reach(thing)
    thing.page.keyboard.press(key)


def write(thing: Locator, words: str) -> None:
    reach(thing)
    thing.page.keyboard.press("Control+a")
    thing.page.keyboard.type(words)


def test_log_in(visit: Visit) -> None:
    page = visit("/login", olga=False)
    write(page.get_by_label("User name"), "olga")
    write(page.get_by_label("Password", exact=True), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Good")


def test_start_a_session_from_afar_and_stop_it(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(10)
    page = visit(f"/chargers/{town.charger_id}")
    expect(page.locator(".badge", has_text="Plugged in").first).to_be_visible()
    press(page.get_by_role("button", name="Start…"))
    write(page.get_by_role("dialog").get_by_label("Card"), CARD)
    press(page.get_by_role("dialog").get_by_role("button", name="Start", exact=True))
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is not None, 10)
    press(page.get_by_role("button", name="Stop…"))
    press(page.get_by_role("dialog").get_by_role("button", name="Stop session"))
    plaza.wait_until(lambda c: c.state().connectors[0].transaction_id is None, 10)


def test_restart_a_charger(town: Town, plaza: Charger, visit: Visit) -> None:
    page = visit(f"/chargers/{town.charger_id}")
    newest = max(frame.number for frame in plaza.frames())
    press(page.get_by_role("button", name="Reset…"))
    press(page.get_by_role("dialog").get_by_role("button", name="Reset", exact=True))
    plaza.wait_until(lambda c: any('"BootNotification"' in f.text for f in c.frames(newest)), 15)


def test_make_a_driver_with_credit(visit: Visit) -> None:
    page = visit("/accounts/new")
    write(page.get_by_label("Name", exact=True), "Keziah Board")
    press(page.get_by_role("button", name="Add driver"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Keziah Board")
    press(page.get_by_role("button", name="Add credit…"))
    write(page.get_by_role("dialog").get_by_label("Amount"), "20")
    press(page.get_by_role("dialog").get_by_role("button", name="Book"))
    expect(page.get_by_role("main")).to_contain_text("20.00")


def test_add_a_card_and_block_it(visit: Visit) -> None:
    page = visit("/cards")
    press(page.get_by_role("link", name="Add card").first)
    write(page.get_by_label("Number", exact=True), "0E1E2E3E")
    press(page.get_by_role("button", name="Add card"))
    expect(page.get_by_role("main")).to_contain_text("0E1E2E3E")
    page = visit("/cards?q=0E1E2E3E")
    press(page.get_by_role("link", name="0E1E2E3E").first)
    press(page.get_by_label("May charge"), "Space")
    press(page.get_by_role("button", name="Save"))
    page = visit("/cards?q=0E1E2E3E")
    expect(page.get_by_role("main")).to_contain_text("Blocked")


def test_write_a_tariff(visit: Visit) -> None:
    page = visit("/tariffs/new")
    write(page.get_by_label("Name", exact=True), "By keys")
    write(page.get_by_label("Energy"), "0.23")
    press(page.get_by_role("button", name="Create tariff"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("By keys")


def test_add_a_user(visit: Visit) -> None:
    page = visit("/settings/users")
    write(page.get_by_label("User name"), "keziah")
    write(page.get_by_label("Password", exact=True), "seven quiet amber rivers")
    press(page.get_by_role("button", name="Add user"))
    expect(page.get_by_role("main").get_by_text("keziah").first).to_be_visible()


def test_write_a_rule_for_alerts(visit: Visit) -> None:
    page = visit("/alerts")
    press(page.get_by_role("link", name="New rule").first)
    write(page.get_by_label("Name", exact=True), "Something by keys")
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("main")).to_contain_text("Something by keys")


def test_take_the_months_report_along(visit: Visit) -> None:
    page = visit("/reports")
    with page.expect_download() as coming:
        press(page.get_by_role("link", name="CSV", exact=True).first)
    assert coming.value.suggested_filename.endswith(".csv")


@pytest.fixture
def quay(town: Town) -> Iterator[tuple[Charger, str]]:
    """A station of its own, and its slug: at each, three starts in ten minutes are asked for and no more."""
    engine = create_engine(town.server.database_url)
    with Session(engine, expire_on_commit=False) as session:
        made = make_charger(session, "QUAY-1", at=clock.now(), policy=AuthorizationPolicy.KNOWN)
        slug = session.scalars(select(Connector.slug).where(Connector.charger_id == made.id)).one()
    engine.dispose()
    with at_work(town, "QUAY-1") as charger:
        yield charger, slug


def test_charge_at_a_station(quay: tuple[Charger, str], visit: Visit) -> None:
    charger, slug = quay
    page = visit(f"/c/{slug}", olga=False, size=PHONE)
    charger.plug(1).result(10)
    expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
    write(page.get_by_label("Number of your charging card"), CARD)
    press(page.get_by_role("button", name="Start charging"))
    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    press(page.get_by_role("link", name="Stop charging"))
    press(page.get_by_role("dialog").get_by_role("button", name="Stop charging"))
    charger.wait_until(lambda c: c.state().connectors[0].transaction_id is None, 10)


@pytest.mark.task("operator", "Ask several chargers for their status without a mouse")
def test_chargers_are_asked_for_their_status_by_keys_alone(visit: Visit) -> None:
    page = visit("/ui/")
    page.locator("main h1").first.wait_for()
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/chargers*")
    rows = page.locator("[data-rows] > tr")
    rows.first.wait_for()
    for number, words in enumerate(("1 ticked", "2 ticked")):
        page.keyboard.press("j")
        expect(rows.nth(number)).to_contain_class("cursor")
        page.keyboard.press("x")
        expect(page.get_by_text(words)).to_be_visible()
    page.keyboard.press(".")
    action = page.get_by_role("button", name="Ask for a message…")
    expect(action).to_be_visible()
    action.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/chargers/bulk/trigger?*")
    page.locator("button[name=what][value=begin]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/commands/batches/*")
    expect(page.get_by_text("All asked", exact=True)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/commands")
    expect(page.get_by_role("link", name="Ask for StatusNotification").first).to_be_visible()


def test_a_list_with_ticks_keeps_its_rows_and_renews_its_cells(visit: Visit) -> None:
    page = visit("/chargers?q=DEMO")
    row = page.locator("[data-rows] > tr").first
    row.locator("[name=id]").check()
    page.evaluate("document.querySelector('[data-rows] > tr').dataset.mark = 'mine'")
    heard = page.locator("[id^=heard-] time").first
    before = heard.get_attribute("datetime")
    assert before is not None
    expect(heard).not_to_have_attribute("datetime", before, timeout=60_000)
    assert row.get_attribute("data-mark") == "mine"
    expect(page.get_by_text("1 ticked")).to_be_visible()
