"""The inventory of pages knows every address."""

from __future__ import annotations

from collections import Counter

import pytest
from flask import Flask

from tools import pages

pytestmark = pytest.mark.sqlite_is_enough


def test_whatever_answers_is_a_page_a_part_of_one_or_an_exception_with_a_reason(app: Flask) -> None:
    assert [x.endpoint for x in pages.strays(app)] == []


def test_every_exception_is_still_there(app: Flask) -> None:
    assert set(pages.EXCEPTIONS) <= {x.endpoint for x in pages.addresses(app) if not x.templates}


def test_every_page_has_a_name_of_its_own(app: Flask) -> None:
    found = pages.pages(app)
    assert [x.endpoint for x in found if not x.name] == []
    assert [name for name, times in Counter(x.name for x in found).items() if times > 1] == []
    assert set(pages.NAMES) <= {x.endpoint for x in found}


def test_what_only_leads_on_is_no_page_though_it_shows_one_when_it_fails(app: Flask) -> None:
    assert "sso.leave" not in {x.endpoint for x in pages.pages(app)}
    [link] = [x for x in pages.pages(app) if x.endpoint == "entrance.open_link"]
    assert "entrance/expired.html" not in link.templates


def test_every_page_has_a_picture_and_every_picture_a_page(app: Flask) -> None:
    """`SAVE_SCREENSHOTS=1 make browser` draws them; a page that no link leads to is come to in
    tests/browser/ways.py."""
    wanted = {x.picture.name for x in pages.pages(app)}
    drawn = {x.name for x in pages.PICTURES.iterdir()}
    assert (sorted(wanted - drawn), sorted(drawn - wanted)) == ([], [])


def test_the_document_names_every_page(app: Flask) -> None:
    written = pages.DOCUMENT.read_text()
    missing = [x.rule.rule for x in pages.pages(app) if pages.row(x) not in written]
    assert missing == [], "python -m tools.pages"
