"""Drivers: their cards, cars and credit."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from csms.domain.accounts import Account, AuditEntry, Role, Vehicle
from csms.domain.transactions import Transaction
from csms.domain.verify import verify
from tests.web.visitor import told


def balance(site):
    site.session.rollback()
    site.session.expire_all()
    account = site.session.get_one(Account, site.account.id)
    return account.balance_cents, account.balance_wh


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [("25.50", "money", (7_550, 0)), ("12,5", "kwh", (5_000, 12_500)), ("-10", "money", (4_000, 0))],
)
def test_credit_is_booked_to_the_cent_and_noted(visitor, site, amount, unit, expected):
    olga = visitor().log_in(Role.ACCOUNTANT)
    form = {"amount": amount, "unit": unit, "note": "at the counter"}
    assert olga.post(f"/accounts/{site.account.id}/credit", form).status_code == 302
    assert balance(site) == expected
    page = olga.text(f"/accounts/{site.account.id}")
    assert "at the counter" in page
    assert "accountant-0" in page
    assert site.session.scalar(select(AuditEntry.action).where(AuditEntry.action == "account.credit"))


@pytest.mark.parametrize("amount", ["", "0", "ten", "NaN", "1e99"])
def test_what_is_no_amount_is_not_booked(visitor, site, amount):
    answer = visitor().log_in().post(f"/accounts/{site.account.id}/credit", {"amount": amount})
    assert answer.status_code == 422
    assert "Write an amount" in told(answer)
    assert balance(site) == (5_000, 0)


def test_a_driver_and_a_card_that_were_entered_by_mistake_are_deleted_and_others_stay(visitor, site):
    olga = visitor().log_in(Role.OPERATOR)
    driver = olga.post("/accounts/new", {"name": "Mistake"}).location
    olga.post("/cards/new", {"uid": "04MISTAKE", "account": driver.rpartition("/")[2], "is_allowed": "1"})
    assert "Cards are with this driver" in olga.text(olga.post(f"{driver}/delete").location)
    card = re.search(r'href="(/cards/\d+)"', olga.text(driver))[1]
    assert "The card is removed." in olga.text(olga.post(f"{card}/delete").location)
    assert "The driver is removed." in olga.text(olga.post(f"{driver}/delete").location)
    assert (olga.get(driver).status_code, olga.get(card).status_code) == (404, 404)
    site.begin(at=site.now - timedelta(hours=1))
    used = re.search(r'href="(/cards/\d+)"', olga.text(f"/accounts/{site.account.id}"))[1]
    assert "block it instead" in olga.text(olga.post(f"{used}/delete").location)
    support = visitor().log_in(Role.SUPPORT)
    assert [support.post(f"{x}/delete").status_code for x in (used, f"/accounts/{site.account.id}")] == [
        404
    ] * 2


def test_support_cannot_add_credit(visitor, site):
    support = visitor().log_in(Role.SUPPORT)
    assert support.post(f"/accounts/{site.account.id}/credit", {"amount": "9"}).status_code == 404
    assert balance(site) == (5_000, 0)


def test_a_session_shows_up_in_the_ledger_of_its_driver(visitor, site):
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 3_000)
    page = visitor().log_in().text(f"/accounts/{site.account.id}")
    assert str(transaction.id) in page
    assert "-1.33 €" in page  # 2 x 0.49 + 0.35


def test_a_vehicle_is_added_and_its_vin_is_checked(visitor, site):
    olga = visitor().log_in()
    url = f"/accounts/{site.account.id}/vehicles"
    assert olga.post(url, {"brand": "Kia", "model": "Niro", "vin": "IOQ"}).status_code == 422
    assert olga.post(url, {"brand": "Kia", "model": "Niro", "vin": "wvwzzz1jz3w386752"}).status_code == 302
    assert site.session.scalar(select(Vehicle.vin)) == "WVWZZZ1JZ3W386752"
    assert "Kia Niro" in olga.text(f"/accounts/{site.account.id}")


def test_all_vehicles_are_listed_and_found_by_what_they_are_or_whose(visitor, site):
    olga = visitor().log_in()
    assert "No vehicles yet" in olga.text("/accounts/vehicles")
    url = f"/accounts/{site.account.id}/vehicles"
    olga.post(url, {"brand": "Kia", "model": "Niro", "vin": "wvwzzz1jz3w386752"})
    olga.post(url, {"brand": "Fiat", "model": "500e", "vin": ""})
    for words in ("kia ni", "386752", "serrano"):
        assert "Kia Niro" in olga.text(f"/accounts/vehicles?q={words}")
    assert "Kia Niro" not in olga.text("/accounts/vehicles?q=fiat")
    assert "No vehicle matches" in olga.text("/accounts/vehicles?q=tesla")
    assert f'href="/accounts/{site.account.id}"' in olga.text("/accounts/vehicles")


def test_a_new_driver_needs_a_name(visitor, site):
    olga = visitor().log_in()
    assert olga.post("/accounts/new", {"name": " "}).status_code == 422
    answer = olga.post("/accounts/new", {"name": "Depot <b>", "is_service": "1"})
    page = olga.get(answer.location).get_data(as_text=True)
    assert "Depot &lt;b&gt;" in page
    assert "Service" in page


def test_a_driver_sees_the_own_account_and_no_other(visitor, site):
    site.end(site.begin(at=site.now - timedelta(hours=1)), 3_000)
    driver = visitor().log_in(Role.DRIVER, site.account.id)
    page = driver.text("/accounts/me")
    assert "Olga Serrano" in page
    assert "1.33 €" in page
    assert driver.get(f"/accounts/{site.account.id}").status_code == 404


def test_a_vehicle_is_changed_and_removed(visitor, site):
    clerk = visitor().log_in()
    page = f"/accounts/{site.account.id}"
    clerk.post(f"{page}/vehicles", {"brand": "Renault", "model": "Zoe", "vin": ""})
    (car,) = re.findall(r"/accounts/vehicles/(\d+)\"", clerk.text(page))
    clerk.post(f"/accounts/vehicles/{car}", {"brand": "Renault", "model": "Megane", "vin": ""})
    assert "Renault Megane" in clerk.text(page)
    refused = clerk.post(f"/accounts/vehicles/{car}", {"brand": "", "model": "Scenic", "vin": ""})
    assert refused.status_code == 422
    assert "Give the vehicle's brand and model" in told(refused)
    assert f'value="Scenic" id="model-{car}"' in told(refused)
    clerk.post(f"/accounts/vehicles/{car}/remove")
    assert "Megane" not in clerk.text(page)


def test_the_same_person_twice_is_looked_at_and_made_one(visitor, site):
    site.begin(at=site.now - timedelta(hours=1))
    olga = visitor().log_in(Role.OPERATOR)
    stays = olga.post("/accounts/new", {"name": "Ada Lovelace"}).location
    found = olga.text(f"{stays}/merge?q={site.account.name[:5]}")
    address = f"{stays}/merge?other={site.account.id}"
    assert f'href="{address}"' in found
    refused = olga.text(address)
    assert "is running: merge them when it has ended" in refused
    assert 'name="other"' in refused
    site.end(site.session.scalars(select(Transaction)).one(), 3_000)
    preview = olga.text(address)
    assert re.search(r"<dt>Cards</dt>\s*<dd[^>]*>1</dd>", preview)
    assert re.search(r"<dt>Sessions</dt>\s*<dd[^>]*>1</dd>", preview)
    answer = olga.post(f"{stays}/merge", {"other": site.account.id})
    assert answer.location == stays
    page = olga.text(stays)
    assert f"{site.account.name} is merged with this driver." in page
    assert "04A2B39F" in page
    assert f"From account {site.account.id}, which is merged with this one" in page
    old = olga.text(f"/accounts/{site.account.id}")
    assert "Merged with Ada Lovelace" in old
    assert f'href="/accounts/{site.account.id}"' not in olga.text("/accounts")
    assert balance(site) == (0, 0)
    assert verify(site.session) == []
    put = select(AuditEntry.detail).where(AuditEntry.action == "account.merged")
    assert site.session.scalar(put) == f"account {site.account.id}"


def test_who_may_not_edit_is_not_offered_to_merge(visitor, site):
    accountant = visitor().log_in(Role.ACCOUNTANT)
    assert "Merge with" not in accountant.text(f"/accounts/{site.account.id}")
    assert accountant.get(f"/accounts/{site.account.id}/merge").status_code == 404
