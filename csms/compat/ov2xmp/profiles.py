"""Stored charging profiles in the words of 1.6: `/api/chargingprofile16/`, and as it was called before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from flask import Response, jsonify, request
from pydantic import AliasChoices, BaseModel, Field

from csms import clock
from csms.api import guard, queries
from csms.api.scopes import Scope
from csms.compat.door import Wrong, body, needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import listed, only_fields
from csms.compat.ov2xmp.orders import PURPOSES
from csms.domain import energy
from csms.domain.base import Invalid, NotFound
from csms.domain.energy import (
    ChargingProfile,
    Period,
    Profile,
    ProfileKind,
    RateUnit,
    Recurrency,
    Schedule,
)
from csms.domain.energy import queries as energy_queries
from csms.extensions import db
from csms.work import atomic

_WORDS = {purpose: word for word, purpose in PURPOSES.items()}
_FIELDS = {
    "kind": "chargingprofile_kind",
    "starts_at": "start_schedule",
    "duration_s": "duration",
    "periods": "chargingschedule_period",
    "least_rate": "min_charging_rate",
    "recurrency": "recurrency_kind",
    "purpose": "chargingprofile_purpose",
}


class SchedulePeriod(BaseModel):
    start_period: int = Field(ge=0, validation_alias=AliasChoices("startPeriod", "start_period"))
    limit: float
    number_phases: int | None = Field(None, validation_alias=AliasChoices("number_phases", "numberPhases"))


class ProfileBody(BaseModel):
    """Without `start_schedule` a schedule that is not relative counts from now."""

    stack_level: int
    chargingprofile_purpose: Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"] = (
        "ChargePointMaxProfile"
    )
    chargingprofile_kind: ProfileKind = ProfileKind.ABSOLUTE
    recurrency_kind: Recurrency | None = None
    valid_from: bodies.Moment | None = None
    valid_to: bodies.Moment | None = None
    duration: int | None = None
    start_schedule: bodies.Moment | None = None
    charging_rate_unit: RateUnit = RateUnit.W
    chargingschedule_period: list[SchedulePeriod]
    min_charging_rate: float | None = None
    transaction_id: None = Field(None, description="a stored profile is of no transaction until it is set")

    def profile(self, at: datetime) -> Profile:
        """In the domain's words."""
        starts_at = self.start_schedule
        if starts_at is None and self.chargingprofile_kind is not ProfileKind.RELATIVE:
            starts_at = at.replace(microsecond=0)
        periods = tuple(
            Period(x.start_period, x.limit, x.number_phases) for x in self.chargingschedule_period
        )
        schedule = Schedule(
            self.charging_rate_unit, periods, starts_at, self.duration, self.min_charging_rate
        )
        return Profile(
            PURPOSES[self.chargingprofile_purpose],
            self.chargingprofile_kind,
            (schedule,),
            self.stack_level,
            self.recurrency_kind,
            self.valid_from,
            self.valid_to,
        )


def shown(profile_id: int | None, profile: Profile) -> dict[str, Any]:
    """A profile as this system showed it."""
    schedule = profile.schedule
    return {
        "chargingprofile_id": profile_id,
        "stack_level": profile.stack_level,
        "chargingprofile_purpose": _WORDS.get(profile.purpose, profile.purpose.value),
        "chargingprofile_kind": profile.kind.value,
        "recurrency_kind": profile.recurrency.value if profile.recurrency else None,
        "valid_from": profile.valid_from,
        "valid_to": profile.valid_to,
        "duration": schedule.duration_s,
        "start_schedule": schedule.starts_at,
        "charging_rate_unit": schedule.unit.value,
        "chargingschedule_period": [
            {"startPeriod": x.start_s, "limit": x.limit}
            | ({"number_phases": x.phases} if x.phases is not None else {})
            for x in schedule.periods
        ],
        "min_charging_rate": schedule.least_rate,
        "transaction_id": None,
    }


@blueprint.get("/api/chargingprofile/", strict_slashes=False)
@blueprint.get("/api/chargingprofile16/", strict_slashes=False)
@needs(Scope.READ)
def profiles() -> Response:
    """Stored charging profiles."""
    return listed(
        queries.charging_profiles().order_by(ChargingProfile.id), lambda rows: [_shown(x) for x in rows]
    )


@blueprint.post("/api/chargingprofile/", strict_slashes=False)
@blueprint.post("/api/chargingprofile16/", strict_slashes=False)
@needs(Scope.OPERATE)
def add_profile() -> tuple[Response, int]:
    """Store a charging profile."""
    return jsonify(_keep(bodies.read(ProfileBody), None)), 201


@blueprint.get("/api/chargingprofile/<int:profile_id>/", strict_slashes=False)
@blueprint.get("/api/chargingprofile16/<int:profile_id>/", strict_slashes=False)
@needs(Scope.READ)
def profile(profile_id: int) -> Response:
    """One stored charging profile."""
    return jsonify(only_fields(_shown(_found(profile_id))))


@blueprint.route("/api/chargingprofile/<int:profile_id>/", methods=["PUT", "PATCH"], strict_slashes=False)
@blueprint.route("/api/chargingprofile16/<int:profile_id>/", methods=["PUT", "PATCH"], strict_slashes=False)
@needs(Scope.OPERATE)
def change_profile(profile_id: int) -> Response:
    """Change a stored profile: PUT all of it, PATCH what is given. Chargers keep what they have."""
    given = body()
    if request.method == "PATCH":
        given = _shown(_found(profile_id)) | given
    return jsonify(_keep(bodies.read(ProfileBody, given), profile_id))


@blueprint.delete("/api/chargingprofile/<int:profile_id>/", strict_slashes=False)
@blueprint.delete("/api/chargingprofile16/<int:profile_id>/", strict_slashes=False)
@needs(Scope.OPERATE)
def remove_profile(profile_id: int) -> tuple[str, int]:
    """Forget a stored profile. Chargers that have it keep it."""
    with atomic() as session:
        stored = energy_queries.get(session, profile_id)
        guard.audit(session, "charging_profile.removed", f"profile {stored.id}", stored.name)
        energy.drop(session, stored)
    return "", 204


add_profile.shape = change_profile.shape = ProfileBody  # type: ignore[attr-defined]


def _keep(given: ProfileBody, profile_id: int | None) -> dict[str, Any]:
    at, by = clock.now(), guard.caller().username
    with atomic() as session:
        stored = energy_queries.get(session, profile_id) if profile_id is not None else None
        name = stored.name if stored else f"{given.chargingprofile_purpose}, level {given.stack_level}"
        note = stored.description if stored else None
        try:
            kept = energy.keep(session, name, note, given.profile(at), by=by, at=at, stored=stored)
        except Invalid as error:
            field = _FIELDS.get(error.field or "", error.field or "non_field_errors")
            raise Wrong(400, {field: [str(error)]}) from None
        action = "charging_profile.changed" if stored else "charging_profile.added"
        guard.audit(session, action, f"profile {kept.id}", kept.name)
        return only_fields(_shown(kept))


def _found(profile_id: int) -> ChargingProfile:
    try:
        return energy_queries.get(db.session(), profile_id)
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None


def _shown(stored: ChargingProfile) -> dict[str, Any]:
    return shown(stored.id, stored.profile)
