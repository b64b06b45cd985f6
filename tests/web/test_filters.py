"""Pages write numbers, money and moments the same way everywhere."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import qrcode
from flask import Flask

from csms.web import filters, languages

NOW = datetime(2026, 11, 21, 13, 32, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("energy_wh", "written"),
    [(18420, "18.42\u00a0kWh"), (1284000, "1\u202f284.00\u00a0kWh"), (0, "0.00\u00a0kWh"), (None, "–")],
)
def test_energy_is_written_in_kwh_with_two_places(energy_wh: int | None, written: str) -> None:
    assert filters.kwh(energy_wh) == written


def test_a_receipt_shows_the_single_watt_hours() -> None:
    assert filters.kwh(18425, places=3) == "18.425\u00a0kWh"


def test_halves_are_rounded_up_and_never_to_even() -> None:
    assert [filters.kwh(wh, unit=False) for wh in (5, 15, 25)] == ["0.01", "0.02", "0.03"]


def test_power_is_written_in_kw_with_one_place() -> None:
    assert filters.kw(10_900) == "10.9\u00a0kW"
    assert filters.kw(142_300, unit=False) == "142.3"


def test_a_tiny_negative_power_is_not_minus_zero() -> None:
    assert filters.kw(-20, unit=False) == "0.0"


@pytest.mark.parametrize(
    ("minor_units", "currency", "written"),
    [
        (903, "EUR", "9.03\u00a0€"),
        (0, "EUR", "0.00\u00a0€"),
        (1250, "JPY", "1\u202f250\u00a0¥"),
        (1500, "KWD", "1.500\u00a0KWD"),
        (-500, "USD", "-5.00\u00a0$"),
        (None, "EUR", "–"),
    ],
)
def test_money_carries_its_currency(minor_units: int | None, currency: str, written: str) -> None:
    assert filters.money(minor_units, currency) == written


@pytest.mark.parametrize(
    ("minor_units", "written"),
    [
        (49, "0.49\u00a0€/kWh"),
        (Decimal("49.5"), "0.495\u00a0€/kWh"),
        (50, "0.50\u00a0€/kWh"),
        (400, "4.00\u00a0€/kWh"),
    ],
)
def test_a_unit_price_shows_fractions_of_a_cent_only_when_it_has_them(
    minor_units: Decimal, written: str
) -> None:
    assert filters.rate(minor_units, "EUR", "kWh") == written


def test_shares_are_written_in_per_cent() -> None:
    assert filters.percent(0.986, 1) == "98.6\u00a0%"
    assert filters.percent(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(5220, "1:27"), (60, "0:01"), (59.9, "59\u00a0s"), (0, "0:00"), (36_000, "10:00"), (None, "–")],
)
def test_durations_are_hours_and_minutes(seconds: int | None, written: str) -> None:
    assert filters.duration(seconds) == written


def test_drivers_read_durations_in_words() -> None:
    assert filters.duration_words(5220) == "1\u00a0h 27\u00a0min"
    assert filters.duration_words(1620) == "27\u00a0min"
    assert filters.duration_words(60) == "1\u00a0min"
    assert filters.duration_words(45.7) == "45\u00a0s"
    assert filters.duration_words(-3) == "0\u00a0s"


@pytest.mark.parametrize(
    ("age", "written"),
    [
        (timedelta(seconds=-3), "0\u00a0s"),
        (timedelta(seconds=69), "69\u00a0s"),
        (timedelta(minutes=42), "42\u00a0min"),
        (timedelta(hours=6), "6\u00a0h"),
        (timedelta(days=6, hours=4), "6\u00a0d 4\u00a0h"),
        (timedelta(days=40, hours=4), "40\u00a0d"),
    ],
)
def test_ages_use_the_largest_fitting_unit(age: timedelta, written: str) -> None:
    assert filters.ago(NOW - age, NOW) == written


def test_what_never_happened_says_so() -> None:
    assert filters.ago(None, NOW) == "never"


def test_moments_are_shown_on_the_clocks_of_the_site() -> None:
    assert filters.localtime(NOW, "Europe/Madrid", "seconds") == "14:32:07"
    assert filters.localtime(NOW, "Europe/Madrid", "full") == "21 Nov 2026 14:32 CET"
    assert filters.localtime(NOW.replace(day=1, hour=3), "America/Monterrey", "day") == "31 Oct"
    assert filters.localtime(None, "UTC") == "–"


def test_scripts_read_moments_in_utc() -> None:
    assert filters.iso(NOW) == "2026-11-21T13:32:07Z"
    assert filters.iso(None) == ""


def test_a_qr_code_is_inline_svg() -> None:
    assert filters.qr_svg("https://charge.example/c/A-01").startswith("<svg")


def test_a_qr_code_is_drawn_square_by_square_as_it_is_and_weighs_little() -> None:
    address = "https://charge.example/c/ExDsb21xmoQrNb7D8A3RHA"
    drawn = filters.qr_svg(address)
    dark = {
        (x, int(row))
        for first, row, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", drawn)
        for x in range(int(first), int(first) + int(width))
    }
    code = qrcode.QRCode(border=2)
    code.add_data(address)
    squares = code.get_matrix()
    assert dark == {(x, y) for y, row in enumerate(squares) for x, is_dark in enumerate(row) if is_dark}
    assert f'viewBox="0 0 {len(squares)} {len(squares)}"' in drawn
    assert len(drawn) < 4_500


def test_templates_know_every_filter_and_hashed_addresses(tmp_path: Path) -> None:
    app = Flask(__name__, static_folder=str(tmp_path), static_url_path="/static")
    (tmp_path / "app.css").write_text("body{}")
    languages.register(app)
    filters.register(app)
    with app.test_request_context():
        page = app.jinja_env.from_string("{{ 18420|kwh }} {{ 903|money('EUR') }} {{ asset('app.css') }}")
        assert page.render().startswith("18.42\u00a0kWh 9.03\u00a0€ /static/app.css?v=")
