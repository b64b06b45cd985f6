"""Signals of grid operators: `/api/dso/signal/`. Prices are per kWh, capacities in kW, as that system had them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

from csms import clock
from csms.api.commands import LONGEST_WAIT_S
from csms.api.dso_signals import received, withdrawn, zone_at
from csms.api.scopes import Scope
from csms.compat.door import Wrong, needs
from csms.compat.ov2xmp import bodies
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import listed, only_fields
from csms.domain import dso
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.dso import DsoSignal, Notice, SignalKind
from csms.extensions import db
from csms.work import atomic

KINDS = {"event_DUoSTarrif": SignalKind.TARIFF, "event_CapacityLimit": SignalKind.CAPACITY}
NAMES = {kind: name for name, kind in KINDS.items()}
TIMES = {SignalKind.TARIFF: Decimal(1), SignalKind.CAPACITY: Decimal(1000)}


class Signal(BaseModel):
    """The misspelt name is that system's. `duration` is told again as it came: the periods say how long it holds."""

    model_config = ConfigDict(str_strip_whitespace=True)

    id: int = Field(ge=0, le=2**62)
    uuId: UUID  # noqa: N815  that system's name
    uuName: Literal["event_DUoSTarrif", "event_CapacityLimit"]  # noqa: N815  that system's name
    event_timestamp: int = Field(ge=0, le=10**11, description="s since 1970")
    locationCoords: list[str | float] = Field(default_factory=list, max_length=10)  # noqa: N815
    locationName: str = Field("", max_length=80)  # noqa: N815
    transformerID: str = Field(min_length=1, max_length=80)  # noqa: N815
    duration: int = 0
    period: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=2_000,
        examples=[[{"timeslot_start": "17:00", "timeslot_end": "19:00", "value": 22.0}]],
        description="times as s since 1970, RFC 3339 or HH:MM; value as a number, or a list that divides the period",
    )
    sync: bool = True


@blueprint.get("/api/dso/signal/", strict_slashes=False)
@needs(Scope.READ)
def dso_signals() -> Response:
    """Signals that were not withdrawn."""
    wanted = dso.listed(with_withdrawn=False).order_by(DsoSignal.id)
    return listed(wanted, lambda rows: [shown(x) for x in rows])


@blueprint.post("/api/dso/signal/", strict_slashes=False)
@needs(Scope.ADMIN)
def add_dso_signal() -> tuple[Response, int]:
    """Receive a signal, and wait for its chargers unless `sync` is false."""
    given = bodies.read(Signal)
    try:
        signal_id = received(notice_of(given), LONGEST_WAIT_S if given.sync else 0)
    except Invalid as error:
        raise Wrong(400, {error.field or "period": [str(error)]}) from None
    except Refused as error:
        raise Wrong(400, {"id": [str(error)]}) from None
    signal = dso.get(db.session(), signal_id)
    if not given.sync:
        told = "Task has been submitted successfully"
        return jsonify(message_code="TASK_SUBMITTED", message=told, task_id=signal.task_id), 200
    return jsonify(only_fields(shown(signal))), 201


@blueprint.get("/api/dso/signal/<int:number>/", strict_slashes=False)
@needs(Scope.READ)
def dso_signal(number: int) -> Response:
    """One signal, by its sender's id."""
    return jsonify(only_fields(shown(_found(number))))


@blueprint.delete("/api/dso/signal/<int:number>/", strict_slashes=False)
@needs(Scope.ADMIN)
def remove_dso_signal(number: int) -> tuple[str, int]:
    """Withdraw a signal: its prices and limits end."""
    with atomic() as session:
        withdrawn(session, _found(number))
    return "", 204


add_dso_signal.shape = Signal  # type: ignore[attr-defined]


def notice_of(given: Signal) -> Notice:
    """A signal as the domain has it. Raises Invalid."""
    sent_at = datetime.fromtimestamp(given.event_timestamp, UTC)
    kind = KINDS[given.uuName]
    zone = zone_at(db.session(), given.transformerID)
    return Notice(
        kind=kind,
        substation_id=given.transformerID,
        sent_at=sent_at,
        windows=dso.periods_of(given.period, sent_at, zone, times=TIMES[kind]),
        number=given.id,
        uuid=str(given.uuId),
        location_name=given.locationName,
        told=given.model_dump(mode="json", exclude={"sync"}),
    )


def shown(signal: DsoSignal) -> dict[str, Any]:
    """A signal as it was told, or as that system would have told it."""
    if signal.told is not None:
        return signal.told
    return {
        "id": signal.number,
        "uuId": signal.uuid,
        "uuName": NAMES[signal.kind],
        "event_timestamp": int(signal.sent_at.timestamp()),
        "locationCoords": [],
        "locationName": signal.location_name or "",
        "transformerID": signal.substation_id,
        "duration": int((signal.ends_at - signal.begins_at).total_seconds()),
        "period": [
            {
                "timeslot_start": int(begin.timestamp()),
                "timeslot_end": int(end.timestamp()),
                "value": float(value / TIMES[signal.kind]),
            }
            for begin, end, value in signal.windows
        ],
    }


def task_of(signal: DsoSignal) -> dict[str, Any]:
    """A signal as the task that nobody waited for: done when every charger that can be reached has answered."""
    states = dso.at_chargers(db.session(), signal, clock.now())
    is_done = dso.is_settled(db.session(), signal, clock.now())
    return {
        "task_id": signal.task_id,
        "task_name": "dso_signal",
        "task_args": [signal.number],
        "task_kwargs": {},
        "status": "SUCCESS" if is_done else "STARTED",
        "result": {x.charger.identity: {"state": x.fate.value, "why": x.why} for x in states},
        "traceback": None,
        "date_created": signal.created_at,
        "date_started": signal.created_at,
        "date_done": None,
    }


def read_signals(text: str) -> list[Notice]:
    """The signals of a file: one, or a list of them. Raises Invalid that says what is wrong."""
    try:
        told = json.loads(text)
        given = [Signal.model_validate(x) for x in (told if isinstance(told, list) else [told])]
    except ValueError as error:  # pydantic's is one
        raise Invalid(str(error)) from None
    return [notice_of(x) for x in given]


def _found(number: int) -> DsoSignal:
    try:
        return dso.by_number(db.session(), number)
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None
