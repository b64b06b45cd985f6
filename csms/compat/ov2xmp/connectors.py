"""Connectors in that system's form: `/api/connector/`, with the prices and capacities of their slots.

A connector's tariff is its charger's here, so `tariff_ids` has one at most, and writing it changes the charger's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session, contains_eager

from csms import clock
from csms.api import guard, queries
from csms.api import slots as slot_api
from csms.api.chargers import ChargerChange, changed
from csms.api.connectors import ConnectorChange, described
from csms.api.scopes import Scope
from csms.compat.door import Wrong, body, needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.connector_days import Days, written
from csms.compat.ov2xmp.listing import exact, listed, only_fields
from csms.domain import energy, slots
from csms.domain.base import Invalid, NotFound
from csms.domain.chargers import (
    Charger,
    Connector,
    ConnectorFormat,
    ConnectorStandard,
    ConnectorStatus,
    PowerType,
)
from csms.domain.energy import Criteria, Meant, ProfileAssignment
from csms.domain.energy import queries as energy_queries
from csms.domain.slots import SlotKind
from csms.extensions import db
from csms.work import atomic

UNSEEN = (ConnectorStatus.UNAVAILABLE, ConnectorStatus.UNKNOWN)


class ConnectorBody(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    standard: ConnectorStandard | None = None
    format: ConnectorFormat | None = None
    power_type: PowerType | None = None
    tariff_ids: list[int] | None = Field(None, max_length=1)
    charging_profile: list[int] | None = Field(None, max_length=20, description="stored profiles, by id")
    tariff_history: dict[str, float] | None = Field(None, description="per kWh, by slot")
    capacity_history: dict[str, float] | None = Field(None, description="kW, by slot")
    tariff_time_range: str | None = Field(None, examples=["22:00-06:00"])
    tariff: float | None = Field(None, ge=0)
    capacity_time_range: str | None = Field(None, examples=["17:00-20:00"])
    capacity: float | None = Field(None, ge=0, description="kW")


PLUG = ("standard", "format", "power_type")
SLOTS = ("tariff_history", "capacity_history", "tariff_time_range", "capacity_time_range")


@blueprint.get("/api/connector/", strict_slashes=False)
@needs(Scope.READ)
def connectors() -> Response:
    """Connectors."""
    asked = exact("chargepoint_id", "availability_status", "connector_status", "connector_id")
    wanted = queries.connectors(identity=asked.get("chargepoint_id"), status=None)
    wanted = wanted.where(*_having(asked)).order_by(Connector.id)
    wanted = wanted.options(contains_eager(Connector.charger).joinedload(Charger.site))
    return listed(wanted, _shown)


@blueprint.get("/api/connector/<uuid>/", strict_slashes=False)
@needs(Scope.READ)
def connector(uuid: str) -> Response:
    """One connector, as a list of one, as it was there."""
    return jsonify([only_fields(x) for x in _shown([_found(db.session(), uuid)])])


@blueprint.route("/api/connector/<uuid>/", methods=["PUT", "PATCH"], strict_slashes=False)
@needs(Scope.OPERATE)
def change_connector(uuid: str) -> Response:
    """Change what is given. Its status and its availability are its charger's to tell."""
    asked = body()
    given = bodies.read(ConnectorBody, asked)
    if asked.keys() & set(SLOTS) and not guard.may(Scope.ADMIN):
        raise Wrong(403, {"detail": "You do not have permission to change prices and limits."})
    try:
        with atomic() as session:
            found = _found(session, uuid)
            _change(session, found, given, asked)
            session.flush()
            told = only_fields(_shown([found])[0])
    except Invalid as error:
        raise bodies.fault(error) from None
    return jsonify(told)


change_connector.shape = ConnectorBody  # type: ignore[attr-defined]


def _found(session: Session, uuid: str) -> Connector:
    query = queries.connectors(identity=None, status=None).where(Connector.uuid == uuid.lower()[:36])
    found = session.scalar(query)
    if found is None:
        raise Wrong(404, {"detail": "Not found."})
    return found


def _having(asked: Mapping[str, str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if status := asked.get("connector_status"):
        told = next((x for x in ConnectorStatus if x.value == status), None)
        if told is None or told is ConnectorStatus.UNKNOWN:
            raise Wrong(400, {"connector_status": [f'"{status}" is not a valid choice.']})
        conditions.append(Connector.status.in_(UNSEEN if told in UNSEEN else [told]))
    if availability := asked.get("availability_status"):
        if availability not in ("Operative", "Inoperative"):
            raise Wrong(400, {"availability_status": [f'"{availability}" is not a valid choice.']})
        is_out = Connector.status == ConnectorStatus.UNAVAILABLE
        conditions.append(is_out if availability == "Inoperative" else ~is_out)
    if number := asked.get("connector_id"):
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Wrong(400, {"connector_id": ["Enter a number."]})
        conditions.append(Connector.evse_number == int(number))
    return conditions


def _change(session: Session, found: Connector, given: ConnectorBody, asked: Mapping[str, Any]) -> None:
    plug = {name: getattr(given, name) for name in PLUG if name in asked}
    if plug:
        described(session, found, ConnectorChange(**plug))
    if given.tariff_ids is not None and given.tariff_ids != _tariff_ids(found):
        _choose_tariff(session, found, given.tariff_ids)
    if given.charging_profile is not None:
        _choose_profiles(session, found, set(given.charging_profile))
    _write_slots(session, found, given)


def _choose_tariff(session: Session, found: Connector, ids: list[int]) -> None:
    try:
        changed(session, found.charger, ChargerChange.model_validate({"tariff_id": ids[0] if ids else None}))
    except NotFound as error:
        raise Invalid(str(error), "tariff_ids") from None


def _choose_profiles(session: Session, found: Connector, wanted: set[int]) -> None:
    """Have the charger take the profiles that are new, and forget those that are left out."""
    charger, at, by = found.charger, clock.now(), guard.caller().username
    held = [x for x in energy_queries.held(session, charger) if x.assignment.evse_number == found.evse_number]
    there = {
        x.assignment.profile_id: x.assignment.number for x in held if x.assignment.profile_id is not None
    }
    for profile_id in sorted(wanted - there.keys()):
        try:
            stored = energy_queries.get(session, profile_id)
        except NotFound as error:
            raise Invalid(str(error), "charging_profile") from None
        meant = Meant(stored.name, by, stored.id)
        energy.assign(session, charger, found.evse_number, stored.profile, meant, at=at)
        guard.audit(session, "charging_profile.set", charger.identity, stored.name)
    for gone in sorted(there.keys() - wanted):
        energy.clear(session, charger, Criteria(number=there[gone]), by=by, at=at)
        guard.audit(session, "charging_profile.cleared", charger.identity, f"profile {gone}")


def _write_slots(session: Session, found: Connector, given: ConnectorBody) -> None:
    """The days first, then the ranges. Capacities are in kW there, in W here."""
    days = Days(session, [found])
    for kind, day, ranged, value in (
        (SlotKind.TARIFF, given.tariff_history, given.tariff_time_range, given.tariff),
        (SlotKind.CAPACITY, given.capacity_history, given.capacity_time_range, given.capacity),
    ):
        times = 1000 if kind is SlotKind.CAPACITY else 1
        for starts, ends, wanted in written(days.of(found, kind), day, kind):
            slot_api.write(session, found, kind, [(starts, ends)], Decimal(str(wanted)) * times)
        if ranged is not None:
            if value is None:
                raise Invalid("This field is required.", kind.value)
            stretches = slots.read_range(ranged, f"{kind.value}_time_range")
            slot_api.write(session, found, kind, stretches, Decimal(str(value)) * times)


def _tariff_ids(found: Connector) -> list[int]:
    return [] if found.charger.tariff_id is None else [found.charger.tariff_id]


def _profiles(session: Session, rows: Sequence[Connector]) -> dict[tuple[int, int], list[int]]:
    """The stored profiles that are meant for each connector, by charger and number."""
    query = select(
        ProfileAssignment.charger_id, ProfileAssignment.evse_number, ProfileAssignment.profile_id
    ).where(
        and_(ProfileAssignment.ended_at.is_(None), ProfileAssignment.profile_id.is_not(None)),
        ProfileAssignment.charger_id.in_({x.charger_id for x in rows}),
    )
    found: dict[tuple[int, int], list[int]] = {}
    for charger_id, evse, profile_id in session.execute(query.order_by(ProfileAssignment.id)):
        if profile_id is not None:
            found.setdefault((charger_id, evse), []).append(profile_id)
    return found


def shown(session: Session, rows: Sequence[Connector], *, with_days: bool = True) -> list[dict[str, Any]]:
    """Connectors as that system told them, at the address and on the feed; without their days these are None."""
    profiles = _profiles(session, rows)
    days = Days(session, rows) if with_days else None
    return [_one(x, profiles.get((x.charger_id, x.evse_number), []), days) for x in rows]


def _shown(rows: Any) -> list[dict[str, Any]]:
    """As whoever asks wants them: days are read where they are told."""
    wanted = [x for x in request.args.get("fields", "").split(",") if x]
    has_days = request.method != "GET" or not wanted or any(x.endswith("_history") for x in wanted)
    return shown(db.session(), rows, with_days=has_days)


def _one(row: Connector, profiles: list[int], days: Days | None) -> dict[str, Any]:
    is_unseen = row.status is ConnectorStatus.UNKNOWN
    is_out = row.status is ConnectorStatus.UNAVAILABLE
    return {
        "uuid": row.uuid,
        "connectorid": row.evse_number,
        "evse_id": 0,  # 1.6 has none
        "chargepoint": row.charger.identity,
        "availability_status": "Inoperative" if is_out else "Operative",
        "connector_status": ConnectorStatus.UNAVAILABLE.value if is_unseen else row.status.value,
        **{name: getattr(row, name) for name in PLUG},
        "tariff_ids": _tariff_ids(row),
        "charging_profile": profiles,
        "tariff_history": days.of(row, SlotKind.TARIFF) if days else None,
        "capacity_history": days.of(row, SlotKind.CAPACITY) if days else None,
    }
