"""Sums over sessions, for the dashboard and the list of chargers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from csms.domain.base import Sums
from csms.domain.chargers import Charger, LinkLease
from csms.domain.sites import Site
from csms.domain.transactions.models import Transaction, TransactionState

QUARTER_S = 900
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Day:
    """Since midnight: energy of the sessions that ended or are running, and what the ended ones cost in cents.

    `ended_wh` is the energy of those that ended, `before_wh` of those that had by this time a week ago.
    """

    energy_wh: int
    cost_cents: int
    ended: int
    ended_wh: int
    before_wh: int


@dataclass(frozen=True, slots=True)
class GridUse:
    """Power now in W: of all, and of the sites whose connection to the grid is known, beside what those give."""

    power_w: int
    limited_w: int
    limit_w: int
    sites: int


def grid_use(at: datetime) -> Sums:
    """The columns of GridUse: what running sessions draw, and how much of the grid's connections that is."""
    power = (
        select(func.coalesce(func.sum(Transaction.power_w), 0))
        .join(LinkLease, LinkLease.charger_id == Transaction.charger_id)
        .where(Transaction.state == TransactionState.ACTIVE, LinkLease.online_until > at)
    )
    limited = power.join(Charger, Charger.id == Transaction.charger_id).join(Charger.site)
    known = Site.grid_limit_w.is_not(None)
    limit = select(func.coalesce(func.sum(Site.grid_limit_w), 0)).where(known)
    count = select(func.count(Site.id)).where(known)
    return select(*(x.scalar_subquery() for x in (power, limited.where(known), limit, count)))


def day(since: datetime, at: datetime) -> Sums:
    """The columns of Day, where what runs adds to the energy."""
    running = select(func.coalesce(func.sum(Transaction.energy_wh), 0)).where(
        Transaction.state == TransactionState.ACTIVE
    )
    ended_wh = func.coalesce(func.sum(Transaction.energy_wh), 0)
    is_known = Transaction.state != TransactionState.ORPHAN
    before = select(ended_wh).where(
        Transaction.ended_at >= since - WEEK, Transaction.ended_at < at - WEEK, is_known
    )
    return select(
        ended_wh + running.scalar_subquery(),
        func.coalesce(func.sum(Transaction.cost_cents), 0),
        func.count(),
        ended_wh,
        before.scalar_subquery(),
    ).where(Transaction.ended_at >= since, is_known)


def power_by_quarter_w(
    session: Session, *, since: datetime, at: datetime, site_id: int | None = None
) -> list[int]:
    """Average power in W of all sessions, or those at a site, for each quarter of an hour from `since` to `at`.

    A session's energy is spread evenly over its time: the sum is exact, the shape within a session is not.
    """
    query = select(Transaction.started_at, Transaction.ended_at, Transaction.energy_wh).where(
        Transaction.state != TransactionState.ORPHAN,
        Transaction.energy_wh > 0,
        or_(Transaction.state == TransactionState.ACTIVE, Transaction.ended_at > since),
    )
    if site_id is not None:
        there = select(Charger.id).where(Charger.site_id == site_id)
        query = query.where(Transaction.charger_id.in_(there))
    begin_s, count = since.timestamp(), int((at - since).total_seconds()) // QUARTER_S + 1
    # By how much the power rises where a quarter begins, and what its edges lack.
    steps, quarters = [0.0] * (count + 1), [0.0] * count
    for started_at, ended_at, energy_wh in session.execute(query):
        first_s, last_s = started_at.timestamp() - begin_s, (ended_at or at).timestamp() - begin_s
        power_w = (energy_wh or 0) * 3600 / max(60.0, last_s - first_s)
        begin, end = max(0.0, first_s / QUARTER_S), min(float(count), last_s / QUARTER_S)
        if begin >= end:
            continue
        first, last = int(begin), min(int(end), count - 1)
        quarters[first] -= power_w * (begin - first)  # it begins within its first quarter
        quarters[last] -= power_w * (last + 1 - end)  # and ends within its last one
        steps[first] += power_w
        steps[last + 1] -= power_w
    return [round(part + whole) for part, whole in zip(quarters, accumulate(steps), strict=False)]


def power_by_charger_w(session: Session, charger_ids: Iterable[int]) -> dict[int, int]:
    """What running sessions last drew, for each of these chargers that has one. One query."""
    query = (
        select(Transaction.charger_id, func.coalesce(func.sum(Transaction.power_w), 0))
        .where(Transaction.state == TransactionState.ACTIVE, Transaction.charger_id.in_(list(charger_ids)))
        .group_by(Transaction.charger_id)
    )
    return {charger_id: int(power_w or 0) for charger_id, power_w in session.execute(query)}
