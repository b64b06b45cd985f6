"""A station as its drivers see it: the state in their words, the prices in the order that the law asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext

from csms.domain import tariffs
from csms.domain.chargers import Admission, Charger, Connector, ConnectorStatus
from csms.domain.tariffs import Terms, Usage
from csms.domain.transactions import Transaction
from csms.web import filters
from csms.web.tariff_words import Part, Price, lines_of, parts_of

PRESENT_FOR = timedelta(minutes=5)  # after plugging in, a start from a page is taken for the driver's own
EXAMPLE_WH = 20_000
EXAMPLE_S = 2 * 3600

_BROKEN = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)
_BUSY = (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE)


@dataclass(frozen=True)
class Prices:
    """What charging costs here now; no lines: nothing. `later`: when that changes, and to what; `parts`: all of it."""

    lines: tuple[Price, ...]
    vat: str
    example: str | None
    later: Later | None = None
    parts: tuple[Part, ...] = ()
    bounds: str | None = None


@dataclass(frozen=True)
class Later:
    """From 18:00 on: other prices."""

    clock: str
    lines: tuple[Price, ...]


def status_of(
    charger: Charger, connector: Connector, running: Transaction | bool | None, at: datetime
) -> str:
    """The word of the status language that a passer-by is shown; nobody's session is told from another's.

    `running`: the session there, or whether there is one.
    """
    if charger.admission is not Admission.ACCEPTED:
        return "Unknown"
    if charger.lease is None or not charger.lease.is_online(at):
        return "Charging" if running else "Offline"
    if charger.status in _BROKEN:
        return charger.status.value
    if running or connector.status in _BUSY:
        return "Charging"
    if connector.status is ConnectorStatus.FINISHING:
        return "Occupied"
    return connector.status.value


def presence_problem(connector: Connector, at: datetime) -> str | None:
    """Why this start may not be the wish of somebody who stands here; None if a car was plugged in just now.

    Whoever scans the code from afar cannot plug in: that is the proof that is asked for.
    """
    if connector.status is not ConnectorStatus.PREPARING:
        return gettext("Plug in your car first, then press start.")
    if connector.plugged_at is None or at - connector.plugged_at > PRESENT_FOR:
        return gettext(
            "The plug has been in for a while. Unplug, plug in again, and press start within five minutes; "
            "or type the code of the station's label."
        )
    return None


def prices_of(terms: Terms | None, at: datetime | None = None) -> Prices:
    """What a session pays that begins now: energy, time, session, other (alternative fuels regulation, article 5).

    Without `at` a tariff with several elements is told by its parts alone.
    """
    if terms is None or terms.is_free:
        return Prices((), "", None)
    at = at if terms.is_restricted else at or tariffs.EPOCH
    percent = filters.number(terms.vat_percent, 1 if terms.vat_percent % 1 else 0)
    vat = gettext("%(percent)s VAT", percent=f"{percent} %") if terms.vat_percent else gettext("VAT")
    return Prices(
        lines=lines_of(tariffs.prices_at(terms, at).values(), terms) if at else (),
        vat=gettext("Prices include %(vat)s and are fixed when you start.", vat=vat),
        example=example(terms, at) if at else None,
        later=_later(terms, at) if at else None,
        parts=parts_of(terms) if terms.is_restricted or len(terms.elements) > 1 else (),
        bounds=_bounds(terms),
    )


def _later(terms: Terms, at: datetime) -> Later | None:
    change = tariffs.next_change(terms, at)
    if change is None:
        return None
    lines = lines_of(tariffs.prices_at(terms, change).values(), terms)
    return Later(filters.localtime(change, terms.time_zone, "clock"), lines)


def _bounds(terms: Terms) -> str | None:
    least, most = (
        None if price is None else filters.money(price * 100, terms.currency)
        for price in (terms.min_price, terms.max_price)
    )
    if least and most:
        return gettext("A session costs at least %(least)s and at most %(most)s.", least=least, most=most)
    if least:
        return gettext("A session costs at least %(least)s.", least=least)
    return gettext("A session costs at most %(most)s.", most=most) if most else None


def example(terms: Terms, at: datetime) -> str:
    """ "20 kWh ≈ 9.80 €", with the time where that costs as well."""
    usage = Usage(EXAMPLE_WH, EXAMPLE_S, 0, at)
    bill = tariffs.price(terms, usage)
    has_time = terms.is_restricted or any(x.kind == "time" for x in bill.lines)
    what = filters.kwh(EXAMPLE_WH, 0)
    if has_time:
        what = gettext("%(energy)s in %(time)s", energy=what, time=f"{EXAMPLE_S // 3600} h")
    return f"{what} = {filters.money(bill.total_cents, terms.currency)}"
