"""Which chargers somebody means: what a list shows, what an export holds, what a command goes to."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from csms.domain.chargers.models import Admission, Charger, ChargerTag, Connector, ConnectorStatus, LinkLease
from csms.domain.sites import Site
from csms.domain.words import spoken

NOTHING = "none"  # the value of a facet for chargers of which it is not known


def is_online(at: datetime) -> ColumnElement[bool]:
    """A condition on a joined LinkLease; false, not null, where there is none."""
    return func.coalesce(LinkLease.online_until > at, False)


def is_away(at: datetime) -> ColumnElement[bool]:
    """The opposite of `is_online`, as an index can find the few of whom it is true."""
    return or_(LinkLease.online_until.is_(None), LinkLease.online_until <= at)


def is_accepted() -> ColumnElement[bool]:
    """Told by what it is not: nearly all of them are, and as an equality SQLite begins by looking all of those up."""
    return Charger.admission.not_in((Admission.PENDING, Admission.REJECTED))


def is_reachable(at: datetime) -> ColumnElement[bool]:
    """Let in, and online. For queries that join Charger and LinkLease."""
    return and_(is_accepted(), is_online(at))


class Show(enum.StrEnum):
    """Which chargers the list shows."""

    ALL = "all"
    CHARGING = "charging"
    AVAILABLE = "available"
    FAULTED = "faulted"
    UNAVAILABLE = "unavailable"
    OFFLINE = "offline"
    PENDING = "pending"
    REJECTED = "rejected"


class Facet(enum.StrEnum):
    """What chargers can be told apart by, beside their state."""

    SITE = "site"
    VENDOR = "vendor"
    MODEL = "model"
    FIRMWARE = "firmware"
    PROTOCOL = "protocol"
    SECURITY = "security"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Filter:
    """What chargers must have in common. `chosen`: of each facet one of its values, as texts; a site by its id.

    `ids`: these and no others; None: whichever.
    """

    show: Show = Show.ALL
    words: str = ""
    is_online: bool | None = None
    chosen: Mapping[Facet, Sequence[str]] = field(default_factory=dict)
    ids: Sequence[int] | None = None

    @property
    def is_empty(self) -> bool:
        """Does it let every charger through that is not rejected?"""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet, in words, and how many chargers have it that the rest of the filter lets through."""

    value: str
    words: str
    count: int


STATUSES: Mapping[Show, tuple[ConnectorStatus, ...]] = {
    Show.CHARGING: (ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE),
    Show.AVAILABLE: (ConnectorStatus.AVAILABLE,),
    Show.FAULTED: (ConnectorStatus.FAULTED,),
    Show.UNAVAILABLE: (ConnectorStatus.UNAVAILABLE,),
}
_COLUMNS: Mapping[Facet, ColumnElement[str]] = {
    Facet.SITE: func.coalesce(cast(Charger.site_id, String), NOTHING),
    Facet.VENDOR: func.coalesce(Charger.vendor, NOTHING),
    Facet.MODEL: func.coalesce(Charger.model, NOTHING),
    Facet.FIRMWARE: func.coalesce(Charger.firmware_version, NOTHING),
    Facet.PROTOCOL: func.coalesce(Charger.protocol, NOTHING),
    Facet.SECURITY: cast(Charger.security_profile, String),
    Facet.TAG: func.coalesce(ChargerTag.tag, NOTHING),
}
_SEARCHED = (
    Charger.identity,
    Charger.name,
    Charger.location,
    Charger.serial_number,
    Charger.vendor,
    Charger.model,
)


def apply(query: Select[Any], wanted: Filter, at: datetime) -> Select[Any]:
    """Narrow a query that joins Charger and, outer, LinkLease. Chargers that are named are meant, whatever they are."""
    if wanted.ids is None:
        query = query.where(_shows(wanted.show, at))
    return query.where(*conditions(wanted, at))


def conditions(wanted: Filter, at: datetime, *, without: Facet | None = None) -> list[ColumnElement[bool]]:
    """All conditions but that of the state, and of one facet, on a query that joins Charger and, outer, LinkLease."""
    found = [
        _has(facet, values) for facet, values in wanted.chosen.items() if values and facet is not without
    ]
    if wanted.words:
        found.append(_tells(wanted.words))
    if wanted.is_online is not None:
        found.append(is_online(at) if wanted.is_online else ~is_online(at))
    if wanted.ids is not None:
        found.append(Charger.id.in_(wanted.ids))
    return found


def _tells(words: str) -> ColumnElement[bool]:
    """A tag as a whole, or every word somewhere."""
    tagged = exists().where(ChargerTag.charger_id == Charger.id, ChargerTag.tag == words.casefold())
    return or_(tagged.correlate(Charger), and_(*(_says(word) for word in spoken(words))))


def _says(word: str) -> ColumnElement[bool]:
    parts = [column.icontains(word, autoescape=True) for column in _SEARCHED]
    parts.append(Charger.site.has(Site.name.icontains(word, autoescape=True)))
    if "." in word or ":" in word:  # of an address; digits alone are a part of too many
        parts.append(LinkLease.address.istartswith(word, autoescape=True))
    return or_(*parts)


def _has(facet: Facet, values: Sequence[str]) -> ColumnElement[bool]:
    if facet is not Facet.TAG:
        return _COLUMNS[facet].in_(values)
    tagged = exists().where(ChargerTag.charger_id == Charger.id).correlate(Charger)
    found = tagged.where(ChargerTag.tag.in_(values))
    return or_(found, ~tagged) if NOTHING in values else found


def _shows(show: Show, at: datetime) -> ColumnElement[bool]:
    if show in (Show.PENDING, Show.REJECTED):
        return Charger.admission == Admission(show.value)
    if show is Show.OFFLINE:
        return and_(is_accepted(), ~is_online(at))
    if show in STATUSES:
        has = exists().where(Connector.charger_id == Charger.id, Connector.status.in_(STATUSES[show]))
        return and_(is_reachable(at), has)
    return Charger.admission != Admission.REJECTED


def facets(session: Session, wanted: Filter, *, at: datetime) -> dict[Facet, list[Value]]:
    """The values of every facet, the most frequent first, those that are chosen among them. One query.

    Each is counted among the chargers that all of the filter but the facet itself lets through.
    """
    parts = [_facet(facet, wanted, at) for facet in Facet]
    rows = session.execute(parts[0].union_all(*parts[1:]))
    found: dict[Facet, list[Value]] = {facet: [] for facet in Facet}
    for facet, value, words, count in rows:
        found[Facet(facet)].append(Value(value, words or value, count))
    for values in found.values():
        values.sort(key=lambda x: (x.value == NOTHING, -x.count, x.words.casefold()))
    return found


def _facet(facet: Facet, wanted: Filter, at: datetime) -> Select[str, str, str, int]:
    column = _COLUMNS[facet]
    words = func.max(Site.name) if facet is Facet.SITE else literal(None, String)
    query = (
        select(literal(facet.value), column, words, func.count())
        .select_from(Charger)
        .outerjoin(Charger.lease)
    )
    if facet is Facet.SITE:
        query = query.outerjoin(Charger.site)
    if facet is Facet.TAG:
        query = query.outerjoin(ChargerTag, ChargerTag.charger_id == Charger.id)
    query = query.where(_shows(wanted.show, at), *conditions(wanted, at, without=facet))
    return query.group_by(column)


def number(session: Session, wanted: Filter, *, at: datetime) -> int:
    """How many chargers it lets through."""
    query = select(func.count()).select_from(Charger).outerjoin(Charger.lease)
    return session.scalar(apply(query, wanted, at)) or 0
