"""Prices of slots, as elements of OCPI before those of the tariff: the first that holds gives the price of energy.

What a session pays is fixed when it begins. So a tariff with the slots in it is a version of its own, made when the
first session begins with it.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from csms.domain import chargers, tariffs
from csms.domain.chargers import Connector
from csms.domain.slots.models import SlotKind, SlotRange
from csms.domain.slots.rules import MINUTES, SLOTS, by_days, pattern, runs
from csms.domain.tariffs import Component, Dimension, Element, Restrictions, TariffVersion, Terms

DAY_MINUTES = SLOTS * MINUTES


def applicable(
    session: Session,
    charger_id: int,
    connector_id: int | None,
    tariff_id: int | None,
    at: datetime,
    *,
    begun_at: datetime | None = None,
) -> TariffVersion | None:
    """The version that a session on a connector with this tariff begins with; None: charging costs nothing.

    `begun_at`: of one that is told late. What it was offered counts; where there was no tariff yet, today's does.
    """
    offered = tariffs.applicable(session, tariff_id, begun_at, made_by=begun_at) if begun_at else None
    base = offered or tariffs.applicable(session, tariff_id, at)
    agreed = tariffs.terms_of(session, base.id) if base else None
    terms = _on_site_clocks(session, charger_id, agreed)
    if connector_id is not None and connector_id in _priced(session, at):
        terms = _with_slots(terms, _rows(session, connector_id, at), at) or terms
    return base if terms is None or terms is agreed else tariffs.derived(session, base, terms, at=at)


def priced_terms(
    session: Session, charger_id: int, connector_id: int, tariff_id: int | None, at: datetime
) -> Terms | None:
    """What such a session would pay; nothing is stored."""
    base = tariffs.applicable(session, tariff_id, at)
    terms = _on_site_clocks(session, charger_id, base.terms if base else None)
    return _with_slots(terms, _rows(session, connector_id, at), at) or terms


def priced_terms_of(
    session: Session, connectors: Collection[Connector], at: datetime
) -> dict[int, Terms | None]:
    """The same for many connectors, by their ids: three queries, however many. Their chargers and sites are loaded."""
    tariffs.preload(session, {x.charger.tariff_id for x in connectors if x.charger.tariff_id is not None})
    query = _holding(at).where(SlotRange.connector_id.in_([x.id for x in connectors]))
    rows: dict[int, list[SlotRange]] = {}
    for row in session.scalars(query.order_by(SlotRange.id)):
        rows.setdefault(row.connector_id, []).append(row)
    found: dict[int, Terms | None] = {}
    for connector in connectors:
        charger = connector.charger
        base = tariffs.applicable(session, charger.tariff_id, at)
        terms = _on_clocks(base.terms if base else None, charger.site.time_zone if charger.site else None)
        found[connector.id] = _with_slots(terms, rows.get(connector.id, ()), at) or terms
    return found


def tariff_day(
    session: Session, charger_id: int, tariff_id: int | None, day: date, zone: ZoneInfo, at: datetime
) -> list[Decimal]:
    """What a session that begins in each slot of a day pays at first for a kWh by the tariff in force at `at`."""
    base = tariffs.applicable(session, tariff_id, at)
    terms = _on_site_clocks(session, charger_id, base.terms if base else None)
    if terms is None:
        return [Decimal(0)] * SLOTS
    midnight = datetime.combine(day, time(), zone)
    moments = [midnight + timedelta(minutes=MINUTES * x) for x in range(SLOTS if terms.is_restricted else 1)]
    found = [tariffs.prices_at(terms, x).get(Dimension.ENERGY) for x in moments]
    told = [Decimal(0) if x is None else x.price for x in found]
    return told if terms.is_restricted else told * SLOTS


def _on_site_clocks(session: Session, charger_id: int, terms: Terms | None) -> Terms | None:
    """The same terms, their windows by the clocks of the charger's site (OCPI 2.2.1 §11.4.6), if it has any."""
    has_clock = terms is not None and _has_clock(terms)
    return _on_clocks(terms, chargers.zone_of(session, charger_id)) if has_clock else terms


def _on_clocks(terms: Terms | None, zone: str | None) -> Terms | None:
    if terms is None or zone in (None, terms.time_zone) or not _has_clock(terms):
        return terms
    return replace(terms, time_zone=zone)


def _has_clock(terms: Terms) -> bool:
    return any(x.restrictions and x.restrictions.has_clock for x in terms.elements)


def _holding(at: datetime) -> Select[SlotRange]:
    return select(SlotRange).where(
        SlotRange.kind == SlotKind.TARIFF, or_(SlotRange.ends_at.is_(None), SlotRange.ends_at > at)
    )


def _priced(session: Session, at: datetime) -> set[int]:
    """The connectors that have prices of slots. Read once in a unit of work: most installations have none."""
    found: set[int] | None = session.info.get("priced_connectors")
    if found is None:
        query = _holding(at).with_only_columns(SlotRange.connector_id).distinct()
        found = session.info["priced_connectors"] = set(session.scalars(query))
    return found


def _rows(session: Session, connector_id: int, at: datetime) -> Sequence[SlotRange]:
    return session.scalars(
        _holding(at).where(SlotRange.connector_id == connector_id).order_by(SlotRange.id)
    ).all()


def _with_slots(base: Terms | None, rows: Sequence[SlotRange], at: datetime) -> Terms | None:
    """The tariff with the prices of slots before its own; None where no slot has a price."""
    if not rows:
        return None
    daily = [x for x in rows if x.signal_id is None]
    zone = daily[-1].time_zone if daily else rows[-1].time_zone
    terms = base or Terms(rows[-1].currency or "", time_zone=zone)
    local = ZoneInfo(terms.time_zone)
    elements = [
        element
        for x in reversed(rows)
        if x.signal_id is not None and x.ends_at is not None and x.value is not None
        for element in _dated(x.begins_at, x.ends_at, x.value, local)
    ]
    elements += _daily(daily, ZoneInfo(zone), local, at)
    return replace(terms, elements=(*elements, *terms.elements)) if elements else None


def _dated(begins_at: datetime, ends_at: datetime, price: Decimal, zone: ZoneInfo) -> list[Element]:
    """A window of time as elements, one for each day that it touches."""
    return [
        _element(
            price,
            None if begin.time() == time() else begin.time(),
            None if end.time() == time() else end.time(),
            begin.date(),
        )
        for begin, end in by_days(begins_at, ends_at, zone)
    ]


def _daily(rows: Sequence[SlotRange], zone: ZoneInfo, local: ZoneInfo, at: datetime) -> list[Element]:
    """What holds every day, on the tariff's clocks as they stand to those of the slots at `at`."""
    slots = pattern((x.starts, x.ends, x.value) for x in rows)
    shift = (at.astimezone(local).utcoffset() or timedelta()) - (
        at.astimezone(zone).utcoffset() or timedelta()
    )
    ahead = int(shift.total_seconds() // 60)
    found = []
    for run in runs(slots):
        if run.ends - run.starts == SLOTS:
            found.append(_element(run.value, None, None))
        else:
            found.append(_element(run.value, _at(run.starts, ahead), _at(run.ends, ahead)))
    return found


def _at(slot: int, ahead_minutes: int) -> time:
    minutes = (slot * MINUTES + ahead_minutes) % DAY_MINUTES
    return time(minutes // 60, minutes % 60)


def _element(price: Decimal, start: time | None, end: time | None, day: date | None = None) -> Element:
    restrictions = Restrictions(
        start_time=start,
        end_time=end,
        start_date=day,
        end_date=day + timedelta(days=1) if day else None,
    )
    component = Component(Dimension.ENERGY, price)
    return Element((component,), restrictions if restrictions.has_clock else None)
