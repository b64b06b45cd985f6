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
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import chargers, tariffs
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import (
    Admission,
    AuthorizationPolicy,
    Charger,
    Connector,
    ConnectorStatus,
    editing,
)
from csms.domain.transactions import removal
from csms.extensions import db
from csms.work import atomic

IDENTITY = r"[^\x00-\x1f\x7f:/\\?#]+"  # OCPP-J 1.6 §3.1.1: part of an address, and of Basic authentication


class ChargerQuery(Listing):
    status: ConnectorStatus | None = Field(None, description="of the charger or one of its connectors")
    online: bool | None = None
    q: str | None = Field(
        None, max_length=80, description="part of identity, name, location or serial number"
    )


class ConnectorQuery(Listing):
    charger: str | None = Field(None, description="identity")
    status: ConnectorStatus | None = None


class ChargerChange(In):
    """Only what is given is changed; null empties it."""

    name: str | None = Field(None, max_length=80)
    location: str | None = Field(None, max_length=200)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    admission: Admission | None = None
    policy: AuthorizationPolicy | None = None
    tariff_id: int | None = None
    heartbeat_interval_s: int | None = Field(None, description="null: the installation's")


class NewCharger(ChargerChange):
    identity: str = Field(min_length=1, max_length=48, pattern=f"^{IDENTITY}$")
    policy: AuthorizationPolicy = AuthorizationPolicy.KNOWN
    admission: Admission = Admission.ACCEPTED


class ConnectorOut(Out):
    charger: str
    evse: int
    connector: int
    status: ConnectorStatus
    status_word: str | None
    status_at: datetime | None
    error_code: str | None
    type: str | None
    max_power_w: int | None


class ChargerOut(Out):
    identity: str
    name: str | None
    location: str | None
    latitude: float | None
    longitude: float | None
    admission: Admission
    policy: AuthorizationPolicy
    tariff_id: int | None
    heartbeat_interval_s: int | None
    has_key: bool
    is_online: bool
    is_simulated: bool
    connected_at: datetime | None
    last_seen_at: datetime | None
    protocol: str | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware_version: str | None
    status: ConnectorStatus
    status_at: datetime | None
    error_code: str | None
    booted_at: datetime | None
    created_at: datetime
    connectors: list[ConnectorOut]


class ChargerList(Out):
    data: list[ChargerOut]
    next_cursor: str | None


class ConnectorList(Out):
    data: list[ConnectorOut]
    next_cursor: str | None


class KeyOut(Out):
    """The charger's new key: shown now and never again."""

    identity: str
    key: str


def connector_out(connector: Connector, identity: str) -> ConnectorOut:
    return ConnectorOut.of(
        connector,
        charger=identity,
        evse=connector.evse_number,
        connector=connector.number,
    )


def charger_out(charger: Charger, at: datetime) -> ChargerOut:
    lease = charger.lease
    return ChargerOut.of(
        charger,
        has_key=charger.key_hash is not None,
        is_online=lease is not None and lease.is_online(at),
        connected_at=lease.connected_at if lease else None,
        last_seen_at=lease.last_seen_at if lease else None,
        connectors=[connector_out(x, charger.identity) for x in charger.connectors],
    )


@blueprint.get("/chargers")
@spec.validate(resp=answers(200, ChargerList), tags=["chargers"], operation_id="listChargers")
@needs(Scope.READ)
def list_chargers(query: ChargerQuery) -> Any:
    """Chargers by identity."""
    at = clock.now()
    wanted = queries.chargers(status=query.status, online=query.online, words=query.q, at=at)
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
        charger = chargers.add(session, json.identity, admission=json.admission, policy=json.policy, at=at)
        _change(session, charger, json)
        guard.audit(session, "charger.added", charger.identity)
    charger = queries.charger(db.session(), json.identity)
    location = url_for("api.show_charger", identity=charger.identity)
    return charger_out(charger, at), 201, {"Location": location}


@blueprint.get("/chargers/<identity>")
@spec.validate(resp=answers(200, ChargerOut), tags=["chargers"], operation_id="getCharger")
@needs(Scope.READ)
def show_charger(identity: str) -> ChargerOut:
    """One charger with its connectors."""
    return charger_out(queries.charger(db.session(), identity), clock.now())


@blueprint.patch("/chargers/<identity>")
@spec.validate(resp=answers(200, ChargerOut), tags=["chargers"], operation_id="changeCharger")
@needs(Scope.OPERATE)
def change_charger(identity: str, json: ChargerChange) -> ChargerOut:
    """Name, place, admission, who may charge, and the tariff."""
    with atomic() as session:
        charger = queries.charger(session, identity)
        _change(session, charger, json)
        guard.audit(session, "charger.changed", charger.identity, ", ".join(sorted(json.model_fields_set)))
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


@blueprint.get("/connectors")
@spec.validate(resp=answers(200, ConnectorList), tags=["chargers"], operation_id="listConnectors")
@needs(Scope.READ)
def list_connectors(query: ConnectorQuery) -> Any:
    """Connectors of all chargers, or of one."""
    wanted = queries.connectors(identity=query.charger, status=query.status)
    found = page(db.session(), wanted, (Connector.id,), query)
    data = [connector_out(x, x.charger.identity) for x in found.rows]
    return ConnectorList(data=data, next_cursor=found.next_cursor), found.headers


def _change(session: Session, charger: Charger, json: ChargerChange) -> None:
    """Apply what was given. Raises Invalid for a null where there must be something, NotFound for a tariff."""
    given = {name: getattr(json, name) for name in json.model_fields_set & set(ChargerChange.model_fields)}
    admission = given.pop("admission", charger.admission)
    as_it_is = {field.name: getattr(charger, field.name) for field in fields(editing.Details)}
    details = editing.Details(**as_it_is | given)
    if admission is None or details.policy is None:
        raise Invalid(
            "A charger always has an admission and a policy.", "admission" if admission is None else "policy"
        )
    if details.tariff_id is not None:
        tariffs.get(session, details.tariff_id)
    editing.edit(session, charger, details)
    if admission is not charger.admission:
        _admit(session, charger, admission)


def _admit(session: Session, charger: Charger, admission: Admission) -> None:
    match admission:
        case Admission.ACCEPTED:
            chargers.adopt(session, charger, policy=charger.policy, at=clock.now())
        case Admission.REJECTED:
            chargers.reject(session, charger)
        case Admission.PENDING:
            raise Refused("A charger that was let in or rejected does not wait any more.")
