"""A station in its drivers' words."""

from decimal import Decimal

from csms.domain.tariffs import simple
from csms.web.stations import prices_of


def test_prices_come_as_energy_time_session_other():
    terms = simple(
        "EUR", Decimal("0.49"), Decimal("0.02"), Decimal("0.10"), 15, Decimal("0.35"), Decimal("21")
    )
    prices = prices_of(terms)
    assert [(x.words, x.per) for x in prices.lines] == [
        ("Energy", "kWh"),
        ("Time", "min"),
        ("Start", "session"),
        ("Plugged in without charging", "min"),
    ]
    assert "21 % VAT" in prices.vat
    assert "in 2 h" in (prices.example or "")


def test_free_has_no_lines():
    assert prices_of(None).lines == ()
    assert prices_of(simple("EUR")).lines == ()
