"""How numbers, money and moments are written on pages. Pure functions, made known to Jinja by `register`.

None always means "not known" and is written as a dash, never as zero.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

import qrcode
from babel import Locale, dates, numbers
from flask import Flask, current_app
from flask_babel import gettext
from markupsafe import Markup

from csms.web import assets, charts, languages

DASH = "–"
THIN = "\u202f"  # between thousands: narrow and unbreakable
HARD = "\u00a0"  # between a number and its unit: unbreakable

SYMBOLS = {
    "EUR": "€",
    "USD": "$",
    "GBP": "£",
    "JPY": "¥",
    "BRL": "R$",
    "MXN": "MX$",
    "CHF": "CHF",
    "PLN": "zł",
}
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}  # ISO 4217; rest 2

STYLES = {
    "clock": "%H:%M",
    "seconds": "%H:%M:%S",
    "day": "%d %b",
    "date": "%d %b %Y",
    "month": "%b %Y",
    "weekday": "%A",
    "minute": "%d %b %H:%M",
    "full": "%d %b %Y %H:%M %Z",
}

# What of a style each language orders and abbreviates in its own way.
SKELETONS = {
    "day": "MMMd",
    "date": "yMMMd",
    "month": "yMMM",
    "weekday": "EEEE",
    "minute": "MMMd",
    "full": "yMMMd",
}


def number(value: float | Decimal | None, places: int = 0) -> str:
    """Rounded half up; in English thousands apart by a narrow space, else as the language writes it."""
    if value is None:
        return DASH
    theirs = languages.locale()
    if (
        theirs is None and not places and isinstance(value, int)
    ):  # by the thousand on a page, and nothing to round
        return f"{value:,}".replace(",", THIN)
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if theirs is not None:
        pattern = "#,##0" + ("." + "0" * places if places else "")
        return str(numbers.format_decimal(rounded + 0, pattern, theirs))
    return f"{rounded + 0:,}".replace(",", THIN)


def with_unit(value: str, unit: str) -> str:
    return value if value == DASH else f"{value}{HARD}{unit}"


def kwh(energy_wh: float | None, places: int = 2, unit: bool = True) -> str:
    """Wh as kWh. Pages show two places, a receipt three; `unit=False` leaves the number alone."""
    value = number(None if energy_wh is None else Decimal(str(energy_wh)) / 1000, places)
    return with_unit(value, "kWh") if unit else value


def kw(power_w: float | None, places: int = 1, unit: bool = True) -> str:
    """W as kW."""
    value = number(None if power_w is None else Decimal(str(power_w)) / 1000, places)
    return with_unit(value, "kW") if unit else value


def kilograms(mass_kg: float | None, places: int = 1, unit: bool = True) -> str:
    """kg as people read them."""
    value = number(mass_kg, places)
    return with_unit(value, "kg") if unit else value


def percent(share: float | None, places: int = 0) -> str:
    """A share of 1 as per cent: 0.986 is "98.6 %" with one place."""
    return with_unit(number(None if share is None else Decimal(str(share)) * 100, places), "%")


def money(minor_units: int | Decimal | None, currency: str, unit: bool = True) -> str:
    """An amount in cents (or the currency's own smallest unit) as people write it: 903 EUR is "9.03 €"."""
    digits = MINOR_DIGITS.get(currency, 2)
    amount = None if minor_units is None else Decimal(minor_units).scaleb(-digits)
    return priced(amount, currency, digits) if unit else number(amount, digits)


def priced(amount: Decimal | None, currency: str, places: int) -> str:
    """An amount with the sign of its currency: behind it, or where the language puts it."""
    theirs = languages.locale()
    if amount is None or theirs is None:
        return with_unit(number(amount, places), symbol(currency))
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    pattern = theirs.currency_formats["standard"].pattern.replace(
        "0.00", "0." + "0" * places if places else "0"
    )
    return str(numbers.format_currency(rounded, currency, pattern, theirs, currency_digits=False))


def rate(minor_units: int | Decimal | None, currency: str, per: str) -> str:
    """A unit price, "0.495 €/kWh": fractions of a cent show when the price has them, up to four places."""
    if minor_units is None:
        return DASH
    digits = MINOR_DIGITS.get(currency, 2)
    exact = Decimal(minor_units).scaleb(-digits).quantize(Decimal("1.0000"), ROUND_HALF_UP).normalize()
    finer = -int(exact.as_tuple().exponent)
    return f"{priced(exact, currency, max(digits, finer))}/{per}"


def symbol(currency: str) -> str:
    """The sign of an ISO 4217 code, or the code itself where we know none."""
    return SYMBOLS.get(currency, currency)


def duration(seconds: float | None) -> str:
    """Hours and minutes, "1:27"; whole minutes, cut off and not rounded, as a clock does. Less than one: "45 s"."""
    if seconds is None:
        return DASH
    if 1 <= seconds < 60:
        return with_unit(str(int(seconds)), "s")
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours}:{minutes:02}"


def duration_words(seconds: float | None) -> str:
    """The same for drivers: "1 h 27 min", "27 min", "45 s"."""
    if seconds is None:
        return DASH
    if seconds < 60:
        return with_unit(str(max(0, int(seconds))), "s")
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours}{HARD}h {minutes}{HARD}min" if hours else f"{minutes}{HARD}min"


def ago(at: datetime | None, now: datetime) -> str:
    """How old a moment is, in the largest fitting unit: "12 s", "42 min", "6 d 4 h". None was "never"."""
    if at is None:
        return gettext("never")
    age_s = max(0, int((now - at).total_seconds()))
    if age_s < 90:
        return f"{age_s}{HARD}s"
    if age_s < 90 * 60:
        return f"{age_s // 60}{HARD}min"
    if age_s < 36 * 3600:
        return f"{age_s // 3600}{HARD}h"
    days, hours = divmod(age_s // 3600, 24)
    return f"{days}{HARD}d {hours}{HARD}h" if days < 7 and hours else f"{days}{HARD}d"


def localtime(at: datetime | None, zone: str, style: str = "minute") -> str:
    """A UTC moment on the clocks of an IANA zone. Styles: clock, seconds, day, date, month, weekday, minute, full.

    Raises KeyError for an unknown style and ZoneInfoNotFoundError for an unknown zone.
    """
    if at is None:
        return DASH
    theirs, there = languages.locale(), at.astimezone(ZoneInfo(zone))
    if theirs is not None and style == "weekday":
        return str(dates.format_date(there, "EEEE", theirs))
    if theirs is not None and style in SKELETONS:
        return _local_date(there, style, theirs)
    written = there.strftime(STYLES[style])
    return written if style in {"clock", "seconds"} else written.removeprefix("0")


def _local_date(at: datetime, style: str, theirs: Locale) -> str:
    day = dates.format_skeleton(SKELETONS[style], at, locale=theirs)
    return str(day) + at.strftime({"minute": " %H:%M", "full": " %H:%M %Z"}.get(style, ""))


def day_words(day: date) -> str:
    """A day of the calendar, "21 Nov 2026"."""
    return localtime(datetime.combine(day, time(), UTC), "UTC", "date")


def iso(at: datetime | None) -> str:
    """For the `datetime` attribute, which scripts read: "2026-11-21T13:32:07Z"."""
    return "" if at is None else at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=512)
def qr_svg(text: str) -> Markup:
    """A QR code as inline SVG, of which a page may have many. Drawing takes about 5 ms, so each text is drawn once.

    Dark squares side by side are one stroke of the path: it takes a third of what the library's own drawing takes.
    """
    code = qrcode.QRCode(border=2)
    code.add_data(text)
    rows, path = code.get_matrix(), []
    for y, row in enumerate(rows):
        x = 0
        for is_dark, run in groupby(row):
            width = len(list(run))
            path += [f"M{x} {y}h{width}v1h-{width}z"] if is_dark else []
            x += width
    side = len(rows)
    frame = f'<svg width="{side}mm" height="{side}mm" viewBox="0 0 {side} {side}" xmlns="http://www.w3.org/2000/svg">'
    return Markup(f'{frame}<path d="{"".join(path)}"/></svg>')  # noqa: S704  numbers of ours, not the text


def qr_img(address: str, size: int = 200) -> Markup:
    """A QR code as an image of `size` px. A path of ours becomes the absolute address that a phone needs."""
    if address.startswith("/"):
        address = str(current_app.extensions["settings"].public_base_url) + address
    drawn = b64encode(qr_svg(address).encode()).decode()
    image = '<img src="data:image/svg+xml;base64,{}" width="{}" height="{}" alt="{}">'
    words = gettext("QR code of %(address)s", address=address)
    return Markup(image).format(drawn, size, size, words)  # noqa: S704  what is filled in is escaped


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser(agent: str | None) -> str:
    """A browser and its system, as people call them; what is unknown in its own words."""
    name = next((words for mark, words in _BROWSERS if mark in (agent or "")), None)
    system = next((words for mark, words in _SYSTEMS if mark in (agent or "")), None)
    if name is None:
        return (agent or DASH)[:40]
    return gettext("%(browser)s on %(system)s", browser=name, system=system) if system else name


def register(app: Flask) -> None:
    """Make every filter, the chart geometry and `asset()` known to the templates of `app`."""
    named = (
        number,
        kwh,
        kw,
        kilograms,
        percent,
        money,
        rate,
        symbol,
        duration,
        duration_words,
        ago,
        localtime,
        day_words,
        iso,
        qr_svg,
        browser,
    )
    for function in named + (charts.plot, charts.columns):
        app.add_template_filter(function)
    app.add_template_global(assets.asset)
    app.add_template_global(qr_img)
    app.add_template_global(charts.strip_parts)
