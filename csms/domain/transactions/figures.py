"""Sums over sessions, for the dashboard and the list of chargers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from csms.domain.chargers import LinkLease
from csms.domain.transactions.models import Transaction, TransactionState

QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class Day:
    """Since midnight: energy of the sessions that ended or are running, and what the ended ones cost in cents."""

    energy_wh: int
    cost_cents: int
    ended: int


def power_now_w(session: Session, *, at: datetime) -> int:
    """The sum of what running sessions last drew, without those whose charger cannot be heard."""
    query = (
        select(func.coalesce(func.sum(Transaction.power_w), 0))
        .join(LinkLease, LinkLease.charger_id == Transaction.charger_id)
        .where(Transaction.state == TransactionState.ACTIVE, LinkLease.online_until > at)
    )
    return session.scalar(query) or 0


def day(session: Session, *, since: datetime) -> Day:
    ended = select(
        func.coalesce(func.sum(Transaction.energy_wh), 0),
        func.coalesce(func.sum(Transaction.cost_cents), 0),
        func.count(),
    ).where(Transaction.ended_at >= since, Transaction.state != TransactionState.ORPHAN)
    running = select(func.coalesce(func.sum(Transaction.energy_wh), 0)).where(
        Transaction.state == TransactionState.ACTIVE
    )
    energy_wh, cost_cents, count = session.execute(ended).one()
    return Day(int(energy_wh or 0) + int(session.scalar(running) or 0), int(cost_cents or 0), count)


def power_by_quarter_w(session: Session, *, since: datetime, at: datetime) -> list[int]:
    """Average power in W of all sessions, for each quarter of an hour from `since` to `at`.

    A session's energy is spread evenly over its time: the sum is exact, the shape within a session is not.
    """
    query = select(Transaction.started_at, Transaction.ended_at, Transaction.energy_wh).where(
        Transaction.state != TransactionState.ORPHAN,
        Transaction.started_at > since - timedelta(days=2),
        Transaction.energy_wh > 0,
        or_(Transaction.ended_at.is_(None), Transaction.ended_at > since),
    )
    quarters = [0.0] * (int((at - since).total_seconds()) // QUARTER_S + 1)
    for started_at, ended_at, energy_wh in session.execute(query):
        begin_s = (started_at - since).total_seconds()
        end_s = ((ended_at or at) - since).total_seconds()
        power_w = (energy_wh or 0) * 3600 / max(60.0, end_s - begin_s)
        first = max(0, int(begin_s // QUARTER_S))
        for index in range(first, min(len(quarters), int(end_s // QUARTER_S) + 1)):
            overlap_s = min(end_s, (index + 1) * QUARTER_S) - max(begin_s, index * QUARTER_S)
            quarters[index] += power_w * max(0.0, overlap_s) / QUARTER_S
    return [round(x) for x in quarters]


def power_by_charger_w(session: Session, charger_ids: Iterable[int]) -> dict[int, int]:
    """What running sessions last drew, for each of these chargers that has one. One query."""
    query = (
        select(Transaction.charger_id, func.coalesce(func.sum(Transaction.power_w), 0))
        .where(Transaction.state == TransactionState.ACTIVE, Transaction.charger_id.in_(list(charger_ids)))
        .group_by(Transaction.charger_id)
    )
    return {charger_id: int(power_w or 0) for charger_id, power_w in session.execute(query)}
