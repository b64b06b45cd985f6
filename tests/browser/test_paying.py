"""A driver who pays by bank card, from the owner's settings to the refund, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role
from csms.simulator import Charger
from tests.browser import looks
from tests.browser.axe import violations
from tests.browser.conftest import PASSWORD, PHONE, Town, a_town
from tests.make import store
from tests.nursery import Nursery

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def town(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Town]:
    """A server of its own: at one connector nobody may start often, and others start there, too."""
    with a_town(nursery, sqlite_template, tmp_path_factory.mktemp("till"), chromium) as town:
        yield town


@pytest.fixture
def office(visit: Visit) -> Iterator[Page]:
    """The owner's browser, with the test provider set up while it is open."""
    page = visit("/settings/payments")
    _choose(page, "test")
    yield page
    page.goto(page.url.split("/settings")[0].split("/payments")[0] + "/settings/payments")
    _choose(page, "")


def _choose(page: Page, provider: str) -> None:
    page.get_by_label("Provider").select_option(provider)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def _look(page: Page, name: str) -> None:
    """Every size and theme without a violation."""
    assert violations(page) == []
    looks.keep_looks(page, name)


@pytest.mark.task("driver", "Pay by card, and get money back")
def test_from_the_hold_to_the_refund(
    town: Town, plaza: Charger, visit: Visit, office: Page, watch: object
) -> None:
    page = visit(f"/c/{town.slug}", olga=False, size=PHONE)
    plaza.plug(1).result(10)
    expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
    _look(page, "station")
    page.get_by_role("radio", name="Pay by bank card").check()
    page.get_by_role("button", name="Start charging").click()
    expect(page.get_by_role("heading", name="Up to 40.00 € is held")).to_be_visible()
    page.get_by_role("link", name="Go on to the payment").click()
    expect(page.get_by_role("heading", name="Test payment")).to_be_visible()
    page.get_by_role("button", name="Pay", exact=True).click()
    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    expect(page.locator(".giant")).to_contain_text(re.compile(r"0\.(0[1-9]|[1-9])"))
    expect(page.get_by_text("is held on your card")).to_be_visible()
    _look(page, "session")
    page.get_by_role("link", name="Stop charging").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop charging").click()
    page.get_by_role("link", name="Show the receipt").click()
    expect(page.locator(".total")).to_contain_text("€")
    _reload_until(page, "Paid by bank card")

    office.goto(f"{town.url}/payments")
    expect(office.get_by_role("cell", name="Paid").first).to_be_visible()
    office.locator("main tbody a").first.click()
    expect(office.get_by_role("cell", name="capture ordered")).to_be_visible()
    office.get_by_role("button", name="Refund…").click()
    office.get_by_role("dialog").get_by_label("Reason").fill("Slow")
    office.get_by_role("dialog").get_by_role("button", name="Refund").click()
    expect(office.get_by_text("The money goes back now.")).to_be_visible()
    _reload_until(office, "Given back")
    office.goto(f"{town.url}/settings/payments")
    _look(office, "settings")


def _at_home(town: Town, visit: Visit) -> Page:
    """A driver on the page of their account."""
    engine = create_engine(town.server.database_url)
    with Session(engine) as session:
        at = clock.now()
        account = accounts.open_account(session, "Dana", at=at)
        hashed = accounts.hash_password(PASSWORD)
        accounts.create_user(session, "dana", hashed, Role.DRIVER, at=at, account_id=account.id)
        store(session)
    engine.dispose()
    page = visit("/login?next=/accounts/me", olga=False, size=PHONE)
    page.get_by_label("User name").fill("dana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/accounts/me")
    return page


def _reload_until(page: Page, words: str) -> None:
    """What happens by itself takes a few seconds; these pages are not live."""
    found = page.locator("main").get_by_text(words).first
    for _ in range(30):
        if found.is_visible():
            return
        page.wait_for_timeout(1_000)
        page.reload()
    expect(found).to_be_visible()


@pytest.mark.task("driver", "Top up credit by bank card, and have it given back")
def test_from_the_account_to_the_credit(town: Town, visit: Visit, office: Page) -> None:
    page = _at_home(town, visit)
    page.get_by_role("heading", name="Top up my credit").scroll_into_view_if_needed()
    _look(page, "account")
    page.get_by_role("button", name="20.00 €").click()
    expect(page.get_by_role("heading", name="20.00 € for your credit")).to_be_visible()
    page.get_by_role("link", name="Go on to the payment").click()
    page.get_by_role("button", name="The bank declines").click()
    expect(page.get_by_role("heading", name="Not paid")).to_be_visible()
    _look(page, "top-up-declined")
    page.get_by_role("button", name="Try again with 20.00 €").click()
    page.get_by_role("link", name="Go on to the payment").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("20.00 € were added to your credit.")).to_be_visible()
    _look(page, "topped-up")

    office.goto(f"{town.url}/payments?state=top_up")
    _look(office, "top-ups")
    office.get_by_role("row").filter(has_text="Paid").locator("a").first.click()
    office.get_by_role("button", name="Refund…").click()
    _look(office, "top-up-refund")
    office.get_by_role("dialog").get_by_label("Reason").fill("Moved away")
    office.get_by_role("dialog").get_by_role("button", name="Refund").click()
    expect(office.get_by_text("The money goes back now.")).to_be_visible()
    _reload_until(office, "Given back")
    _reload_until(page, "20.00 € of it went back to your card.")
    _look(page, "top-up-returned")
