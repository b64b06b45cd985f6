"""Stored charging profiles, and giving them to many chargers at once."""

from __future__ import annotations

from typing import Any

from flask import url_for
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.profile_shapes import HeldList, HeldOut, ProfileIn, StoredOut, held_out, stored_out
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import energy
from csms.domain.base import DomainError
from csms.domain.energy import ChargingProfile, Meant, ProfileAssignment
from csms.domain.energy import queries as energy_queries
from csms.extensions import db
from csms.work import atomic

MOST_TARGETS = 500


class NewStored(In):
    name: str = Field(min_length=1, max_length=80)
    description: str | None = Field(None, max_length=300)
    profile: ProfileIn


class StoredChange(In):
    """Only what is given is changed. Chargers keep what they have until the profile is assigned anew."""

    name: str | None = Field(None, min_length=1, max_length=80)
    description: str | None = Field(None, max_length=300)
    profile: ProfileIn | None = None


class Target(In):
    charger: str = Field(description="identity")
    evse: int = Field(0, ge=0, description="0: the whole charger")


class Targets(In):
    to: list[Target] = Field(min_length=1, max_length=MOST_TARGETS)


class NotAssigned(Out):
    charger: str
    evse: int
    why: str


class Assigned(Out):
    """`assigned` is on its way to its charger; `refused` was not sent, and says why."""

    assigned: list[HeldOut]
    refused: list[NotAssigned]


class StoredList(Out):
    data: list[StoredOut]
    next_cursor: str | None


@blueprint.get("/charging-profiles")
@spec.validate(resp=answers(200, StoredList), tags=["smart charging"], operation_id="listChargingProfiles")
@needs(Scope.READ)
def list_charging_profiles(query: Listing) -> Any:
    """Stored profiles."""
    found = page(db.session(), queries.charging_profiles(), (ChargingProfile.id,), query)
    data = [stored_out(x) for x in found.rows]
    return StoredList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/charging-profiles")
@spec.validate(resp=answers(201, StoredOut), tags=["smart charging"], operation_id="addChargingProfile")
@needs(Scope.OPERATE)
def add_charging_profile(json: NewStored) -> Any:
    """Store a profile."""
    by, at = guard.caller().username, clock.now()
    with unit() as session:
        stored = energy.keep(session, json.name, json.description, json.profile.profile(), by=by, at=at)
        guard.audit(session, "charging_profile.added", f"profile {stored.id}", stored.name)
        added = stored_out(stored)
    return added, 201, {"Location": url_for("api.show_charging_profile", profile_id=added.id)}


@blueprint.get("/charging-profiles/<int:profile_id>")
@spec.validate(resp=answers(200, StoredOut), tags=["smart charging"], operation_id="getChargingProfile")
@needs(Scope.READ)
def show_charging_profile(profile_id: int) -> StoredOut:
    """One stored profile."""
    return stored_out(energy_queries.get(db.session(), profile_id))


@blueprint.patch("/charging-profiles/<int:profile_id>")
@spec.validate(resp=answers(200, StoredOut), tags=["smart charging"], operation_id="changeChargingProfile")
@needs(Scope.OPERATE)
def change_charging_profile(profile_id: int, json: StoredChange) -> StoredOut:
    """Change a stored profile."""
    given, by, at = json.model_fields_set, guard.caller().username, clock.now()
    with atomic() as session:
        stored = energy_queries.get(session, profile_id)
        energy.keep(
            session,
            json.name or stored.name,
            json.description if "description" in given else stored.description,
            json.profile.profile() if json.profile else stored.profile,
            by=by,
            at=at,
            stored=stored,
        )
        guard.audit(session, "charging_profile.changed", f"profile {stored.id}", stored.name)
        return stored_out(stored)


@blueprint.delete("/charging-profiles/<int:profile_id>")
@spec.validate(resp=answers(204, None), tags=["smart charging"], operation_id="removeChargingProfile")
@needs(Scope.OPERATE)
def remove_charging_profile(profile_id: int) -> Any:
    """Forget a stored profile. Chargers that have it keep it."""
    with atomic() as session:
        stored = energy_queries.get(session, profile_id)
        guard.audit(session, "charging_profile.removed", f"profile {stored.id}", stored.name)
        energy.drop(session, stored)
    return "", 204


@blueprint.get("/charging-profiles/<int:profile_id>/assignments")
@spec.validate(resp=answers(200, HeldList), tags=["smart charging"], operation_id="listAssignments")
@needs(Scope.READ)
def list_assignments(profile_id: int) -> HeldList:
    """Where a stored profile is meant to be, and what became of it there."""
    stored = energy_queries.get(db.session(), profile_id)
    return HeldList(data=[held_out(x) for x in energy_queries.of_profile(db.session(), stored.id)])


@blueprint.post("/charging-profiles/<int:profile_id>/assignments")
@spec.validate(resp=answers(200, Assigned), tags=["smart charging"], operation_id="assignChargingProfile")
@needs(Scope.OPERATE)
def assign_charging_profile(profile_id: int, json: Targets) -> Assigned:
    """Give a stored profile to chargers or EVSEs. Those that cannot take it are told, and the others get it."""
    refused: list[NotAssigned] = []
    assigned: list[ProfileAssignment] = []
    with unit() as session:
        stored = energy_queries.get(session, profile_id)
        for target in json.to:
            try:
                assigned.append(_assign(session, stored, target))
            except DomainError as error:
                refused.append(NotAssigned(charger=target.charger, evse=target.evse, why=str(error)))
        session.flush()
        ids = {x.id for x in assigned}
        held = [x for x in energy_queries.of_profile(session, stored.id) if x.assignment.id in ids]
        return Assigned(assigned=[held_out(x) for x in held], refused=refused)


def _assign(session: Session, stored: ChargingProfile, target: Target) -> ProfileAssignment:
    charger = queries.charger(session, target.charger)
    meant = Meant(stored.name, guard.caller().username, stored.id)
    assignment = energy.assign(session, charger, target.evse, stored.profile, meant, at=clock.now())
    guard.audit(session, "charging_profile.assigned", charger.identity, stored.name)
    return assignment
