"""The pages that no link leads to, and those that are empty in a new town: what each is about is brought about, and
it is asked what every other page is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from make import make_charger, make_wire, quick_hash, store
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock, receipt_links
from csms.domain import accounts, commands
from csms.domain.accounts import Account, LedgerKind, Role, User
from csms.domain.commands import Command, CommandState
from csms.domain.commands.models import Effect
from csms.domain.payments import LineKind, LineTold, PayoutState, PayoutTold, payouts
from csms.domain.transactions import Transaction
from csms.extensions import db
from tests.browser import looks, reach
from tests.browser.axe import violations
from tests.browser.conftest import PASSWORD, Town, a_town
from tests.nursery import Nursery
from tests.web.site import Site
from tests.web.test_second_factor import set_up
from tests.web.till import Till
from tests.web.visitor import PASSWORD as QUICK
from tests.web.visitor import Visitor
from tools import pages

Visit = Callable[..., Page]


@dataclass
class Stage:
    """The town's application in this process, and its database, on which whatever a page is about comes to be."""

    app: Flask
    session: Session
    url: str
    people: dict[str, Visitor] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # of stations

    def begin(self) -> None:
        """A unit of work that writes; `store` ends it."""
        self.session.rollback()
        self.session.connection(execution_options={"writes": True})

    @property
    def stranger(self) -> Visitor:
        return Visitor(self.app, self.session)

    @property
    def olga(self) -> Visitor:
        """The owner, logged in."""
        if "olga" not in self.people:
            self.people["olga"] = self._logged_in("olga", PASSWORD)
        return self.people["olga"]

    @property
    def dana(self) -> Visitor:
        """A driver with credit, a card, a vehicle and a session, logged in."""
        if "dana" not in self.people:
            account = self.account("Dana", credit_cents=4_250)
            accounts.add_token(
                self.session, "04DA0A01", at=clock.now(), account_id=account.id, label="Key ring"
            )
            accounts.add_vehicle(
                self.session, account, brand="Renault", model="Zoe", vin=None, at=clock.now()
            )
            store(self.session)
            self.charged("04DA0A01")
            self.people["dana"] = self.driver("dana", account)
        return self.people["dana"]

    def account(self, name: str, credit_cents: int = 0) -> Account:
        self.begin()
        account = accounts.open_account(
            self.session, name, at=clock.now(), email=f"{name.lower()}@example.org"
        )
        if credit_cents:
            yesterday = clock.now() - timedelta(days=1)
            accounts.book(self.session, account, LedgerKind.TOP_UP, at=yesterday, amount_cents=credit_cents)
        store(self.session)
        return account

    def driver(self, name: str, account: Account) -> Visitor:
        """A driver with an account, logged in."""
        self.user(name, account)
        browser = self._logged_in(name, QUICK)
        browser.home = "/accounts/me"
        return browser

    def _logged_in(self, name: str, password: str) -> Visitor:
        browser = self.stranger
        answer = browser.post("/login", {"username": name, "password": password})
        assert answer.status_code == 302, answer.text
        return browser

    def user(self, name: str, account: Account | None = None) -> User:
        """A driver who can log in."""
        self.begin()
        made = accounts.create_user(
            self.session,
            name,
            quick_hash(QUICK),
            Role.DRIVER,
            at=clock.now(),
            email=f"{name}@example.org",
            account_id=account.id if account else None,
        )
        store(self.session)
        return made

    def link(self, purpose: str, name: str) -> str:
        """What stands at the end of a mail's link to a new user of this name."""
        user = self.user(name)
        token = accounts.issue_link(self.session, purpose, at=clock.now(), ttl=timedelta(hours=1), user=user)
        store(self.session)
        return token

    def till(self, connectors: int = 1) -> Till:
        """A new station, connected and free, at which drivers may pay by card."""
        name = f"Quay {next(self.numbers)}"
        self.begin()
        at = clock.now()
        account = self.session.scalars(select(Account)).first()
        charger = make_charger(
            self.session,
            name.upper().replace(" ", "-"),
            at=at,
            online=True,
            connectors=connectors,
            name=name,
            location="Quay, at the pier",
        )
        for connector in charger.connectors:
            connector.type, connector.max_power_w = "CCS 2", 150_000
        store(self.session)
        wire = make_wire(self.session, charger)
        wire.now = at
        site = Site(self.session, wire, account, at)  # type: ignore[arg-type]
        for number in range(1, connectors + 1):
            report = {"connectorId": number, "status": "Available", "errorCode": "NoError"}
            site.tell("StatusNotification", report, at)
        return Till(self.app, site).set_up("test")

    def charged(self, card: str) -> Transaction:
        """A session with a card that has ended."""
        site, at = self.till().site, clock.now() - timedelta(minutes=50)
        running = site.begin(card, at=at)
        for minutes in range(5, 45, 5):
            site.measure(running, 1_000 + 320 * minutes, at + timedelta(minutes=minutes))
        return site.end(running, 15_080, at + timedelta(minutes=44))

    def paid(self) -> tuple[Till, Transaction]:
        """A session that has ended and is paid by bank card."""
        till = self.till()
        till.pay_as_stranger()
        return till, till.charge(18_420)


@dataclass
class Way:
    """How a page is come to: in whose browser, at which address."""

    browser: Visitor
    path: str


Making = Callable[[Stage], Way]
WAYS: dict[str, Making] = {}


def to(endpoint: str) -> Callable[[Making], Making]:
    """The function brings about what the page of this name is about."""

    def keep(making: Making) -> Making:
        WAYS[endpoint] = making
        return making

    return keep


@to("landing.numbered")
def a_connector_by_its_number(stage: Stage) -> Way:
    charger = stage.till(connectors=2).site.charger
    return Way(stage.stranger, f"/c/{charger.slug}/2")


@to("landing.asked")
def a_start_that_the_station_has_accepted(stage: Stage) -> Way:
    site = stage.till().site
    site.status("Preparing")
    driver, at = stage.stranger, clock.now()
    path = driver.post(f"/c/{site.slug}/start", {"method": "guest"}).location
    stage.begin()
    command = stage.session.scalars(select(Command).where(Command.charger_id == site.charger.id)).one()
    command.sent_at, command.state = at, CommandState.SENT
    commands.settle_answer(
        stage.session,
        command,
        state=CommandState.ACCEPTED,
        status="Accepted",
        answer={"status": "Accepted"},
        at=at,
        awaits=Effect.TRANSACTION_STARTED,
    )
    store(stage.session)
    return Way(driver, path)


@to("landing.paying")
def a_payment_that_is_explained(stage: Stage) -> Way:
    driver = stage.stranger
    return Way(driver, stage.till().ask(driver))


@to("checkout.show")
def a_payment_at_the_test_bank(stage: Stage) -> Way:
    till, driver = stage.till(), stage.stranger
    till.ask(driver)
    return Way(driver, urlsplit(till.payment.checkout_url or "").path)


@to("landing.trouble")
def a_station_that_does_not_react(stage: Stage) -> Way:
    return Way(stage.stranger, f"/c/{stage.till().site.slug}/trouble")


@to("driving.receipt")
def a_receipt(stage: Stage) -> Way:
    _, ended = stage.paid()
    return Way(stage.stranger, receipt_links.path(ended, is_whole=True))


@to("receipt_copies.show")
def a_receipt_for_others(stage: Stage) -> Way:
    _, ended = stage.paid()
    return Way(stage.stranger, receipt_links.path(ended, is_whole=False))


@to("payments.show")
def a_payment_in_the_books(stage: Stage) -> Way:
    till, _ = stage.paid()
    return Way(stage.olga, f"/payments/{till.payment.id}")


@to("payouts.show")
def a_payout(stage: Stage) -> Way:
    intents = [stage.paid()[0].payment.intent for _ in range(2)]
    at = clock.now()
    told = [
        LineTold(f"txn_{n}", LineKind.CAPTURE, 938, 39, at, intent=intent)
        for n, intent in enumerate(intents, start=1)
    ]
    told.append(LineTold("txn_3", LineKind.FEE, -100, 0, at, note="Billing"))
    arrives_on = (at + timedelta(days=2)).date()
    stage.begin()
    payout = payouts.keep(
        stage.session,
        "test",
        PayoutTold(
            "po_1", PayoutState.IN_TRANSIT, sum(x.cents - x.fee_cents for x in told), "EUR", at, arrives_on
        ),
    )
    payouts.keep_lines(stage.session, payout.id, told, is_complete=True, at=at)
    store(stage.session)
    return Way(stage.olga, f"/payments/payouts/{payout.id}")


@to("tokens.show_scan")
def a_reader_that_waits_for_a_card(stage: Stage) -> Way:
    identity = stage.till().site.charger.identity
    return Way(stage.olga, stage.olga.post("/cards/scans", {"charger": identity}).location)


@to("commands.confirm")
def an_order_that_was_typed(stage: Stage) -> Way:
    return Way(stage.olga, f"/chargers/{stage.till().site.charger.id}/commands/reset")


@to("auth.login")
def the_log_in(stage: Stage) -> Way:
    return Way(stage.stranger, "/login")


@to("entrance.ask")
def the_form_that_asks_for_a_link(stage: Stage) -> Way:
    return Way(stage.stranger, "/login/link")


@to("entrance.choose_password")
def a_link_to_a_new_password(stage: Stage) -> Way:
    return Way(stage.stranger, f"/login/password/{stage.link(accounts.PASSWORD, 'paula')}")


@to("entrance.open_link")
def a_link_that_logs_in(stage: Stage) -> Way:
    return Way(stage.stranger, f"/login/link/{stage.link(accounts.SIGN_IN, 'lena')}")


@to("entrance.open_email")
def a_link_that_confirms_an_address(stage: Stage) -> Way:
    return Way(stage.stranger, f"/login/email/{stage.link(accounts.EMAIL, 'emil')}")


@to("entrance.sign_up")
def the_form_of_a_new_driver(stage: Stage) -> Way:
    return Way(stage.stranger, "/sign-up")


@to("second_factor.ask")
def a_log_in_that_needs_a_code(stage: Stage) -> Way:
    stage.user("carla")
    carla = stage._logged_in("carla", QUICK)
    carla.home = "/profile"
    set_up(carla)
    again = stage.stranger
    return Way(again, again.post("/login", {"username": "carla", "password": QUICK}).location)


@to("setup.explain")
def the_set_up_that_is_done(stage: Stage) -> Way:
    return Way(stage.stranger, "/setup")


@to("me.ask_to_erase")
def the_end_of_an_account(stage: Stage) -> Way:
    return Way(stage.driver("felix", stage.account("Felix")), "/me/erase")


@to("me.top_up")
def credit_that_is_to_be_paid(stage: Stage) -> Way:
    stage.till()
    return Way(stage.dana, stage.dana.post("/me/top-ups", {"amount": "20"}).location)


@to("accounts.me")
def an_account_of_ones_own(stage: Stage) -> Way:
    return Way(stage.dana, "/accounts/me")


@to("accounts.show")
def an_account_that_is_used(stage: Stage) -> Way:
    assert stage.dana
    account = stage.session.scalars(select(Account).where(Account.name == "Dana")).one()
    return Way(stage.olga, f"/accounts/{account.id}")


@to("accounts.vehicles")
def vehicles(stage: Stage) -> Way:
    assert stage.dana
    return Way(stage.olga, "/accounts/vehicles")


@to("attempts.index")
def a_charger_that_was_sent_away(stage: Stage) -> Way:
    knock = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Protocol": "ocpp1.2"}
    assert requests.get(f"{stage.url}/ws/ocpp/BOX-9", headers=knock, timeout=10).status_code == 400
    return Way(stage.olga, "/attempts")


@to("payments.index")
def payments_of_all_kinds(stage: Stage) -> Way:
    stage.paid()
    stage.till().pay_as_stranger()
    stage.till().pay(stage.stranger, "declines")
    return Way(stage.olga, "/payments")


@to("payouts.index")
def payouts_of_two_weeks(stage: Stage) -> Way:
    stage.begin()
    for number, days in enumerate((3, 10)):
        at = clock.now() - timedelta(days=days)
        arrived_on = (at + timedelta(days=2)).date()
        told = PayoutTold(f"po_past_{number}", PayoutState.PAID, 18_240 + days, "EUR", at, arrived_on)
        payouts.keep(stage.session, "test", told)
    store(stage.session)
    return Way(stage.olga, "/payments/payouts")


@to("vouchers.index")
def vouchers(stage: Stage) -> Way:
    stage.olga.post("/vouchers", {"count": "4", "amount": "20,00", "unit": "money", "label": "Spring"})
    return Way(stage.olga, "/vouchers")


@pytest.fixture(scope="module")
def town(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Town]:
    """A server of its own: drivers pay by card at all of its stations."""
    with a_town(nursery, sqlite_template, tmp_path_factory.mktemp("stage"), chromium) as town:
        yield town


@pytest.fixture(scope="module")
def stage(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        reach.reading(town, tmp_path_factory.mktemp("reader")) as app,
        Session(db.engine, expire_on_commit=False) as session,
    ):
        yield Stage(app, session, town.url)


@pytest.mark.parametrize("endpoint", sorted(WAYS))
def test_a_page_that_no_link_leads_to(
    town: Town, stage: Stage, visit: Visit, record_property: Callable[[str, object], None], endpoint: str
) -> None:
    way = WAYS[endpoint](stage)
    [address] = [x for x in pages.pages(stage.app) if x.endpoint == endpoint]
    queries, text = reach.read(way.browser.get, way.path)
    assert text is not None
    seen = reach.Seen(address, way.path, queries, reach.weight(text))
    record_property("page", seen.told)
    assert not seen.is_over, seen
    kept = [x for x in map(way.browser.client.get_cookie, ("session", "starts")) if x is not None]
    page = visit(way.path, olga=False, cookies={x.key: x.value for x in kept})
    expect(page.locator("h1").first).to_be_visible()
    assert page.url == town.url + way.path
    looks.keep(page, endpoint)
    found = violations(page)
    record_property("axe", len(found))
    assert found == []
