"""A station as its drivers see it: the state in their words, the prices in the order that the law asks for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from csms.domain import tariffs
from csms.domain.chargers import Admission, Charger, Connector, ConnectorStatus
from csms.domain.tariffs import Terms, Usage
from csms.domain.transactions import Transaction
from csms.web import filters

PRESENT_FOR = timedelta(minutes=5)  # after plugging in, a start from a page is taken for the driver's own
EXAMPLE_WH = 20_000
EXAMPLE_S = 2 * 3600

_BROKEN = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)
_BUSY = (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)


@dataclass(frozen=True)
class Price:
    """One line of the price list: "Energy", None, "0.49 €", "kWh"."""

    words: str
    detail: str | None
    amount: str
    per: str


@dataclass(frozen=True)
class Prices:
    """What charging costs here. No lines: it is free."""

    lines: tuple[Price, ...]
    vat: str
    example: str | None


def status_of(charger: Charger, connector: Connector, running: Transaction | None, at: datetime) -> str:
    """The word of the status language that a passer-by is shown; nobody's session is told from another's."""
    if charger.admission is not Admission.ACCEPTED:
        return "Unknown"
    if charger.lease is None or not charger.lease.is_online(at):
        return "Charging" if running else "Offline"
    if charger.status in _BROKEN:
        return charger.status.value
    if running is not None or connector.status in _BUSY:
        return "Charging"
    if connector.status is ConnectorStatus.FINISHING:
        return "Occupied"
    return connector.status.value


def presence_problem(connector: Connector, at: datetime) -> str | None:
    """Why this start may not be the wish of somebody who stands here; None if a car was plugged in just now.

    Whoever scans the code from afar cannot plug in: that is the proof that is asked for.
    """
    if connector.status is not ConnectorStatus.PREPARING:
        return "Plug in your car first, then press start."
    if connector.plugged_at is None or at - connector.plugged_at > PRESENT_FOR:
        return "The plug has been in for a while. Unplug, plug in again, and press start within five minutes."
    return None


def prices_of(terms: Terms | None) -> Prices:
    """Energy, time, session, other: the order of the alternative fuels regulation, article 5."""
    if terms is None or terms.is_free:
        return Prices((), "", None)
    free = f"after {terms.idle_grace_minutes} min" if terms.idle_grace_minutes else None
    wanted: Sequence[tuple[str, str | None, Decimal, str]] = (
        ("Energy", None, terms.price_per_kwh, "kWh"),
        ("Time", "while plugged in", terms.price_per_minute, "min"),
        ("Start", None, terms.price_per_start, "session"),
        ("Plugged in without charging", free, terms.price_per_idle_minute, "min"),
    )
    lines = []
    for words, detail, price, per in wanted:
        if price:
            amount = filters.rate(price * 100, terms.currency, per).partition("/")[0]
            lines.append(Price(words, detail, amount, per))
    percent = filters.number(terms.vat_percent, 1 if terms.vat_percent % 1 else 0)
    vat = f"{percent} % VAT" if terms.vat_percent else "VAT"
    return Prices(tuple(lines), f"Prices include {vat} and are fixed when you start.", example(terms))


def example(terms: Terms) -> str:
    """ "20 kWh ≈ 9.80 €", with the time where that costs as well."""
    bill = tariffs.price(terms, Usage(EXAMPLE_WH, EXAMPLE_S, 0))
    what = filters.kwh(EXAMPLE_WH, 0) + (f" in {EXAMPLE_S // 3600} h" if terms.price_per_minute else "")
    return f"{what} = {filters.money(bill.total_cents, terms.currency)}"
