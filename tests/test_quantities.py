"""The arithmetic of units."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.quantities import cents, kwh, to_stored_unit


@pytest.mark.parametrize(
    ("value", "unit", "stored"),
    [
        (3.5, "kWh", (3500, "Wh")),
        (3.5, "Wh", (3.5, "Wh")),
        (7.4, "kW", (7400, "W")),
        (0, "Celcius", (0, "°C")),
        (212, "Fahrenheit", (100, "°C")),
        (0, "K", (-273.15, "°C")),
        (80, "Percent", (80, "%")),
        (5, "Bananas", (5, "Bananas")),
        (5, "", (5, "")),
    ],
)
def test_a_measured_value_is_brought_to_the_unit_that_is_stored(
    value: float, unit: str, stored: tuple[float, str]
) -> None:
    number, name = to_stored_unit(value, unit)
    assert number == pytest.approx(stored[0])
    assert name == stored[1]


@pytest.mark.parametrize(
    ("amount", "expected"), [("0.005", 1), ("0.0049", 0), ("-0.005", -1), ("12.345", 1235), ("0", 0)]
)
def test_cents_are_rounded_as_receipts_are(amount: str, expected: int) -> None:
    assert cents(Decimal(amount)) == expected


@given(st.integers(0, 2**53))
def test_no_watt_hour_is_lost_on_the_way_to_kwh(energy_wh: int) -> None:
    assert kwh(energy_wh) * 1000 == energy_wh
