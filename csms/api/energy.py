"""Smart charging of one charger: what it holds, what it may draw, and what it says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app, request, url_for
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.commands import CommandOut, command_out, preference
from csms.api.document import spec
from csms.api.profile_shapes import (
    CompositeOut,
    HeldList,
    HeldOut,
    ProfileIn,
    SetOut,
    differences_out,
    held_out,
    side_out,
)
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Moment, Out, answers
from csms.api.waiting import Watch
from csms.domain import energy
from csms.domain.base import Invalid, NotFound
from csms.domain.chargers import Charger
from csms.domain.energy import Criteria, Meant, ProfileAssignment, Purpose, RateUnit, budget
from csms.domain.energy import queries as energy_queries
from csms.extensions import db
from csms.work import atomic

YEAR_S = 366 * 86_400


class HeldQuery(In):
    past: bool = Field(False, description="those that have ended, instead")


class NewAssignment(In):
    """Either a stored profile or one of its own."""

    evse: int = Field(0, ge=0, description="0: the whole charger")
    profile_id: int | None = None
    profile: ProfileIn | None = None
    name: str | None = Field(None, max_length=80)


class NewLimit(In):
    """Stands above every other profile of its purpose. Without an end it stays until it is cleared."""

    evse: int = Field(0, ge=0, description="0: the whole charger")
    limit: float = Field(examples=[10])
    unit: RateUnit = RateUnit.A
    until: Moment | None = None
    duration_s: int | None = Field(None, gt=0, le=YEAR_S, description="instead of `until`")


class NewStart(In):
    """A session that begins with a limit of its own: the profile's purpose is TxProfile."""

    evse: int = Field(gt=0)
    id_token: str = Field(min_length=1, max_length=20)
    profile: ProfileIn


class Clearing(In):
    """The profile with `number`, or else all that fit everything given; nothing given means all."""

    number: int | None = None
    evse: int | None = Field(None, ge=0)
    purpose: Purpose | None = None
    stack_level: int | None = Field(None, ge=0)
    is_preview: bool = Field(False, description="only tell what it would end")


class Cleared(Out):
    """`ends`: what is known to be ended by it. `command` is null when nothing had to be asked of the charger."""

    ends: list[HeldOut]
    command: CommandOut | None


class CompositeQuery(In):
    evse: int = Field(0, ge=0)
    duration_s: int = Field(86_400, gt=0, le=YEAR_S)
    unit: RateUnit = RateUnit.A


class SupplyIn(In):
    voltage_v: float = Field(examples=[230], description="between phase and neutral")
    phases: int


class SupplyOut(Out):
    """What A and W are converted by."""

    voltage_v: float
    phases: int


@blueprint.get("/chargers/<identity>/charging-profiles")
@spec.validate(resp=answers(200, HeldList), tags=["smart charging"], operation_id="listProfilesOfCharger")
@needs(Scope.READ)
def list_profiles_of_charger(identity: str, query: HeldQuery) -> HeldList:
    """What a charger is meant to have, the newest first, with what became of it."""
    charger = queries.charger(db.session(), identity)
    find = energy_queries.past if query.past else energy_queries.held
    return HeldList(data=[held_out(x) for x in find(db.session(), charger)])


@blueprint.post("/chargers/<identity>/charging-profiles")
@spec.validate(resp=answers(201, SetOut), tags=["smart charging"], operation_id="setChargingProfile")
@needs(Scope.OPERATE)
def set_charging_profile(identity: str, json: NewAssignment) -> Any:
    """Have a charger take a profile. An offline charger gets it when it is back, but no TxProfile: 409."""
    with unit() as session:
        charger = queries.charger(session, identity)
        profile, meant = _meant(session, json)
        assignment = energy.assign(session, charger, json.evse, profile, meant, at=clock.now())
        return _set(session, charger, assignment), 201


def _meant(session: Session, json: NewAssignment) -> tuple[energy.Profile, Meant]:
    by = guard.caller().username
    if (json.profile_id is None) == (json.profile is None):
        raise Invalid("Give either profile_id or profile.", "profile")
    if json.profile is not None:
        return json.profile.profile(), Meant(json.name or "Set over the API", by)
    stored = energy_queries.get(session, json.profile_id or 0)
    return stored.profile, Meant(json.name or stored.name, by, stored.id)


def _set(session: Session, charger: Charger, assignment: ProfileAssignment) -> SetOut:
    session.flush()
    guard.audit(session, "charging_profile.set", charger.identity, assignment.name)
    found = next(x for x in energy_queries.held(session, charger) if x.assignment.id == assignment.id)
    return SetOut(**dict(held_out(found)), warning=budget.warning(session, charger, clock.now()))


@blueprint.post("/chargers/<identity>/charging-limit")
@spec.validate(resp=answers(201, SetOut), tags=["smart charging"], operation_id="setChargingLimit")
@needs(Scope.OPERATE)
def set_charging_limit(identity: str, json: NewLimit) -> Any:
    """Limit a charger from now on, or an EVSE: its running session if there is one, else those to come."""
    if json.until is not None and json.duration_s is not None:
        raise Invalid("Give either until or duration_s.", "until")
    at, by = clock.now(), guard.caller().username
    until = at + timedelta(seconds=json.duration_s) if json.duration_s else json.until
    with unit() as session:
        charger = queries.charger(session, identity)
        assignment = energy.limit_now(
            session, charger, json.evse, json.limit, json.unit, until=until, by=by, at=at
        )
        return _set(session, charger, assignment), 201


@blueprint.post("/chargers/<identity>/starts")
@spec.validate(resp=answers(202, CommandOut), tags=["smart charging"], operation_id="startWithProfile")
@needs(Scope.OPERATE)
def start_with_profile(identity: str, json: NewStart) -> Any:
    """Start a session that has a limit of its own from the beginning."""
    meant = Meant("With the start", guard.caller().username)
    with unit() as session:
        charger = queries.charger(session, identity)
        connector = next((x for x in charger.connectors if x.evse_number == json.evse), None)
        if connector is None:
            raise NotFound("%(title)s has no connector %(evse)s.", title=charger.title, evse=json.evse)
        command = energy.start_with(
            session, connector, json.id_token, json.profile.profile(), meant, at=clock.now()
        )
        session.flush()
        guard.audit(session, "command", charger.identity, f"start with a profile {command.id}")
        command_id, started = command.id, command_out(command)
    return started, 202, {"Location": url_for("api.show_command", command_id=command_id)}


@blueprint.post("/chargers/<identity>/charging-profiles/clear")
@spec.validate(resp=answers(200, Cleared), tags=["smart charging"], operation_id="clearChargingProfiles")
@needs(Scope.OPERATE)
def clear_charging_profiles(identity: str, json: Clearing) -> Cleared:
    """Have a charger forget profiles. What was not sent yet is taken back."""
    criteria = Criteria(json.number, json.evse, json.purpose, json.stack_level)
    with unit() as session:
        charger = queries.charger(session, identity)
        ends = [held_out(x) for x in energy.matching(session, charger, criteria)]
        if json.is_preview:
            return Cleared(ends=ends, command=None)
        by = guard.caller().username
        command = energy.clear(session, charger, criteria, by=by, at=clock.now())
        session.flush()
        guard.audit(session, "charging_profile.cleared", charger.identity, f"{len(ends)} known")
        return Cleared(ends=ends, command=command_out(command) if command else None)


@blueprint.get("/chargers/<identity>/composite-schedule")
@spec.validate(resp=answers(200, CompositeOut), tags=["smart charging"], operation_id="getCompositeSchedule")
@needs(Scope.READ)
def show_composite_schedule(identity: str, query: CompositeQuery) -> CompositeOut:
    """What a charger or an EVSE may draw from now on: reckoned here, and what it last told itself."""
    return _composite(db.session(), identity, query)


@blueprint.post("/chargers/<identity>/composite-schedule")
@spec.validate(resp=answers(200, CompositeOut), tags=["smart charging"], operation_id="askCompositeSchedule")
@needs(Scope.OPERATE)
def ask_composite_schedule(identity: str, json: CompositeQuery) -> CompositeOut:
    """Ask the charger anew. With `Prefer: wait=15` its answer is waited for; without, it is there a little later."""
    wait_s, _ = preference(request.headers.getlist("Prefer"))
    by = guard.caller().username
    with Watch(current_app.extensions["bus"]) as watch:
        with unit() as session:
            charger = queries.charger(session, identity)
            command = energy.ask_composite(
                session, charger, json.evse, duration_s=json.duration_s, unit=json.unit, by=by, at=clock.now()
            )
            session.flush()
            watch.follow(command.outcome_topic)
            command_id = command.id
        watch.until(lambda: queries.is_done(db.session(), command_id, True), wait_s)
    return _composite(db.session(), identity, json)


def _composite(session: Session, identity: str, query: CompositeQuery) -> CompositeOut:
    charger, at = queries.charger(session, identity), clock.now()
    if query.evse and query.evse not in {x.evse_number for x in charger.connectors}:
        raise NotFound("%(title)s has no connector %(evse)s.", title=charger.title, evse=query.evse)
    ends_at = at + timedelta(seconds=query.duration_s)
    both = energy_queries.both_sides(
        session, charger, query.evse, begins_at=at, ends_at=ends_at, unit=query.unit
    )
    return CompositeOut(
        charger=charger.identity,
        evse=query.evse,
        unit=query.unit,
        voltage_v=both.window.supply.voltage_v,
        phases=both.window.supply.phases,
        expected=side_out(both.expected),
        told=side_out(both.told) if both.told else None,
        told_at=both.answer.answered_at if both.answer else None,
        told_status=both.answer.status if both.answer else None,
        differences=differences_out(both.differences),
    )


@blueprint.get("/chargers/<identity>/supply")
@spec.validate(resp=answers(200, SupplyOut), tags=["smart charging"], operation_id="getSupply")
@needs(Scope.READ)
def show_supply(identity: str) -> SupplyOut:
    """What a charger's A and W are converted by."""
    charger = queries.charger(db.session(), identity, with_connectors=False)
    return SupplyOut.of(energy_queries.supply_of(db.session(), charger.id))


@blueprint.patch("/chargers/<identity>/supply")
@spec.validate(resp=answers(200, SupplyOut), tags=["smart charging"], operation_id="changeSupply")
@needs(Scope.OPERATE)
def change_supply(identity: str, json: SupplyIn) -> SupplyOut:
    """Say what a charger is fed with."""
    with atomic() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        energy.set_supply(session, charger, json.voltage_v, json.phases)
        guard.audit(
            session, "charger.supply", charger.identity, f"{json.voltage_v:g} V, {json.phases} phases"
        )
        session.flush()
        return SupplyOut.of(energy_queries.supply_of(session, charger.id))


@blueprint.get("/transactions/<int:transaction_id>/charging-profiles")
@spec.validate(resp=answers(200, HeldList), tags=["smart charging"], operation_id="listProfilesOfTransaction")
@needs(Scope.READ)
def list_profiles_of_transaction(transaction_id: int) -> HeldList:
    """The profiles that were meant for a transaction, as they were sent."""
    transaction = queries.transaction(db.session(), transaction_id, guard.own_account_only())
    return HeldList(data=[held_out(x) for x in energy_queries.of_transaction(db.session(), transaction)])
