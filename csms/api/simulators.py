"""Chargers in software that are set up to run here, under the names of an older system's `SimulatorConfig`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from flask import current_app, url_for
from pydantic import Field, PlainSerializer

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import simulators
from csms.domain.simulators import Recipe
from csms.extensions import db

Kwh = Annotated[Decimal, Field(gt=0, le=simulators.MOST_KWH, decimal_places=3)]
KwhOut = Annotated[Decimal, PlainSerializer(lambda x: format(x, "f"), return_type=str)]
Seconds = Annotated[int, Field(ge=0, le=simulators.LONGEST_S)]


class SimulatorChange(In):
    """Only what is given is changed. Seconds, kWh. `ws_port` null: the scheme's own; `password` null: none."""

    name: str | None = Field(None, min_length=1, max_length=80, examples=["Garage"])
    cp_path: str | None = Field(
        None, max_length=200, description="the websocket's path; it ends with the identity"
    )
    host: str | None = Field(None, min_length=1, max_length=253)
    ws_port: int | None = Field(None, ge=1, le=65535)
    rfid: str | None = Field(None, min_length=1, max_length=20)
    duration: Seconds | None = None
    kwh_min: Kwh | None = None
    kwh_max: Kwh | None = None
    interval: Seconds | None = Field(None, description="between meter values")
    pre_charge_delay: Seconds | None = None
    repeat: bool | None = Field(None, description="one session after the other")
    username: str | None = Field(None, max_length=80, description="of Basic authentication")
    password: str | None = Field(None, max_length=200, description="of Basic authentication; never told")
    autostart: bool | None = Field(None, description="what runs goes on after the server's restart")


class NewSimulator(SimulatorChange):
    """What is not given is as `SimulatorConfig` has it; `ws_port` is this server's."""

    name: str = Field(min_length=1, max_length=80, examples=["Garage"])


class SimulatorOut(Out):
    """`state`: off, starting (no process has taken it yet) or running. `detail`: why it is off."""

    id: int
    name: str
    identity: str
    cp_path: str
    host: str
    ws_port: int | None
    rfid: str
    duration: int
    kwh_min: KwhOut
    kwh_max: KwhOut
    interval: int
    pre_charge_delay: int
    repeat: bool
    username: str | None
    has_password: bool
    autostart: bool
    state: str
    detail: str | None
    created_at: datetime


class SimulatorList(Out):
    data: list[SimulatorOut]


# What null means something for; elsewhere it is as if it were not given.
_NULLABLE = frozenset({"ws_port", "username"})


@blueprint.get("/simulators")
@spec.validate(resp=answers(200, SimulatorList), tags=["simulators"], operation_id="listSimulators")
@needs(Scope.READ)
def list_simulators() -> SimulatorList:
    """All of them by name."""
    return SimulatorList(data=[SimulatorOut.of(x) for x in simulators.listed(db.session())])


@blueprint.get("/simulators/<int:simulator_id>")
@spec.validate(resp=answers(200, SimulatorOut), tags=["simulators"], operation_id="getSimulator")
@needs(Scope.READ)
def show_simulator(simulator_id: int) -> SimulatorOut:
    """One of them."""
    return SimulatorOut.of(simulators.find(db.session(), simulator_id))


@blueprint.post("/simulators")
@spec.validate(resp=answers(201, SimulatorOut), tags=["simulators"], operation_id="addSimulator")
@needs(Scope.ADMIN)
def add_simulator(json: NewSimulator) -> Any:
    """Set one up. It does not run before it is started."""
    given = {"ws_port": current_app.extensions["settings"].port} | _given(json)
    with unit() as session:
        row = simulators.add(session, Recipe(**given), password_sealed=_sealed(json.password), at=clock.now())
        guard.audit(session, "simulator.added", row.identity)
        told = SimulatorOut.of(row)
    return told, 201, {"Location": url_for("api.show_simulator", simulator_id=told.id)}


@blueprint.patch("/simulators/<int:simulator_id>")
@spec.validate(resp=answers(200, SimulatorOut), tags=["simulators"], operation_id="changeSimulator")
@needs(Scope.ADMIN)
def change_simulator(simulator_id: int, json: SimulatorChange) -> SimulatorOut:
    """Change one that does not run."""
    with unit() as session:
        row = simulators.find(session, simulator_id)
        is_password_given = "password" in json.model_fields_set
        sealed = _sealed(json.password) if is_password_given else row.password_sealed
        simulators.change(session, row, Recipe(**asdict(row.recipe) | _given(json)), password_sealed=sealed)
        guard.audit(session, "simulator.changed", row.identity)
        return SimulatorOut.of(row)


@blueprint.delete("/simulators/<int:simulator_id>")
@spec.validate(resp=answers(204, None), tags=["simulators"], operation_id="removeSimulator")
@needs(Scope.ADMIN)
def delete_simulator(simulator_id: int) -> tuple[str, int]:
    """Forget one that does not run; the charger that it was stays."""
    with unit() as session:
        row = simulators.find(session, simulator_id)
        guard.audit(session, "simulator.removed", row.identity)
        simulators.remove(session, row)
    return "", 204


@blueprint.post("/simulators/<int:simulator_id>/start")
@spec.validate(resp=answers(200, SimulatorOut), tags=["simulators"], operation_id="startSimulator")
@needs(Scope.OPERATE)
def start_simulator(simulator_id: int) -> SimulatorOut:
    """Let it run, until it is stopped or, without `repeat`, until its session is over."""
    with unit() as session:
        row = simulators.find(session, simulator_id)
        simulators.start(session, row, at=clock.now())
        guard.audit(session, "simulator.start", row.identity)
        return SimulatorOut.of(row)


@blueprint.post("/simulators/<int:simulator_id>/stop")
@spec.validate(resp=answers(200, SimulatorOut), tags=["simulators"], operation_id="stopSimulator")
@needs(Scope.OPERATE)
def stop_simulator(simulator_id: int) -> SimulatorOut:
    """Let it end."""
    with unit() as session:
        row = simulators.find(session, simulator_id)
        simulators.stop(session, row)
        guard.audit(session, "simulator.stop", row.identity)
        return SimulatorOut.of(row)


def _given(json: SimulatorChange) -> dict[str, Any]:
    """What was given of a recipe, by name."""
    told = {name: getattr(json, name) for name in json.model_fields_set - {"password"}}
    return {name: value for name, value in told.items() if value is not None or name in _NULLABLE}


def _sealed(password: str | None) -> str | None:
    sealed: str | None = current_app.extensions["seal"].close(password) if password else None
    return sealed
