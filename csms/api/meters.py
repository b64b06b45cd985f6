"""What a charger's meters said, in all its transactions and between them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from csms import masks
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Out, answers
from csms.api.transactions import SampleOut
from csms.domain.transactions import Reading, meters
from csms.extensions import db


class MeterQuery(Listing):
    measurand: str | None = Field(None, max_length=60, examples=["Energy.Active.Import.Register"])
    evse: int | None = Field(None, ge=0, description="0: the charger's own meter")
    transaction: int | None = None


class MeterReadingOut(Out):
    id: int
    evse: int
    transaction_id: int | None
    measured_at: datetime
    received_at: datetime
    samples: list[SampleOut]


class MeterReadingList(Out):
    data: list[MeterReadingOut]
    next_cursor: str | None


@blueprint.get("/chargers/<identity>/readings")
@spec.validate(resp=answers(200, MeterReadingList), tags=["chargers"], operation_id="listChargerReadings")
@needs(Scope.READ, Scope.HOST)
def list_charger_readings(identity: str, query: MeterQuery) -> Any:
    """Every sampled value that the charger has told, newest first; with `measurand` those of one kind."""
    charger = queries.charger(db.session(), identity)
    wanted = meters.history(
        charger.id, measurand=query.measurand, evse=query.evse, transaction_id=query.transaction
    )
    found = page(db.session(), wanted, (Reading.measured_at, Reading.id), query, newest_first=True)
    evses = {x.id: x.evse_number for x in charger.connectors}
    data = [
        MeterReadingOut.of(
            reading,
            evse=evses.get(reading.connector_id or 0, 0),
            samples=[
                SampleOut.model_validate({name: x.get(name) for name in SampleOut.model_fields})
                for x in _shown(meters.samples(reading, query.measurand))
            ],
        )
        for reading in found.rows
    ]
    return MeterReadingList(data=data, next_cursor=found.next_cursor), found.headers


def _shown(samples: list[dict[str, Any]]) -> Any:
    """As they are for those who run chargers; for others without what is signed, which may name a card."""
    return samples if guard.may(Scope.OPERATE) else masks.cards(samples)
