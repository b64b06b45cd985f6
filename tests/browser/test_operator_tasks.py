"""The tasks of an operator's office, each as a person does it: by what the pages say, from where one would look.

What is done at one charger is in test_operator.py, test_upkeep.py, test_places.py and test_presses.py, at many in
test_fleet_tasks.py; the first day is in test_first_run.py.
"""

from __future__ import annotations

import re
from base64 import b32decode
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from csms.simulator import Charger
from tests.browser.conftest import CARD, PASSWORD, PHONE, Town
from tests.receiver import Receiver
from tests.web.test_second_factor import code_of

Visit = Callable[..., Page]


@pytest.mark.task("operator", "Make a driver with credit and a card")
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


@pytest.mark.task("operator", "Block a card, and let it charge again")
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


@pytest.mark.task("operator", "Write a tariff and give it to a charger")
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


@pytest.mark.task("operator", "Take the month’s report along, as CSV and for Excel")
@pytest.mark.parametrize(("button", "kind"), [("CSV", ".csv"), ("Excel", ".xlsx")])
def test_take_the_months_report_along(visit: Visit, tmp_path: Path, button: str, kind: str) -> None:
    page = visit("/reports")
    with page.expect_download() as coming:
        page.get_by_role("link", name=button, exact=True).first.click()
    assert coming.value.suggested_filename.endswith(kind)
    kept = tmp_path / "report"
    coming.value.save_as(kept)
    assert kept.stat().st_size > 20


@pytest.mark.task("operator", "Add a user, and find it in the audit")
def test_add_a_user_and_find_it_in_the_audit(town: Town, visit: Visit) -> None:
    page = visit("/settings/users")
    page.get_by_label("User name").fill("berta")
    page.get_by_label("Password", exact=True).fill("seven quiet amber rivers")
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("main")).to_contain_text("berta")
    page.goto(f"{town.url}/settings/audit?q=berta")
    expect(page.get_by_role("main")).to_contain_text("berta")


@pytest.mark.task("operator", "Write a rule for alerts")
def test_write_a_rule_for_alerts(visit: Visit) -> None:
    page = visit("/alerts")
    page.get_by_role("link", name="New rule").first.click()
    page.get_by_label("Name", exact=True).fill("Something at the plaza")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("Something at the plaza")


@pytest.mark.task("operator", "Find what a charger has said")
def test_find_what_a_charger_has_said(town: Town, plaza: Charger, visit: Visit) -> None:
    plaza.plug(1).result(20)
    assert plaza.swipe(1, CARD).result(20) == "Accepted"
    page = visit(f"/chargers/{town.charger_id}/messages")
    page.get_by_label("Find in messages").fill(CARD)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("StartTransaction")


@pytest.mark.task("operator", "Close a session whose end was lost, bill it, and give some back")
def test_close_a_session_whose_end_was_lost_bill_it_and_give_some_back(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    plaza.plug(1).result(20)
    assert plaza.swipe(1, CARD).result(20) == "Accepted"
    page = visit(f"/chargers/{town.charger_id}")
    page.get_by_role("link", name=re.compile(r"^Session \d+$")).first.click()
    expect(page.locator(".figure", has_text="Energy")).to_contain_text(re.compile(r"0\.(0[1-9]|[1-9])"))
    page.get_by_role("button", name="Force-close…").click()
    page.get_by_role("dialog").get_by_role("button", name="Force-close").click()
    page.get_by_role("button", name="Bill the estimate").click()
    page.get_by_role("button", name="Refund…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("A part").check()
    dialog.get_by_label("The part").fill("0.10")
    dialog.get_by_label("Reason").fill("The display was dark")
    dialog.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"0\.10\s€.*The display was dark"))


@pytest.mark.task("operator", "Import cards from a file, after a look at its lines")
def test_import_cards_from_a_file_after_a_look_at_its_lines(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(
        "number,label,driver,last_day\n0C0FFEE1,Van 1,Bakery,\n0C0FFEE2,Van 2,Bakery,31.12.2037\n"
    )
    page = visit("/cards")
    page.get_by_role("link", name="Import CSV").click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Show what would be done").click()
    expect(page.get_by_role("row", name="0C0FFEE1")).to_contain_text("with a new driver, Bakery")
    expect(page.get_by_role("row", name="0C0FFEE2")).to_contain_text("Write the last day as 2027-12-31")
    page.get_by_role("button", name="Import", exact=True).click()
    page.goto(page.url.partition("/cards")[0] + "/cards?q=bakery")
    expect(page.get_by_role("row", name="0C0FFEE1")).to_contain_text("Van 1")
    expect(page.get_by_role("row", name="0C0FFEE2")).to_have_count(0)


@pytest.mark.task("operator", "Know a card that a reader spells backwards")
def test_know_a_card_that_a_reader_spells_backwards(town: Town, plaza: Charger, visit: Visit) -> None:
    backwards = bytes.fromhex(CARD)[::-1].hex().upper()
    plaza.plug(1).result(20)
    assert plaza.swipe(1, backwards).result(20) == "Invalid"
    page = visit("/cards")
    row = page.get_by_role("listitem").filter(has_text=backwards)
    expect(row).to_contain_text(f"May be {CARD} of Fleet account 7")
    row.get_by_role("button", name="Add as its other number").click()
    expect(page.get_by_role("main")).to_contain_text(backwards)
    assert plaza.swipe(1, backwards).result(20) == "Accepted"


@pytest.mark.task("operator", "Tell another program what happens, and send again what it could not take")
def test_tell_another_program_and_send_again_what_it_could_not_take(visit: Visit) -> None:
    with Receiver(500) as receiver:
        page = visit("/webhooks/new")
        page.get_by_label("Name", exact=True).fill("Billing")
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_label("A session has ended").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("It is shown this once.")).to_be_visible()
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_role("row", name=re.compile("^ping"))).to_contain_text("500")
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_role("row", name=re.compile("^ping")).filter(has_text="200")).to_be_visible()
        assert receiver.next().headers["webhook-id"] == receiver.next().headers["webhook-id"]


@pytest.mark.task("operator", "Give a program a key, and take it back")
def test_give_a_program_a_key_and_take_it_back(town: Town, visit: Visit) -> None:
    page = visit("/integrations")
    page.get_by_label("What it is for").fill("Wall display")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("It is shown this once.")).to_be_visible()
    key = page.locator("main .codebox code").first.inner_text()

    def knock() -> int:
        answer = requests.get(
            f"{town.url}/api/v1/chargers", headers={"Authorization": f"Bearer {key}"}, timeout=20
        )
        return answer.status_code

    assert knock() == 200
    page.get_by_role("button", name="Revoke…").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="Wall display")).to_contain_text("Revoked")
    assert knock() == 401


@pytest.mark.task("operator", "Protect one’s log-in by a second factor, and lose the phone")
def test_protect_ones_log_in_by_a_second_factor_and_lose_the_phone(town: Town, visit: Visit) -> None:
    page = visit("/settings/users")
    page.get_by_label("User name").fill("carla")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add user").click()
    carla = visit("/login?next=/profile/second-factor", olga=False, size=PHONE)
    _log_in(carla, "carla")
    carla.get_by_label("Your password").fill(PASSWORD)
    carla.get_by_role("button", name="Set it up").click()
    letters = carla.locator("main .codebox code").first.inner_text()
    carla.get_by_label("Six digits that the app shows").fill(code_of(b32decode(letters.replace(" ", ""))))
    carla.get_by_role("button", name="Switch it on").click()
    recovery = carla.locator("main li code").first.inner_text()
    again = visit("/login", olga=False, size=PHONE)
    _log_in(again, "carla")
    again.get_by_label("Code of your authenticator").fill(recovery)
    again.get_by_role("button", name="Go on").click()
    again.wait_for_url("**/ui/")


def _log_in(page: Page, name: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


@pytest.mark.task("operator", "Make a backup and carry it away")
def test_make_a_backup_and_carry_it_away(visit: Visit, tmp_path: Path) -> None:
    page = visit("/settings/backups")
    page.get_by_role("button", name="Make a backup now").click()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").first.click()
    kept = tmp_path / coming.value.suggested_filename
    coming.value.save_as(kept)
    assert kept.stat().st_size > 10_000


@pytest.mark.task("operator", "Read times on one’s own clock")
def test_read_times_on_ones_own_clock(visit: Visit) -> None:
    page = visit("/sessions", timezone_id="Asia/Kathmandu")
    page.get_by_role("table").first.get_by_role("link").first.click()
    began = page.locator("dt", has_text=re.compile("^Began$")).locator("xpath=following-sibling::dd[1]")
    expect(began).to_contain_text("UTC")
    mine = page.get_by_role("main").get_by_role("button", name="Mine")
    mine.click()
    expect(began).to_contain_text("+0545")
    expect(mine).to_have_attribute("aria-pressed", "true")


@pytest.mark.task("operator", "Print the labels of a charger")
def test_print_the_labels_of_a_charger(town: Town, visit: Visit) -> None:
    page = visit(f"/labels?charger={town.charger_id}")
    expect(page.get_by_role("main")).to_contain_text("Plaza DC-2")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
