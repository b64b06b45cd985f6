"""Every page of the product that can be reached: what it weighs, what it asks of the database, what it looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser import looks, reach
from tests.browser.axe import violations
from tests.browser.conftest import PASSWORD, WIDE, Town
from tests.browser.reach import Seen
from tests.browser.ways import WAYS
from tests.web.browser import Browser
from tools import pages

LINK = re.compile(r'href="(/[^"#]*)')
# What one of everything is made with, by the address that its form goes to.
FORMS: dict[str, dict[str, Any]] = {
    "/webhooks": {"name": "Billing", "url": "https://hooks.example.org/in", "events": ["transaction.ended"]},
    "/alerts/channels": {"kind": "ntfy", "name": "Telephones", "url": "https://ntfy.example.org/depot"},
    "/alerts/rules": {"name": "Anything offline", "kind": "offline", "mail_to": "ops@example.org"},
    "/integrations/keys": {"name": "Billing", "scopes": ["read", "operate"], "sight": "all"},
    "/integrations/ocpi/party": {"country_code": "ES", "party_id": "AMB"},
    "/integrations/ocpi": {"name": "Roads"},
    "/subscriptions/offers": {
        "name": "Commuter",
        "price": "10,00",
        "renewal_days": "30",
        "included_kwh": "50",
    },
    "/odoo": {"name": "Books", "url": "https://odoo.example.org", "password": "secret"},
    "/configuration/new": {"name": "All of ours", "wanted": "HeartbeatInterval = 300"},
    "/charging-profiles/new": {
        "name": "Slow by day",
        "purpose": "TxDefaultProfile",
        "kind": "Recurring",
        "recurrency": "Daily",
        "stack_level": "0",
        "unit": "W",
        "starts_at": "2026-11-01T00:00",
        "lasts": "24:00",
        "after": ["", "6:00"],
        "limit": ["11", "4.5"],
        "phases": ["", "1"],
    },
    "/simulator/entries": {
        "name": "Garage",
        "cp_path": "ws/ocpp/GARAGE-2",
        "host": "127.0.0.1",
        "ws_port": "8000",
        "rfid": "04A2B39F",
        "duration": "600",
        "interval": "5",
        "pre_charge_delay": "0",
        "kwh_min": "2.5",
        "kwh_max": "2.5",
    },
    "/chargers/{charger}/commands": {"kind": "get_configuration"},
}
PARTS = 8  # in which the pages are looked at
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def seen(town: Town, tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    return reached(town, tmp_path_factory.mktemp("reader"))


def reached(town: Town, folder: Path) -> list[Seen]:
    """What the owner can reach from the pages without an argument in their address, by their links."""
    with reach.reading(town, folder) as app:
        browser = Browser(app)
        assert browser.log_in("olga", PASSWORD).status_code == 302
        _fill(browser, town.charger_id)
        return list(_walk(app, browser))


def _fill(browser: Browser, charger_id: int) -> None:
    """Make one of everything that a new installation has none of."""
    for path, form in FORMS.items():
        answer = browser.send(path.format(charger=charger_id), **form)
        assert answer.status_code < 400, (path, answer.text)
    firmware = {"version": "2.0", "vendor": "Acme", "file": (BytesIO(b"new firmware"), "box-2.0.bin")}
    assert browser.send("/firmware", **firmware).status_code == 302


def _walk(app: Flask, browser: Browser) -> Iterator[Seen]:
    known = {page.endpoint: page for page in pages.pages(app)}
    todo = [x.rule.rule for x in known.values() if not x.rule.arguments]
    met: set[str] = set()
    for path in todo:  # grows
        endpoint = _endpoint(app, path)
        if endpoint not in known or endpoint in met:
            continue
        queries, text = reach.read(browser.open, path)
        if text is None:
            continue
        met.add(endpoint)
        todo += [x.replace("&amp;", "&") for x in LINK.findall(text)]
        yield Seen(known[endpoint], path, queries, reach.weight(text))


def _endpoint(app: Flask, path: str) -> str | None:
    try:
        return app.url_map.bind("").match(urlsplit(path).path)[0]
    except Exception:  # noqa: BLE001  an address that is not ours, or leads on
        return None


def test_pages_keep_to_their_budgets(
    seen: list[Seen], record_property: Callable[[str, object], None]
) -> None:
    for one in seen:
        record_property("page", one.told)
    assert len(seen) > 60
    assert [one for one in seen if one.is_over] == []


def test_every_page_is_met(seen: list[Seen]) -> None:
    """By a link, or by what brings it about; the set-up on the first run (test_first_run.py)."""
    met = {one.page.endpoint for one in seen} | set(WAYS) | {"setup.show"}
    assert {x.endpoint for x in pages.pages(pages.product())} - met == set()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_drawn_without_a_fault_and_can_be_used_by_everybody(
    town: Town, seen: list[Seen], visit: Visit, record_property: Callable[[str, object], None], part: int
) -> None:
    page = visit("/profile")
    found = {}
    for one in seen[part::PARTS]:
        page.set_viewport_size(WIDE)
        page.goto(town.url + one.path)
        expect(page.locator("h1").first).to_be_visible()
        if one.page.endpoint not in WAYS:  # there it shows more
            looks.keep(page, one.page.endpoint)
        found[one.path] = violations(page)
        record_property("axe", len(found[one.path]))
    assert {path: said for path, said in found.items() if said} == {}
