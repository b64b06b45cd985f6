"""How a session went: its readings and pauses as periods, for tariffs that ask when the energy came."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.base import appended
from csms.domain.tariffs import Period
from csms.domain.transactions.models import Reading, Transaction
from csms.domain.transactions.progress import Progress


@dataclass(frozen=True, slots=True)
class Mark:
    """One reading: the energy since the start in Wh, and what the meter told of power and current then."""

    at: datetime
    energy_wh: int
    power_w: int | None
    current_a: float | None


def course_of(session: Session, transaction: Transaction | Progress, until: datetime) -> tuple[Period, ...]:
    """The periods from the start to `until`; their energy is the transaction's."""
    marks = _marks(session, transaction, until)
    idle = _idle(transaction, until)
    return tuple(period for before, after in pairwise(marks) for period in _split(before, after, idle))


def _marks(session: Session, transaction: Transaction | Progress, until: datetime) -> list[Mark]:
    """The start, each reading that had a say, in order, and the end. Energy never goes back, nor beyond the total."""
    total_wh, start_wh = transaction.energy_wh or 0, transaction.meter_start_wh
    marks = [Mark(transaction.started_at, 0, None, None)]
    for at, register_wh, power_w, current_a in _readings(session, transaction, until):
        energy_wh = marks[-1].energy_wh
        if register_wh is not None and start_wh is not None:
            energy_wh = min(total_wh, max(energy_wh, register_wh - start_wh))
        if at == marks[-1].at:
            marks.pop()
        marks.append(Mark(at, energy_wh, power_w, current_a))
    if len(marks) > 1 and marks[-1].at >= until:
        marks.pop()
    end_wh = total_wh if transaction.ended_at is not None else max(total_wh, marks[-1].energy_wh)
    return [*marks, Mark(max(until, marks[0].at), end_wh, None, None)]


def _readings(
    session: Session, transaction: Transaction | Progress, until: datetime
) -> list[tuple[datetime, int | None, int | None, float | None]]:
    """Readings in the order of their moments, with those that this unit of work is about to keep."""
    names = ("measured_at", "energy_wh", "power_w", "current_a", "received_at")
    query = select(*(getattr(Reading, x) for x in names)).where(Reading.transaction_id == transaction.id)
    found = [tuple(x) for x in session.execute(query)]
    found += [
        tuple(row[x] for x in names)
        for row in appended(session, Reading)
        if row["transaction_id"] == transaction.id
    ]
    last = transaction.end_received_at
    told = [
        (x[0], x[1], x[2], x[3])
        for x in found
        if transaction.started_at <= x[0] <= until and (last is None or x[4] <= last)
    ]
    return sorted(told, key=lambda x: (x[0], x[1] or 0))


def _idle(transaction: Transaction | Progress, until: datetime) -> list[tuple[datetime, datetime]]:
    spans = [
        (datetime.fromisoformat(begin), datetime.fromisoformat(end))
        for begin, end in transaction.idle_spans or ()
    ]
    if transaction.idle_since is not None:
        spans.append((transaction.idle_since, until))
    return [(begin, min(end, until)) for begin, end in spans if begin < min(end, until)]


def _split(before: Mark, after: Mark, idle: Sequence[tuple[datetime, datetime]]) -> Iterator[Period]:
    """Between two readings, cut where the car paused. What came meanwhile came while it did not pause."""
    edges = sorted({before.at, after.at, *(x for span in idle for x in span if before.at < x < after.at)})
    pieces = [(x, y, any(b <= x and y <= e for b, e in idle)) for x, y in pairwise(edges)]
    pieces = pieces or [(before.at, after.at, False)]
    energy_wh = after.energy_wh - before.energy_wh
    takers = [x for x in pieces if not x[2]] or pieces
    whole = sum((y - x).total_seconds() for x, y, _ in takers)
    done_s, given = 0.0, 0
    for piece in pieces:
        share = 0
        if piece in takers:
            done_s += (piece[1] - piece[0]).total_seconds()
            share = (round(energy_wh * done_s / whole) if whole else energy_wh) - given
            given += share
        yield Period(piece[0], piece[1], share, piece[2], before.power_w, before.current_a)
