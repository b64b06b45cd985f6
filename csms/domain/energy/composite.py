"""What a charger may draw, reckoned from the profiles that it holds. Pure.

The rules (1.6 §3.13, errata 3.43 to 3.45, 3.78): within a purpose the highest stack level that says something at a
moment prevails, and of one level that of the EVSE before that of the whole charger. A TxProfile overrules a
TxDefaultProfile as long as it says something. Of the purposes the lowest limit counts. Where none says anything, there
is no limit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from csms.domain.energy.profiles import Period, Profile, ProfileKind, Purpose, RateUnit
from csms.quantities import amperes, watts

PHASES = 3  # 1.6 errata 3.68: what an absent numberPhases means
CAPS = (Purpose.EXTERNAL, Purpose.CHARGER_MAX)
# What a difference between two schedules may be before it is told: of the larger limit, and in the unit.
TOLERANCE = 0.02
LEAST_DIFFERENCE = {RateUnit.A: 0.15, RateUnit.W: 100.0}
SHORTEST_DIFFERENCE_S = 10.0  # clocks differ, and the answer took its time


@dataclass(frozen=True, slots=True)
class Supply:
    """What A and W are converted by: volts between phase and neutral as they are meant to be, and how many phases."""

    voltage_v: float = 230.0
    phases: int = PHASES


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile that a charger holds, under the charger's number for it. EVSE 0 is the whole charger."""

    number: int
    evse: int
    profile: Profile


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` to the next step. `limit` None: no limit. `number`: the profile that decides."""

    at: datetime
    limit: float | None
    phases: int | None = None
    purpose: Purpose | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Composite:
    """Limits in `unit` from `begins_at` to `ends_at`, without gaps; the first step is at `begins_at`."""

    begins_at: datetime
    ends_at: datetime
    unit: RateUnit
    steps: tuple[Step, ...]

    def at(self, moment: datetime) -> Step:
        """The step that holds at a moment; before the first there is no limit."""
        return next((x for x in reversed(self.steps) if x.at <= moment), Step(moment, None))


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for. `began_at`: since when each EVSE charges; where none does, as if it began with the window."""

    begins_at: datetime
    ends_at: datetime
    unit: RateUnit
    supply: Supply
    began_at: Mapping[int, datetime]

    def start_on(self, evse: int) -> datetime:
        return self.began_at.get(evse, self.begins_at)


def period_at(profile: Profile, moment: datetime, began_at: datetime) -> Period | None:
    """What a profile says at a moment of a session that began at `began_at`; None: nothing."""
    if profile.valid_from is not None and moment < profile.valid_from:
        return None
    if profile.valid_to is not None and moment >= profile.valid_to:
        return None
    schedule = profile.schedule
    elapsed_s = (moment - _origin(profile, began_at)).total_seconds()
    if elapsed_s < 0:
        return None
    if profile.recurrency is not None:
        elapsed_s %= profile.recurrency.seconds
    if schedule.duration_s is not None and elapsed_s >= schedule.duration_s:
        return None
    return next((x for x in reversed(schedule.periods) if x.start_s <= elapsed_s), None)


def _origin(profile: Profile, began_at: datetime) -> datetime:
    """From when the seconds of the schedule count (1.6 §7.13: without a start, from that of charging)."""
    if profile.kind is ProfileKind.RELATIVE:
        return began_at
    return profile.schedule.starts_at or began_at


def purpose_at(
    held: Iterable[Installed], purpose: Purpose, evse: int, moment: datetime, window: Window
) -> Step:
    """What the stack of one purpose says for an EVSE at a moment."""
    stack = [x for x in held if x.profile.purpose is purpose and x.evse in (0, evse)]
    for one in sorted(stack, key=lambda x: (x.profile.stack_level, x.evse, x.number), reverse=True):
        period = period_at(one.profile, moment, window.start_on(evse))
        if period is not None:
            limit = convert(period, one.profile.schedule.unit, window.unit, window.supply)
            return Step(moment, limit, period.phases, purpose, one.number)
    return Step(moment, None)


def convert(period: Period, given: RateUnit, wanted: RateUnit, supply: Supply) -> float:
    """A period's limit in the unit that is wanted, to the hundredth."""
    phases = min(period.phases or PHASES, supply.phases)
    if given is wanted:
        return period.limit
    if wanted is RateUnit.W:
        return round(watts(period.limit, supply.voltage_v, phases), 2)
    return round(amperes(period.limit, supply.voltage_v, phases), 2)


def _lowest(steps: Iterable[Step], moment: datetime) -> Step:
    limited = [x for x in steps if x.limit is not None]
    return min(limited, key=lambda x: x.limit or 0.0, default=Step(moment, None))


def _at_evse(held: Sequence[Installed], evse: int, moment: datetime, window: Window) -> Step:
    own = purpose_at(held, Purpose.TX, evse, moment, window)
    if own.limit is None:
        own = purpose_at(held, Purpose.TX_DEFAULT, evse, moment, window)
    caps = [purpose_at(held, x, evse, moment, window) for x in CAPS]
    return _lowest([own, *caps], moment)


def _at_charger(held: Sequence[Installed], evses: Sequence[int], moment: datetime, window: Window) -> Step:
    """The charger's own limit, or what its EVSEs may draw together where that is less and each has a limit."""
    cap = _lowest([purpose_at(held, x, 0, moment, window) for x in CAPS], moment)
    limits = [_at_evse(held, x, moment, window).limit for x in evses]
    known = [x for x in limits if x is not None]
    if not known or len(known) < len(limits):
        return cap
    return _lowest([cap, Step(moment, round(sum(known), 2))], moment)


def composite(held: Sequence[Installed], evse: int, evses: Sequence[int], window: Window) -> Composite:
    """The limits of one EVSE, or of the whole charger with `evse` 0 and `evses` its EVSEs."""
    moments = turning_points(held, [evse] if evse else evses, window)
    if evse:
        steps = [_at_evse(held, evse, x, window) for x in moments]
    else:
        steps = [_at_charger(held, evses, x, window) for x in moments]
    return _joined(steps, window)


def stack(held: Sequence[Installed], purpose: Purpose, evse: int, window: Window) -> Composite:
    """The limits that one purpose alone sets."""
    moments = turning_points(held, [evse], window)
    return _joined([purpose_at(held, purpose, evse, x, window) for x in moments], window)


def _joined(steps: Iterable[Step], window: Window) -> Composite:
    joined: list[Step] = []
    for step in steps:
        before = joined[-1] if joined else None
        if before is None or (before.limit, before.phases, before.number) != (
            step.limit,
            step.phases,
            step.number,
        ):
            joined.append(step)
    return Composite(window.begins_at, window.ends_at, window.unit, tuple(joined))


def turning_points(held: Iterable[Installed], evses: Iterable[int], window: Window) -> list[datetime]:
    """The window's start, and every moment in it at which a profile may say something else, in order."""
    starts = {window.start_on(x) for x in evses} | {window.begins_at}
    found = {window.begins_at}
    for one in held:
        for began_at in starts:
            found |= {x for x in _turns(one.profile, began_at, window)}
    return sorted(x for x in found if window.begins_at <= x < window.ends_at)


def _turns(profile: Profile, began_at: datetime, window: Window) -> Iterator[datetime]:
    yield from (x for x in (profile.valid_from, profile.valid_to) if x is not None)
    schedule = profile.schedule
    offsets = [x.start_s for x in schedule.periods]
    if schedule.duration_s is not None:
        offsets.append(schedule.duration_s)
    origin = _origin(profile, began_at)
    for begin in _beginnings(profile, origin, window):
        yield from (begin + timedelta(seconds=x) for x in offsets)


def _beginnings(profile: Profile, origin: datetime, window: Window) -> Iterator[datetime]:
    """When the schedule starts anew, from the turn that is on when the window begins."""
    if profile.recurrency is None:
        yield origin
        return
    turn = timedelta(seconds=profile.recurrency.seconds)
    begin = origin + max(0, (window.begins_at - origin) // turn) * turn
    while begin < window.ends_at:
        yield begin
        begin += turn


def in_unit(told: Composite, unit: RateUnit, supply: Supply) -> Composite:
    """The same limits in another unit."""
    steps = tuple(
        Step(
            x.at, None if x.limit is None else convert(Period(0, x.limit, x.phases), told.unit, unit, supply)
        )
        for x in told.steps
    )
    return Composite(told.begins_at, told.ends_at, unit, steps)


@dataclass(frozen=True, slots=True)
class Difference:
    """A stretch in which two schedules disagree. `is_higher`: the charger allows more than it should."""

    begins_at: datetime
    ends_at: datetime
    expected: float | None
    told: float | None

    @property
    def is_higher(self) -> bool:
        return self.expected is not None and (self.told is None or self.told > self.expected)


def compare(expected: Composite, told: Composite) -> list[Difference]:
    """Where a charger's own composite schedule, in the same unit, differs by more than TOLERANCE.

    Where nothing of ours limits, whatever it tells is its own limit and no difference.
    """
    begin, end = max(expected.begins_at, told.begins_at), min(expected.ends_at, told.ends_at)
    moments = sorted(
        {begin} | {x.at for x in (*expected.steps, *told.steps) if begin < x.at < end} if begin < end else {}
    )
    found: list[Difference] = []
    for moment, following in zip(moments, [*moments[1:], end], strict=True):
        ours, theirs = expected.at(moment).limit, told.at(moment).limit
        if ours is None or (theirs is not None and is_close(ours, theirs, expected.unit)):
            continue
        before = found[-1] if found else None
        if before and (before.ends_at, before.expected, before.told) == (moment, ours, theirs):
            found[-1] = Difference(before.begins_at, following, ours, theirs)
        else:
            found.append(Difference(moment, following, ours, theirs))
    return [x for x in found if (x.ends_at - x.begins_at).total_seconds() > SHORTEST_DIFFERENCE_S]


def is_close(one: float, other: float, unit: RateUnit) -> bool:
    return abs(one - other) <= max(LEAST_DIFFERENCE[unit], TOLERANCE * max(one, other))
