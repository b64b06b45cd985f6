"""What chargers and drivers say is shown as it is: no page runs it, breaks on it or grows wider than a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from csms.domain import chargers
from csms.domain.chargers import Connector
from csms.simulator import Charger, ChargerOptions
from tests.browser.conftest import PASSWORD, PATIENCE_MS, PHONE, Town, Watch, a_town
from tests.browser.test_pages import reached
from tests.browser.test_upkeep import KNOCK
from tests.nursery import Nursery
from tests.simulated import plugged_in

MARKUP, TAG = '"><img src=x onerror=a()>', '"><svg onload=a()>'
BRACES, PRODUCT = "{{7*191919}}", "1343433"
LINK, TURNED, NUL, SMILE = "javascript:alert(1)", "\u202edesrever\u202d", "n\x00l", "💥👩‍🚒é漢"
WORD = "W" * 500
ALL = MARKUP + BRACES + TURNED + SMILE
IDENTITY = TAG + BRACES
DRIVERS = ("/accounts/me", "/profile", "/me/erase", "/find")
PATIENCE_S = 20.0

WHAT_IS_WRONG = """() => {
  const found = [...(window.breaches ?? [])], root = document.documentElement;
  if (root.scrollWidth > innerWidth) found.push(`${root.scrollWidth} px wide`);
  const grown = "[onerror], [onload], [src=x], [href^='javascript:' i], [action^='javascript:' i]";
  for (const one of document.querySelectorAll(grown)) found.push(one.outerHTML);
  return found;
}"""
LISTEN = """addEventListener("securitypolicyviolation", (event) => {
  (window.breaches ??= []).push(`${event.violatedDirective}: ${event.blockedURI}`);
});"""


@pytest.fixture(scope="module")
def town(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Town]:
    """A server that has heard the worst of a charger and of a driver."""
    with a_town(nursery, sqlite_template, tmp_path_factory.mktemp("hostile"), chromium) as town:
        options = ChargerOptions(
            connectors=1, vendor=TAG, model=BRACES + SMILE, serial=MARKUP, firmware=WORD[:50]
        )
        charger = Charger(IDENTITY, f"{town.server.ws_url}/ws/{quote(ALL)}", options)
        plugged_in(charger, town.server)
        _say_the_worst(charger)
        _answer_the_worst(charger, town)
        _knock(town)
        yield town
        charger.stop()


def _say_the_worst(charger: Charger) -> None:
    boot = {"chargePointVendor": TAG, "chargePointModel": BRACES + SMILE, "chargePointSerialNumber": MARKUP}
    more = {"iccid": LINK, "imsi": TURNED, "meterSerialNumber": MARKUP, "meterType": NUL}
    charger.tell("BootNotification", boot | more | {"firmwareVersion": WORD[:50]}).result(PATIENCE_S)
    charger.tell(
        "StatusNotification",
        {
            "connectorId": 1, "errorCode": "OtherError", "status": "Faulted", "info": (MARKUP + BRACES + TURNED)[:50],
            "vendorId": WORD[:255], "vendorErrorCode": f"<script>a()</script>{NUL}",
        },
    ).result(PATIENCE_S)  # fmt: skip
    charger.tell("DataTransfer", {"vendorId": ALL, "messageId": MARKUP, "data": WORD * 20}).result(PATIENCE_S)
    charger.tell(
        "SecurityEventNotification", {"type": MARKUP, "timestamp": "2026-01-01T00:00:00Z", "techInfo": ALL}
    ).result(PATIENCE_S)
    for raw in (
        f"{MARKUP}{WORD}",
        f'[2,"{BRACES}","<img src=x onerror=a()>",{{}}]',
        f'[4,"1","{LINK}","<img src=x>",{{}}]',
    ):
        charger.send_raw(raw).result(PATIENCE_S)
    charger.plug(1).result(PATIENCE_S)
    charger.swipe(1, TAG).result(PATIENCE_S)
    charger.wait_until(lambda x: x.state().connectors[0].transaction_id is not None, PATIENCE_S)


def _answer_the_worst(charger: Charger, town: Town) -> None:
    keys = [
        {"key": MARKUP, "readonly": False, "value": WORD},
        {"key": BRACES, "readonly": True, "value": ALL},
    ]
    charger.answer_with("GetConfiguration", {"configurationKey": keys, "unknownKey": [TAG, WORD[:50]]})
    charger.answer_with("GetDiagnostics", {"fileName": MARKUP + TURNED + WORD[:200]})
    charger.answer_with("DataTransfer", {"status": "Accepted", "data": ALL + WORD * 20})
    caller = requests.Session()
    known = {"username": "olga", "password": PASSWORD}
    token = caller.post(f"{town.url}/api/v1/token", json=known, timeout=PATIENCE_S).json()["access"]
    caller.headers.update(
        {"Authorization": f"Bearer {token}", "Prefer": "wait=15", "User-Agent": ALL.encode()}
    )
    for action, payload in (
        ("GetConfiguration", {}),
        ("GetDiagnostics", {"location": "ftp://logs.example.org/"}),
        ("DataTransfer", {"vendorId": "org.example"}),
    ):
        order = {"action": action, "payload": payload}
        answer = caller.post(f"{town.url}/api/v1/chargers/{quote(IDENTITY)}/commands", json=order, timeout=60)
        assert answer.json()["state"] == "accepted", answer.text


def _knock(town: Town) -> None:
    """A connection that is refused."""
    headers: dict[str, Any] = KNOCK | {"User-Agent": MARKUP, "Sec-WebSocket-Protocol": f"ocpp9{BRACES}"}
    url = f"{town.url}/ws/{quote(ALL)}/{quote(TAG)}"
    assert requests.get(url, headers=headers, auth=(MARKUP, LINK), timeout=PATIENCE_S).status_code >= 400


@pytest.fixture
def phone(town: Town, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A function that gives somebody a phone, which listens for dialogs and for breaches of the content policy."""
    watch = Watch(urlsplit(town.url).netloc)
    contexts: list[BrowserContext] = []

    def opened(**more: Any) -> Page:
        context = chromium.new_context(viewport=PHONE, reduced_motion="reduce", **more)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(LISTEN)
        context.on(
            "dialog", lambda dialog: (watch.faults.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )
        watch.on(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    assert watch.faults == []


def _tell_as_a_driver(town: Town, page: Page) -> None:
    """What the forms of drivers take."""
    page.goto(f"{town.url}/c/{_slug(town)}/trouble")
    page.get_by_label("In your words, if you like").fill((LINK + ALL + WORD)[:300])
    page.get_by_role("button", name="Tell the operator").click()
    page.goto(f"{town.url}/sign-up")
    page.get_by_label("User name").fill(WORD[:80])
    page.get_by_label("E-mail").fill("mallory@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/accounts/me")
    page.get_by_text("Add a vehicle").click()
    page.get_by_label("Brand").fill(MARKUP + BRACES)
    page.get_by_label("Model").fill(WORD[:60])
    page.get_by_role("button", name="Add vehicle").click()
    page.goto(f"{town.url}/profile")
    page.get_by_label("First name").fill(ALL[:60])
    page.get_by_label("Last name").fill(WORD[:60])
    page.get_by_role("button", name="Save").first.click()


def _slug(town: Town) -> str:
    engine = create_engine(town.server.database_url)
    with Session(engine) as session:
        charger = select(chargers.Charger.id).where(chargers.Charger.identity == IDENTITY)
        found = session.scalars(select(Connector.slug).where(Connector.charger_id.in_(charger))).one()
    engine.dispose()
    return found


def test_no_page_does_what_a_charger_or_a_driver_says(
    town: Town, phone: Callable[..., Page], tmp_path: Path
) -> None:
    driver = phone(user_agent=MARKUP + BRACES)
    _tell_as_a_driver(town, driver)
    owner = phone(storage_state=town.storage)
    visits = [(driver, x) for x in DRIVERS] + [(owner, x.path) for x in reached(town, tmp_path)]
    assert len(visits) > 80
    wrong, shown = {}, ""
    for page, path in visits:
        page.goto(town.url + path)
        shown += page.inner_text("body")
        if found := page.evaluate(WHAT_IS_WRONG):
            wrong[path] = found
    assert wrong == {}
    assert PRODUCT not in shown
    assert [x for x in (MARKUP, TAG, BRACES, LINK, TURNED, SMILE, WORD[:50]) if x not in shown] == []
    assert town.server.faults() == []
