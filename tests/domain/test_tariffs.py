"""What charging costs: properties that hold for every tariff and every session."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import NOW, make_charger
from sqlalchemy.orm import Session

from csms.domain import tariffs
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.tariffs import About, Terms, Usage, simple

prices = st.decimals(0, 100, places=4)
terms = st.builds(
    simple,
    currency=st.just("EUR"),
    price_per_kwh=prices,
    price_per_minute=prices,
    price_per_idle_minute=prices,
    idle_grace_minutes=st.integers(0, 600),
    price_per_start=prices,
    vat_percent=st.decimals(0, 30, places=1),
)
usages = st.builds(Usage, st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 10**6))


@given(terms, usages)
def test_a_bill_is_the_sum_of_its_lines_and_never_negative(given_terms: Terms, usage: Usage) -> None:
    bill = tariffs.price(given_terms, usage)
    assert bill.total_cents == sum(line.cents for line in bill.lines)
    assert all(line.cents >= 0 for line in bill.lines)
    assert 0 <= bill.vat_cents <= bill.total_cents


@given(terms, usages, st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 10**5))
def test_more_of_anything_never_costs_less(
    given_terms: Terms, usage: Usage, energy_wh: int, duration_s: int, idle_s: int
) -> None:
    more = Usage(usage.energy_wh + energy_wh, usage.duration_s + duration_s, usage.idle_s + idle_s)
    assert tariffs.price(given_terms, more).total_cents >= tariffs.price(given_terms, usage).total_cents


@given(terms, usages)
def test_a_meter_that_ran_backwards_costs_nothing(given_terms: Terms, usage: Usage) -> None:
    backwards = replace(usage, energy_wh=-usage.energy_wh, duration_s=-usage.duration_s, idle_s=0)
    assert (
        tariffs.price(given_terms, backwards).total_cents == tariffs.price(given_terms, Usage()).total_cents
    )


def test_a_bill_reads_as_the_law_wants_it() -> None:
    dear = simple("EUR", Decimal("0.49"), Decimal("0.02"), Decimal("0.10"), 15, Decimal("0.50"), Decimal(19))
    bill = tariffs.price(dear, Usage(energy_wh=21_350, duration_s=5400, idle_s=1800))
    assert [(x.kind, str(x.quantity), x.cents) for x in bill.lines] == [
        ("energy", "21.35", 1046),
        ("time", "90.00", 180),
        ("start", "1", 50),
        ("idle", "15.00", 150),
    ]
    assert (bill.total_cents, bill.vat_cents) == (1426, 228)


def test_idling_within_the_grace_is_free() -> None:
    bill = tariffs.price(
        simple("EUR", price_per_idle_minute=Decimal(1), idle_grace_minutes=15), Usage(idle_s=900)
    )
    assert bill.lines == ()


def test_a_tariff_of_nothing_is_free() -> None:
    assert simple("EUR").is_free
    assert tariffs.price(simple("EUR"), Usage(10_000, 3600, 60)).total_cents == 0


def test_a_change_is_a_new_version_and_the_default_is_one(desk: Session) -> None:
    old = tariffs.create(desk, "Old", simple("EUR", price_per_kwh=Decimal("0.40")), at=NOW, is_default=True)
    new = tariffs.create(desk, "New", simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, is_default=True)
    first = new.current
    tariffs.revise(desk, new, simple("EUR", price_per_kwh=Decimal("0.60")), at=NOW + timedelta(days=1))
    assert first.terms.plain is not None
    assert (first.number, first.terms.plain.price_per_kwh, new.current.number) == (1, Decimal("0.50"), 2)
    assert (old.is_default, new.is_default) == (False, True)
    assert tariffs.applicable(desk, None, NOW) is new.current
    assert tariffs.applicable(desk, old.id, NOW) is old.current
    assert tariffs.applicable(desk, 4711, NOW) is new.current


def test_a_version_counts_while_it_is_in_force(desk: Session) -> None:
    day = timedelta(days=1)
    cheap = simple("EUR", price_per_kwh=Decimal("0.40"))
    tariff = tariffs.create(desk, "Own", cheap, at=NOW)
    default = tariffs.create(desk, "Default", cheap, at=NOW, is_default=True)
    first = tariff.current
    next_year = About(starts_at=NOW + day, ends_at=NOW + 2 * day)
    second = tariffs.revise(
        desk, tariff, simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, about=next_year
    )
    assert tariffs.applicable(desk, tariff.id, NOW) is first
    assert tariffs.applicable(desk, tariff.id, NOW + day) is second
    assert tariffs.applicable(desk, tariff.id, NOW + 2 * day) is first
    ended = tariffs.create(desk, "Ended", cheap, at=NOW, about=About(ends_at=NOW))
    assert tariffs.applicable(desk, ended.id, NOW) is default.current
    with pytest.raises(Invalid):
        tariffs.revise(desk, tariff, cheap, at=NOW, about=About(starts_at=NOW, ends_at=NOW))


def test_a_tariff_in_use_is_not_removed(desk: Session) -> None:
    free = simple("EUR")
    tariff = tariffs.create(desk, "Own", free, at=NOW, is_default=True)
    with pytest.raises(Refused):
        tariffs.remove(desk, tariff, at=NOW)
    tariffs.create(desk, "Next", free, at=NOW, is_default=True)
    charger = make_charger(desk, tariff_id=tariff.id)
    with pytest.raises(Refused):
        tariffs.remove(desk, tariff, at=NOW)
    charger.tariff_id = None
    tariffs.remove(desk, tariff, at=NOW)
    assert [x.name for x in tariffs.listed(desk)] == ["Next"]
    with pytest.raises(NotFound):
        tariffs.get(desk, tariff.id)
