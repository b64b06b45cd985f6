"""What a tariff asks for, in the shape of OCPI 2.2.1 §11: elements of price components, each under restrictions.

Prices include VAT, where OCPI's do not: they are what a driver is told and pays.
"""

import enum
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from csms import sentences
from csms.domain.base import Invalid

MOST_ELEMENTS = 40
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
RESERVATIONS = ("RESERVATION", "RESERVATION_EXPIRES")


class Dimension(enum.StrEnum):
    """OCPI 2.2.1 §11.4.5. Priced per kWh, once, per hour, and per hour plugged in without charging."""

    ENERGY = "ENERGY"
    TIME = "TIME"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"


@dataclass(frozen=True, slots=True)
class Component:
    """A price with VAT. `vat` in percent, None: the tariff's. `step_size` in Wh or s: blocks to bill."""

    type: Dimension
    price: Decimal
    vat: Decimal | None = None
    step_size: int = 1


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When an element counts (OCPI 2.2.1 §11.4.6): from a minimum on, until before a maximum. Local times and dates.

    An end before its start is on the next day. Currents in A, powers in kW, durations in s since the session began.
    An element for reservations never prices charging.
    """

    start_time: time | None = None
    end_time: time | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current: Decimal | None = None
    max_current: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: tuple[str, ...] = ()
    reservation: str | None = None

    @property
    def has_clock(self) -> bool:
        return bool(self.start_time or self.end_time or self.start_date or self.end_date or self.day_of_week)


@dataclass(frozen=True, slots=True)
class Element:
    price_components: tuple[Component, ...]
    restrictions: Restrictions | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tariff version asks for. Beyond OCPI: a grace of idling in all that is free, and whether TIME runs on
    while the car takes nothing (`is_time_plugged_in`), as it does in simple tariffs.
    """

    currency: str
    elements: tuple[Element, ...] = ()
    vat_percent: Decimal = Decimal(0)
    idle_grace_minutes: int = 0
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    time_zone: str = "UTC"
    is_time_plugged_in: bool = False

    @property
    def is_free(self) -> bool:
        return not self.min_price and not any(c.price for e in self.elements for c in e.price_components)

    @property
    def is_restricted(self) -> bool:
        """Does it matter when, and how, the energy came?"""
        return any(x.restrictions for x in self.elements)

    @property
    def plain(self) -> "Plain | None":
        """The same as a handful of prices, where that is all that it is."""
        if len(self.elements) > 1 or self.is_restricted or None is not self.min_price or self.max_price:
            return None
        components = self.elements[0].price_components if self.elements else ()
        if any(x.vat is not None or x.step_size != 1 for x in components):
            return None
        prices = {x.type: x.price for x in reversed(components)}
        minute, idle = (
            per_minute(prices.get(x, Decimal(0))) for x in (Dimension.TIME, Dimension.PARKING_TIME)
        )
        if minute is None or idle is None or (minute and not self.is_time_plugged_in):
            return None
        return Plain(
            price_per_kwh=prices.get(Dimension.ENERGY, Decimal(0)),
            price_per_minute=minute,
            price_per_idle_minute=idle,
            idle_grace_minutes=self.idle_grace_minutes,
            price_per_start=prices.get(Dimension.FLAT, Decimal(0)),
            vat_percent=self.vat_percent,
        )


@dataclass(frozen=True, slots=True)
class Plain:
    """A tariff that asks for the same at all times."""

    price_per_kwh: Decimal = Decimal(0)
    price_per_minute: Decimal = Decimal(0)
    price_per_idle_minute: Decimal = Decimal(0)
    idle_grace_minutes: int = 0
    price_per_start: Decimal = Decimal(0)
    vat_percent: Decimal = Decimal(0)


def simple(
    currency: str,
    price_per_kwh: Decimal = Decimal(0),
    price_per_minute: Decimal = Decimal(0),
    price_per_idle_minute: Decimal = Decimal(0),
    idle_grace_minutes: int = 0,
    price_per_start: Decimal = Decimal(0),
    vat_percent: Decimal = Decimal(0),
) -> Terms:
    """The terms of a handful of prices: one element without restrictions."""
    prices = (
        (Dimension.ENERGY, price_per_kwh),
        (Dimension.TIME, price_per_minute * 60),
        (Dimension.FLAT, price_per_start),
        (Dimension.PARKING_TIME, price_per_idle_minute * 60),
    )
    components = tuple(Component(kind, price) for kind, price in prices if price)
    elements = (Element(components),) if components else ()
    return Terms(currency, elements, vat_percent, idle_grace_minutes, is_time_plugged_in=True)


@lru_cache(maxsize=1000)
def per_minute(price_per_hour: Decimal) -> Decimal | None:
    """An hourly price as one of a minute, None where it has none of six decimals."""
    minute = (price_per_hour / 60).quantize(Decimal("0.000001"))
    if minute * 60 != price_per_hour:
        return None
    tidy = minute.normalize()
    return tidy if int(tidy.as_tuple().exponent) < -2 else minute.quantize(Decimal("0.01"))


def as_json(elements: tuple[Element, ...]) -> list[dict[str, Any]]:
    """Elements as they are stored, and told by the API: OCPI's names, numbers as text."""
    return [
        {
            "price_components": [_given(x) for x in element.price_components],
            **({"restrictions": _given(element.restrictions)} if element.restrictions else {}),
        }
        for element in elements
    ]


def _given(part: Component | Restrictions) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, time):
            value = value.isoformat("seconds" if value.second else "minutes")
        elif isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, Decimal):
            value = format(value, "f")
        if value is not None and value != ():
            told[field.name] = list(value) if isinstance(value, tuple) else value
    return told


@lru_cache(maxsize=1000)
def read_elements(text: bytes) -> tuple[Element, ...]:
    """Elements from what is stored: read once, for they never change. Slots may have made many of them."""
    return tuple(_element(x, number) for number, x in enumerate(orjson.loads(text), 1))


def from_json(told: Any) -> tuple[Element, ...]:
    """Raises Invalid, naming the element, for what is no tariff."""
    if not isinstance(told, list) or len(told) > MOST_ELEMENTS:
        raise Invalid(
            "Elements are a list of at most %(most_elements)s.", "elements", most_elements=MOST_ELEMENTS
        )
    return tuple(_element(x, number) for number, x in enumerate(told, 1))


def _element(told: Any, number: int) -> Element:
    try:
        components = tuple(_component(x) for x in told["price_components"])
        restrictions = _restrictions(told.get("restrictions") or {})
    except (KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            "Element %(number)s has no price_components that can be read.", "elements", number=number
        ) from error
    except (ValueError, InvalidOperation) as error:
        raise Invalid("Element %(number)s: %(error)s", "elements", number=number, error=str(error)) from error
    if not components or len({x.type for x in components}) != len(components):
        raise Invalid("Element %(number)s needs components, each dimension once.", "elements", number=number)
    return Element(components, restrictions)


def _component(told: dict[str, Any]) -> Component:
    _only(told, Component)
    vat, step = told.get("vat"), int(told.get("step_size") or 1)
    if not 1 <= step <= 1_000_000:
        raise ValueError(sentences.told("step_size is between 1 and 1000000."))
    return Component(
        Dimension(told["type"]),
        _number(told["price"], "price", 6_000_000),
        None if vat is None else _number(vat, "vat", 100),
        step,
    )


def _restrictions(told: dict[str, Any]) -> Restrictions | None:
    _only(told, Restrictions)
    given: dict[str, Any] = {}
    for name, value in told.items():
        if value in (None, "", [], ()):
            continue
        if name.endswith("_time"):
            given[name] = time.fromisoformat(str(value))
        elif name.endswith("_date"):
            given[name] = date.fromisoformat(str(value))
        elif name.endswith("_duration"):
            given[name] = int(_number(value, name, 10_000_000))
        elif name == "day_of_week":
            given[name] = tuple(x for x in DAYS if x in value)
            if len(given[name]) != len(set(value)):
                raise ValueError(sentences.told("day_of_week is of %(days)s.", days=", ".join(DAYS)))
        elif name == "reservation":
            if value not in RESERVATIONS:
                raise ValueError(
                    sentences.told("reservation is one of %(kinds)s.", kinds=", ".join(RESERVATIONS))
                )
            given[name] = value
        else:
            given[name] = _number(value, name, 10_000_000)
    return Restrictions(**given) if given else None


def _only(told: dict[str, Any], kind: type[Component] | type[Restrictions]) -> None:
    unknown = sorted(set(told) - set(kind.__slots__))
    if unknown:
        raise ValueError(sentences.told("%(name)s is not known.", name=unknown[0]))


def _number(value: Any, name: str, most: int = 100_000) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite() or not 0 <= number <= most or int(number.as_tuple().exponent) < -6:
        raise ValueError(
            sentences.told(
                "%(name)s is between 0 and %(most)s, with six decimals at most.", name=name, most=most
            )
        )
    return number


def check(terms: Terms) -> None:
    """Raises Invalid for bounds that contradict each other, and for a time zone that there is not."""
    if terms.min_price is not None and terms.max_price is not None and terms.min_price > terms.max_price:
        raise Invalid("The minimum price is above the maximum price.", "max_price")
    try:
        ZoneInfo(terms.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid("There is no such time zone; write one such as Europe/Madrid.", "time_zone") from error


def holds(restrictions: Restrictions, local: datetime) -> bool:
    """Does the clock on the wall allow it?"""
    now, today = local.time(), local.date()
    if restrictions.start_date and today < restrictions.start_date:
        return False
    if restrictions.end_date and today >= restrictions.end_date:
        return False
    if restrictions.day_of_week and DAYS[today.weekday()] not in restrictions.day_of_week:
        return False
    start, end = restrictions.start_time or time(), restrictions.end_time
    if end is None or end == time():
        return now >= start
    return start <= now < end if start < end else now >= start or now < end
