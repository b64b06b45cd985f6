"""The tasks of an operator's office, each as a person does it: by what the pages say, from where one would look.

What is done at the chargers is in test_operator.py, test_upkeep.py, test_places.py and test_presses.py, the first day
in test_first_run.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from csms.simulator import Charger
from tests.browser.conftest import CARD, Town

Visit = Callable[..., Page]


def test_make_a_driver_with_credit_and_a_card(visit: Visit) -> None:
    page = visit("/accounts/new")
    page.get_by_label("Name", exact=True).fill("Ana Prieto")
    page.get_by_role("button", name="Add driver").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ana Prieto")
    page.get_by_role("button", name="Add credit…").click()
    page.get_by_role("dialog").get_by_label("Amount").fill("20")
    page.get_by_role("dialog").get_by_role("button", name="Book").click()
    expect(page.get_by_role("main")).to_contain_text("20.00")
    page.get_by_role("link", name="Add card", exact=True).click()
    page.get_by_label("Number", exact=True).fill("0A0B0C0D")
    page.get_by_role("button", name="Add card").click()
    expect(page.get_by_role("main")).to_contain_text("0A0B0C0D")


def test_block_a_card_and_let_it_charge_again(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(20)
    page = visit("/cards/new")
    page.get_by_label("Number", exact=True).fill("B10C4ED0")
    page.get_by_role("button", name="Add card").click()
    for is_allowed, answer in ((False, "Blocked"), (True, "Accepted")):
        page.goto(f"{town.url}/cards?q=B10C4ED0")
        page.get_by_role("link", name="B10C4ED0").first.click()
        page.get_by_label("May charge").set_checked(is_allowed)
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.get_by_role("button", name="Save").click()
        assert plaza.swipe(1, "B10C4ED0").result(20) == answer


def test_write_a_tariff_and_give_it_to_a_charger(visit: Visit) -> None:
    page = visit("/tariffs/new")
    page.get_by_label("Name", exact=True).fill("Staff")
    page.get_by_label("Energy").fill("0.21")
    page.get_by_role("button", name="Create tariff").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Staff")
    expect(page.get_by_text("0.21").first).to_be_visible()
    page.get_by_label("Airport DC-1").check()
    page.locator("form", has=page.get_by_label("Airport DC-1")).get_by_role("button").click()
    expect(page.get_by_label("Airport DC-1")).to_be_checked()


@pytest.mark.parametrize(("button", "kind"), [("CSV", ".csv"), ("Excel", ".xlsx")])
def test_take_the_months_report_along(visit: Visit, tmp_path: Path, button: str, kind: str) -> None:
    page = visit("/reports")
    with page.expect_download() as coming:
        page.get_by_role("link", name=button, exact=True).first.click()
    assert coming.value.suggested_filename.endswith(kind)
    kept = tmp_path / "report"
    coming.value.save_as(kept)
    assert kept.stat().st_size > 20


def test_add_a_user_and_find_it_in_the_audit(town: Town, visit: Visit) -> None:
    page = visit("/settings/users")
    page.get_by_label("User name").fill("berta")
    page.get_by_label("Password", exact=True).fill("seven quiet amber rivers")
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("main")).to_contain_text("berta")
    page.goto(f"{town.url}/settings/audit?q=berta")
    expect(page.get_by_role("main")).to_contain_text("berta")


def test_write_a_rule_for_alerts(visit: Visit) -> None:
    page = visit("/alerts")
    page.get_by_role("link", name="New rule").first.click()
    page.get_by_label("Name", exact=True).fill("Something at the plaza")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("Something at the plaza")


def test_find_what_a_charger_has_said(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(20)
    assert plaza.swipe(1, CARD).result(20) == "Accepted"
    page = visit(f"/chargers/{town.charger_id}/messages")
    page.get_by_label("Find in messages").fill(CARD)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("StartTransaction")


def test_close_a_session_whose_end_was_lost(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(20)
    assert plaza.swipe(1, CARD).result(20) == "Accepted"
    page = visit(f"/chargers/{town.charger_id}")
    page.get_by_role("link", name=re.compile(r"^Session \d+$")).first.click()
    page.get_by_role("button", name="Force-close…").click()
    page.get_by_role("dialog").get_by_role("button", name="Force-close").click()
    expect(page.get_by_role("button", name="Force-close…")).to_be_hidden()


def test_print_the_labels_of_a_charger(town: Town, visit: Visit) -> None:
    page = visit(f"/labels?charger={town.charger_id}")
    expect(page.get_by_role("main")).to_contain_text("Plaza DC-2")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
