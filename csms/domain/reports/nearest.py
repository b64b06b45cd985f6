"""Where there is something to report, when a period has nothing."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.chargers import Charger
from csms.domain.reports.wanted import Wanted
from csms.domain.transactions import Transaction


def nearest_end(session: Session, wanted: Wanted) -> datetime | None:
    """When the session ended that is nearest to the period: the last before it, else the first behind it.

    None where there has never been one. Chargers in software do not count.
    """
    real = (
        select(Transaction.ended_at).join(Transaction.charger).where(Charger.is_simulated.is_(False)).limit(1)
    )
    if wanted.site_ids is not None:
        real = real.where(Charger.site_id.in_(wanted.site_ids))
    before = real.where(Transaction.ended_at < wanted.since).order_by(Transaction.ended_at.desc())
    behind = real.where(Transaction.ended_at >= wanted.until).order_by(Transaction.ended_at)
    return session.scalar(before) or session.scalar(behind)
