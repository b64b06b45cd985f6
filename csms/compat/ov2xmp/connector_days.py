"""The 288 slots of today at connectors, as that system had them: a price per kWh, a capacity in kW, and never none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csms import clock
from csms.api.slots import zone_of
from csms.domain import slots
from csms.domain.base import Invalid
from csms.domain.chargers import Connector
from csms.domain.dso import USUAL_W
from csms.domain.slots import SLOTS, SlotKind, SlotRange

Day = dict[str, float]


class Days:
    """Today at some connectors. A slot without a value tells the tariff's price, and the most that can be drawn."""

    def __init__(self, session: Session, connectors: Sequence[Connector]) -> None:
        self._session, self._at = session, clock.now()
        ids = [x.id for x in connectors]
        holds = or_(SlotRange.ends_at.is_(None), SlotRange.ends_at > self._at - timedelta(days=1))
        query = select(SlotRange.connector_id, SlotRange.kind).distinct()
        found = session.execute(query.where(SlotRange.connector_id.in_(ids), holds)).all()
        self._written = {(x, y) for x, y in found}
        self._prices: dict[tuple[int | None, str], list[float]] = {}

    def of(self, connector: Connector, kind: SlotKind) -> Day:
        zone = zone_of(connector)
        usual = self._usual(connector, kind, zone)
        held: Sequence[Decimal | None] = [None] * SLOTS
        if (connector.id, kind) in self._written:
            today = self._at.astimezone(zone).date()
            held = slots.days_of(self._session, connector.id, today, zone)[kind].held
        per = 1000 if kind is SlotKind.CAPACITY else 1
        told = (usual[x] if value is None else float(value) / per for x, value in enumerate(held))
        return {slots.label(x): value for x, value in enumerate(told)}

    def _usual(self, connector: Connector, kind: SlotKind, zone: ZoneInfo) -> list[float]:
        if kind is SlotKind.CAPACITY:
            return [(connector.max_power_w or USUAL_W) / 1000] * SLOTS
        key = (connector.charger.tariff_id, zone.key)
        if key not in self._prices:
            charger, today = connector.charger, self._at.astimezone(zone).date()
            prices = slots.tariff_day(self._session, charger.id, charger.tariff_id, today, zone, self._at)
            self._prices[key] = [float(x) for x in prices]
        return self._prices[key]


def written(
    before: Day, wanted: Mapping[str, float] | None, kind: SlotKind
) -> Iterator[tuple[int, int, float]]:
    """(first slot, slot after the last, value) of each stretch that differs from what is there. Raises Invalid."""
    if wanted is None:
        return
    labels = list(before)
    if wanted.keys() - before.keys():
        raise Invalid("Slots are named as 00:00-00:05, 00:05-00:10 and so on.", f"{kind.value}_history")
    slot = 0
    while slot < SLOTS:
        value = wanted.get(labels[slot], before[labels[slot]])
        if value == before[labels[slot]]:
            slot += 1
            continue
        end = slot
        while end < SLOTS and wanted.get(labels[end]) == value:
            end += 1
        yield slot, end, value
        slot = end
