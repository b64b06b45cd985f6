"""Sites: where chargers stand, in the shape of OCPI 2.2.1's Location."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import url_for
from pydantic import Field
from sqlalchemy import or_, select

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import chargers, sites
from csms.domain.base import Invalid
from csms.domain.sites import ParkingType, Site
from csms.extensions import db


class SiteQuery(Listing):
    q: str | None = Field(None, max_length=80, description="part of name, address or city")
    substation_id: str | None = Field(None, max_length=80)


class SiteChange(In):
    """Only what is given is changed; null empties it."""

    name: str | None = Field(None, min_length=1, max_length=80, description="matched without case")
    country_code: str | None = Field(None, description="whose it is, with `party_id`: ISO 3166-1 alpha-2")
    party_id: str | None = Field(None, description="three letters or digits (OCPI)")
    address: str | None = Field(None, max_length=200)
    city: str | None = Field(None, max_length=80)
    postal_code: str | None = Field(None, max_length=20)
    state: str | None = Field(None, max_length=80)
    country: str | None = Field(None, description="where it is: ISO 3166-1 alpha-3")
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    parking_type: ParkingType | None = None
    time_zone: str | None = Field(None, max_length=64, description="IANA; null: the installation's")
    substation_id: str | None = Field(None, max_length=80, description="of the grid that feeds it")
    grid_limit_w: int | None = Field(
        None, gt=0, le=sites.MOST_W, description="what its grid connection gives"
    )
    opening_hours: str | None = Field(None, max_length=200, description="in words")
    contact_name: str | None = Field(None, max_length=80)
    contact_email: str | None = Field(None, max_length=254)
    contact_phone: str | None = Field(None, max_length=40)
    is_public: bool | None = Field(None, description="anybody finds its chargers under /find")


class NewSite(SiteChange):
    name: str = Field(min_length=1, max_length=80, description="matched without case")


class SiteOut(Out):
    """`uuid` is what a site is asked for by."""

    uuid: str
    name: str
    country_code: str | None
    party_id: str | None
    address: str | None
    city: str | None
    postal_code: str | None
    state: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    parking_type: ParkingType | None
    time_zone: str | None
    substation_id: str | None
    grid_limit_w: int | None
    opening_hours: str | None
    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    is_public: bool
    charger_count: int
    created_at: datetime
    changed_at: datetime


class SiteList(Out):
    data: list[SiteOut]
    next_cursor: str | None


@blueprint.get("/sites")
@spec.validate(resp=answers(200, SiteList), tags=["sites"], operation_id="listSites")
@needs(Scope.READ)
def list_sites(query: SiteQuery) -> Any:
    """Sites by name."""
    session, wanted = db.session(), select(Site)
    if query.q:
        columns = (Site.name, Site.address, Site.city)
        wanted = wanted.where(or_(*(x.icontains(query.q, autoescape=True) for x in columns)))
    if query.substation_id:
        wanted = wanted.where(Site.substation_id == query.substation_id)
    found = page(session, wanted, (Site.name_folded,), query)
    counted = chargers.counts_by_site(session, [x.id for x in found.rows])
    data = [SiteOut.of(x, charger_count=counted.get(x.id, 0)) for x in found.rows]
    return SiteList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/sites")
@spec.validate(resp=answers(201, SiteOut), tags=["sites"], operation_id="addSite")
@needs(Scope.ADMIN)
def add_site(json: NewSite) -> Any:
    """A new site."""
    with unit() as session:
        site = sites.add(session, sites.Details(**json.model_dump()), at=clock.now())
        guard.audit(session, "site.added", site.name)
        shown = SiteOut.of(site, charger_count=0)
    return shown, 201, {"Location": url_for("api.show_site", uuid=shown.uuid)}


@blueprint.get("/sites/<uuid>")
@spec.validate(resp=answers(200, SiteOut), tags=["sites"], operation_id="getSite")
@needs(Scope.READ)
def show_site(uuid: str) -> SiteOut:
    """One site."""
    return _shown(sites.by_uuid(db.session(), uuid))


@blueprint.patch("/sites/<uuid>")
@spec.validate(resp=answers(200, SiteOut), tags=["sites"], operation_id="changeSite")
@needs(Scope.ADMIN)
def change_site(uuid: str, json: SiteChange) -> SiteOut:
    """Change what is given."""
    given = json.model_dump(exclude_unset=True)
    if given.get("name", "") is None:
        raise Invalid("A site has a name.", "name")
    with unit() as session:
        site = sites.by_uuid(session, uuid)
        sites.change(session, site, replace(sites.details_of(site), **given), at=clock.now())
        guard.audit(session, "site.changed", site.name, ", ".join(sorted(given)))
        return _shown(site)


@blueprint.delete("/sites/<uuid>")
@spec.validate(resp=answers(204, None), tags=["sites"], operation_id="removeSite")
@needs(Scope.ADMIN)
def delete_site(uuid: str) -> tuple[str, int]:
    """Forget a site. 409 while chargers stand there: move them first."""
    with unit() as session:
        site = sites.by_uuid(session, uuid)
        guard.audit(session, "site.removed", site.name)
        chargers.remove_site(session, site)
    return "", 204


def _shown(site: Site) -> SiteOut:
    counted = chargers.counts_by_site(db.session(), [site.id])
    return SiteOut.of(site, charger_count=counted.get(site.id, 0))
