"""People get pages that explain, machines do not get HTML."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.browser import HTMX, Browser


def test_an_address_that_nobody_has_is_explained(client: FlaskClient) -> None:
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert "There is no such page" in response.text
    assert "app.css" in response.text


def test_a_charger_that_is_not_there_is_told_in_its_own_words(olga: Browser) -> None:
    response = olga.open("/chargers/4711")
    assert response.status_code == 404
    assert "There is no such charger." in response.text


def test_a_part_of_a_page_gets_a_toast(olga: Browser) -> None:
    response = olga.open("/chargers/4711/live", headers=HTMX)
    assert response.status_code == 404
    assert "hx-partial" in response.text
    assert "<html" not in response.text


def test_a_form_of_a_page_that_was_open_for_too_long_says_so(client: FlaskClient) -> None:
    response = client.post("/login", data={"username": "olga"})
    assert response.status_code == 403
    assert "open for too long" in response.text


def test_a_machine_that_misspells_an_address_gets_no_page(client: FlaskClient) -> None:
    assert "app.css" not in client.get("/api/v1/nowhere").text


@pytest.mark.parametrize("path", ["/find", "/chargers", "/accounts", "/search"])
def test_a_search_for_what_no_database_can_hold_is_no_fault_of_ours(olga: Browser, path: str) -> None:
    assert olga.open(f"{path}?q=a%00b").status_code in (200, 302, 400)  # SQLite can hold it


@pytest.mark.parametrize(
    "path", ["/cards?page={n}", "/accounts?page={n}", "/reservations?connector={n}", "/cdrs?page={n}"]
)
def test_a_number_that_no_database_can_hold_is_no_fault_of_ours(olga: Browser, path: str) -> None:
    assert olga.open(path.format(n="9" * 25)).status_code < 500


def test_a_form_with_what_no_database_can_hold_is_no_fault_of_ours(olga: Browser) -> None:
    olga.open("/accounts/new")
    given = {"csrf_token": olga.token, "name": "a\x00b"}
    assert olga.client.post("/accounts/new", data=given).status_code in (302, 400)
