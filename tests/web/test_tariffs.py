"""Tariffs: versions, assignment, and what drivers will read."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from make import store
from sqlalchemy import select

from csms.domain import tariffs
from csms.domain.accounts import Role
from csms.domain.chargers import Charger
from csms.domain.tariffs import Tariff, Usage
from csms.web.filters import money
from tests.web.site import PRICES
from tests.web.visitor import told


def test_a_tariff_is_shown_as_the_driver_sees_it_with_a_what_if_of_the_domain(visitor, site):
    tariff = site.session.scalars(select(Tariff)).one()
    page = visitor().log_in().text(f"/tariffs/{tariff.id}")
    bill = tariffs.price(PRICES, Usage(30_000, 7_200, 0))
    assert "Prices include 21 % VAT" in page
    assert "30.000 kWh × 0.49 €/kWh" in page
    assert money(bill.total_cents, "EUR").replace("\u00a0", " ") in page
    asked = visitor().log_in(Role.ACCOUNTANT).text(f"/tariffs/{tariff.id}?energy=10&hours=3&idle=75")
    assert "60.00 min × 0.10 €/min" in asked  # 75 min less 15 of grace


def test_a_change_is_a_new_version_and_a_running_session_keeps_its_prices(visitor, site):
    running = site.begin(at=site.now - timedelta(hours=1))
    tariff = site.session.scalars(select(Tariff)).one()
    olga = visitor().log_in()
    answer = olga.post(f"/tariffs/{tariff.id}/versions/new", {"price_per_kwh": "0.59", "vat_percent": "21"})
    assert answer.status_code == 302
    site.session.rollback()
    site.session.expire_all()
    assert [x.terms.plain.price_per_kwh for x in tariff.versions] == [Decimal("0.49"), Decimal("0.59")]
    ended = site.end(running, 11_000)
    assert ended.cost_cents == 525  # 10 x 0.49 + 0.35
    assert "0.59 €" in visitor().text(f"/c/{site.slug}")


@pytest.mark.parametrize("price", ["-1", "abc", "NaN", "0.0000001", "99999"])
def test_what_is_no_price_is_explained_at_its_field(visitor, site, price):
    answer = visitor().log_in().post("/tariffs/new", {"name": "Odd", "price_per_kwh": price})
    assert answer.status_code == 422
    assert 'id="price_per_kwh-error"' in told(answer)


def test_a_charger_gets_a_tariff_of_its_own_and_loses_it_again(visitor, site):
    olga = visitor().log_in()
    made = olga.post("/tariffs/new", {"name": "Night", "price_per_kwh": "0.20"}).location
    olga.post(f"{made}/chargers", {"charger": site.charger.id})
    assert "0.20 €" in visitor().text(f"/c/{site.slug}")
    olga.post(f"{made}/chargers", {})
    assert "0.49 €" in visitor().text(f"/c/{site.slug}")
    assert site.session.scalar(select(Charger.tariff_id)) is None


def test_a_new_default_takes_the_place_of_the_old_one(visitor, site):
    olga = visitor().log_in()
    made = olga.post("/tariffs/new", {"name": "Free", "price_per_kwh": ""}).location
    olga.post(f"{made}/default")
    assert "is free" in visitor().text(f"/c/{site.slug}")
    names = site.session.scalars(select(Tariff.name).where(Tariff.is_default)).all()
    assert names == ["Free"]


def test_support_sees_prices_and_cannot_change_them(visitor, site):
    support = visitor().log_in(Role.SUPPORT)
    assert "Public" in support.text("/tariffs")
    assert support.get("/tariffs/new").status_code == 404


BLOCKS = {
    "shape": "elements",
    "count": "2",
    "name": "Now and later",
    "vat_percent": "21",
    "e0_ENERGY": "0.31",
    "e0_max_duration": "30",
    "e1_ENERGY": "0,62",
    "e1_PARKING_TIME": "6",
    "e1_PARKING_TIME_step": "300",
}


def test_prices_by_blocks_are_shown_in_words_and_reckoned(visitor, site):
    olga = visitor().log_in()
    made = olga.post("/tariffs/new", BLOCKS).location
    page = olga.text(f"{made}?energy=10&hours=1&idle=0&starts=2026-06-01T12:00")
    assert "In the first 30 min" in page
    assert "5.000 kWh × 0.31 €/kWh" in page
    assert "5.000 kWh × 0.62 €/kWh" in page
    olga.post(f"{made}/default")
    landing = visitor().text(f"/c/{site.slug}")
    assert "0.31 €" in landing
    assert "All prices" in landing
    again = olga.text(f"{made}/versions/new")
    assert "Prices 3" in again


def test_a_price_that_only_later_lines_have_counts_in_all_hours_and_says_so(visitor, site):
    olga = visitor().log_in()
    given = {
        "shape": "elements",
        "count": "2",
        "name": "Night",
        "e0_ENERGY": "0.21",
        "e0_start_time": "00:00",
    }
    given |= {"e0_end_time": "23:59", "e1_ENERGY": "0.71", "e1_TIME": "0.6", "e1_FLAT": "1"}
    made = olga.post("/tariffs/new", given).location
    page = olga.text(f"{made}?energy=10&hours=1&idle=0&starts=2026-06-01T12:00")
    assert ("10.000 kWh × 0.21 €/kWh" in page, "60.00 min × 0.01 €/min" in page) == (True, True)
    assert "Of each kind of price the first line counts" in page
    assert ("Time while charging" in page, "Time plugged in" in page) == (True, False)
    olga.post(f"{made}/default")
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    assert "Time while charging" in olga.text(f"/sessions/{transaction.id}")


def test_a_block_is_added_without_losing_what_was_written(visitor, site):
    page = told(visitor().log_in().post("/tariffs/new", BLOCKS | {"more": "1"}))
    assert 'name="e2_ENERGY"' in page
    assert 'value="0.31"' in page


def test_a_block_that_is_none_is_explained(visitor, site):
    answer = visitor().log_in().post("/tariffs/new", BLOCKS | {"e0_ENERGY": "dear"})
    assert answer.status_code == 422
    assert "Element 1" in told(answer)


def test_a_label_tells_from_when_another_price_counts(visitor, site):
    clock = (site.now + timedelta(hours=2)).strftime("%H:%M")
    olga = visitor().log_in()
    window = {"e0_start_time": clock, "e0_end_time": (site.now + timedelta(hours=5)).strftime("%H:%M")}
    given = {"shape": "elements", "count": "2", "name": "Soon", "e0_ENERGY": "0.21", "e1_ENERGY": "0.71"}
    olga.post(f"{olga.post('/tariffs/new', given | window).location}/default")
    answer = visitor().get(f"/c/{site.slug}")
    assert f"From {clock}:" in told(answer)
    assert len(answer.data) < 30_000


def test_a_version_is_planned_ahead_and_told_in_words(visitor, site):
    olga = visitor().log_in()
    tariff = tariffs.listed(site.session)[0]
    form = {"price_per_kwh": "0.59", "starts_at": "2099-01-01T00:00", "alt_text": "Dearer from next year"}
    assert (
        olga.post(f"/tariffs/{tariff.id}/versions/new", form | {"ends_at": "2098-01-01T00:00"}).status_code
        == 422
    )
    assert olga.post(f"/tariffs/{tariff.id}/versions/new", form).status_code == 302
    page = olga.text(f"/tariffs/{tariff.id}")
    assert ("version 1 ·" in page, "Dearer from next year" in page, "2099" in page) == (True, True, True)
    assert "0.49" in visitor().text(f"/c/{site.slug}")
    now = form | {"starts_at": "", "alt_text": "Green power only", "type": "PROFILE_GREEN"}
    assert olga.post(f"/tariffs/{tariff.id}/versions/new", now).status_code == 302
    landing = visitor().text(f"/c/{site.slug}")
    assert ("0.59" in landing, "Green power only" in landing) == (True, True)
    olga.post(f"/tariffs/{tariff.id}/remove")
    assert "default tariff" in olga.text(f"/tariffs/{tariff.id}")
    olga.post("/tariffs/new", {"name": "Next", "is_default": "1"})
    assert olga.post(f"/tariffs/{tariff.id}/remove").status_code == 302
    assert olga.get(f"/tariffs/{tariff.id}").status_code == 404


def test_the_preview_is_the_very_block_of_the_page_behind_the_label(visitor, site):
    olga = visitor().log_in()
    tariff = tariffs.listed(site.session)[0]

    def block(page):
        return re.search(r'<dl class="card prices">.*?</dl>', page, re.DOTALL).group(0)

    assert block(olga.text(f"/tariffs/{tariff.id}")) == block(visitor().text(f"/c/{site.slug}"))


def test_chargers_at_which_charging_is_free_for_want_of_a_tariff_are_named(visitor, site):
    olga = visitor().log_in()
    assert "Charging is free at" not in olga.text("/tariffs")
    tariffs.listed(site.session)[0].is_default = False
    store(site.session)
    page = olga.text("/tariffs")
    assert "Charging is free at 1 charger" in page
    assert f"/chargers/{site.charger.id}/settings" in page
    tariffs.assign(site.session, tariffs.listed(site.session)[0], {site.charger.id})
    store(site.session)
    assert "Charging is free at" not in olga.text("/tariffs")


def test_who_may_not_assign_a_tariff_ticks_nothing(visitor, site):
    page = f"/tariffs/{tariffs.listed(site.session)[0].id}"
    ticks = '<fieldset class="field"><legend>Chargers with this tariff'
    assert ticks in visitor().log_in().text(page)
    assert ticks.replace('"field">', '"field" disabled>') in visitor().log_in(Role.SUPPORT).text(page)
