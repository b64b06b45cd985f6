"""Smart charging in the words of 1.6 (§3.13): profiles from and into the model of 2.0.1, and what answers mean."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from csms.domain import energy
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.energy import (
    Criteria,
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    ToldSchedule,
)
from csms.ocpp.dispatch import Context, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.values import instant, listed, members, text_of, timestamp, whole

# 1.6 §7.10. External constraints are not known here: none is ever sent.
_PURPOSES = {
    Purpose.CHARGER_MAX: "ChargePointMaxProfile",
    Purpose.TX_DEFAULT: "TxDefaultProfile",
    Purpose.TX: "TxProfile",
}
_MEANT = {word: purpose for purpose, word in _PURPOSES.items()}
MOST_STEPS = 1024

Arguments = Mapping[str, Any]
Rendered = tuple[str, Payload]


@actions.renders_as(Kind.SET_PROFILE)
def set_charging_profile(given: Arguments) -> Rendered:
    """1.6 §5.16. A profile of a transaction names it (errata: to prevent a mismatch it SHALL)."""
    profile = charging_profile(given["number"], given["profile"])
    if given.get("transaction_id") is not None:
        profile["transactionId"] = given["transaction_id"]
    return "SetChargingProfile", {"connectorId": given["evse"], "csChargingProfiles": profile}


@actions.renders_as(Kind.CLEAR_PROFILE)
def clear_charging_profile(given: Arguments) -> Rendered:
    """1.6 §5.5, errata 3.26: with an id everything else is ignored, so nothing else is sent."""
    if given.get("number") is not None:
        return "ClearChargingProfile", {"id": given["number"]}
    purpose = given.get("purpose")
    criteria = {
        "connectorId": given.get("evse"),
        "chargingProfilePurpose": _PURPOSES[Purpose(purpose)] if purpose else None,
        "stackLevel": given.get("stack_level"),
    }
    return "ClearChargingProfile", {name: value for name, value in criteria.items() if value is not None}


@actions.renders_as(Kind.GET_COMPOSITE)
def get_composite_schedule(given: Arguments) -> Rendered:
    """1.6 §5.7."""
    payload = {"connectorId": given["evse"], "duration": given["duration_s"]}
    return "GetCompositeSchedule", payload | (
        {"chargingRateUnit": given["unit"]} if given.get("unit") else {}
    )


def charging_profile(number: int, content: Mapping[str, Any]) -> Payload:
    """The profile as 1.6 §7.8 has it: one schedule, without a transaction (§5.16.2: for a remote start it has none)."""
    profile = energy.from_content(content)
    payload = {
        "chargingProfileId": number,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": _PURPOSES[profile.purpose],
        "chargingProfileKind": profile.kind.value,
        "recurrencyKind": profile.recurrency.value if profile.recurrency else None,
        "validFrom": instant(profile.valid_from) if profile.valid_from else None,
        "validTo": instant(profile.valid_to) if profile.valid_to else None,
        "chargingSchedule": _schedule(profile.schedule),
    }
    return {name: value for name, value in payload.items() if value is not None}


def _schedule(schedule: Schedule) -> Payload:
    payload = {
        "duration": schedule.duration_s,
        "startSchedule": instant(schedule.starts_at) if schedule.starts_at else None,
        "chargingRateUnit": schedule.unit.value,
        "chargingSchedulePeriod": [_period(x) for x in schedule.periods],
        "minChargingRate": schedule.least_rate,
    }
    return {name: value for name, value in payload.items() if value is not None}


def _period(period: Period) -> Payload:
    payload: Payload = {"startPeriod": period.start_s, "limit": round(period.limit, 1)}
    return payload | ({"numberPhases": period.phases} if period.phases is not None else {})


@actions.answered("SetChargingProfile")
def keep_set(context: Context, command: Command, answer: Any) -> None:
    """What was accepted is in force, also when it was sent as a raw command."""
    del answer
    payload = command.payload or {}
    if command.state is CommandState.ACCEPTED:
        given = payload["csChargingProfiles"]
        energy.settle_set(
            context.session,
            command,
            payload["connectorId"],
            given["chargingProfileId"],
            profile_of(given),
            at=context.now,
        )


@actions.answered("RemoteStartTransaction")
def keep_started(context: Context, command: Command, answer: Any) -> None:
    """The profile that a start brings along was accepted with it (1.6 §5.16.2)."""
    del answer
    payload = command.payload or {}
    given = payload.get("chargingProfile")
    if given and command.state is CommandState.ACCEPTED:
        energy.settle_set(
            context.session,
            command,
            payload.get("connectorId", 0),
            given["chargingProfileId"],
            profile_of(given),
            at=context.now,
            is_start=True,
        )


@actions.answered("ClearChargingProfile")
def keep_cleared(context: Context, command: Command, answer: Any) -> None:
    """Unknown means that the charger has none that fits (1.6 §7.21): neither have we, then."""
    if command.state is not CommandState.ACCEPTED and members(answer).get("status") != "Unknown":
        return
    payload = command.payload or {}
    purpose = payload.get("chargingProfilePurpose")
    criteria = Criteria(
        number=payload.get("id"),
        evse=payload.get("connectorId"),
        purpose=_MEANT[purpose] if purpose else None,
        stack_level=payload.get("stackLevel"),
    )
    energy.settle_clear(context.session, context.station.charger_id, criteria, at=context.now)


@actions.answered("GetCompositeSchedule")
def keep_composite(context: Context, command: Command, answer: Any) -> None:
    given, payload = members(answer), command.payload or {}
    told = None
    if command.state is CommandState.ACCEPTED:
        told = _told(given, payload, context.now)
    energy.keep_composite(
        context.session,
        context.station.charger_id,
        payload["connectorId"],
        text_of(given.get("status")),
        told,
        at=context.now,
    )


def _told(given: Mapping[str, Any], payload: Payload, at: datetime) -> ToldSchedule | None:
    """The charger's schedule; it counts from scheduleStart, or else from now (1.6 §6.22). None: there is none in it."""
    schedule = members(given.get("chargingSchedule"))
    unit = schedule.get("chargingRateUnit")
    steps = [step for x in listed(schedule.get("chargingSchedulePeriod"))[:MOST_STEPS] if (step := _step(x))]
    if unit not in ("A", "W") or not steps:
        return None
    begins_at, _ = timestamp(given.get("scheduleStart"))
    begins_at = begins_at or at
    duration_s = whole(schedule.get("duration")) or payload["duration"]
    ends_at = begins_at + timedelta(seconds=min(duration_s, payload["duration"]))
    return ToldSchedule(RateUnit(unit), begins_at, ends_at, sorted(steps, key=lambda x: int(x["start_s"])))


def _step(period: Any) -> dict[str, Any] | None:
    given = members(period)
    start_s, limit = whole(given.get("startPeriod")), given.get("limit")
    if start_s is None or not isinstance(limit, (int, float)) or isinstance(limit, bool):
        return None
    return {"start_s": max(0, start_s), "limit": float(limit), "phases": whole(given.get("numberPhases"))}


def profile_of(given: Mapping[str, Any]) -> Profile:
    """A profile of 1.6 in our words; it has passed the schema."""
    recurrency = given.get("recurrencyKind")
    schedule = given["chargingSchedule"]
    return Profile(
        purpose=_MEANT[given["chargingProfilePurpose"]],
        kind=ProfileKind(given["chargingProfileKind"]),
        schedules=(
            Schedule(
                unit=RateUnit(schedule["chargingRateUnit"]),
                periods=tuple(
                    Period(x["startPeriod"], x["limit"], x.get("numberPhases"))
                    for x in schedule["chargingSchedulePeriod"]
                ),
                starts_at=timestamp(schedule.get("startSchedule"))[0],
                duration_s=schedule.get("duration"),
                least_rate=schedule.get("minChargingRate"),
            ),
        ),
        stack_level=given["stackLevel"],
        recurrency=Recurrency(recurrency) if recurrency else None,
        valid_from=timestamp(given.get("validFrom"))[0],
        valid_to=timestamp(given.get("validTo"))[0],
    )
