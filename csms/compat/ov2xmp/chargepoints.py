"""Chargers in that system's form: `/api/chargepoint/`. The site is told as it is, and written by its id."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.chargers import ChargerChange, NewCharger, added, changed
from csms.api.scopes import Scope
from csms.compat.door import Wrong, body, needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import exact, listed, only_fields
from csms.compat.ov2xmp.locations import shown as location_shown
from csms.domain import chargers
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import Charger, ConnectorStatus
from csms.domain.transactions import removal
from csms.extensions import db
from csms.work import atomic

STATUSES = {
    "Available": Charger.status.not_in((ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED)),
    "Unavailable": Charger.status == ConnectorStatus.UNAVAILABLE,
    "Faulted": Charger.status == ConnectorStatus.FAULTED,
}
# That system's names, and ours.
NAMES = {
    "chargepoint_vendor": "vendor",
    "chargepoint_model": "model",
    "chargebox_serial_number": "box_serial_number",
    "chargepoint_serial_number": "serial_number",
    "firmware_version": "firmware_version",
}


class ChargepointBody(BaseModel):
    """What a charger tells of itself when it boots takes the place of what is written here."""

    model_config = ConfigDict(str_strip_whitespace=True)

    chargepoint_model: str | None = Field(None, max_length=50)
    chargepoint_vendor: str | None = Field(None, max_length=50)
    chargebox_serial_number: str | None = Field(None, max_length=50)
    chargepoint_serial_number: str | None = Field(None, max_length=50)
    firmware_version: str | None = Field(None, max_length=50)
    location: str | None = Field(None, description="the id of a location")

    @field_validator("location", mode="before")
    @classmethod
    def _by_id(cls, given: Any) -> Any:
        """What was read can be written back: there the location is nested."""
        return given.get("id", given.get("uuid")) if isinstance(given, dict) else given


class NewChargepoint(ChargepointBody):
    chargepoint_id: str = Field(
        min_length=1, max_length=48, pattern=f"^{chargers.IDENTITY}$", examples=["CP-1"]
    )


@blueprint.get("/api/chargepoint/", strict_slashes=False)
@needs(Scope.READ)
def chargepoints() -> Response:
    """Chargers."""
    at = clock.now()
    wanted = queries.chargers(status=None, online=None, words=None, at=at).order_by(Charger.identity_folded)
    asked = exact("chargepoint_status")
    if asked:
        wanted = wanted.where(_having(asked["chargepoint_status"]))
    return listed(wanted, lambda rows: [_shown(x) for x in rows])


@blueprint.post("/api/chargepoint/", strict_slashes=False)
@needs(Scope.ADMIN)
def add_chargepoint() -> tuple[Response, int]:
    """Register a charger before it connects for the first time."""
    asked = body()
    given = bodies.read(NewChargepoint, asked)
    wanted = NewCharger(identity=given.chargepoint_id, **_ours(given, asked))
    try:
        with atomic() as session:
            added(session, wanted)
    except Invalid as error:
        raise _wrong(error) from None
    except Refused as error:
        raise Wrong(400, {"chargepoint_id": [str(error)]}) from None
    return jsonify(only_fields(_shown(_found(db.session(), given.chargepoint_id)))), 201


@blueprint.get("/api/chargepoint/<chargepoint_id>/", strict_slashes=False)
@needs(Scope.READ)
def chargepoint(chargepoint_id: str) -> Response:
    """One charger."""
    return jsonify(only_fields(_shown(_found(db.session(), chargepoint_id))))


@blueprint.route("/api/chargepoint/<chargepoint_id>/", methods=["PUT", "PATCH"], strict_slashes=False)
@needs(Scope.OPERATE)
def change_chargepoint(chargepoint_id: str) -> Response:
    """Change a charger: PUT all of it, PATCH what is given. Its id, its state and its connection are its own."""
    asked = body()
    given = bodies.read(ChargepointBody, asked)
    told = asked if request.method == "PATCH" else dict.fromkeys(ChargepointBody.model_fields)
    try:
        with atomic() as session:
            charger = _found(session, chargepoint_id)
            _refuse_state(asked, charger)
            changed(session, charger, ChargerChange(**_ours(given, told)))
    except Invalid as error:
        raise _wrong(error) from None
    return jsonify(only_fields(_shown(_found(db.session(), chargepoint_id))))


@blueprint.delete("/api/chargepoint/<chargepoint_id>/", strict_slashes=False)
@needs(Scope.ADMIN)
def remove_chargepoint(chargepoint_id: str) -> tuple[str, int]:
    """Forget a charger that never had a transaction; 409 for one that had, and for one that is connected."""
    with atomic() as session:
        charger = _found(session, chargepoint_id)
        guard.audit(session, "charger.removed", charger.identity)
        removal.remove_charger(session, charger)
    return "", 204


add_chargepoint.shape = NewChargepoint  # type: ignore[attr-defined]
change_chargepoint.shape = ChargepointBody  # type: ignore[attr-defined]


def _found(session: Session, identity: str) -> Charger:
    try:
        return queries.charger(session, identity)
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None


def _having(status: str) -> ColumnElement[bool]:
    if status not in STATUSES:
        raise Wrong(400, {"chargepoint_status": [f'"{status}" is not a valid choice.']})
    return STATUSES[status]


def _ours(given: ChargepointBody, told: dict[str, Any]) -> dict[str, Any]:
    """What was told, under our names; a string that is empty is none."""
    found = {ours: getattr(given, theirs) or None for theirs, ours in NAMES.items() if theirs in told}
    return found | ({"site_id": given.location or None} if "location" in told else {})


def _wrong(error: Invalid) -> Wrong:
    names = {ours: theirs for theirs, ours in NAMES.items()} | {"site_id": "location"}
    return bodies.fault(Invalid(str(error), names.get(error.field or "", error.field)))


def _refuse_state(asked: dict[str, Any], charger: Charger) -> None:
    """What is written back as it was read is let pass; a state is nothing that can be written. Raises Wrong."""
    if asked.get("chargepoint_status", _status(charger)) != _status(charger):
        words = "The charger tells its state itself: ask it with /api/ocpp16/changeavailability/."
        raise Wrong(400, {"chargepoint_status": [words]})


def _status(charger: Charger) -> str:
    if charger.status in (ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED):
        return charger.status.value
    return "Available"


def _shown(charger: Charger) -> dict[str, Any]:
    lease, at = charger.lease, clock.now()
    return {
        "chargepoint_id": charger.identity,
        **{theirs: getattr(charger, ours) for theirs, ours in NAMES.items()},
        "ip_address": lease.address if lease else None,
        "websocket_port": None,  # of its end of the connection: nobody asks
        "connected": lease is not None and lease.is_online(at),
        "chargepoint_status": _status(charger),
        "ocpp_version": (charger.protocol or "").replace(".", "") or None,
        "last_heartbeat": lease.last_heartbeat_at if lease else None,
        "location": location_shown(charger.site) if charger.site else None,
    }
