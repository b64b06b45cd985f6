"""What charging profiles come to: for every set of profiles the same as asking them second by second."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make import NOW

from csms.domain.energy import (
    Composite,
    Installed,
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    Step,
    Supply,
    Window,
    compare,
    composite,
    stack,
)

A, W = RateUnit.A, RateUnit.W
DAY_S = 86_400
moments = st.integers(-3 * DAY_S, 3 * DAY_S).map(lambda x: NOW + timedelta(seconds=x))
phases = st.sampled_from([None, 1, 3])


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    kind = draw(st.sampled_from(ProfileKind))
    starts = sorted({0} | draw(st.sets(st.integers(1, 8 * DAY_S), max_size=4)))
    periods = tuple(Period(x, float(draw(st.integers(0, 40))), draw(phases)) for x in starts)
    schedule = Schedule(
        draw(st.sampled_from(RateUnit)),
        periods,
        None if kind is ProfileKind.RELATIVE else draw(moments),
        draw(st.none() | st.integers(1, 8 * DAY_S)),
    )
    return Profile(
        draw(st.sampled_from([Purpose.CHARGER_MAX, Purpose.TX_DEFAULT, Purpose.TX])),
        kind,
        (schedule,),
        draw(st.integers(0, 3)),
        draw(st.sampled_from(Recurrency)) if kind is ProfileKind.RECURRING else None,
        draw(st.none() | moments),
        draw(st.none() | moments),
    )


def held(found: list[tuple[Profile, int]]) -> list[Installed]:
    return [
        Installed(number, 0 if profile.purpose is Purpose.CHARGER_MAX else evse, profile)
        for number, (profile, evse) in enumerate(found, 1)
    ]


everything = st.lists(st.tuples(profiles(), st.integers(0, 2)), max_size=5).map(held)


def _since(moment: datetime) -> float:
    return (moment - NOW).total_seconds()


def said(profile: Profile, seconds: float, began: float) -> Period | None:
    """The reference: a profile asked at `seconds` after NOW, written down without any cleverness."""
    if profile.valid_from and seconds < _since(profile.valid_from):
        return None
    if profile.valid_to and seconds >= _since(profile.valid_to):
        return None
    schedule = profile.schedules[0]
    origin = began if schedule.starts_at is None else _since(schedule.starts_at)
    elapsed = seconds - origin
    if elapsed < 0:
        return None
    turn = {Recurrency.DAILY: DAY_S, Recurrency.WEEKLY: 7 * DAY_S}.get(profile.recurrency)  # type: ignore[arg-type]
    while turn is not None and elapsed >= turn:
        elapsed -= turn
    if schedule.duration_s is not None and elapsed >= schedule.duration_s:
        return None
    found = None
    for period in schedule.periods:
        if period.start_s <= elapsed:
            found = period
    return found


def limit_at(
    installed: list[Installed], evse: int, seconds: float, began: float, supply: Supply
) -> float | None:
    """The lowest of the purposes, in A."""
    by_purpose: dict[Purpose, float] = {}
    for one in sorted(installed, key=lambda x: (x.profile.stack_level, x.evse, x.number)):
        period = said(one.profile, seconds, began) if one.evse in (0, evse) else None
        if period is not None:
            used = min(period.phases or 3, supply.phases)
            is_power = one.profile.schedule.unit is W
            by_purpose[one.profile.purpose] = (
                round(period.limit / (supply.voltage_v * used), 2) if is_power else period.limit
            )
    if Purpose.TX in by_purpose:
        by_purpose.pop(Purpose.TX_DEFAULT, None)
    return min(by_purpose.values(), default=None)


def window(hours: float = 24, unit: RateUnit = A, supply: Supply | None = None, **began: datetime) -> Window:
    began_at = {int(name.removeprefix("evse")): at for name, at in began.items()}
    return Window(NOW, NOW + timedelta(hours=hours), unit, supply or Supply(), began_at)


@settings(max_examples=150)
@given(
    everything,
    st.integers(-DAY_S, 0),
    st.lists(st.integers(0, 10 * DAY_S - 1), max_size=20),
    st.sampled_from([1, 3]),
)
def test_the_composite_is_what_the_profiles_say_at_every_second(
    installed: list[Installed], began: int, seconds: list[int], lines: int
) -> None:
    supply = Supply(230.0, lines)
    result = composite(installed, 1, [1, 2], window(240, A, supply, evse1=NOW + timedelta(seconds=began)))
    edges = [round((x.at - NOW).total_seconds()) for x in result.steps]
    for second in {*seconds, *edges, *(x - 1 for x in edges if x > 0)}:
        expected = limit_at(installed, 1, second, began, supply)
        assert result.at(NOW + timedelta(seconds=second)).limit == expected, second


@settings(max_examples=80)
@given(everything)
def test_the_composite_is_never_above_any_of_its_purposes(installed: list[Installed]) -> None:
    whole = composite(installed, 1, [1, 2], window(72))
    cap = stack(installed, Purpose.CHARGER_MAX, 1, window(72))
    own = stack(installed, Purpose.TX, 1, window(72))
    default = stack(installed, Purpose.TX_DEFAULT, 1, window(72))
    for moment in {x.at for line in (whole, cap, own, default) for x in line.steps}:
        limit = whole.at(moment).limit
        ours = own.at(moment).limit
        for other in (cap.at(moment).limit, default.at(moment).limit if ours is None else ours):
            assert other is None or (limit is not None and limit <= other)


@settings(max_examples=80)
@given(everything)
def test_the_steps_begin_with_the_window_and_each_changes_something(installed: list[Installed]) -> None:
    steps = composite(installed, 0, [1, 2], window(72)).steps
    assert steps[0].at == NOW
    assert [x.at for x in steps] == sorted({x.at for x in steps})
    told = [(x.limit, x.phases, x.number) for x in steps]
    assert all(one != other for one, other in zip(told, told[1:], strict=False))


def flat(purpose: Purpose, limit: float, unit: RateUnit = A, level: int = 0, **more: int) -> Profile:
    period = Period(0, limit, more.pop("phases", None))
    schedule = Schedule(unit, (period,), NOW - timedelta(days=1), more.get("duration_s"))
    return Profile(purpose, ProfileKind.ABSOLUTE, (schedule,), level)


def test_a_power_is_shared_by_the_phases_at_the_voltage_of_the_site() -> None:
    one = [Installed(1, 1, flat(Purpose.TX_DEFAULT, 6900, W))]
    assert composite(one, 1, [1], window()).steps[0].limit == 10
    assert composite(one, 1, [1], window(supply=Supply(230, 1))).steps[0].limit == 30
    assert composite(one, 1, [1], window(supply=Supply(115, 3))).steps[0].limit == 20
    single = [Installed(1, 1, flat(Purpose.TX_DEFAULT, 16, phases=1))]
    assert composite(single, 1, [1], window(unit=W)).steps[0].limit == 3680


def test_a_default_of_the_connector_goes_before_that_of_the_charger() -> None:
    both = [
        Installed(1, 0, flat(Purpose.TX_DEFAULT, 10)),
        Installed(2, 1, flat(Purpose.TX_DEFAULT, 16)),
    ]
    assert composite(both, 1, [1, 2], window()).steps[0].limit == 16
    assert composite(both, 2, [1, 2], window()).steps[0].limit == 10


def test_the_whole_charger_draws_what_its_connectors_may_together_up_to_its_own_limit() -> None:
    shares = [Installed(1, 1, flat(Purpose.TX_DEFAULT, 10)), Installed(2, 2, flat(Purpose.TX_DEFAULT, 16))]
    cap = Installed(3, 0, flat(Purpose.CHARGER_MAX, 20))
    assert composite(shares, 0, [1, 2], window()).steps[0].limit == 26
    assert composite([*shares, cap], 0, [1, 2], window()).steps[0].limit == 20
    assert composite(shares[:1], 0, [1, 2], window()).steps[0].limit is None  # connector 2 knows no limit


def test_a_profile_that_is_over_lets_the_level_below_it_prevail() -> None:
    low = Installed(1, 1, flat(Purpose.TX, 16))
    high = Installed(2, 1, flat(Purpose.TX, 6, level=1, duration_s=DAY_S + 600))
    steps = composite([low, high], 1, [1], window()).steps
    assert [(x.limit, (x.at - NOW).total_seconds(), x.number) for x in steps] == [(6, 0, 2), (16, 600, 1)]


def line(*limits: tuple[int, float | None]) -> Composite:
    steps = tuple(Step(NOW + timedelta(seconds=at), limit) for at, limit in limits)
    return Composite(NOW, NOW + timedelta(hours=1), A, steps)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (line((0, 16)), line((0, 16.1)), []),
        (line((0, 16), (600, 6)), line((0, 16), (605, 6)), []),  # clocks differ
        (line((0, None)), line((0, 32)), []),  # its own limit
        (line((0, 16)), line((0, 32)), [(0, 3600, True)]),
        (line((0, 16)), line((0, 10), (60, 16)), [(0, 60, False)]),
        (line((0, 16), (600, 6)), line((0, 16)), [(600, 3600, True)]),
        (line((0, 16)), line((0, None)), [(0, 3600, True)]),
    ],
)
def test_differences_are_told_where_they_matter(
    ours: Composite, theirs: Composite, found: list[tuple[int, int, bool]]
) -> None:
    told = [
        ((x.begins_at - NOW).total_seconds(), (x.ends_at - NOW).total_seconds(), x.is_higher)
        for x in compare(ours, theirs)
    ]
    assert told == found
