"""How far an open transaction has come: the few of its figures that a meter's message reads and moves.

MeterValues is most of what chargers say, so it works on a handful of columns and not on whole entities.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.bulk import Row
from csms.domain.chargers import connector_of
from csms.domain.transactions.models import Flag, Transaction, TransactionState
from csms.domain.transactions.rules import Meter, Summary, read


class Metered(Protocol):
    """What has a meter that moves: a whole transaction, or its progress."""

    meter_start_wh: int | None
    meter_last_wh: int | None
    meter_last_at: datetime | None
    energy_wh: int | None
    power_w: int | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    flags: list[str]


@dataclass(slots=True)
class Progress:
    """The moving figures of one transaction, read without the rest of it."""

    id: int
    charger_id: int
    connector_id: int | None
    reference: str
    state: TransactionState
    started_at: datetime
    meter_start_wh: int | None
    meter_last_wh: int | None
    meter_last_at: datetime | None
    energy_wh: int | None
    power_w: int | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    flags: list[str]

    @property
    def is_active(self) -> bool:
        return self.state is TransactionState.ACTIVE

    def moved(self) -> Row:
        """The columns that a meter moves."""
        return {name: getattr(self, name) for name in _MOVED}


_MOVED = tuple(Metered.__annotations__)
_COLUMNS = [getattr(Transaction, name) for name in Progress.__slots__]


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the progress of many chargers' open transactions with one query, for `progress_of`."""
    found: dict[int, list[Progress]] = {charger_id: [] for charger_id in charger_ids}
    query = select(*_COLUMNS).where(
        Transaction.charger_id.in_(found), Transaction.state == TransactionState.ACTIVE
    )
    for row in session.execute(query):
        found[row.charger_id].append(Progress(*row))
    session.info["progress"] = found


def progress_of(session: Session, charger_id: int, evse: int, reference: str | None) -> Progress | None:
    """The transaction that a reading belongs to: the one that it names if it is this charger's own, or else the one
    that is open on the connector. `-1` (1.6 errata 3.18) stands for the one that is open, if there is just one.
    The charger's own meter (EVSE 0) belongs to none.
    """
    candidates = _open(session, charger_id)
    if reference is not None and reference != "-1":
        named = next((x for x in candidates if x.reference == reference), None)
        return named or _closed(session, charger_id, reference)
    if not candidates:
        return None
    connector = connector_of(session, charger_id, evse) if evse else None
    if connector is None and reference is None:
        return None
    fitting = [x for x in candidates if connector is None or x.connector_id == connector.id]
    is_sure = len(fitting) == 1 if reference is not None else bool(fitting)
    return fitting[0] if is_sure else None


def _open(session: Session, charger_id: int) -> list[Progress]:
    preloaded: dict[int, list[Progress]] = session.info.get("progress", {})
    if charger_id in preloaded:
        return preloaded[charger_id]
    query = select(*_COLUMNS).where(
        Transaction.charger_id == charger_id, Transaction.state == TransactionState.ACTIVE
    )
    return [Progress(*row) for row in session.execute(query)]


def _closed(session: Session, charger_id: int, reference: str) -> Progress | None:
    query = select(*_COLUMNS).where(Transaction.charger_id == charger_id, Transaction.reference == reference)
    row = session.execute(query).first()
    return Progress(*row) if row else None


def meter_of(metered: Metered) -> Meter:
    """How far its meter has come, with all flags so far."""
    flags = frozenset(Flag(x) for x in metered.flags)
    return Meter(metered.meter_last_wh, metered.meter_last_at, metered.energy_wh or 0, flags)


def follow(metered: Metered, measured_at: datetime, summary: Summary, *, is_timed: bool) -> None:
    """Move on by one moment's figures. Older ones than the last change nothing. `is_timed`: its clock is believed."""
    if metered.meter_last_at is not None and measured_at < metered.meter_last_at:
        return
    is_timed = is_timed and Flag.CLOCK_SUSPECT not in metered.flags
    after = read(meter_of(metered), summary, measured_at, is_timed=is_timed)
    if metered.meter_start_wh is None:
        metered.meter_start_wh = after.last_wh
    metered.meter_last_wh = after.last_wh
    metered.meter_last_at = after.last_at
    metered.energy_wh = after.energy_wh
    flag(metered, *after.flags)
    if summary.power_w is not None:
        metered.power_w = max(0, summary.power_w)
    if summary.current_a is not None:
        metered.current_a = summary.current_a
    if summary.voltage_v is not None:
        metered.voltage_v = summary.voltage_v
    if summary.soc_percent is not None:
        metered.soc_percent = summary.soc_percent


def flag(metered: Metered, *flags: Flag) -> None:
    """Say what a person should know of it."""
    if not set(flags) <= set(metered.flags):
        metered.flags = sorted({*metered.flags, *flags})
