"""Sites in that system's form: `/api/location/`. `id` and `uuid` are the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard
from csms.api.scopes import Scope
from csms.compat.door import Wrong, body, needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import listed, only_fields
from csms.domain import chargers, sites
from csms.domain.base import Invalid, NotFound
from csms.domain.sites import Details, ParkingType, Site
from csms.extensions import db
from csms.work import atomic


class Coordinates(BaseModel):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class LocationBody(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=80, examples=["Plaza Mayor"])
    country_code: str | None = Field(None, description="two letters, with party_id")
    party_id: str | None = None
    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    state: str | None = None
    country: str | None = Field(None, description="three letters")
    coordinates: Coordinates | None = None
    parking_type: ParkingType | None = None
    time_zone: str | None = Field(None, examples=["America/Monterrey"])
    substation_id: str | None = None


@blueprint.get("/api/location/", strict_slashes=False)
@needs(Scope.READ)
def locations() -> Response:
    """Sites."""
    return listed(select(Site).order_by(Site.id), lambda rows: [shown(x) for x in rows])


@blueprint.post("/api/location/", strict_slashes=False)
@needs(Scope.OPERATE)
def add_location() -> tuple[Response, int]:
    """A new site. 409 for a name that is taken."""
    given = bodies.read(LocationBody)
    try:
        with atomic() as session:
            site = sites.add(session, _details(given, Details(given.name)), at=clock.now())
            guard.audit(session, "site.added", site.name)
            told = only_fields(shown(site))
    except Invalid as error:
        raise bodies.fault(error) from None
    return jsonify(told), 201


@blueprint.get("/api/location/<uuid>/", strict_slashes=False)
@needs(Scope.READ)
def location(uuid: str) -> Response:
    """One site."""
    return jsonify(only_fields(shown(_found(db.session(), uuid))))


@blueprint.route("/api/location/<uuid>/", methods=["PUT", "PATCH"], strict_slashes=False)
@needs(Scope.OPERATE)
def change_location(uuid: str) -> Response:
    """Change a site: PUT all of it, PATCH what is given. What that system had no name for stays."""
    asked = body()
    try:
        with atomic() as session:
            site = _found(session, uuid)
            before = shown(site) if request.method == "PATCH" else {}
            given = bodies.read(LocationBody, before | asked)
            sites.change(session, site, _details(given, sites.details_of(site)), at=clock.now())
            guard.audit(session, "site.changed", site.name, ", ".join(sorted(asked))[:500])
            told = only_fields(shown(site))
    except Invalid as error:
        raise bodies.fault(error) from None
    return jsonify(told)


@blueprint.delete("/api/location/<uuid>/", strict_slashes=False)
@needs(Scope.ADMIN)
def remove_location(uuid: str) -> tuple[str, int]:
    """Forget a site; 409 while chargers stand there."""
    with atomic() as session:
        site = _found(session, uuid)
        guard.audit(session, "site.removed", site.name)
        chargers.remove_site(session, site)
    return "", 204


add_location.shape = change_location.shape = LocationBody  # type: ignore[attr-defined]


def shown(site: Site) -> dict[str, Any]:
    """A site as that system told it."""
    names = LocationBody.model_fields.keys() - {"coordinates"}
    at = None
    if site.latitude is not None and site.longitude is not None:
        at = {"latitude": site.latitude, "longitude": site.longitude}
    return {
        "id": site.uuid,
        "uuid": site.uuid,
        **{name: getattr(site, name) for name in LocationBody.model_fields if name in names},
        "coordinates": at,
        "last_updated": site.changed_at,
    }


def _found(session: Session, uuid: str) -> Site:
    try:
        return sites.by_uuid(session, uuid)
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None


def _details(given: LocationBody, before: Details) -> Details:
    told = given.model_dump(exclude={"coordinates"})
    at = given.coordinates
    return replace(
        before, latitude=at.latitude if at else None, longitude=at.longitude if at else None, **told
    )
