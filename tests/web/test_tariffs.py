"""Tariffs: versions, assignment, and what drivers will read."""

from datetime import timedelta
from decimal import Decimal

import pytest
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
    assert [x.price_per_kwh for x in tariff.versions] == [Decimal("0.49"), Decimal("0.59")]
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
