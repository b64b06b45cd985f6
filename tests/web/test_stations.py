"""A station in its drivers' words."""

from decimal import Decimal

from csms.domain.tariffs import Component, Dimension, Element, Terms, simple
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


def test_blocks_of_time_are_told_to_the_second():
    def told(seconds: int) -> str | None:
        component = Component(Dimension.TIME, Decimal(6), step_size=seconds)
        return prices_of(Terms("EUR", elements=(Element((component,)),))).lines[0].detail

    assert [told(x) for x in (90, 30, 300)] == [
        f"while charging, in blocks of {words}" for words in ("90\u00a0s", "30\u00a0s", "5\u00a0min")
    ]


def test_free_has_no_lines():
    assert prices_of(None).lines == ()
    assert prices_of(simple("EUR")).lines == ()
