"""Prices and limits of a connector by the five-minute slots of a day: what held, what holds, and writing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, slots, tariffs
from csms.domain.base import Invalid, NotFound
from csms.domain.chargers import Charger, Connector
from csms.domain.energy import capacity
from csms.domain.slots import SLOTS, SlotKind, SlotRange
from csms.extensions import db
from csms.web import filters, languages
from csms.web.addresses import with_query
from csms.web.chargers import frame, shown
from csms.web.charts import Plot, stairs
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("slots", __name__)

Page = str | tuple[str, int] | Response

NOTHING = {
    SlotKind.TARIFF: lazy_gettext("No tariff gives a price on this day."),
    SlotKind.CAPACITY: lazy_gettext("Nothing limits the power on this day."),
}
TITLES = {
    SlotKind.TARIFF: lazy_gettext("Price of a kWh"),
    SlotKind.CAPACITY: lazy_gettext("Most power"),
}
MOST_POWER_KW = 10_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Slots with one value, from one source. `words`: the value with its unit."""

    begins: str
    ends: str
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A day of one kind: its steps, the words of the upper edge, and the same as rows; or that there is `nothing`."""

    title: str
    nothing: str | None
    drawn: Plot
    top: str
    stretches: list[Stretch]


@dataclass(frozen=True, slots=True)
class Written:
    """A range as somebody, or a signal, has written it."""

    row: SlotRange
    what: str
    when: str
    words: str


@blueprint.get("/chargers/<int:charger_id>/slots")
def show(charger_id: int) -> str:
    charger = shown(charger_id)
    return _page(charger, _connector(charger, request.args.get("connector", type=int)), {})


def _page(charger: Charger, connector: Connector | None, problems: Mapping[str, str]) -> str:
    """A day of a connector; `problems`: what is wrong with what was typed, by field."""
    at = clock.now()
    zone = _zone(charger)
    today = at.astimezone(zone).date()
    day = _day(request.args.get("day")) or today

    def to(connector: Connector | None = connector, day: date = day) -> str:
        given = {"connector": str(connector.evse_number) if connector else "", "day": day.isoformat()}
        return with_query(".show", given, charger_id=charger.id)

    return render_template(
        "chargers/slots.html",
        connector=connector,
        connectors_told=[
            (x.evse_number, gettext("Connector %(number)s", number=x.evse_number), to(connector=x), None)
            for x in charger.connectors
        ],
        day=day,
        day_words=filters.day_words(day),
        is_today=day == today,
        before_url=to(day=day - timedelta(days=1)),
        after_url=to(day=day + timedelta(days=1)),
        today_url=to(day=today),
        slot_zone=zone.key,
        currency=_currency(),
        given=request.form,
        problems=problems,
        **(_told(connector, day, zone, at) if connector else {"charts": [], "written": [], "profile": None}),
        **frame(charger, "smart-charging", at),
    )


@blueprint.post("/chargers/<int:charger_id>/slots")
@requires("edit")
def write(charger_id: int) -> Page:
    """Give a range of every day a price or a limit, or give it back."""
    number = request.form.get("connector", type=int)
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            connector = _connector(charger, number)
            if connector is None:
                raise NotFound("There is no such connector.")
            words = _write(session, connector)
            put_on_record(session, "slots.written", f"{charger.identity} {connector.evse_number}", words)
    except Invalid as error:
        charger = shown(charger_id)
        problems = {"from" if error.field == "range" else "value": languages.said(error)}
        return _page(charger, _connector(charger, number), problems), 422
    flash(gettext("It holds from now on, every day. Sessions that run keep their prices."), "success")
    return redirect(url_for(".show", charger_id=charger_id, connector=number))


def _write(session: Session, connector: Connector) -> str:
    kind = SlotKind.CAPACITY if request.form.get("kind") == "capacity" else SlotKind.TARIFF
    ranged = f"{request.form.get('from', '')}-{request.form.get('until', '')}"
    value = _value(request.form.get("value", ""), kind)
    capacity.write(
        session,
        connector,
        kind,
        slots.read_range(ranged),
        value,
        time_zone=_zone(connector.charger).key,
        currency=_currency(),
        by=actor(),
        at=clock.now(),
    )
    return f"{kind.value} {ranged}: {value}"


def _value(text: str, kind: SlotKind) -> Decimal | None:
    """A price, or kW in W; None where the field is empty. Raises Invalid."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= MOST_POWER_KW:
        raise Invalid("Write a number such as 0.25 or 11, or nothing to give the slots back.", "value")
    return (value * 1000).quantize(Decimal(1)) if kind is SlotKind.CAPACITY else value


def _told(connector: Connector, day: date, zone: ZoneInfo, at: datetime) -> dict[str, Any]:
    session = db.session()
    days = slots.days_of(session, connector.id, day, zone)
    prices = _prices(session, connector, days[SlotKind.TARIFF], zone, at)
    return {
        "charts": [prices, _limits(days[SlotKind.CAPACITY])],
        "written": [_written(x, zone) for x in slots.written(session, connector.id, day, zone)],
        "profile": capacity.state(session, connector, at),
    }


def _prices(session: Session, connector: Connector, told: slots.Day, zone: ZoneInfo, at: datetime) -> Chart:
    """What a kWh costs: by the slots, and elsewhere by the tariff as it is, was, or is to be on that day."""
    is_today = told.day == at.astimezone(zone).date()
    moment = at if is_today else datetime.combine(told.day, time(), zone)
    version = tariffs.applicable(session, connector.charger.tariff_id, moment)
    usual = slots.tariff_day(
        session, connector.charger_id, connector.charger.tariff_id, told.day, zone, moment
    )
    currency = version.currency if version else _currency()
    values = [usual[x] if held is None else held for x, held in enumerate(told.held)]
    return _chart(SlotKind.TARIFF, values, told, lambda x: filters.rate(x * 100, currency, "kWh"))


def _limits(told: slots.Day) -> Chart:
    return _chart(SlotKind.CAPACITY, told.held, told, lambda x: filters.kw(float(x), 2))


def _chart(kind: SlotKind, values: Sequence[Decimal | None], told: slots.Day, words: Any) -> Chart:
    sources = [_source(told, x, kind) for x in range(SLOTS)]
    edges = [x for x in range(SLOTS) if not x or (values[x], sources[x]) != (values[x - 1], sources[x - 1])]
    stretches = [
        Stretch(slots.clock_of(begin), slots.clock_of(end), _words(values[begin], words), sources[begin])
        for begin, end in zip(edges, [*edges[1:], SLOTS], strict=True)
    ]
    points = [(x / SLOTS, None if (y := values[x]) is None else float(y)) for x in edges]
    most = max((x for x in values if x is not None), default=None)
    top = float(most) * 1.12 if most else 1.0
    edge = gettext("most %(value)s", value=_words(most, words)) if most else ""
    nothing = str(NOTHING[kind]) if most is None else None
    return Chart(str(TITLES[kind]), nothing, stairs(points, top=top), edge, stretches)


def _words(value: Decimal | None, words: Any) -> str:
    return gettext("no limit") if value is None else str(words(value))


def _source(told: slots.Day, slot: int, kind: SlotKind) -> str:
    if told.held[slot] is None:
        return gettext("The tariff") if kind is SlotKind.TARIFF else ""
    is_own = told.held[slot] == told.own[slot]
    return gettext("Written for every day") if is_own else gettext("The grid’s signal")


def _written(row: SlotRange, zone: ZoneInfo) -> Written:
    what = gettext("Price") if row.kind is SlotKind.TARIFF else gettext("Limit")
    if row.signal_id is not None and row.ends_at is not None:
        when = " – ".join(filters.localtime(x, zone.key) for x in (row.begins_at, row.ends_at))
    else:
        when = f"{slots.clock_of(row.starts)} – {slots.clock_of(row.ends)}"
    if row.value is None:
        return Written(row, what, when, gettext("given back"))
    if row.kind is SlotKind.CAPACITY:
        return Written(row, what, when, filters.kw(float(row.value), 2))
    return Written(row, what, when, filters.rate(row.value * 100, row.currency or _currency(), "kWh"))


def _connector(charger: Charger, number: int | None) -> Connector | None:
    """The one that is asked for, or the first; None where the charger has told of none. Raises NotFound."""
    if number is None:
        return charger.connectors[0] if charger.connectors else None
    found = next((x for x in charger.connectors if x.evse_number == number), None)
    if found is None:
        raise NotFound("There is no such connector.")
    return found


def _zone(charger: Charger) -> ZoneInfo:
    """On whose clocks the slots are: the site's, or the installation's."""
    own = charger.site.time_zone if charger.site else None
    return ZoneInfo(own or current_app.extensions["settings"].time_zone.key)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _currency() -> str:
    return str(current_app.extensions["settings"].currency)
