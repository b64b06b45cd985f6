"""How a transaction ended whose charger does not tell: the best estimate, and what shows it. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from csms.domain.chargers import ConnectorStatus
from csms.domain.transactions.models import Confidence, EnergySource, Transaction, TransactionState
from csms.domain.transactions.progress import Progress, meter_of
from csms.domain.transactions.rules import ROUNDING_WH, advance
from csms.sentences import told

RUNNING = (
    ConnectorStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
    ConnectorStatus.FAULTED,  # 1.6 §4.9: it returns to the state before the fault
)
CLOCK_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was seen. `ref` names the transaction or the reading that it is."""

    what: str
    at: datetime
    words: str
    register_wh: int | None = None
    ref: int | None = None

    def as_row(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Estimate:
    """When it ended at the latest that we know of, and with how much energy (None: nobody knows)."""

    ended_at: datetime
    energy_wh: int | None
    source: EnergySource
    confidence: Confidence


def last_sign(transaction: Transaction | Progress) -> datetime:
    """The last moment at which it surely was going on."""
    return max(transaction.meter_last_at or transaction.started_at, transaction.started_at)


def by_reading(transaction: Transaction | Progress) -> Estimate:
    """What the last reading tells: never more than was measured. Without one after the start nobody knows."""
    ended_at = last_sign(transaction)
    if transaction.meter_last_at is None or ended_at <= transaction.started_at:
        return Estimate(ended_at, None, EnergySource.NONE, Confidence.LOW)
    return Estimate(ended_at, transaction.energy_wh, EnergySource.LAST_READING, Confidence.MEDIUM)


def by_next_start(transaction: Transaction | Progress, register_wh: int | None, at: datetime) -> Estimate:
    """What the register at the next start on its connector tells: a meter that only moves while somebody charges.

    Where it stands as the last reading left it, that is confirmed. Where it went back or leapt, it tells nothing.
    """
    told = by_reading(transaction)
    meter = meter_of(transaction)
    if register_wh is None or meter.last_wh is None:
        return told
    after = advance(meter._replace(flags=frozenset()), register_wh, max(at, meter.last_at or at))
    if after.flags:
        return replace(told, confidence=Confidence.LOW)
    sure = Confidence.HIGH if register_wh == meter.last_wh and not meter.flags else Confidence.MEDIUM
    return Estimate(told.ended_at, after.energy_wh, EnergySource.NEXT_START, sure)


def reading_proofs(transaction: Transaction | Progress) -> list[Proof]:
    """The last thing that its meter said."""
    if transaction.meter_last_at is None:
        return []
    is_start = transaction.meter_last_at <= transaction.started_at
    at_start = told("The meter at its start; no reading came after it.")
    words = at_start if is_start else told("The last reading of its meter.")
    return [Proof("reading", transaction.meter_last_at, words, register_wh=transaction.meter_last_wh)]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another transaction of the charger, as far as a fit asks for it."""

    id: int
    connector_id: int | None
    started_at: datetime


def misfit(orphan: Transaction, candidate: Transaction, neighbours: Sequence[Neighbour]) -> str | None:
    """Why an orphaned Stop cannot be the end of this transaction; None: it can."""
    stopped_at, stop_wh = orphan.started_at, orphan.meter_stop_wh
    if stop_wh is None:
        return "The stop tells no meter."
    if stopped_at < last_sign(candidate) - CLOCK_SLACK:
        return "The session went on after the stop."
    if candidate.meter_last_wh is not None and stop_wh < candidate.meter_last_wh - ROUNDING_WH:
        return "The session's meter was further already."
    if orphan.id_tag and orphan.id_tag.casefold() != (candidate.id_tag or "").casefold():
        return "The stop was made with another card."
    for other in neighbours:
        is_there = other.connector_id == candidate.connector_id and other.id != candidate.id
        if is_there and candidate.started_at < other.started_at < stopped_at:
            return "Another session began on the connector before the stop."
    return None


def is_over(orphan: Transaction, candidate: Transaction) -> bool:
    """Has the transaction surely ended by the time of the stop? One that may still run is for a person to judge."""
    if candidate.state is TransactionState.ENDED_UNKNOWN:
        return True
    connector = candidate.connector
    if connector is None or connector.status in RUNNING or connector.status is ConnectorStatus.UNKNOWN:
        return False
    return connector.status_at is not None and connector.status_at >= orphan.started_at - CLOCK_SLACK
