"""Connectors: where they are, what they are, and how they are."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain.base import NotFound
from csms.domain.chargers import (
    Connector,
    ConnectorFormat,
    ConnectorStandard,
    ConnectorStatus,
    PowerType,
    editing,
)
from csms.domain.transactions import removal
from csms.extensions import db
from csms.work import atomic


class ConnectorQuery(Listing):
    charger: str | None = Field(None, description="identity")
    status: ConnectorStatus | None = None


class ConnectorChange(In):
    """Only what is given is changed; null empties it. `standard`, `format`, `power_type`: OCPI 2.2.1 §8.4."""

    type: str | None = Field(None, max_length=24, description="in words", examples=["Type 2"])
    standard: ConnectorStandard | None = None
    format: ConnectorFormat | None = None
    power_type: PowerType | None = None
    max_power_w: int | None = Field(None, gt=0, le=editing.MOST_W)


class ConnectorOut(Out):
    uuid: str
    charger: str
    evse: int
    connector: int
    status: ConnectorStatus
    status_word: str | None
    status_at: datetime | None
    error_code: str | None
    type: str | None
    standard: ConnectorStandard | None
    format: ConnectorFormat | None
    power_type: PowerType | None
    max_power_w: int | None


class ConnectorList(Out):
    data: list[ConnectorOut]
    next_cursor: str | None


def connector_out(connector: Connector, identity: str) -> ConnectorOut:
    return ConnectorOut.of(
        connector,
        charger=identity,
        evse=connector.evse_number,
        connector=connector.number,
    )


@blueprint.get("/connectors")
@spec.validate(resp=answers(200, ConnectorList), tags=["chargers"], operation_id="listConnectors")
@needs(Scope.READ, Scope.HOST)
def list_connectors(query: ConnectorQuery) -> Any:
    """Connectors of all chargers, or of one."""
    wanted = queries.connectors(identity=query.charger, status=query.status)
    found = page(db.session(), wanted, (Connector.id,), query)
    data = [connector_out(x, x.charger.identity) for x in found.rows]
    return ConnectorList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.patch("/chargers/<identity>/connectors/<int:evse>")
@spec.validate(resp=answers(200, ConnectorOut), tags=["chargers"], operation_id="changeConnector")
@needs(Scope.ADMIN)
def change_connector(identity: str, evse: int, json: ConnectorChange) -> ConnectorOut:
    """What the connector is: its standard, format and power."""
    with atomic() as session:
        connector = connector_at(session, identity, evse)
        described(session, connector, json)
        return connector_out(connector, connector.charger.identity)


@blueprint.delete("/chargers/<identity>/connectors/<int:evse>")
@spec.validate(resp=answers(204, None), tags=["chargers"], operation_id="deleteConnector")
@needs(Scope.ADMIN)
def delete_connector(identity: str, evse: int) -> tuple[str, int]:
    """Forget one that the charger has not, or not any more. 409 where somebody has charged at it."""
    with atomic() as session:
        connector = connector_at(session, identity, evse)
        guard.audit(session, "connector.removed", connector.charger.identity, f"connector {evse}")
        removal.remove_connector(session, connector)
    return "", 204


def connector_at(session: Session, identity: str, evse: int) -> Connector:
    """Raises NotFound."""
    charger = queries.charger(session, identity)
    connector = next((x for x in charger.connectors if x.evse_number == evse), None)
    if connector is None:
        raise NotFound("%(title)s has no connector %(evse)s.", title=charger.title, evse=evse)
    return connector


def described(session: Session, connector: Connector, json: ConnectorChange) -> None:
    """Change what was given of a connector, in the caller's name. Raises Invalid."""
    given = {name: getattr(json, name) for name in json.model_fields_set}
    as_it_is = {field.name: getattr(connector, field.name) for field in fields(editing.Plug)}
    editing.describe(session, connector, editing.Plug(**as_it_is | given))
    words = f"connector {connector.evse_number}: {', '.join(sorted(given))}"
    guard.audit(session, "connector.changed", connector.charger.identity, words)
