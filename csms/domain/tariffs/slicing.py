"""A session cut where its prices may change. Pure and exact: cutting more often changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from csms.domain.tariffs.shape import Component, Dimension, Restrictions, Terms, holds

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch in which energy came evenly, or none because the car took none. Power and current where known."""

    begins_at: datetime
    ends_at: datetime
    energy_wh: int
    is_idle: bool = False
    power_w: int | None = None
    current_a: float | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch with one price for each dimension. Wh and s since the session's begin, at both ends, and exactly at the
    first; `is_grace`: idling that is still free.
    """

    begins_at: datetime
    ends_at: datetime
    is_idle: bool
    is_grace: bool
    power_w: int | None
    current_a: float | None
    wh: Fraction
    s: Fraction
    from_wh: int
    to_wh: int
    from_s: int
    to_s: int

    @property
    def energy_wh(self) -> int:
        return self.to_wh - self.from_wh

    @property
    def seconds(self) -> int:
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True)
class Stretch:
    """Charging, or parking, at one price of each dimension."""

    begins_at: datetime
    is_idle: bool
    energy_wh: int
    seconds: int


def stretches(terms: Terms, periods: Sequence[Period]) -> list[Stretch]:
    """A session told in as few stretches as its prices and pauses allow; their sums are the session's."""
    if len(periods) == 1 and not terms.is_restricted:  # what most sessions are
        [whole] = periods
        span = whole.ends_at - whole.begins_at
        return [Stretch(whole.begins_at, whole.is_idle, whole.energy_wh, (span + SECOND / 2) // SECOND)]
    found: list[Stretch] = []
    last: tuple[object, ...] | None = None
    for piece in slices(terms, periods):
        prices = [component_at(terms, piece, x) for x in Dimension] if terms.is_restricted else []
        essence = (piece.is_idle, *(x and x[0] for x in prices))
        if found and (essence == last or not (piece.seconds or piece.energy_wh)):
            before = found.pop()
            energy_wh, seconds = before.energy_wh + piece.energy_wh, before.seconds + piece.seconds
            found.append(Stretch(before.begins_at, before.is_idle, energy_wh, seconds))
            continue
        found.append(Stretch(piece.begins_at, piece.is_idle, piece.energy_wh, piece.seconds))
        last = essence
    return found


def slices(terms: Terms, periods: Sequence[Period]) -> Iterator[Slice]:
    """The periods, cut at the borders of windows and at thresholds. Rounded at the cuts, so that the sums are exact."""
    grace_s, idle_s = 60 * terms.idle_grace_minutes, 0
    before_wh, begins_at = 0, periods[0].begins_at
    for period in periods:
        elapsed = _seconds(period.begins_at - begins_at)
        length = _seconds(period.ends_at - period.begins_at)
        left_s = grace_s - idle_s if period.is_idle else 0
        cuts = {Fraction(0), Fraction(1), *_shares(terms, period, before_wh, elapsed, length)}
        if 0 < left_s < length:
            cuts.add(left_s / length)
        ordered = sorted(cuts)
        for share, until in zip(ordered, ordered[1:], strict=False):
            yield Slice(
                begins_at=_moment(period, share),
                ends_at=_moment(period, until),
                is_idle=period.is_idle,
                is_grace=period.is_idle and share * length < left_s,
                power_w=_power(period, length),
                current_a=period.current_a,
                wh=before_wh + share * period.energy_wh,
                s=elapsed + share * length,
                from_wh=_rounded(before_wh + share * period.energy_wh),
                to_wh=_rounded(before_wh + until * period.energy_wh),
                from_s=_rounded(elapsed + share * length),
                to_s=_rounded(elapsed + until * length),
            )
        before_wh += period.energy_wh
        if period.is_idle:
            idle_s += _rounded(elapsed + length) - _rounded(elapsed)


def _shares(
    terms: Terms, period: Period, before_wh: int, elapsed: Fraction, length: Fraction
) -> Iterator[Fraction]:
    """Where in a period, between 0 and 1, a restriction begins or ends to hold."""
    restrictions = [x.restrictions for x in terms.elements if x.restrictions]
    if not restrictions:
        return
    for one in restrictions:
        for limit in (one.min_kwh, one.max_kwh):
            if limit is not None and period.energy_wh:
                yield from _within((Fraction(limit) * 1000 - before_wh) / period.energy_wh)
        for duration in (one.min_duration, one.max_duration):
            if duration is not None and length:
                yield from _within((duration - elapsed) / length)
    if length and any(x.has_clock for x in restrictions):
        for moment in borders(restrictions, ZoneInfo(terms.time_zone), period.begins_at, period.ends_at):
            yield from _within(_seconds(moment - period.begins_at) / length)


def _within(share: Fraction) -> Iterator[Fraction]:
    if 0 < share < 1:
        yield share


def borders(
    restrictions: Iterable[Restrictions], zone: ZoneInfo, begins_at: datetime, ends_at: datetime
) -> Iterator[datetime]:
    """The moments between two at which the clock on the wall may change what holds: the windows' ends, midnights, and
    where the clock itself is changed. A time that there is twice is a border twice.
    """
    times = {time()} | {x for one in restrictions for x in (one.start_time, one.end_time) if x}
    day = begins_at.astimezone(zone).date()
    while (midnight := datetime.combine(day, time(), zone).astimezone(UTC)) <= ends_at:
        for moment in times:
            for fold in (0, 1):
                yield datetime.combine(day, moment, zone).replace(fold=fold).astimezone(UTC)
        day += DAY
        following = datetime.combine(day, time(), zone).astimezone(UTC)
        if midnight.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield _change(zone, midnight, following)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second between two moments from which the clock goes otherwise."""
    old = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def component_at(terms: Terms, piece: Slice, dimension: Dimension) -> tuple[int, Component] | None:
    """(number of the element from 1, component) that prices a dimension in a slice; None: it costs nothing."""
    for number, element in enumerate(terms.elements, 1):
        for component in element.price_components:
            if component.type is dimension and _applies(element.restrictions, terms, piece):
                return number, component
    return None


def _applies(restrictions: Restrictions | None, terms: Terms, piece: Slice) -> bool:
    if restrictions is None:
        return True
    if restrictions.reservation is not None:
        return False
    if restrictions.has_clock and not holds(
        restrictions, piece.begins_at.astimezone(ZoneInfo(terms.time_zone))
    ):
        return False
    power_kw = None if piece.power_w is None else Fraction(piece.power_w, 1000)
    current = None if piece.current_a is None else Fraction(piece.current_a)
    return (
        _is_between(piece.wh / 1000, restrictions.min_kwh, restrictions.max_kwh)
        and _is_between(piece.s, restrictions.min_duration, restrictions.max_duration)
        and _is_between(power_kw, restrictions.min_power, restrictions.max_power)
        and _is_between(current, restrictions.min_current, restrictions.max_current)
    )


def _is_between(value: Fraction | None, least: Decimal | int | None, most: Decimal | int | None) -> bool:
    """From `least` on, until before `most`. What is not known is in no bounds."""
    if least is None and most is None:
        return True
    if value is None:
        return False
    return (least is None or value >= Fraction(least)) and (most is None or value < Fraction(most))


def _power(period: Period, length: Fraction) -> int | None:
    """What the meter told, or else the mean."""
    if period.power_w is not None or not length:
        return period.power_w
    return _rounded(period.energy_wh * 3600 / length)


def _seconds(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), 1_000_000)


def _moment(period: Period, share: Fraction) -> datetime:
    if share == 1:
        return period.ends_at
    return period.begins_at + timedelta(
        microseconds=_rounded(share * _seconds(period.ends_at - period.begins_at) * 1_000_000)
    )


def _rounded(value: Fraction) -> int:
    """Half up, as receipts are."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
