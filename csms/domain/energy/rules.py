"""What makes a profile fit to be kept, and fit for one charger. Pure; every refusal is a sentence for its reader."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from csms.domain.base import Invalid, Refused
from csms.domain.energy.profiles import Period, Profile, ProfileKind, Purpose, RateUnit, Recurrency, Schedule
from csms.quirks import Charging

MOST_PERIODS = 1024
MOST_LEVEL = 1000
LARGEST = {RateUnit.A: 10_000.0, RateUnit.W: 10_000_000.0}

# What a charger's configuration says of what it can (1.6 §9.4; 2.0.1 part 2 K, SmartChargingCtrlr).
MOST_STACK_LEVEL = "ChargeProfileMaxStackLevel"
RATE_UNITS = "ChargingScheduleAllowedChargingRateUnit"
MOST_SCHEDULE_PERIODS = "ChargingScheduleMaxPeriods"
MOST_PROFILES = "MaxChargingProfilesInstalled"
PHASE_SWITCHING = "ConnectorSwitch3to1PhaseSupported"
PHASE_CHOICE = "ACPhaseSwitchingSupported"
KEYS = (MOST_STACK_LEVEL, RATE_UNITS, MOST_SCHEDULE_PERIODS, MOST_PROFILES, PHASE_SWITCHING, PHASE_CHOICE)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a charger can; None where it has not said. `chooses_phase`: it can be told which phase to use.

    `habits`: what its model is known to obey, whatever it says.
    """

    most_stack_level: int | None = None
    units: frozenset[RateUnit] | None = None
    most_periods: int | None = None
    most_profiles: int | None = None
    switches_phases: bool | None = None
    chooses_phase: bool = False
    habits: Charging = Charging()


def capabilities(keys: Mapping[str, str | None], habits: Charging = Charging()) -> Capabilities:  # noqa: B008  a value
    """Read from configuration keys. Values that make no sense count as not said. Of two bounds the narrower holds."""
    words = {x.strip().casefold() for x in (keys.get(RATE_UNITS) or "").split(",")}
    units = {RateUnit.A} if words & {"current", "a"} else set()
    units |= {RateUnit.W} if words & {"power", "w"} else set()  # 1.6 errata 3.86; some chargers say A and W
    if habits.units:
        known = {RateUnit(x) for x in habits.units}
        units = units & known or known
    levels = [x for x in (_count(keys.get(MOST_STACK_LEVEL)), habits.most_stack_level) if x is not None]
    return Capabilities(
        most_stack_level=min(levels, default=None),
        units=frozenset(units) or None,
        most_periods=_count(keys.get(MOST_SCHEDULE_PERIODS)),
        most_profiles=_count(keys.get(MOST_PROFILES)),
        switches_phases=_truth(keys.get(PHASE_SWITCHING)),
        chooses_phase=bool(_truth(keys.get(PHASE_CHOICE))),
        habits=habits,
    )


def _count(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _truth(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").strip().casefold())


def check(profile: Profile) -> None:
    """Raises Invalid for what no charger could make sense of."""
    if not 0 <= profile.stack_level <= MOST_LEVEL:
        raise Invalid("A stack level is between 0 and %(most_level)s.", "stack_level", most_level=MOST_LEVEL)
    if not profile.schedules:
        raise Invalid("A profile needs a schedule.", "schedules")
    if profile.valid_from and profile.valid_to and profile.valid_to <= profile.valid_from:
        raise Invalid("It must be valid to a later time than from.", "valid_to")
    if profile.purpose is Purpose.CHARGER_MAX and profile.kind is ProfileKind.RELATIVE:
        raise Invalid("A limit of the whole charger cannot be relative to the start of a session.", "kind")
    if (profile.recurrency is not None) != (profile.kind is ProfileKind.RECURRING):
        raise Invalid("A recurring profile, and no other, comes again daily or weekly.", "recurrency")
    for schedule in profile.schedules:
        _check_schedule(profile, schedule)


def _check_schedule(profile: Profile, schedule: Schedule) -> None:
    if profile.kind is ProfileKind.RELATIVE and schedule.starts_at is not None:
        raise Invalid("A relative schedule starts with the session: leave out its start.", "starts_at")
    if profile.kind is not ProfileKind.RELATIVE and schedule.starts_at is None:
        raise Invalid("Say from when the schedule counts.", "starts_at")
    if schedule.duration_s is not None and schedule.duration_s <= 0:
        raise Invalid("A schedule lasts longer than nothing.", "duration_s")
    if profile.recurrency and (schedule.duration_s or 0) > profile.recurrency.seconds:
        # 1.6 errata 3.44: the rest would not be executed
        if profile.recurrency is Recurrency.DAILY:
            raise Invalid("A daily schedule cannot last longer than its turn.", "duration_s")
        raise Invalid("A weekly schedule cannot last longer than its turn.", "duration_s")
    if schedule.least_rate is not None:
        _check_rate(schedule.least_rate, schedule.unit, "least_rate")
    _check_periods(profile, schedule)


def _check_periods(profile: Profile, schedule: Schedule) -> None:
    if not 0 < len(schedule.periods) <= MOST_PERIODS:
        raise Invalid(
            "A schedule has between one and %(most_periods)s periods.", "periods", most_periods=MOST_PERIODS
        )
    starts = [x.start_s for x in schedule.periods]
    if starts[0] != 0:
        raise Invalid("The first period starts at 0.", "periods")  # 1.6 errata 3.45, 4.17
    if any(later <= earlier for earlier, later in zip(starts, starts[1:], strict=False)):
        raise Invalid("Each period starts after the one before it.", "periods")
    turn_s = profile.recurrency.seconds if profile.recurrency else None
    end_s = min((x for x in (schedule.duration_s, turn_s) if x is not None), default=None)
    if end_s is not None and starts[-1] >= end_s:
        raise Invalid("The last period starts when the schedule is over already.", "periods")
    for period in schedule.periods:
        _check_period(period, schedule.unit)


def _check_period(period: Period, unit: RateUnit) -> None:
    _check_rate(period.limit, unit, "periods")
    if period.phases is not None and period.phases not in (1, 2, 3):
        raise Invalid("There are one, two or three phases.", "periods")
    if period.phase_to_use is not None and (period.phases != 1 or period.phase_to_use not in (1, 2, 3)):
        raise Invalid("A phase can be chosen for charging on one phase only.", "periods")


def _check_rate(rate: float, unit: RateUnit, field: str) -> None:
    if not math.isfinite(rate) or not 0 <= rate <= LARGEST[unit]:
        raise Invalid(
            "A limit is between 0 and %(largest)s %(unit)s.", field, largest=f"{LARGEST[unit]:.0f}", unit=unit
        )
    if not math.isclose(rate * 10, round(rate * 10), abs_tol=1e-6):
        raise Invalid("A limit has at most one decimal, such as 8.1.", field)  # 1.6 §7.14


def check_for(
    profile: Profile, able: Capabilities, title: str, *, evse: int, is_running: bool, beside: int
) -> None:
    """Raises Refused for what this charger cannot take.

    `is_running`: a session runs on that EVSE. `beside`: how many profiles are installed that it does not replace.
    """
    _check_place(profile, title, evse, is_running)
    schedule = profile.schedule
    if len(profile.schedules) > 1:
        raise Refused(
            "%(title)s takes one schedule; this profile has %(schedules)s.",
            title=title,
            schedules=len(profile.schedules),
        )
    if able.most_stack_level is not None and profile.stack_level > able.most_stack_level:
        raise Refused(
            "%(title)s knows stack levels up to %(most_stack_level)s; this profile has %(stack_level)s.",
            title=title,
            most_stack_level=able.most_stack_level,
            stack_level=profile.stack_level,
        )
    if able.units is not None and schedule.unit not in able.units:
        known = " and ".join(sorted(able.units))
        raise Refused(
            "%(title)s takes limits in %(known)s; this profile has %(unit)s.",
            title=title,
            known=known,
            unit=schedule.unit,
        )
    if able.most_periods is not None and len(schedule.periods) > able.most_periods:
        raise Refused(
            "%(title)s takes %(most_periods)s periods; this profile has %(periods)s.",
            title=title,
            most_periods=able.most_periods,
            periods=len(schedule.periods),
        )
    if able.most_profiles is not None and beside >= able.most_profiles:
        raise Refused(
            "%(title)s can hold %(most_profiles)s profiles, and does: clear one first.",
            title=title,
            most_profiles=able.most_profiles,
        )
    _check_habits(profile, able.habits, title)
    _check_phases(schedule.periods, able, title)


def _check_habits(profile: Profile, habits: Charging, title: str) -> None:
    """What its model is known for: kinds of profiles, and limits that it does not obey as they are."""
    if habits.kinds and profile.kind not in habits.kinds:
        raise Refused(
            "%(title)s takes %(kinds)s profiles only; this one is %(kind)s.",
            title=title,
            kinds=" and ".join(habits.kinds),
            kind=profile.kind,
        )
    if profile.schedule.unit is not RateUnit.A:
        return
    for period in profile.schedule.periods:
        if habits.fit_a(period.limit) != period.limit:
            raise Refused(
                "%(title)s does not obey %(limit)s A; it would take %(fit_a)s A instead.",
                title=title,
                limit=f"{period.limit:g}",
                fit_a=f"{habits.fit_a(period.limit):g}",
            )


def _check_place(profile: Profile, title: str, evse: int, is_running: bool) -> None:
    match profile.purpose:
        case Purpose.EXTERNAL:
            raise Refused(
                "External limits come from outside, such as the grid: they cannot be set from here."
            )
        case Purpose.CHARGER_MAX if evse != 0:
            raise Refused("A limit of the whole charger cannot be set at one connector.")  # 1.6 §3.13.1
        case Purpose.TX if evse == 0:
            raise Refused("A profile of a session needs its connector.")
        case Purpose.TX if not is_running:
            raise Refused(
                "No session is running on connector %(evse)s of %(title)s: it has nothing to limit.",
                evse=evse,
                title=title,
            )
        case _:
            return


def _check_phases(periods: Iterable[Period], able: Capabilities, title: str) -> None:
    """1.6 §3.13.7: changing the number of phases while a car charges can damage it."""
    if len({x.phases or 3 for x in periods}) > 1 and able.switches_phases is False:
        raise Refused("%(title)s cannot change the number of phases while a car charges.", title=title)
    if not able.chooses_phase and any(x.phase_to_use is not None for x in periods):
        raise Refused("%(title)s cannot be told which phase to use.", title=title)
