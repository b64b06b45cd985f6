"""How far a transaction has come: what chargers' messages read and move of it, without the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from csms.domain.chargers import outlet_of
from csms.domain.records import Records
from csms.domain.transactions.models import Flag, Source, Transaction, TransactionState
from csms.domain.transactions.rules import NO_FLAGS, Meter, Summary, read


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
    """What messages read and move of one transaction: a record, see `records`."""

    id: int
    charger_id: int
    connector_id: int | None
    reference: str
    source: Source
    started_at: datetime
    id_tag: str | None
    account_id: int | None
    tariff_version_id: int | None
    is_free: bool
    meter_start_wh: int | None
    meter_last_wh: int | None
    meter_last_at: datetime | None
    energy_wh: int | None
    power_w: int | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    flags: list[str]
    idle_since: datetime | None
    idle_s: int
    idle_spans: list[list[str]] | None
    # From here on as they are in every row of one that is open: such a row is read without them.
    state: TransactionState = TransactionState.ACTIVE
    ended_at: datetime | None = None
    ended_text: str | None = None
    end_received_at: datetime | None = None
    stop_reason: str | None = None
    meter_stop_wh: int | None = None
    cost_cents: int | None = None
    bill: list[dict[str, Any]] | None = None

    @property
    def is_active(self) -> bool:
        return self.state is TransactionState.ACTIVE

    @property
    def topic(self) -> str:
        return f"transaction:{self.id}"


_RECORDS = Records(
    Transaction,
    Progress,
    often=(*Metered.__annotations__, "idle_since", "idle_s"),
    rarely=(
        *("state", "ended_at", "ended_text", "end_received_at", "stop_reason"),
        *("meter_stop_wh", "cost_cents", "bill", "idle_spans"),
    ),
)
_read_open = _RECORDS.by("charger_id", Transaction.state == literal_column("'active'"), up_to="idle_spans")


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read many chargers' open transactions with one query, for `open_on`."""
    found: dict[int, list[Progress]] = {charger_id: [] for charger_id in charger_ids}
    for progress in _read_open(session, found):
        found[progress.charger_id].append(progress)
    session.info["open"] = found


def open_on(session: Session, charger_id: int) -> list[Progress]:
    """The open transactions of a charger."""
    preloaded: dict[int, list[Progress]] = session.info.get("open", {})
    found = preloaded.get(charger_id)
    return [x for x in (_read_open(session, [charger_id]) if found is None else found) if x.is_active]


def named(session: Session, charger_id: int, reference: str) -> Progress | None:
    """The charger's own transaction of this name, open or not."""
    query = select(Transaction).where(
        Transaction.charger_id == charger_id, Transaction.reference == reference
    )
    found = session.scalar(query)
    return _RECORDS.of(session, found) if found else None


def progress_of(session: Session, charger_id: int, evse: int, reference: str | None) -> Progress | None:
    """The transaction that a reading belongs to: the one that it names if it is this charger's own, or else the one
    that is open on the connector. `-1` (1.6 errata 3.18) stands for the one that is open, if there is just one.
    The charger's own meter (EVSE 0) belongs to none.
    """
    candidates = open_on(session, charger_id)
    if reference is not None and reference != "-1":
        its_own = next((x for x in candidates if x.reference == reference), None)
        return its_own or named(session, charger_id, reference)
    if not candidates:
        return None
    connector = outlet_of(session, charger_id, evse) if evse else None
    if connector is None and reference is None:
        return None
    fitting = [x for x in candidates if connector is None or x.connector_id == connector.id]
    is_sure = len(fitting) == 1 if reference is not None else bool(fitting)
    return fitting[0] if is_sure else None


def meter_of(metered: Metered) -> Meter:
    """How far its meter has come, with all flags so far."""
    flags = frozenset(Flag(x) for x in metered.flags) if metered.flags else NO_FLAGS
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
    if flags and not set(flags) <= set(metered.flags):
        metered.flags = sorted({*metered.flags, *flags})


def stop_idling(transaction: Transaction | Progress, at: datetime) -> None:
    """The car takes energy again, or the session is over."""
    if transaction.idle_since is None:
        return
    until = max(at, transaction.idle_since)
    transaction.idle_s += round((until - transaction.idle_since).total_seconds())
    span = [transaction.idle_since.isoformat(), until.isoformat()]
    transaction.idle_spans = [*(transaction.idle_spans or ()), span]
    transaction.idle_since = None
