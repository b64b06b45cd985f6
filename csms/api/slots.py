"""Prices and limits of a connector by the five-minute slots of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard
from csms.api.accounts import currency
from csms.api.blueprint import blueprint
from csms.api.connectors import connector_at
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.api.tariffs import Price, PriceOut
from csms.domain import slots
from csms.domain.chargers import Connector
from csms.domain.energy import capacity
from csms.domain.slots import SlotKind, SlotRange
from csms.extensions import db


class SlotQuery(In):
    day: date | None = Field(None, description="in the connector's time zone; absent: today")


class PriceRange(In):
    range: str = Field(examples=["22:00-06:00"], description="whole slots; may go over midnight")
    price_per_kwh: Price | None = Field(
        None, description="VAT included; null gives the slots back to the tariff"
    )


class LimitRange(In):
    range: str = Field(examples=["17:00-20:00"])
    limit_w: int | None = Field(None, ge=0, le=10_000_000, description="null: no limit of the slots")


class SlotChanges(In):
    """Applied one after the other. Holds from now on, every day."""

    tariff: list[PriceRange] = Field(default_factory=list, max_length=288)
    capacity: list[LimitRange] = Field(default_factory=list, max_length=288)


class SlotOut(Out):
    """What holds in a slot: of a grid operator's signal, or else of the slot. null: the tariff's price, no limit."""

    slot: str = Field(examples=["22:00-22:05"])
    price_per_kwh: PriceOut | None
    limit_w: int | None


class RangeOut(Out):
    """What holds on the day, or did: written for every day, or for a window of time by a signal (`signal_id`).
    `value`: a price of a kWh, a limit in W; null: given back.
    """

    kind: SlotKind
    range: str = Field(examples=["17:00-20:00"])
    value: Decimal | None
    begins_at: datetime
    ends_at: datetime | None
    signal_id: int | None
    created_by: str | None


class LimitState(Out):
    """What became of the daily limits at the charger; null where there are none."""

    state: str
    why: str


class SlotsOut(Out):
    charger: str
    evse: int
    day: date
    time_zone: str
    currency: str
    slots: list[SlotOut]
    written: list[RangeOut]
    profile: LimitState | None


@blueprint.get("/chargers/<identity>/connectors/<int:evse>/slots")
@spec.validate(resp=answers(200, SlotsOut), tags=["slots"], operation_id="getSlots")
@needs(Scope.READ)
def show_slots(identity: str, evse: int, query: SlotQuery) -> SlotsOut:
    """The 288 slots of a day, past, present or to come."""
    return _out(db.session(), connector_at(db.session(), identity, evse), query.day)


@blueprint.patch("/chargers/<identity>/connectors/<int:evse>/slots")
@spec.validate(resp=answers(200, SlotsOut), tags=["slots"], operation_id="changeSlots")
@needs(Scope.ADMIN)
def change_slots(identity: str, evse: int, json: SlotChanges) -> SlotsOut:
    """Give slots of every day a price or a limit. Prices hold for sessions that begin from now on."""
    with unit() as session:
        connector = connector_at(session, identity, evse)
        for price in json.tariff:
            stretches = slots.read_range(price.range, "tariff")
            write(session, connector, SlotKind.TARIFF, stretches, price.price_per_kwh)
        for limit in json.capacity:
            stretches = slots.read_range(limit.range, "capacity")
            value = None if limit.limit_w is None else Decimal(limit.limit_w)
            write(session, connector, SlotKind.CAPACITY, stretches, value)
        return _out(session, connector, None)


def write(
    session: Session,
    connector: Connector,
    kind: SlotKind,
    stretches: Sequence[tuple[int, int]],
    value: Decimal | None,
) -> None:
    """Write slots in the caller's name, and have the charger keep to those of its capacity."""
    capacity.write(
        session,
        connector,
        kind,
        stretches,
        value,
        time_zone=zone_of(connector).key,
        currency=currency(),
        by=guard.caller().username,
        at=clock.now(),
    )
    words = f"{kind.value} {', '.join(f'{x}-{y}' for x, y in stretches)}: {value}"
    guard.audit(
        session, "slots.written", f"{connector.charger.identity} {connector.evse_number}", words[:500]
    )


def zone_of(connector: Connector) -> ZoneInfo:
    """On whose clocks the slots of a connector are: its site's, or the installation's."""
    site, zone = connector.charger.site, current_app.extensions["settings"].time_zone
    return ZoneInfo(site.time_zone if site and site.time_zone else zone.key)


def _out(session: Session, connector: Connector, day: date | None) -> SlotsOut:
    at, zone = clock.now(), zone_of(connector)
    day = day or at.astimezone(zone).date()
    days = slots.days_of(session, connector.id, day, zone)
    prices, limits = (days[x].held for x in (SlotKind.TARIFF, SlotKind.CAPACITY))
    return SlotsOut(
        charger=connector.charger.identity,
        evse=connector.evse_number,
        day=day,
        time_zone=zone.key,
        currency=currency(),
        slots=[_slot(x, prices[x], limits[x]) for x in range(slots.SLOTS)],
        written=[_range(x) for x in slots.written(session, connector.id, day, zone)],
        profile=_profile(session, connector),
    )


def _slot(slot: int, price: Decimal | None, limit: Decimal | None) -> SlotOut:
    limit_w = None if limit is None else int(limit)
    return SlotOut(slot=slots.label(slot), price_per_kwh=price, limit_w=limit_w)


def _range(row: SlotRange) -> RangeOut:
    return RangeOut.of(row, range=f"{slots.clock_of(row.starts)}-{slots.clock_of(row.ends)}")


def _profile(session: Session, connector: Connector) -> Any:
    found = capacity.state(session, connector, clock.now())
    return None if found is None else LimitState(state=found[0], why=found[1])
