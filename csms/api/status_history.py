"""What a charger has told of its status, and when it came and went: the history behind the strip of 24 hours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from csms.api import queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Out, answers
from csms.domain.chargers import StatusEvent
from csms.extensions import db


class StatusOut(Out):
    """`status` is a connector's status, or Connected, Disconnected or Booted; `status_word` the charger's own word,
    null for what it did not tell itself. `evse` 0 is the charger. `at` is its own time where that is sane.
    """

    evse: int
    connector: int
    status: str
    status_word: str | None
    error_code: str | None
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    at: datetime
    received_at: datetime


class StatusList(Out):
    data: list[StatusOut]
    next_cursor: str | None


def told_by(charger_id: int) -> Select[StatusEvent]:
    return select(StatusEvent).where(StatusEvent.charger_id == charger_id)


@blueprint.get("/chargers/<identity>/status-history")
@spec.validate(resp=answers(200, StatusList), tags=["chargers"], operation_id="listStatusHistory")
@needs(Scope.READ, Scope.HOST)
def list_status_history(identity: str, query: Listing) -> Any:
    """Every status that was told, and every change of the connection, the newest first."""
    charger = queries.charger(db.session(), identity, with_connectors=False)
    found = page(db.session(), told_by(charger.id), (StatusEvent.id,), query, newest_first=True)
    data = [StatusOut.of(x, evse=x.evse_number, connector=x.connector_number) for x in found.rows]
    return StatusList(data=data, next_cursor=found.next_cursor), found.headers
