"""How many chargers there are of each kind: counted for lists and for the dashboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, case, cast, func, select, type_coerce
from sqlalchemy.orm import Session

from csms.domain.base import Sums
from csms.domain.chargers.filtering import STATUSES, Filter, Show, conditions, is_online
from csms.domain.chargers.models import Admission, Charger, Connector, LinkLease

OFFLINE = "Offline"  # what a connector is whose charger cannot be reached, whatever it said last
_ONLINE, _AWAY = "online", "away"
_WITHIN, _BETWEEN = ",", "\n"


@dataclass(frozen=True, slots=True)
class Census:
    """How many chargers each state has, and how many connectors of accepted chargers are in each status."""

    chargers: Counter[Show]
    connectors: Counter[str]


def census(session: Session, *, at: datetime, wanted: Filter | None = None) -> Census:
    """Of the chargers that a filter, but for its state, lets through. One query."""
    return counted(session.execute(counting(wanted or Filter(), at)).one())


def counting(wanted: Filter, at: datetime) -> Sums:
    """The query of `census`: one row, of which `counted` makes sense.

    Chargers of which the same is to be said are counted together: a country has a dozen such groups, and each of its
    connectors is looked at once instead of once for each figure.
    """
    statuses = func.aggregate_strings(type_coerce(Connector.status, String), _WITHIN)
    link = case((is_online(at), _ONLINE), else_=_AWAY)
    said = type_coerce(Charger.admission, String) + _WITHIN + link + _WITHIN + func.coalesce(statuses, "")
    chargers = (
        select(said.label("said"))
        .select_from(Charger)
        .outerjoin(Charger.lease)
        .outerjoin(Charger.connectors)
        .where(*conditions(wanted, at))
        .group_by(Charger.id, LinkLease.charger_id)
        .subquery()
    )
    groups = select(chargers.c.said, func.count().label("number")).group_by(chargers.c.said).subquery()
    line = groups.c.said + _WITHIN + cast(groups.c.number, String)
    return select(func.aggregate_strings(line, _BETWEEN))


def counted(row: Sequence[Any]) -> Census:
    found = Census(Counter(), Counter())
    for line in (row[0] or "").splitlines():
        admission, link, *statuses, number = line.split(_WITHIN)
        _count(found, Admission(admission), link == _ONLINE, [x for x in statuses if x], int(number))
    return found


def _count(found: Census, admission: Admission, is_online: bool, statuses: list[str], number: int) -> None:
    """Add so many chargers, all of them with connectors in these statuses. As `filtering.apply` tells them apart."""
    if admission is not Admission.REJECTED:
        found.chargers[Show.ALL] += number
    if admission is not Admission.ACCEPTED:
        found.chargers[Show(admission.value)] += number
    elif is_online:
        found.connectors.update({x: count * number for x, count in Counter(statuses).items()})
        has = set(statuses)
        found.chargers.update({show: number for show, meant in STATUSES.items() if not has.isdisjoint(meant)})
    else:
        found.chargers[Show.OFFLINE] += number
        found.connectors[OFFLINE] += len(statuses) * number
