"""Chargers and their connectors."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from flask import current_app, g, url_for
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.connectors import ConnectorOut, connector_out
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import chargers, commands, sites, tariffs
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import (
    Admission,
    AuthorizationPolicy,
    Charger,
    ConnectorStatus,
    editing,
)
from csms.domain.chargers import tags as labels
from csms.domain.transactions import removal
from csms.extensions import db
from csms.work import atomic


class ChargerQuery(Listing):
    status: ConnectorStatus | None = Field(None, description="of the charger or one of its connectors")
    online: bool | None = None
    q: str | None = Field(
        None, max_length=80, description="part of identity, name, location, site or serial number"
    )
    site: str | None = Field(None, max_length=80, description="a site's uuid or name")
    tag: str | None = Field(None, max_length=32)


class ChargerChange(In):
    """Only what is given is changed; null empties it."""

    name: str | None = Field(None, max_length=80)
    location: str | None = Field(None, max_length=200)
    site: str | None = Field(
        None, max_length=80, description="where it stands, by name; a name that is new makes a site"
    )
    site_id: str | None = Field(
        None, max_length=36, description="the same by the site's uuid; give one of both"
    )
    latitude: float | None = Field(None, ge=-90, le=90, description="null: where its site is")
    longitude: float | None = Field(None, ge=-180, le=180)
    admission: Admission | None = None
    policy: AuthorizationPolicy | None = None
    tariff_id: int | None = None
    heartbeat_interval_s: int | None = Field(None, description="null: the installation's")
    is_quiet: bool | None = Field(
        None, description="nothing is sent to it by itself; null: as the installation"
    )
    is_public: bool | None = Field(None, description="anybody finds it under /find; null: as its site")
    is_strict: bool | None = Field(
        None, description="refuse what is against the schema instead of repairing it"
    )
    quirks_choice: str | None = Field(
        None, max_length=40, description="a quirk profile, or `none`; null: the one that fits"
    )
    tags: list[str] | None = Field(None, description="all that it is to have, without case")
    vendor: str | None = Field(
        None, max_length=50, description="this and what follows until the charger tells its own when it boots"
    )
    model: str | None = Field(None, max_length=50)
    serial_number: str | None = Field(None, max_length=50)
    box_serial_number: str | None = Field(None, max_length=50)
    firmware_version: str | None = Field(None, max_length=50)


class NewCharger(ChargerChange):
    identity: str = Field(min_length=1, max_length=48, pattern=f"^{chargers.IDENTITY}$")
    policy: AuthorizationPolicy = AuthorizationPolicy.KNOWN
    admission: Admission = Admission.ACCEPTED


class PositionOut(Out):
    latitude: float
    longitude: float


class ChargerOut(Out):
    identity: str
    name: str | None
    location: str | None
    site: str | None = Field(description="the site's name")
    site_id: str | None = Field(description="the site's uuid")
    latitude: float | None = Field(description="its own; null: where its site is")
    longitude: float | None
    position: PositionOut | None = Field(description="where it stands: its own, or its site's")
    admission: Admission
    policy: AuthorizationPolicy
    tariff_id: int | None
    heartbeat_interval_s: int | None
    is_quiet: bool | None
    is_public: bool | None
    is_strict: bool
    tags: list[str]
    quirks: str = Field(description="the quirk profile that holds")
    quirks_choice: str | None
    has_key: bool
    is_online: bool
    is_simulated: bool
    connected_at: datetime | None
    last_seen_at: datetime | None
    protocol: str | None
    last_path: str | None = Field(description="of its last connection")
    vendor: str | None
    model: str | None
    serial_number: str | None
    box_serial_number: str | None
    meter_serial_number: str | None
    iccid: str | None
    imsi: str | None
    firmware_version: str | None
    status: ConnectorStatus
    status_at: datetime | None
    error_code: str | None
    own_tag: str | None = Field(
        description="a tag that is good at this charger alone; null for those who may not see cards"
    )
    booted_at: datetime | None
    created_at: datetime
    connectors: list[ConnectorOut]


class ChargerList(Out):
    data: list[ChargerOut]
    next_cursor: str | None


class KeyOut(Out):
    """The charger's new key: shown now and never again."""

    identity: str
    key: str


def charger_out(charger: Charger, at: datetime) -> ChargerOut:
    lease = charger.lease
    return ChargerOut.of(
        charger,
        site=charger.site_name,
        site_id=charger.site.uuid if charger.site else None,
        position=_position(charger),
        has_key=charger.key_hash is not None,
        tags=[x.tag for x in charger.tags],
        own_tag=charger.own_tag if guard.may(Scope.OPERATE) else None,
        quirks=chargers.quirks_of(charger).key,
        is_online=lease is not None and lease.is_online(at),
        connected_at=lease.connected_at if lease else None,
        last_seen_at=lease.last_seen_at if lease else None,
        connectors=[connector_out(x, charger.identity) for x in charger.connectors],
    )


def _position(charger: Charger) -> PositionOut | None:
    if charger.position is None:
        return None
    latitude, longitude = charger.position
    return PositionOut(latitude=latitude, longitude=longitude)


@blueprint.get("/chargers")
@spec.validate(resp=answers(200, ChargerList), tags=["chargers"], operation_id="listChargers")
@needs(Scope.READ, Scope.HOST)
def list_chargers(query: ChargerQuery) -> Any:
    """Chargers by identity."""
    at = clock.now()
    wanted = queries.chargers(
        status=query.status, online=query.online, words=query.q, site=query.site, tag=query.tag, at=at
    )
    found = page(db.session(), wanted, (Charger.identity_folded,), query)
    data = [charger_out(x, at) for x in found.rows]
    return ChargerList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/chargers")
@spec.validate(resp=answers(201, ChargerOut), tags=["chargers"], operation_id="addCharger")
@needs(Scope.ADMIN)
def add_charger(json: NewCharger) -> Any:
    """Register a charger before it connects for the first time."""
    at = clock.now()
    with unit() as session:
        added(session, json)
    charger = queries.charger(db.session(), json.identity)
    location = url_for("api.show_charger", identity=charger.identity)
    return charger_out(charger, at), 201, {"Location": location}


@blueprint.get("/chargers/<identity>")
@spec.validate(resp=answers(200, ChargerOut), tags=["chargers"], operation_id="getCharger")
@needs(Scope.READ, Scope.HOST)
def show_charger(identity: str) -> ChargerOut:
    """One charger with its connectors."""
    return charger_out(queries.charger(db.session(), identity), clock.now())


@blueprint.patch("/chargers/<identity>")
@spec.validate(resp=answers(200, ChargerOut), tags=["chargers"], operation_id="changeCharger")
@needs(Scope.OPERATE)
def change_charger(identity: str, json: ChargerChange) -> ChargerOut:
    """Name, place, admission, who may charge, and the tariff. Who may not administer may change the admission alone."""
    if json.model_fields_set - {"admission"} and not guard.may(Scope.ADMIN):
        raise Problem(
            403, f"The role {guard.caller().role} may change a charger's admission alone.", "forbidden"
        )
    with atomic() as session:
        changed(session, queries.charger(session, identity), json)
    return charger_out(queries.charger(db.session(), identity), clock.now())


@blueprint.delete("/chargers/<identity>")
@spec.validate(resp=answers(204, None), tags=["chargers"], operation_id="removeCharger")
@needs(Scope.ADMIN)
def delete_charger(identity: str) -> tuple[str, int]:
    """Forget a charger that never had a transaction. One that had is kept with them: reject it instead."""
    with atomic() as session:
        charger = queries.charger(session, identity)
        guard.audit(session, "charger.removed", charger.identity)
        removal.remove_charger(session, charger)
    return "", 204


@blueprint.post("/chargers/<identity>/key")
@spec.validate(resp=answers(201, KeyOut), tags=["chargers"], operation_id="rotateChargerKey")
@needs(Scope.ADMIN)
def rotate_key(identity: str) -> Any:
    """Make a new key for the charger; the old one is refused at its next connection."""
    with unit() as session:
        charger = queries.charger(session, identity)
        key = editing.renew_key(session, charger, current_app.config["PEPPER"])
        guard.audit(session, "charger.key", charger.identity)
        identity = charger.identity
    g.answer_is_secret = True
    return KeyOut(identity=identity, key=key), 201


def added(session: Session, json: NewCharger) -> Charger:
    """Register a charger in the caller's name. Raises Refused for an identity that is taken, and as `changed`."""
    at = clock.now()
    charger = chargers.add(session, json.identity, admission=json.admission, policy=json.policy, at=at)
    _change(session, charger, json)
    guard.audit(session, "charger.added", charger.identity)
    return charger


def changed(session: Session, charger: Charger, json: ChargerChange) -> None:
    """Change what was given of a charger, in the caller's name. Raises Invalid, and NotFound for a tariff."""
    _change(session, charger, json)
    guard.audit(session, "charger.changed", charger.identity, ", ".join(sorted(json.model_fields_set)))


def _change(session: Session, charger: Charger, json: ChargerChange) -> None:
    """Apply what was given. Raises Invalid for a null where there must be something, NotFound for a tariff."""
    given = {name: getattr(json, name) for name in json.model_fields_set & set(ChargerChange.model_fields)}
    admission = given.pop("admission", charger.admission)
    if given.keys() & {"site", "site_id"}:
        given["site_id"] = _site_id(session, given.pop("site", None), given.pop("site_id", None))
    if "tags" in given:
        labels.write(session, charger, labels.read(",".join(given.pop("tags") or ())))
    if "quirks_choice" in given:
        chargers.choose_quirks(session, charger, given.pop("quirks_choice"))
    plate = {field.name: getattr(charger, field.name) for field in fields(editing.Nameplate)}
    if plate.keys() & given.keys():
        plate |= {name: given.pop(name) for name in plate.keys() & given.keys()}
        editing.write_nameplate(session, charger, editing.Nameplate(**plate))
    as_it_is = {field.name: getattr(charger, field.name) for field in fields(editing.Details)}
    details = editing.Details(**as_it_is | given)
    if details.is_strict is None:
        raise Invalid("A charger is strict or it is not.", "is_strict")
    if admission is None or details.policy is None:
        raise Invalid(
            "A charger always has an admission and a policy.", "admission" if admission is None else "policy"
        )
    if details.tariff_id is not None:
        tariffs.get(session, details.tariff_id)
    editing.edit(session, charger, details)
    if admission is not charger.admission:
        _admit(session, charger, admission)


def _site_id(session: Session, name: str | None, uuid: str | None) -> int | None:
    """Of the site of this name, which is made where there is none, or of this uuid. Raises Invalid."""
    if name and uuid:
        raise Invalid("Give the site by its name or by its uuid.", "site_id")
    if uuid:
        try:
            return sites.by_uuid(session, uuid).id
        except NotFound as error:
            raise Invalid(str(error), "site_id") from None
    if not name:
        return None
    site, is_new = sites.named(session, name, at=clock.now())
    if is_new:
        guard.audit(session, "site.added", site.name)
    return site.id


def _admit(session: Session, charger: Charger, admission: Admission) -> None:
    match admission:
        case Admission.ACCEPTED:
            commands.welcome(
                session, charger, policy=charger.policy, by=guard.caller().username, at=clock.now()
            )
        case Admission.REJECTED:
            chargers.reject(session, charger, at=clock.now())
        case Admission.PENDING:
            raise Refused("A charger that was let in or rejected does not wait any more.")
