"""The inventory of pages knows every address."""

from __future__ import annotations

from flask import Flask

from tools import pages


def test_whatever_answers_is_a_page_a_part_of_one_or_an_exception_with_a_reason(app: Flask) -> None:
    assert [x.endpoint for x in pages.strays(app)] == []


def test_every_exception_is_still_there(app: Flask) -> None:
    assert set(pages.EXCEPTIONS) <= {x.endpoint for x in pages.addresses(app)}


def test_the_document_names_every_page(app: Flask) -> None:
    written = pages.DOCUMENT.read_text()
    missing = [x.rule.rule for x in pages.pages(app) if pages.row(x) not in written]
    assert missing == [], "python -m tools.pages"
