"""Vouchers on the pages: made and voided by operators, redeemed by drivers, used at a station without an account."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

from make import store

from csms.domain import accounts
from csms.domain.accounts import Account, LedgerKind, Role
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.commands import Command, CommandState
from tests.api.caller import begin
from tests.web.visitor import told


def codes(page: str) -> list[str]:
    return re.findall(r"<code>((?:\w{4}-){2}\w{4})</code>", page)


def test_vouchers_are_made_listed_exported_and_voided(visitor, site):
    olga = visitor().log_in()
    made = olga.post("/vouchers", {"count": "3", "amount": "20,00", "unit": "money", "label": "Spring"})
    assert made.status_code == 302
    listed = codes(olga.text("/vouchers?label=spring"))
    assert len(set(listed)) == 3
    rows = list(csv.DictReader(io.StringIO(olga.text("/vouchers/export.csv").removeprefix("\ufeff"))))
    assert [(x["amount"], x["state"]) for x in rows] == [("20", "open")] * 3
    voucher_id = re.search(r"/vouchers/(\d+)/void", olga.text("/vouchers")).group(1)
    olga.post(f"/vouchers/{voucher_id}/void")
    assert len(codes(olga.text("/vouchers?open=1"))) == 2
    for wrong in ({"amount": "0"}, {"amount": "5", "count": "0"}, {"amount": "5", "expires": "2001-01-01"}):
        assert olga.post("/vouchers", {"count": "1"} | wrong).status_code == 422
    assert visitor().log_in(Role.SUPPORT).get("/vouchers").status_code == 404


def test_a_voucher_gets_another_label_and_day_until_somebody_has_it(visitor, site):
    olga = visitor().log_in()
    olga.post("/vouchers", {"count": "2", "amount": "20", "unit": "money", "expires": "2099-01-31"})
    voucher_id, other = re.findall(r'action="/vouchers/(\d+)"', olga.text("/vouchers"))
    assert 'value="2099-01-31"' in olga.text("/vouchers")
    olga.post(f"/vouchers/{voucher_id}", {"label": "Summer fair", "expires": ""})
    page = olga.text("/vouchers?label=summer")
    assert len(codes(page)) == 1
    assert "2099" not in page.partition("</table>")[0]
    refused = olga.post(f"/vouchers/{voucher_id}", {"expires": "2001-01-01"})
    assert "This moment is over already." in olga.text(refused.headers["Location"])
    olga.post(f"/vouchers/{other}/void")
    refused = olga.post(f"/vouchers/{other}", {"label": "Again"})
    assert "not valid any more" in olga.text(refused.headers["Location"])
    assert f'action="/vouchers/{other}"' not in olga.text("/vouchers")


def test_a_driver_redeems_a_voucher_once(visitor, site):
    begin(site.session)
    (one,) = accounts.make_vouchers(site.session, 1, energy_wh=10_000, by="olga", at=site.now)
    code = one.written
    store(site.session)
    driver = visitor().log_in(Role.DRIVER, site.account.id)
    driver.post("/vouchers/redeem", {"code": code.lower()})
    page = driver.text("/accounts/me")
    assert ("10.00 kWh of credit are added" in page or "10 kWh" in page, "Voucher" in page) == (True, True)
    refused = driver.post("/vouchers/redeem", {"code": code})
    assert refused.status_code == 422
    assert "has been redeemed already" in told(refused)
    assert f'value="{code}"' in told(refused)
    site.session.rollback()
    assert site.session.get_one(Account, site.account.id, populate_existing=True).balance_wh == 10_000


def test_whoever_has_no_account_starts_with_a_voucher(visitor, site):
    begin(site.session)
    (one,) = accounts.make_vouchers(site.session, 1, amount_cents=500, by="olga", at=site.now)
    code = one.written
    site.charger.policy = AuthorizationPolicy.CREDIT
    store(site.session)
    site.status("Preparing")
    stranger = visitor()
    stranger.home = f"/c/{site.slug}"
    assert "Code of your voucher" in stranger.text(stranger.home)
    refused = stranger.post(f"/c/{site.slug}/start", {"method": "voucher", "code": "ABCD-EFGH-JKMN"})
    assert (refused.status_code, "no such voucher" in refused.text) == (422, True)
    asked = stranger.post(f"/c/{site.slug}/start", {"method": "voucher", "code": code})
    assert asked.status_code == 303, asked.text
    site.session.rollback()
    order = site.session.query(Command).one()
    card = order.open_arguments["id_tag"]
    payer = accounts.find_token(site.session, card).account
    assert (payer.balance_cents, payer.name.startswith("Voucher ")) == (500, True)
    begin(site.session)
    order.state = CommandState.REJECTED  # the charger's own button was quicker
    store(site.session)
    running = site.begin(card=card, at=site.now - timedelta(hours=1))
    site.end(running, 19_000)
    site.session.refresh(payer)
    assert payer.balance_cents < 0
    site.status("Preparing")
    again = stranger.post(f"/c/{site.slug}/start", {"method": "voucher", "code": code})
    assert (again.status_code, "used up" in again.text) == (422, True)


def test_a_session_is_refunded_on_its_page(visitor, site):
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    olga = visitor().log_in(Role.ACCOUNTANT)
    here = f"/sessions/{transaction.id}"
    assert "Refund session" in olga.text(here)
    refused = olga.post(f"{here}/refund", {"how": "part", "amount": "100", "reason": "much"})
    assert "at most what it cost" in told(refused)
    refused = olga.post(f"{here}/refund", {"how": "whole", "amount": "2,00", "reason": "which?"})
    assert "choose one of the two" in told(refused)
    olga.post(f"{here}/refund", {"how": "part", "amount": "2,00", "reason": "cable stuck"})
    page = olga.text(here)
    assert ("Given back" in page, "7.17 €" in page) == (True, True)
    assert "7.17 €" in olga.text(f"/s/{transaction.secret}/receipt")
    olga.post(f"{here}/refund", {"how": "whole", "reason": "goodwill"})
    site.session.rollback()
    assert site.session.get_one(Account, site.account.id, populate_existing=True).balance_cents == 5_000
    assert visitor().log_in(Role.SUPPORT).post(f"{here}/refund", {"reason": "x"}).status_code == 404


def test_credit_in_kwh_is_offered_to_be_given_back_until_it_has_been(visitor, site):
    accounts.book(site.session, site.account, LedgerKind.TOP_UP, at=site.now, energy_wh=50_000)
    store(site.session)
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    olga = visitor().log_in(Role.ACCOUNTANT)
    here = f"/sessions/{transaction.id}"
    assert "And the kWh of credit that it took." in olga.text(here)
    olga.post(f"{here}/refund", {"how": "whole", "reason": "goodwill"})
    site.session.rollback()
    assert site.session.get_one(Account, site.account.id, populate_existing=True).balance_wh == 50_000
    assert "Refund session" not in olga.text(here)


def test_an_account_without_credit_is_told_so_before_it_starts(visitor, site):
    begin(site.session)
    accounts.book(
        site.session, site.account, LedgerKind.CORRECTION, at=site.now, amount_cents=-5_000, note="paid out"
    )
    site.charger.policy = AuthorizationPolicy.CREDIT
    store(site.session)
    site.status("Preparing")
    driver = visitor().log_in(Role.DRIVER, site.account.id)
    refused = driver.post(f"/c/{site.slug}/start", {"method": "account"})
    assert (refused.status_code, "no credit left on your account" in refused.text) == (409, True)
    refused = driver.post(f"/c/{site.slug}/start", {"method": "card", "card": "04A2B39F"})
    assert (refused.status_code, "no credit left on this card" in refused.text) == (422, True)
