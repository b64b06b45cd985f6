"""A browser, a server in a process of its own with twelve chargers, and people who use it.

Every page is watched: an error in its console, a breach of the content policy, a page that does not answer well
or a request to another host fails the test that met it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from live import LiveServer, running
from make import make_charger, store
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    Route,
    expect,
    sync_playwright,
)
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, tariffs
from csms.domain.accounts import LedgerKind, Role
from csms.domain.chargers import AuthorizationPolicy, Connector
from csms.domain.tariffs import simple
from csms.simulator import DC_150KW, Charger, ChargerOptions
from tests.nursery import ForkedServer, Nursery
from tests.simulated import plugged_in

# Debian's Chromium: the first that is there. The shell is the same browser without a desktop's share of the work,
# which is half of it.
EXECUTABLES = tuple(map(Path, ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 60_000  # the machine may be busy; what must be quick is measured by the tests themselves
PASSWORD = "four amber lights ahead"
CARD = "04A2B39F"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# Begun first, the longest before the others, or one worker is still at it when the others have nothing left to do.
LONGEST = (
    "test_pages.py",
    "test_unlinked_pages.py",
    "test_hostile.py",
    "test_driver_tasks.py",
    "test_keyboard.py",
    "test_operator_tasks.py",
)
# A driver's page waits ten seconds before it looks at the next news, for the sake of old phones. Here it waits for one.
EAGER = """const read = Element.prototype.getAttribute;
Element.prototype.getAttribute = function (name) {
  const said = read.call(this, name);
  return name === "data-every" && said ? "1" : said;
};"""
PRICES = simple("EUR", Decimal("0.49"), Decimal(0), Decimal("0.10"), 15, Decimal("0.35"), Decimal(21))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured, as a table."""
    told = [
        (name, str(value))
        for kind in ("passed", "failed")
        for report in terminalreporter.getreports(kind)
        for name, value in report.user_properties
    ]
    rows = [value.split("\t") for name, value in told if name == "page"]
    checked = [int(value) for name, value in told if name == "axe"]
    if checked:
        terminalreporter.section("accessibility")
        terminalreporter.line(
            f"{len(checked)} pages, light and dark, wide and narrow: {sum(checked)} violations"
        )
    if rows:
        terminalreporter.section("budgets: scripts and styles in KiB, compressed; queries")
        for path, weight, budget, queries, most in rows:
            over = "  OVER" if float(weight) > int(budget) or int(queries) > int(most) else ""
            terminalreporter.line(f"{path:<60}{weight:>6} of {budget}{queries:>5} of {most}{over}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    executable = next((x for x in EXECUTABLES if x.exists()), None)
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing")
        pytest.skip("Chromium is missing: apt install chromium-headless-shell")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What went wrong in the browser."""

    host: str
    faults: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)  # answers like 404 that a test asks for

    def on(self, context: BrowserContext) -> None:
        # A pattern, which the browser's side applies: a function would be asked here for every request, and while a
        # test waits for something else, nobody would answer: a press would send nothing.
        context.route(re.compile(rf"^https?://(?!{re.escape(self.host)}/)"), self._refuse)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("response", self._response)

    def _refuse(self, route: Route) -> None:
        self.faults.append(f"another host: {route.request.url}")
        route.abort()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console at {message.location.get('url')}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status}: {response.url}")


@dataclass
class Town:
    """The server with its chargers, and what tests need to know of it."""

    server: LiveServer
    charger_id: int
    slug: str  # of the charger's first connector
    storage: Any = None  # the owner's log-in

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="session")
def town(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Town]:
    """A server in lab mode: twelve demonstration chargers, PLAZA-2 at which only known cards may charge, and KIOSK-1.
    Others that come wait to be let in."""
    with a_town(
        nursery,
        sqlite_template,
        tmp_path_factory.mktemp("town"),
        chromium,
        DEMO_CHARGERS="12",
        UNKNOWN_CHARGERS="pending",
    ) as town:
        yield town


@contextmanager
def a_town(
    nursery: Nursery, template: Path, directory: Path, chromium: Browser, **settings: str
) -> Iterator[Town]:
    """A server, furnished, at which the owner is logged in."""
    shutil.copy(template, directory / "amberline.db")
    url = f"sqlite:///{directory / 'amberline.db'}"
    charger_id, slug = _furnish(url)
    usual = {"ORGANISATION": "Plaza Charging", "HELP_PHONE": "+34 900 000 000", "PRIVATE_TARGETS": "1"}
    with running(ForkedServer(nursery, directory, url, **usual, **settings)) as server:
        town = Town(server, charger_id, slug)
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{server.url}/login")
        page.fill("#username", "olga")
        page.fill("#password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(f"{server.url}/ui/")
        town.storage = context.storage_state()
        context.close()
        yield town


def _furnish(url: str) -> tuple[int, str]:
    """The owner Olga, prices, an account with a card, and two chargers. The id of PLAZA-2 and its connector's slug."""
    engine = create_engine(url)
    at = clock.now()
    with Session(engine, expire_on_commit=False) as session:
        accounts.create_user(session, "olga", accounts.hash_password(PASSWORD), Role.OWNER, at=at)
        tariffs.create(session, "Public", PRICES, at=at, is_default=True)
        account = accounts.open_account(session, "Fleet account 7", at=at)
        accounts.book(session, account, LedgerKind.TOP_UP, at=at, amount_cents=5_000, note="First top-up")
        accounts.add_token(session, CARD, at=at, account_id=account.id, label="Blue card")
        charger = make_charger(
            session,
            "PLAZA-2",
            at=at,
            policy=AuthorizationPolicy.KNOWN,
            name="Plaza DC-2",
            location="Central plaza, level -1",
            latitude=25.6699,
            longitude=-100.3101,
        )
        connector = session.scalars(select(Connector).where(Connector.charger_id == charger.id)).one()
        connector.type, connector.max_power_w = "CCS 2", 150_000
        make_charger(session, "KIOSK-1", at=at)
        store(session)
        found = charger.id, connector.slug
    engine.dispose()
    return found


@pytest.fixture
def watch(town: Town) -> Iterator[Watch]:
    watch = Watch(urlsplit(town.url).netloc)
    yield watch
    assert watch.faults == []


@pytest.fixture
def visit(town: Town, chromium: Browser, watch: Watch) -> Iterator[Callable[..., Page]]:
    """A function that opens a page of the town: `visit("/map")` as the owner, `visit(…, olga=False)` as a stranger, or
    as somebody who has `cookies` of ours."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str,
        *,
        olga: bool = True,
        cookies: Mapping[str, str] | None = None,
        size: dict[str, int] | None = None,
        **more: Any,
    ) -> Page:
        context = chromium.new_context(
            viewport=size or WIDE,
            storage_state=town.storage if olga else None,
            reduced_motion="reduce",
            **more,
        )
        contexts.append(context)
        for name, value in (cookies or {}).items():
            context.add_cookies([{"name": name, "value": value, "url": town.url}])
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(EAGER)
        watch.on(context)
        page = context.new_page()
        page.goto(town.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def plaza(town: Town) -> Iterator[Charger]:
    """PLAZA-2 itself, connected: a fast charger that tells its meter every two seconds."""
    with at_work(town, "PLAZA-2") as charger:
        yield charger


class at_work:  # noqa: N801  reads as a verb
    """A charger in software in the test's own process, connected while it is used."""

    def __init__(self, town: Town, identity: str) -> None:
        options = ChargerOptions(
            connectors=1,
            supply=DC_150KW,
            model="DC 150",
            configuration={"MeterValueSampleInterval": "2"},
            reboot_s=1,
        )
        self.server = town.server
        self.charger = Charger(identity, f"{town.server.ws_url}/ws/ocpp", options)

    def __enter__(self) -> Charger:
        return plugged_in(self.charger, self.server).wait_until_status(1, "Available", 10)

    def __exit__(self, *_: object) -> None:
        """Leave it as it was found: nothing broken, nobody charging, no car."""
        self.charger.clear_fault(1).result(10)
        self.charger.unplug(1).result(10)
        self.charger.stop()


def setup_link(server: LiveServer) -> str:
    """The address that the server printed when it started."""
    found = re.search(r"Set-up\s+(\S+)", server.log.read_text())
    assert found, server.log.read_text()
    return found.group(1)


@pytest.fixture
def picture() -> Callable[..., None]:
    """Keep a screenshot for the documentation, when SAVE_SCREENSHOTS=1 asks for it, of what there is `after_s`."""

    def keep(page: Page, name: str, after_s: float = 0) -> None:
        if os.environ.get("SAVE_SCREENSHOTS") == "1":
            page.wait_for_timeout(after_s * 1_000)
            page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")

    return keep
