"""The pages of ways.py are asked what every other page is asked (test_pages.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from csms.extensions import db
from tests.browser import looks, reach
from tests.browser.axe import violations
from tests.browser.conftest import Town, a_town
from tests.browser.stage import Stage
from tests.browser.ways import WAYS
from tests.nursery import Nursery
from tools import pages

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def town(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Town]:
    """A server of its own: drivers pay by card at all of its stations."""
    with a_town(
        nursery, sqlite_template, tmp_path_factory.mktemp("stage"), chromium, DEMO_CHARGERS="4"
    ) as town:
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
