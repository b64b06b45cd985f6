"""Chargers with which something is to be done: of each, as there may be thousands, only what decides whether it can."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, String, cast, func, select
from sqlalchemy.orm import Session

from csms.domain.chargers import filtering
from csms.domain.chargers.filtering import Filter
from csms.domain.chargers.models import Admission, Charger, Connector, LinkLease

_COLUMNS = (
    *(Charger.id, Charger.identity, Charger.name, Charger.admission),
    *(Charger.quirks_choice, Charger.vendor, Charger.model, Charger.firmware_version),
    LinkLease.online_until,
)


class Candidate(NamedTuple):
    """A charger. `evses`: the numbers that its connectors have. A tuple, because thousands are made for one page."""

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
    numbers = func.aggregate_strings(cast(Connector.evse_number, String), ",")
    evses = select(numbers).where(Connector.charger_id == Charger.id).scalar_subquery()
    query: Select[*tuple[Any, ...]] = select(evses, *_COLUMNS).select_from(Charger).outerjoin(Charger.lease)
    query = filtering.apply(query, wanted, at).order_by(Charger.sorting_name, Charger.id).limit(most)
    return [Candidate(_numbers(told or ""), *rest) for told, *rest in session.execute(query)]


@lru_cache  # most chargers have one or two
def _numbers(told: str) -> frozenset[int]:
    return frozenset(int(x) for x in told.split(",") if x)
