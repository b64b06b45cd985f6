"""What charging has cost a driver, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import union_all
from sqlalchemy.orm import Session

from csms.domain.payments import queries as payments
from csms.domain.transactions import queries
from csms.web import filters

MONTHS = 12


@dataclass
class Month:
    """One month on the reader's clocks; `words` as in "Nov 2026"."""

    words: str
    cents: int = 0
    energy_wh: int = 0
    sessions: int = 0


def by_month(session: Session, account_id: int, zone: str, at: datetime) -> list[Month]:
    """The last twelve months, the oldest first, by the ends of sessions; with those that were paid by card."""
    clocks = ZoneInfo(zone)
    months = _empty(at.astimezone(clocks), clocks)
    year, month = min(months)
    since = datetime(year, month, 1, tzinfo=clocks)
    parts = (queries.costs_since(account_id, since), payments.spent_since(account_id, since))
    for ended_at, cents, energy_wh in session.execute(union_all(*(x.subquery().select() for x in parts))):
        ended = ended_at.astimezone(clocks)
        line = months.get((ended.year, ended.month))
        if line is not None:  # a charger's clock may be ahead
            line.cents += cents or 0
            line.energy_wh += energy_wh or 0
            line.sessions += 1
    return list(months.values())


def _empty(now: datetime, clocks: ZoneInfo) -> dict[tuple[int, int], Month]:
    found = {}
    for back in range(MONTHS - 1, -1, -1):
        year, month = divmod(now.year * 12 + now.month - 1 - back, 12)
        words = filters.localtime(datetime(year, month + 1, 1, tzinfo=clocks), clocks.key, "month")
        found[year, month + 1] = Month(words)
    return found
