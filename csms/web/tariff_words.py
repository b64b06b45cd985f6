"""A tariff's elements in the words that a driver reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from flask_babel import gettext, lazy_gettext

from csms.domain.tariffs import Component, Dimension, Element, Restrictions, Terms, per_minute
from csms.web import filters

NAMES = {
    Dimension.ENERGY: lazy_gettext("Energy"),
    Dimension.TIME: lazy_gettext("Time"),
    Dimension.FLAT: lazy_gettext("Start"),
    Dimension.PARKING_TIME: lazy_gettext("Plugged in without charging"),
}
ORDER = tuple(Dimension)  # kWh, time, session, other: the alternative fuels regulation, article 5
DAYS = {
    "MONDAY": lazy_gettext("Mon"),
    "TUESDAY": lazy_gettext("Tue"),
    "WEDNESDAY": lazy_gettext("Wed"),
    "THURSDAY": lazy_gettext("Thu"),
    "FRIDAY": lazy_gettext("Fri"),
    "SATURDAY": lazy_gettext("Sat"),
    "SUNDAY": lazy_gettext("Sun"),
}


@dataclass(frozen=True)
class Price:
    """One line of the price list: "Energy", None, "0.49 €", "kWh"."""

    words: str
    detail: str | None
    amount: str
    per: str


@dataclass(frozen=True)
class Part:
    """An element: "From 22:00 to 06:00, Sat, Sun", and what it asks for."""

    when: str
    lines: tuple[Price, ...]


def price_line(component: Component, terms: Terms) -> Price:
    """The line of one component: time by the minute where that is a round price."""
    price, per = (
        component.price,
        {Dimension.ENERGY: "kWh", Dimension.FLAT: gettext("session")}.get(component.type, "h"),
    )
    minute = per_minute(price) if per == "h" else None
    if minute is not None:
        price, per = minute, "min"
    amount = filters.rate(price * 100, terms.currency, per).partition("/")[0]
    return Price(str(NAMES[component.type]), _detail(component, terms), amount, per)


def _detail(component: Component, terms: Terms) -> str | None:
    found = []
    if component.type is Dimension.TIME:
        found.append(gettext("while plugged in") if terms.is_time_plugged_in else gettext("while charging"))
    if component.type is Dimension.PARKING_TIME and terms.idle_grace_minutes:
        found.append(gettext("after %(time)s", time=filters.with_unit(str(terms.idle_grace_minutes), "min")))
    if component.step_size > 1:
        is_energy = component.type is Dimension.ENERGY
        block = filters.kwh(component.step_size) if is_energy else _exactly(component.step_size)
        found.append(gettext("in blocks of %(size)s", size=block))
    return ", ".join(found) or None


def _exactly(seconds: int) -> str:
    """A time that is priced: nothing of it is cut off."""
    return filters.with_unit(str(seconds), "s") if seconds % 60 else filters.duration_words(seconds)


def lines_of(components: Iterable[Component], terms: Terms) -> tuple[Price, ...]:
    """The lines of these components, in the order that the law asks for."""
    ordered = sorted((x for x in components if x.price), key=lambda x: ORDER.index(x.type))
    return tuple(price_line(x, terms) for x in ordered)


def parts_of(terms: Terms) -> tuple[Part, ...]:
    """All elements that price charging, the first that holds counting."""
    return tuple(
        Part(when(x), lines_of(x.price_components, terms))
        for x in terms.elements
        if x.restrictions is None or x.restrictions.reservation is None
    )


def when(element: Element) -> str:
    """ "From 22:00 to 06:00, Sat, Sun, after 240 min"; "At all other times" for an element without restrictions."""
    given = element.restrictions
    if given is None:
        return gettext("Otherwise")
    found = [*_clock(given), *_bounds(given)]
    words = ", ".join(found)
    return words[:1].upper() + words[1:]


def _clock(given: Restrictions) -> list[str]:
    found = []
    if given.start_time or given.end_time:
        found.append(
            gettext(
                "from %(begin)s to %(end)s",
                begin=_hm(given.start_time or time()),
                end=_hm(given.end_time or time()),
            )
        )
    if given.day_of_week:
        found.append(" ".join(str(DAYS[x]) for x in given.day_of_week))
    if given.start_date:
        found.append(gettext("from %(day)s", day=_day(given.start_date)))
    if given.end_date:
        found.append(gettext("before %(day)s", day=_day(given.end_date)))
    return found


def _bounds(given: Restrictions) -> list[str]:
    found = []
    for low, high, unit in (
        (given.min_kwh, given.max_kwh, "kWh"),
        (given.min_power, given.max_power, "kW"),
        (given.min_current, given.max_current, "A"),
    ):
        found += [gettext("from %(value)s on", value=f"{_number(low)} {unit}")] if low is not None else []
        found += [gettext("below %(value)s", value=f"{_number(high)} {unit}")] if high is not None else []
    if given.min_duration is not None:
        found.append(gettext("after %(time)s", time=_exactly(given.min_duration)))
    if given.max_duration is not None:
        found.append(gettext("in the first %(time)s", time=_exactly(given.max_duration)))
    return found


def _hm(moment: time) -> str:
    return moment.isoformat("seconds" if moment.second else "minutes")


def _day(day: date) -> str:
    return day.isoformat()


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"
