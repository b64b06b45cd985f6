"""From what was charged, and when, to a bill. Pure: the live display, the receipt and the CDR are reckoned here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from csms.domain.tariffs.shape import Component, Dimension, Terms, per_minute
from csms.domain.tariffs.slicing import Period, Slice, borders, component_at, slices
from csms.quantities import cents, kwh

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {
    Dimension.ENERGY: "energy",
    Dimension.TIME: "time",
    Dimension.FLAT: "start",
    Dimension.PARKING_TIME: "idle",
}
_ORDER = {dimension: place for place, dimension in enumerate(Dimension)}


@dataclass(frozen=True, slots=True)
class Usage:
    """What is to be paid for: energy by the meter, seconds in all, and those of them in which the car took nothing.

    `course`: how it went, where that is known; its energy is `energy_wh` in all. `register_wh`: the meter at the start.
    """

    energy_wh: int = 0
    duration_s: int = 0
    idle_s: int = 0
    begins_at: datetime = EPOCH
    register_wh: int | None = None
    course: tuple[Period, ...] = ()

    @property
    def periods(self) -> tuple[Period, ...]:
        """The course; without one it charged evenly, and idled at the end."""
        if self.course:
            return self.course
        charged = self.begins_at + timedelta(seconds=max(0, self.duration_s - max(0, self.idle_s)))
        periods = (Period(self.begins_at, charged, max(0, self.energy_wh)),)
        if self.idle_s <= 0:
            return periods
        return (*periods, Period(charged, charged + timedelta(seconds=self.idle_s), 0, is_idle=True))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch that a line stands on, and the meter's register at both ends where it is known, in Wh."""

    begins_at: datetime
    ends_at: datetime
    first_wh: int | None
    last_wh: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: `quantity` of `unit` at `price` makes `cents`, rounded once.

    `element` of the tariff gives the price, counted from 1; None where the whole tariff does.
    """

    kind: str  # energy, time, idle, start; minimum, maximum; credit
    quantity: Decimal
    unit: str  # kWh, min, h, session
    price: Decimal
    cents: int
    element: int | None = None
    vat_percent: Decimal | None = None  # None: the tariff's
    spans: tuple[Span, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """The form in which a transaction keeps it."""
        row: dict[str, Any] = {
            "kind": self.kind,
            "quantity": str(self.quantity),
            "unit": self.unit,
            "price": str(self.price),
            "cents": self.cents,
        }
        if self.element is not None:
            row["element"] = self.element
            row["spans"] = [
                [x.begins_at.isoformat(), x.ends_at.isoformat(), x.first_wh, x.last_wh] for x in self.spans
            ]
        return row if self.vat_percent is None else row | {"vat_percent": str(self.vat_percent)}

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> "Line":
        """A line as it was kept; older ones do not tell what they stand on."""
        vat = row.get("vat_percent")
        moments = datetime.fromisoformat
        return cls(
            row["kind"],
            Decimal(row["quantity"]),
            row["unit"],
            Decimal(row["price"]),
            row["cents"],
            row.get("element"),
            None if vat is None else Decimal(vat),
            tuple(Span(moments(x[0]), moments(x[1]), x[2], x[3]) for x in row.get("spans", ())),
        )

    @property
    def essence(self) -> tuple[object, ...]:
        """What makes it the same line."""
        return self.kind, self.quantity, self.unit, self.price, self.cents


@dataclass(frozen=True, slots=True)
class Vat:
    """What lines of one rate come to, and how much of that is VAT."""

    percent: Decimal
    cents: int
    vat_cents: int


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines in the order that the law asks for (kWh, minute, session, other); the total is their sum to the cent."""

    currency: str
    lines: tuple[Line, ...]
    total_cents: int
    vat_percent: Decimal  # the tariff's
    vat: tuple[
        Vat, ...
    ]  # contained in the total: each rate that a line has, the tariff's where there is none

    @property
    def vat_cents(self) -> int:
        return sum(x.vat_cents for x in self.vat)

    def as_rows(self) -> list[dict[str, Any]]:
        """The lines in the form in which a transaction keeps them."""
        return [x.as_row() for x in self.lines]


def bill_with(terms: Terms, lines: Sequence[Line]) -> Bill:
    """The bill of these lines. VAT is rounded once for each of its rates."""
    by_rate: dict[Decimal, int] = {}
    for line in lines:
        rate = terms.vat_percent if line.vat_percent is None else line.vat_percent
        by_rate[rate] = by_rate.get(rate, 0) + line.cents
    by_rate = by_rate or {terms.vat_percent: 0}
    vat = tuple(Vat(x, by_rate[x], _vat_in(by_rate[x], x)) for x in sorted(by_rate))
    return Bill(terms.currency, tuple(lines), sum(x.cents for x in lines), terms.vat_percent, vat)


def _vat_in(total_cents: int, percent: Decimal) -> int:
    return cents(Decimal(total_cents) / 100 * percent / (100 + percent)) if total_cents else 0


@dataclass(slots=True)
class _Tally:
    """What one component of one element has come to: Wh or s."""

    component: Component
    element: int
    quantity: int = 0
    spans: list[Span] = field(default_factory=list)


def price(terms: Terms, usage: Usage) -> Bill:
    """The bill of `usage` under `terms`. Pure; the total is never negative; time is counted to the second.

    At each moment the first element that holds and has the dimension gives its price (OCPI 2.2.1 §11.4.4).
    """
    tallies = _tallied(terms, usage) if terms.is_restricted or usage.course else _totalled(terms, usage)
    for dimension, tally in _stepped(tallies):
        of_it = [x for x in tallies if x.component.type is dimension]
        tally.quantity += -sum(x.quantity for x in of_it) % tally.component.step_size
    lines = [_line(tally, usage) for tally in sorted(tallies, key=_place) if _is_billed(tally)]
    return bill_with(terms, [*lines, *_bounds(terms, sum(x.cents for x in lines))])


def _place(tally: _Tally) -> tuple[int, datetime]:
    """Where it stands in a bill: by dimension, and then by the time."""
    return _ORDER[tally.component.type], tally.spans[0].begins_at if tally.spans else EPOCH


def _totalled(terms: Terms, usage: Usage) -> list[_Tally]:
    """Without restrictions, and a course to tell of, the sums are all that counts."""
    idle_s = max(0, usage.idle_s)
    charging_s = max(0, usage.duration_s - idle_s)
    quantities = {
        Dimension.ENERGY: max(0, usage.energy_wh),
        Dimension.TIME: charging_s + idle_s if terms.is_time_plugged_in else charging_s,
        Dimension.FLAT: 1,
        Dimension.PARKING_TIME: max(0, idle_s - 60 * terms.idle_grace_minutes),
    }
    found: dict[Dimension, _Tally] = {}
    for number, element in enumerate(terms.elements, 1):
        for x in element.price_components:
            found.setdefault(x.type, _Tally(x, number, quantities[x.type]))
    return list(found.values())


def _tallied(terms: Terms, usage: Usage) -> list[_Tally]:
    """In the order in which they were first used; the last one used of a dimension is the last of it."""
    found: dict[tuple[Dimension, int], _Tally] = {}
    for piece in slices(terms, usage.periods):
        for dimension, quantity in _measured(terms, piece):
            if dimension is Dimension.FLAT and any(x is Dimension.FLAT for x, _ in found):
                continue
            chosen = component_at(terms, piece, dimension)
            if chosen is None:
                continue
            key = (dimension, chosen[0])
            tally = found.pop(key, None) or _Tally(chosen[1], chosen[0])
            found[key] = tally
            tally.quantity += quantity
            _extend(tally.spans, piece, usage.register_wh)
    return list(found.values())


def _measured(terms: Terms, piece: Slice) -> Iterator[tuple[Dimension, int]]:
    yield Dimension.ENERGY, piece.energy_wh
    if terms.is_time_plugged_in or not piece.is_idle:
        yield Dimension.TIME, piece.seconds
    yield Dimension.FLAT, 1
    if piece.is_idle and not piece.is_grace:
        yield Dimension.PARKING_TIME, piece.seconds


def _extend(spans: list[Span], piece: Slice, register_wh: int | None) -> None:
    begins_at, first = piece.begins_at, None if register_wh is None else register_wh + piece.from_wh
    if spans and spans[-1].ends_at == begins_at:
        begins_at, first = spans[-1].begins_at, spans[-1].first_wh
        spans.pop()
    last = None if register_wh is None else register_wh + piece.to_wh
    spans.append(Span(begins_at, piece.ends_at, first, last))


def _stepped(tallies: Sequence[_Tally]) -> Iterator[tuple[Dimension, _Tally]]:
    """Whose last block is filled up: once for energy, once for time, by the component that was used last.

    OCPI 2.2.1 §11.4.5: where parking is billed, its steps count and those of time do not.
    """
    used = {x.component.type: x for x in tallies if x.quantity}
    time = Dimension.PARKING_TIME if Dimension.PARKING_TIME in used else Dimension.TIME
    for dimension in (Dimension.ENERGY, time):
        if dimension in used:
            yield dimension, used[dimension]


def _is_billed(tally: _Tally) -> bool:
    return bool(tally.component.price and (tally.quantity or tally.component.type is Dimension.ENERGY))


def _line(tally: _Tally, usage: Usage) -> Line:
    component, dimension = tally.component, tally.component.type
    unit_price, unit, quantity = component.price, "session", Decimal(tally.quantity)
    if dimension is Dimension.ENERGY:
        unit, quantity = "kWh", kwh(tally.quantity)
    elif dimension is not Dimension.FLAT:
        minute = per_minute(component.price)
        unit = "h" if minute is None else "min"
        unit_price = component.price if minute is None else minute
        quantity = (
            (Decimal(tally.quantity) / 3600).quantize(Decimal("0.0001"))
            if minute is None
            else (Decimal(tally.quantity) / 60).quantize(Decimal("0.01"))
        )
    spans = tuple(tally.spans) if usage.course else (_whole(usage),)
    amount = cents(quantity * unit_price)
    return Line(KINDS[dimension], quantity, unit, unit_price, amount, tally.element, component.vat, spans)


def _whole(usage: Usage) -> Span:
    last = None if usage.register_wh is None else usage.register_wh + max(0, usage.energy_wh)
    ends_at = usage.begins_at + timedelta(seconds=max(0, usage.duration_s))
    return Span(usage.begins_at, ends_at, usage.register_wh, last)


def _bounds(terms: Terms, total: int) -> Iterator[Line]:
    """What is added, or let off, for the session to cost what it may."""
    if terms.min_price is not None and total < (least := cents(terms.min_price)):
        yield Line("minimum", Decimal(1), "session", terms.min_price, least - total)
    if terms.max_price is not None and total > (most := cents(terms.max_price)):
        yield Line("maximum", Decimal(1), "session", terms.max_price, most - total)


def prices_at(terms: Terms, at: datetime) -> dict[Dimension, Component]:
    """What a session that begins at this moment pays first."""
    piece = next(slices(terms, (Period(at, at, 0),)))
    found = {dimension: component_at(terms, piece, dimension) for dimension in Dimension}
    return {dimension: x[1] for dimension, x in found.items() if x is not None}


def next_change(terms: Terms, at: datetime, within: timedelta = timedelta(days=1)) -> datetime | None:
    """When a session that began then would pay something else at first; None: not within this time."""
    restrictions = [x.restrictions for x in terms.elements if x.restrictions and x.restrictions.has_clock]
    if not restrictions:
        return None
    now = prices_at(terms, at)
    moments = set(borders(restrictions, ZoneInfo(terms.time_zone), at, at + within))
    return next((x for x in sorted(moments) if at < x <= at + within and prices_at(terms, x) != now), None)
