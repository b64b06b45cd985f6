"""Chargers with which something is to be done: of each, as there may be thousands, only what decides whether it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from csms.domain.chargers import filtering
from csms.domain.chargers.filtering import Filter
from csms.domain.chargers.models import Admission, Charger, Connector, LinkLease

_COLUMNS = (
    *(Charger.id, Charger.identity, Charger.name, Charger.admission),
    *(Charger.quirks_choice, Charger.vendor, Charger.model, Charger.firmware_version),
    LinkLease.online_until,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A charger. `evses`: the numbers that its connectors have."""

    evses: frozenset[int]
    id: int
    identity: str
    name: str | None
    admission: Admission
    quirks_choice: str | None
    vendor: str | None
    model: str | None
    firmware_version: str | None
    online_until: datetime | None

    @property
    def title(self) -> str:
        return self.name or self.identity

    def is_online(self, at: datetime) -> bool:
        return self.online_until is not None and self.online_until > at


def candidate(charger: Charger) -> Candidate:
    """A charger that is loaded already."""
    return Candidate(
        frozenset(x.evse_number for x in charger.connectors),
        charger.id,
        charger.identity,
        charger.name,
        charger.admission,
        charger.quirks_choice,
        charger.vendor,
        charger.model,
        charger.firmware_version,
        charger.lease.online_until if charger.lease else None,
    )


def candidates(session: Session, wanted: Filter, *, at: datetime, most: int) -> Sequence[Candidate]:
    """At most `most` of the chargers that a filter lets through, by name. One query."""
    meant = filtering.apply(select(Charger.id).outerjoin(Charger.lease), wanted, at)
    meant = meant.order_by(filtering.sorting_name, Charger.id).limit(most)
    query: Select[*tuple[Any, ...]] = (
        select(*_COLUMNS, Connector.evse_number)
        .select_from(Charger)
        .outerjoin(Charger.lease)
        .outerjoin(Charger.connectors)
        .where(Charger.id.in_(meant))
        .order_by(filtering.sorting_name, Charger.id)
    )
    found = []
    for _, rows in groupby(session.execute(query), key=itemgetter(0)):
        first, *others = rows
        evses = frozenset(x[-1] for x in (first, *others) if x[-1] is not None)
        found.append(Candidate(evses, *first[:-1]))
    return found
