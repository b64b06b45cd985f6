"""What drivers come for, each done as a person with a phone does it: from the code on the station to the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from make import make_charger, store
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, sites
from csms.domain.accounts import Account, LedgerKind, Role
from csms.domain.chargers import AuthorizationPolicy, Connector
from csms.domain.mail import Mail
from csms.domain.sites import Details
from tests.browser.axe import violations
from tests.browser.conftest import PASSWORD, PHONE, Town, at_work
from tests.desk import wait_for

Visit = Callable[..., Page]
PIN = "407193"
PIER = (25.6500, -100.2800)
PATIENCE_S = 30.0


@dataclass
class Harbour:
    """A site that is shown to everybody, with four stations; two drivers with log-ins; a voucher.

    `slugs`: of the stations' connectors, by identity.
    """

    engine: Engine
    slugs: dict[str, str]
    voucher: str


@pytest.fixture(scope="module")
def harbour(town: Town) -> Iterator[Harbour]:
    engine = create_engine(town.server.database_url)
    at = clock.now()
    with Session(engine, expire_on_commit=False) as session:
        place = Details("Harbour", city="Port Amber", latitude=PIER[0], longitude=PIER[1], is_public=True)
        site = sites.add(session, place, at=at)
        slugs = {}
        for number, policy in enumerate(
            (*[AuthorizationPolicy.CREDIT] * 3, AuthorizationPolicy.OPEN), start=1
        ):
            charger = make_charger(session, f"PIER-{number}", at=at, policy=policy, name=f"Pier {number}")
            charger.site_id = site.id
            connector = session.scalars(select(Connector).where(Connector.charger_id == charger.id)).one()
            connector.type, connector.max_power_w = "CCS 2", 150_000
            slugs[charger.identity] = connector.slug
        _driver(session, "dana", "04DA0A01", 2_000)
        _driver(session, "emil", "04E0110A", 0)
        [voucher] = accounts.make_vouchers(session, 1, amount_cents=1_500, energy_wh=0, by="olga", at=at)
        store(session)
        made = Harbour(engine, slugs, voucher.written)
    yield made
    engine.dispose()


def _driver(session: Session, name: str, card: str, credit_cents: int) -> None:
    at = clock.now()
    account = accounts.open_account(session, name.title(), at=at)
    if credit_cents:
        accounts.book(session, account, LedgerKind.TOP_UP, at=at, amount_cents=credit_cents)
    token = accounts.add_token(session, card, at=at, account_id=account.id, label="Key ring")
    accounts.set_pin(token, accounts.hash_password(PIN))
    hashed = accounts.hash_password(PASSWORD)
    email = f"{name}@example.org"
    accounts.create_user(session, name, hashed, Role.DRIVER, at=at, email=email, account_id=account.id)


def _charging(page: Page) -> None:
    """The session's page, with energy that grows."""
    page.wait_for_url(re.compile(r"/s/[\w-]+$"))
    expect(page.locator(".giant")).to_contain_text(re.compile(r"0\.(0[1-9]|[1-9])|[1-9]"))


@pytest.mark.task("driver", "Scan the code, log in and start with credit")
def test_scan_and_start_with_credit(town: Town, harbour: Harbour, visit: Visit) -> None:
    with at_work(town, "PIER-1") as pier:
        pier.plug(1).result(10)
        page = visit(f"/c/{harbour.slugs['PIER-1']}", olga=False, size=PHONE)
        expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
        expect(page.locator(".prices")).to_contain_text("0.49")
        page.get_by_text("Have an account? Log in").click()
        page.get_by_label("User name").fill("dana")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url(f"**/c/{harbour.slugs['PIER-1']}")
        expect(page.get_by_role("radio", name="My account")).to_be_checked()
        page.get_by_role("button", name="Start charging").click()
        _charging(page)


@pytest.mark.task("driver", "Start with a voucher")
def test_start_with_a_voucher(town: Town, harbour: Harbour, visit: Visit) -> None:
    with at_work(town, "PIER-2") as pier:
        pier.plug(1).result(10)
        page = visit(f"/c/{harbour.slugs['PIER-2']}", olga=False, size=PHONE)
        expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
        page.get_by_role("radio", name="Voucher").check(force=True)
        page.get_by_label("Code of your voucher").fill(harbour.voucher)
        page.get_by_role("button", name="Start charging").click()
        _charging(page)


@pytest.mark.task("driver", "Start where it is free, without an account")
def test_start_free_without_an_account(town: Town, harbour: Harbour, visit: Visit) -> None:
    with at_work(town, "PIER-4") as pier:
        pier.plug(1).result(10)
        page = visit(f"/c/{harbour.slugs['PIER-4']}", olga=False, size=PHONE)
        expect(page.get_by_role("heading", name="Plugged in")).to_be_visible()
        page.get_by_role("radio", name="Without a card").check(force=True)
        page.get_by_role("button", name="Start charging").click()
        _charging(page)


@pytest.mark.task("driver", "Start, watch, stop and have a receipt, without scripts")
def test_start_watch_stop_and_receipt_without_scripts(town: Town, harbour: Harbour, visit: Visit) -> None:
    with at_work(town, "PIER-3") as pier:
        pier.plug(1).result(10)
        page = visit(f"/c/{harbour.slugs['PIER-3']}", olga=False, size=PHONE, java_script_enabled=False)
        page.get_by_role("radio", name="Charging card").check(force=True)
        page.get_by_label("Number of your charging card").fill("04DA0A01")
        page.get_by_label("Its PIN, if it has one").fill(PIN)
        page.get_by_role("button", name="Start charging").click()
        page.wait_for_url(re.compile(r"/s/[\w-]+$"))  # the page reads itself again until the session is there
        pier.wait_until(lambda c: c.state().connectors[0].transaction_id is not None, PATIENCE_S)
        session = page.url
        expect(page.locator(".giant")).to_be_visible()
        page.get_by_role("link", name="Stop charging").click()
        page.get_by_role("button", name="Stop charging").click()
        pier.wait_until(lambda c: c.state().connectors[0].transaction_id is None, PATIENCE_S)
        page.wait_for_url(session)
        _reload_until(page, "Show the receipt")
        page.get_by_role("link", name="Show the receipt").click()
        expect(page.get_by_role("heading", name="Plaza Charging")).to_be_visible()
        expect(page.locator(".total")).to_contain_text("€")


def _reload_until(page: Page, words: str) -> None:
    """What somebody without scripts does."""

    def seen() -> int:
        page.reload()
        return page.get_by_text(words).count()

    wait_for(seen, lambda count: count > 0, PATIENCE_S)


@pytest.mark.task("driver", "Log in by card and PIN, and by mail, and come back to the station")
def test_sign_in_by_card_and_pin_and_by_mail_and_come_back(
    town: Town, harbour: Harbour, visit: Visit
) -> None:
    with at_work(town, "PIER-1"):
        here = f"/c/{harbour.slugs['PIER-1']}"
        page = visit(here, olga=False, size=PHONE)
        page.get_by_text("Have an account? Log in").click()
        page.get_by_label("Or by your card").fill("04DA0A01")
        page.get_by_label("PIN", exact=True).fill(PIN)
        page.get_by_role("button", name="Log in with the card").click()
        page.wait_for_url(f"**{here}")
        expect(page.get_by_text("My account")).to_be_visible()

        other = visit(f"/login?next={here}", olga=False, size=PHONE)
        other.get_by_role("link", name="Log in by e-mail").click()
        other.get_by_label("E-mail").fill("dana@example.org")
        other.get_by_role("button", name="Send the link").click()
        expect(other.get_by_role("heading", name="Look at your mail")).to_be_visible()
        other.goto(_link_to(harbour, "dana@example.org"))
        other.wait_for_url(f"**{here}")
        expect(other.get_by_text("My account")).to_be_visible()


def _link_to(harbour: Harbour, address: str) -> str:
    """The link in the mail that waits to be sent: this server has nobody to hand it to."""
    with Session(harbour.engine) as session:
        query = select(Mail.text).where(Mail.recipient == address).order_by(Mail.id.desc()).limit(1)
        found = re.search(r"http\S+/login/link/\S+", session.scalar(query) or "")
    assert found
    return found.group()


@pytest.mark.task("driver", "Get a station to react, and tell the operator")
def test_a_station_that_does_not_react(town: Town, harbour: Harbour, visit: Visit) -> None:
    with at_work(town, "PIER-4") as pier:
        pier.plug(1).result(10)
        page = visit(f"/c/{harbour.slugs['PIER-4']}", olga=False, size=PHONE)
        page.get_by_role("link", name="The station does not react?").click()
        page.get_by_role("button", name="Ask it").click()
        expect(page.get_by_text("It answers: it works, and is connected.")).to_be_visible()
        page.get_by_label("What is the matter?").select_option(
            label="Something is damaged or looks dangerous"
        )
        page.get_by_label("In your words, if you like").fill("The lid is broken")
        page.get_by_role("button", name="Tell the operator").click()
        expect(page.get_by_text("The operator was told at")).to_be_visible()
    office = visit("/ui/")
    row = office.locator("li, tr").filter(has_text="The lid is broken")
    expect(row).to_contain_text("something is damaged")
    row.get_by_role("button", name="Done").click()
    expect(office.get_by_text("The lid is broken")).to_be_hidden()


@pytest.mark.task("driver", "Find a free connector nearby")
def test_find_a_free_connector(town: Town, harbour: Harbour, visit: Visit) -> None:
    with at_work(town, "PIER-2"):
        page = visit(
            "/find", olga=False, size=PHONE, permissions=["geolocation"],
            geolocation={"latitude": PIER[0] + 0.01, "longitude": PIER[1]},
        )  # fmt: skip
        page.get_by_role("button", name="Near me").click()
        page.wait_for_url(re.compile(r"near="))
        first = page.locator(".connectors li").first
        expect(first).to_contain_text("Pier 2")
        expect(first).to_contain_text("1.1 km")
        page.get_by_label("Town, street or station").fill("port amber")
        page.get_by_role("button", name="Search").click()
        page.wait_for_url(re.compile(r"q=port"))
        page.get_by_text("Show them on a map").click()
        expect(page.locator("#find-map .spot").first).to_be_visible()
        page.get_by_role("link", name="Pier 2").click()
        expect(page.get_by_role("heading", name="Ready to charge")).to_be_visible()


@pytest.mark.task("driver", "Read one’s own pages with whatever aid one uses")
def test_a_drivers_own_pages_keep_to_the_rules(town: Town, harbour: Harbour, visit: Visit) -> None:
    page = visit("/login?next=/accounts/me", olga=False, size=PHONE)
    page.get_by_label("User name").fill("dana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/accounts/me")
    for summary in page.locator("main details > summary").all():
        summary.click()
    assert violations(page) == []


@pytest.mark.task("driver", "Keep one’s account, from a vehicle to its end")
def test_ones_own_account_from_a_vehicle_to_its_end(town: Town, harbour: Harbour, visit: Visit) -> None:
    page = visit("/login", olga=False, size=PHONE)
    page.get_by_label("User name").fill("emil")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/accounts/me")
    page.get_by_text("Add a vehicle").click()
    page.get_by_label("Brand").fill("Renault")
    page.get_by_label("Model").fill("Zoe")
    page.get_by_role("button", name="Add vehicle").click()
    expect(page.get_by_text("Renault Zoe").first).to_be_visible()
    page.get_by_text("Change Key ring").click()
    block = page.get_by_role("button", name="Lost: block this card")
    expect(block).to_be_hidden()  # what cannot be taken back is not pressed by mistake
    page.get_by_text("Is it lost?").click()
    block.click()
    expect(page.get_by_text("Blocked", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    held = orjson.loads(Path(download.value.path()).read_bytes())
    assert held["vehicles"][0]["brand"] == "Renault"
    assert held["cards"][0]["is_allowed"] is False
    page.get_by_role("link", name="Erase my account").click()
    page.get_by_label("Type emil to confirm").fill("emil")
    page.get_by_role("button", name="Erase my account").click()
    expect(page.get_by_text("Your account is erased")).to_be_visible()
    with Session(harbour.engine) as session:
        assert session.scalar(select(Account).where(Account.name == "Emil")) is None
