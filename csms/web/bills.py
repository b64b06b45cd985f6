"""A bill in words: the same lines for the operator and for the driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext, lazy_gettext, ngettext

from csms.domain.tariffs import Bill, Line, TariffVersion
from csms.web import filters, languages

MOST_SPANS = 12
KINDS = {
    "energy": lazy_gettext("Energy"),
    "time": lazy_gettext("Time plugged in"),
    "start": lazy_gettext("Start"),
    "idle": lazy_gettext("Plugged in without charging"),
    "credit": lazy_gettext("Paid with kWh credit"),
    "refund": lazy_gettext("Given back"),
    "refund_kwh": lazy_gettext("kWh credit given back"),
    "minimum": lazy_gettext("Up to the least that a session costs"),
    "maximum": lazy_gettext("Beyond the most that a session costs"),
}


@dataclass(frozen=True)
class BillLine:
    """One line: "Energy", "18.425 kWh × 0.49 €/kWh", "9.03 €"."""

    words: str
    reckoning: str
    amount: str
    grounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class VatLine:
    """VAT at one rate."""

    words: str
    amount: str


def bill_lines(
    bill: Bill, currency: str, zone: str = "UTC", version: TariffVersion | None = None
) -> list[BillLine]:
    """The bill as it is printed: quantity × price = amount, and what each line stands on."""
    lines = []
    for line in bill.lines:
        places = {"kWh": 3, "min": 2, "h": 4}.get(line.unit, 0)
        quantity = filters.with_unit(filters.number(line.quantity, places), line.unit)
        per = gettext("session") if line.unit == "session" else line.unit
        price = filters.rate(abs(line.price) * 100, currency, per)
        reckoning = price if line.unit == "session" else f"{quantity} × {price}"
        if line.kind in ("refund", "refund_kwh"):
            reckoning = quantity if line.kind == "refund_kwh" else ""
        lines.append(
            BillLine(
                _kind(line, version),
                reckoning,
                filters.money(line.cents, currency),
                tuple(_grounds(line, zone, version)),
            )
        )
    return lines


def _kind(line: Line, version: TariffVersion | None) -> str:
    if line.kind == "time" and version is not None and not version.is_time_plugged_in:
        return gettext("Time while charging")
    return str(KINDS.get(line.kind, line.kind))


def _grounds(line: Line, zone: str, version: TariffVersion | None) -> Iterator[str]:
    """ "Tariff Public, version 2, element 1"; "14:02:11 – 15:00:00, meter 12.345 kWh – 15.678 kWh"."""
    if version is not None and line.element is not None:
        yield gettext(
            "Tariff %(name)s, version %(version)s, element %(element)s",
            name=tariff_name(version),
            version=version.number,
            element=line.element,
        )
    for span in line.spans[:MOST_SPANS]:
        begin, end = (filters.localtime(x, zone, "seconds") for x in (span.begins_at, span.ends_at))
        first, last = (filters.kwh(x, 3) for x in (span.first_wh, span.last_wh))
        if span.first_wh is None or line.kind != "energy":
            yield f"{begin} – {end}"
        else:
            meter = gettext("meter %(first)s – %(last)s", first=first, last=last)
            yield f"{begin} – {end}, {meter}"
    if len(line.spans) > MOST_SPANS:
        more = len(line.spans) - MOST_SPANS
        yield ngettext("and %(num)d stretch more", "and %(num)d stretches more", more)


def tariff_name(version: TariffVersion) -> str:
    """As it was given; what the house has called one that it made itself is told in the page's language."""
    tariff = version.tariff
    return languages.stored(tariff.name) if tariff.is_derived else tariff.name


def vat_lines(bill: Bill, currency: str) -> list[VatLine]:
    """What of the bill is VAT, for each of its rates: "19 %", "1.44 €"; of which amount, where there are several."""
    lines = []
    for part in bill.vat:
        rate = f"{filters.number(part.percent, 1 if part.percent % 1 else 0)} %"
        if len(bill.vat) > 1:
            rate = gettext("%(rate)s of %(amount)s", rate=rate, amount=filters.money(part.cents, currency))
        lines.append(VatLine(rate, filters.money(part.vat_cents, currency)))
    return lines


def credit_words(cents: int, energy_wh: int, currency: str) -> str:
    """What there is of credit: "12.50 kWh · 3.00 €", or the one of both that there is."""
    parts = [filters.kwh(energy_wh)] if energy_wh > 0 else []
    if cents > 0 or not parts:
        parts.append(filters.money(max(0, cents), currency))
    return " · ".join(parts)


def credit_kwh(bill: Bill) -> Decimal | None:
    """How many kWh were paid by credit in kWh."""
    return next((line.quantity for line in bill.lines if line.kind == "credit"), None)
