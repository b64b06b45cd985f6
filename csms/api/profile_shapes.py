"""How charging profiles go in and out: the model of OCPP 2.0.1, which every version's is rendered from."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from csms.api.commands import CommandOut, command_out
from csms.api.shapes import In, Moment, Out
from csms.domain import energy
from csms.domain.energy import (
    ChargingProfile,
    Held,
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    State,
)
from csms.domain.energy.queries import transaction_id_of

MOST_LISTED = 1024


class PeriodIn(In):
    start_s: int = Field(ge=0, description="after the schedule's start; the first is 0")
    limit: float = Field(description="A per phase, or W over all phases; one decimal at most", examples=[16])
    phases: int | None = Field(None, description="3 where it is not given")
    phase_to_use: int | None = None


class ScheduleIn(In):
    unit: RateUnit
    periods: list[PeriodIn] = Field(max_length=MOST_LISTED)
    starts_at: Moment | None = Field(None, description="not for the kind Relative")
    duration_s: int | None = Field(None, description="without it the last period goes on")
    least_rate: float | None = Field(
        None, description="below it charging is not worth while, in `unit` (minChargingRate)"
    )


class ProfileIn(In):
    """`purpose` ChargingStationMaxProfile is ChargePointMaxProfile in 1.6, whose chargers take one schedule."""

    purpose: Purpose
    kind: ProfileKind
    stack_level: int = 0
    recurrency: Recurrency | None = Field(None, description="for the kind Recurring, and needed there")
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    schedules: list[ScheduleIn] = Field(min_length=1, max_length=3)

    def profile(self) -> Profile:
        """In the domain's words."""
        given = self.model_dump(exclude={"schedules"})
        schedules = tuple(
            Schedule(
                x.unit,
                tuple(Period(y.start_s, y.limit, y.phases, y.phase_to_use) for y in x.periods),
                x.starts_at,
                x.duration_s,
                x.least_rate,
            )
            for x in self.schedules
        )
        return Profile(schedules=schedules, **given)


class PeriodOut(Out):
    start_s: int
    limit: float
    phases: int | None
    phase_to_use: int | None


class ScheduleOut(Out):
    unit: RateUnit
    periods: list[PeriodOut]
    starts_at: datetime | None
    duration_s: int | None
    least_rate: float | None


class ProfileOut(Out):
    purpose: Purpose
    kind: ProfileKind
    stack_level: int
    recurrency: Recurrency | None
    valid_from: datetime | None
    valid_to: datetime | None
    schedules: list[ScheduleOut]


def profile_out(profile: Profile) -> ProfileOut:
    schedules = [ScheduleOut.of(x, periods=[PeriodOut.of(y) for y in x.periods]) for x in profile.schedules]
    return ProfileOut.of(profile, schedules=schedules)


class StoredOut(Out):
    id: int
    name: str
    description: str | None
    profile: ProfileOut
    created_by: str | None
    created_at: datetime
    changed_at: datetime


def stored_out(stored: ChargingProfile) -> StoredOut:
    return StoredOut.of(stored, profile=profile_out(stored.profile))


class HeldOut(Out):
    """A profile at a charger, as it was sent. `number` is the charger's id for it. `state`: wanted, sent, installed,
    refused, cleared, or unknown (no answer, or the charger has restarted since); `why` says it in a sentence.
    """

    charger: str
    evse: int = Field(description="0: the whole charger")
    number: int
    name: str
    profile_id: int | None
    profile: ProfileOut
    state: State
    why: str
    transaction_id: int | None
    created_by: str | None
    created_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    command: CommandOut


class SetOut(HeldOut):
    """`warning`: the charger was sent more profiles today than spare its memory; this one is sent all the same."""

    warning: str | None


class HeldList(Out):
    data: list[HeldOut]


def held_out(held: Held) -> HeldOut:
    one = held.assignment
    return HeldOut.of(
        one,
        charger=one.charger.identity,
        evse=one.evse_number,
        profile=profile_out(held.profile),
        state=held.state,
        why=held.why,
        transaction_id=transaction_id_of(one),
        command=command_out(one.command),
    )


class StepOut(Out):
    at: datetime
    limit: float | None = Field(description="null: no limit")
    phases: int | None
    purpose: Purpose | None = Field(description="of the profile that decides")
    number: int | None = Field(description="the charger's id of that profile")


class ScheduleSideOut(Out):
    begins_at: datetime
    ends_at: datetime
    steps: list[StepOut]


def side_out(composite: energy.Composite) -> ScheduleSideOut:
    return ScheduleSideOut.of(composite, steps=[StepOut.of(x) for x in composite.steps])


class DifferenceOut(Out):
    begins_at: datetime
    ends_at: datetime
    expected: float | None
    told: float | None
    is_higher: bool = Field(description="the charger allows more than its profiles do")


class CompositeOut(Out):
    """`expected` is reckoned here from the profiles that the charger has accepted; `told` is its own answer to the
    last question, null where there was none or it could not tell. A is converted to W by `voltage_v` and the phases
    of each period, at most `phases`.
    """

    charger: str
    evse: int
    unit: RateUnit
    voltage_v: float
    phases: int
    expected: ScheduleSideOut
    told: ScheduleSideOut | None
    told_at: datetime | None
    told_status: str | None
    differences: list[DifferenceOut]


def differences_out(found: list[energy.Difference]) -> list[DifferenceOut]:
    return [DifferenceOut.of(x) for x in found]
