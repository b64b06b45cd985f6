"""The cars of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import accounts
from csms.domain.accounts import Vehicle
from csms.domain.accounts.queries import matching_vehicles
from csms.domain.base import Invalid
from csms.extensions import db
from csms.work import atomic


class VehicleChange(In):
    """Only what is given is changed; null empties the VIN."""

    brand: str | None = Field(None, max_length=60, examples=["Renault"])
    model: str | None = Field(None, max_length=60, examples=["Zoe"])
    vin: str | None = Field(None, max_length=17, description="17 letters and digits")


class NewVehicle(VehicleChange):
    brand: str = Field(min_length=1, max_length=60, examples=["Renault"])
    model: str = Field(min_length=1, max_length=60, examples=["Zoe"])


class VehicleOut(Out):
    id: int
    account_id: int
    brand: str
    model: str
    vin: str | None
    created_at: datetime


class VehicleList(Out):
    data: list[VehicleOut]


class VehicleQuery(Listing):
    q: str | None = Field(None, max_length=80, description="part of brand, model, VIN or the driver's name")


class VehiclePage(VehicleList):
    next_cursor: str | None


@blueprint.get("/vehicles")
@spec.validate(resp=answers(200, VehiclePage), tags=["accounts"], operation_id="listAllVehicles")
@needs(Scope.MONEY)
def list_all_vehicles(query: VehicleQuery) -> Any:
    """The cars of all drivers, in the order in which they were added."""
    found = page(db.session(), matching_vehicles(query.q or ""), (Vehicle.id,), query)
    return VehiclePage(
        data=[VehicleOut.of(x) for x in found.rows], next_cursor=found.next_cursor
    ), found.headers


@blueprint.get("/accounts/<int:account_id>/vehicles")
@spec.validate(resp=answers(200, VehicleList), tags=["accounts"], operation_id="listVehicles")
@needs(Scope.READ, Scope.SELF)
def list_vehicles(account_id: int) -> VehicleList:
    """The cars of an account; drivers see those of their own."""
    own = guard.own_account_only()
    account = queries.account(db.session(), account_id if own in (None, account_id) else 0)
    return VehicleList(data=[VehicleOut.of(x) for x in account.vehicles])


@blueprint.post("/accounts/<int:account_id>/vehicles")
@spec.validate(resp=answers(201, VehicleOut), tags=["accounts"], operation_id="addVehicle")
@needs(Scope.ADMIN)
def add_vehicle(account_id: int, json: NewVehicle) -> Any:
    """Add a car to an account."""
    with unit() as session:
        account = queries.account(session, account_id)
        car = accounts.add_vehicle(
            session, account, brand=json.brand, model=json.model, vin=json.vin, at=clock.now()
        )
        guard.audit(session, "vehicle.added", f"account {account_id}", f"{car.brand} {car.model}")
        added = VehicleOut.of(car)
    return added, 201


@blueprint.patch("/vehicles/<int:vehicle_id>")
@spec.validate(resp=answers(200, VehicleOut), tags=["accounts"], operation_id="changeVehicle")
@needs(Scope.ADMIN)
def change_vehicle(vehicle_id: int, json: VehicleChange) -> VehicleOut:
    """Change a car's brand, model or VIN."""
    given = {name: getattr(json, name) for name in json.model_fields_set}
    for name in ("brand", "model"):
        if name in given and given[name] is None:
            raise Invalid("A vehicle has a brand and a model.", name)
    with atomic() as session:
        car = accounts.vehicle(session, vehicle_id)
        as_it_is = {"brand": car.brand, "model": car.model, "vin": car.vin}
        accounts.change_vehicle(session, car, **as_it_is | given)
        guard.audit(session, "vehicle.changed", f"account {car.account_id}", f"{car.brand} {car.model}")
        return VehicleOut.of(car)


@blueprint.delete("/vehicles/<int:vehicle_id>")
@spec.validate(resp=answers(204, None), tags=["accounts"], operation_id="removeVehicle")
@needs(Scope.ADMIN)
def delete_vehicle(vehicle_id: int) -> tuple[str, int]:
    """Remove a car."""
    with atomic() as session:
        car = accounts.vehicle(session, vehicle_id)
        guard.audit(session, "vehicle.removed", f"account {car.account_id}", f"{car.brand} {car.model}")
        accounts.remove_vehicle(session, car)
    return "", 204
