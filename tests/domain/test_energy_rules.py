"""Which profiles are fit to be kept, and which are fit for one charger: every refusal says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from make import NOW

from csms.domain.base import Invalid, Refused
from csms.domain.energy import Period, Profile, ProfileKind, Purpose, RateUnit, Recurrency, Schedule, rules
from csms.domain.energy.profiles import from_content, to_content

SCHEDULE = Schedule(RateUnit.A, (Period(0, 16), Period(3600, 6.5, 1, 2)), NOW, 7200, 6)
PROFILE = Profile(
    Purpose.TX_DEFAULT,
    ProfileKind.RECURRING,
    (SCHEDULE,),
    2,
    Recurrency.DAILY,
    NOW,
    NOW + timedelta(days=9),
)
PLAIN = Profile(Purpose.TX_DEFAULT, ProfileKind.ABSOLUTE, (Schedule(RateUnit.A, (Period(0, 16),), NOW),), 2)


def test_a_profile_survives_being_kept() -> None:
    assert from_content(to_content(PROFILE)) == PROFILE
    rules.check(PROFILE)


def scheduled(**changes: object) -> Profile:
    return replace(PROFILE, schedules=(replace(SCHEDULE, **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("profile", "field", "words"),
    [
        (scheduled(periods=(Period(5, 16),)), "periods", "The first period starts at 0"),
        (scheduled(periods=(Period(0, 16), Period(0, 6))), "periods", "after the one before"),
        (scheduled(periods=(Period(0, 16.25),)), "periods", "at most one decimal"),
        (scheduled(periods=(Period(0, -1),)), "periods", "between 0 and"),
        (scheduled(periods=(Period(0, float("nan")),)), "periods", "between 0 and"),
        (scheduled(periods=(Period(0, 6, 4),)), "periods", "one, two or three"),
        (scheduled(periods=(Period(0, 6, 3, 1),)), "periods", "on one phase only"),
        (scheduled(periods=(Period(0, 6), Period(7200, 6))), "periods", "over already"),
        (scheduled(periods=()), "periods", "between one and"),
        (scheduled(duration_s=90_000), "duration_s", "cannot last longer than its turn"),
        (scheduled(duration_s=0), "duration_s", "longer than nothing"),
        (scheduled(starts_at=None), "starts_at", "from when"),
        (replace(PROFILE, kind=ProfileKind.RELATIVE, recurrency=None), "starts_at", "leave out its start"),
        (replace(PROFILE, recurrency=None), "recurrency", "daily or weekly"),
        (replace(PLAIN, recurrency=Recurrency.DAILY), "recurrency", "daily or weekly"),
        (replace(PROFILE, valid_to=NOW), "valid_to", "later"),
        (replace(PROFILE, stack_level=-1), "stack_level", "between 0"),
        (replace(PROFILE, schedules=()), "schedules", "needs a schedule"),
        (replace(PROFILE, purpose=Purpose.CHARGER_MAX, kind=ProfileKind.RELATIVE), "kind", "whole charger"),
    ],
)
def test_what_no_charger_could_make_sense_of_is_refused(profile: Profile, field: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        rules.check(profile)
    assert caught.value.field == field


KEYS = {
    "ChargeProfileMaxStackLevel": "1",
    "ChargingScheduleAllowedChargingRateUnit": "Power",
    "ChargingScheduleMaxPeriods": "2",
    "MaxChargingProfilesInstalled": "3",
    "ConnectorSwitch3to1PhaseSupported": "false",
}
FITTING = Profile(
    Purpose.TX_DEFAULT, ProfileKind.ABSOLUTE, (Schedule(RateUnit.W, (Period(0, 4000),), NOW),), 1
)


def fit(profile: Profile, *, evse: int = 1, is_running: bool = False, beside: int = 0) -> None:
    able = rules.capabilities(KEYS)
    rules.check_for(profile, able, "CP-1", evse=evse, is_running=is_running, beside=beside)


def timed(*periods: Period) -> Profile:
    return replace(FITTING, schedules=(replace(FITTING.schedule, periods=periods),))


@pytest.mark.parametrize(
    ("profile", "place", "words"),
    [
        (replace(FITTING, stack_level=2), {}, "stack levels up to 1"),
        (PLAIN, {}, "stack levels"),
        (replace(PLAIN, stack_level=0), {}, "takes limits in W"),
        (timed(Period(0, 1), Period(1, 2), Period(2, 3)), {}, "takes 2 periods"),
        (timed(Period(0, 1, 3), Period(1, 2, 1)), {}, "cannot change the number of phases"),
        (timed(Period(0, 1, 1, 2)), {}, "which phase to use"),
        (FITTING, {"beside": 3}, "can hold 3 profiles"),
        (replace(FITTING, schedules=FITTING.schedules * 2), {}, "takes one schedule"),
        (replace(FITTING, purpose=Purpose.TX), {}, "No session is running on connector 1"),
        (replace(FITTING, purpose=Purpose.TX), {"evse": 0, "is_running": True}, "needs its connector"),
        (replace(FITTING, purpose=Purpose.CHARGER_MAX), {}, "cannot be set at one connector"),
        (replace(FITTING, purpose=Purpose.EXTERNAL), {"evse": 0}, "from outside"),
    ],
)
def test_what_a_charger_cannot_take_is_not_sent(profile: Profile, place: dict[str, int], words: str) -> None:
    with pytest.raises(Refused, match=words):
        fit(profile, **place)  # type: ignore[arg-type]


def test_what_a_charger_has_not_said_does_not_stand_in_the_way() -> None:
    fit(FITTING)
    fit(replace(FITTING, purpose=Purpose.TX), is_running=True)
    fit(replace(FITTING, purpose=Purpose.CHARGER_MAX), evse=0)
    nothing = rules.capabilities(
        {"ChargingScheduleAllowedChargingRateUnit": "", "ChargingScheduleMaxPeriods": "many"}
    )
    rules.check_for(
        PROFILE, replace(nothing, chooses_phase=True), "CP-1", evse=1, is_running=False, beside=99
    )


def test_units_are_read_as_chargers_write_them() -> None:
    for text in ("Current,Power", "A, W", "power,CURRENT"):
        assert rules.capabilities({rules.RATE_UNITS: text}).units == {RateUnit.A, RateUnit.W}
