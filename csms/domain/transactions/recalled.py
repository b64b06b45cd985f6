"""Transactions by when they were told of, for those who compare them with the journal."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.transactions.models import Transaction


def whole_from(session: Session, charger_id: int, since: datetime | None) -> datetime | None:
    """The moment from which on nothing of a session that ran at `since` is missing; None: from the beginning."""
    if since is None:
        return None
    query = select(func.min(Transaction.start_received_at)).where(
        Transaction.charger_id == charger_id,
        Transaction.start_received_at < since,
        or_(Transaction.ended_at.is_(None), Transaction.end_received_at >= since),
    )
    earlier = session.scalar(query)
    return since if earlier is None else whole_from(session, charger_id, earlier)


def between(
    session: Session, charger_id: int, since: datetime | None, until: datetime | None
) -> Sequence[Transaction]:
    """A charger's transactions whose first message came from `since` on and before `until`, in that order."""
    query = select(Transaction).where(Transaction.charger_id == charger_id)
    if since is not None:
        query = query.where(Transaction.start_received_at >= since)
    if until is not None:
        query = query.where(Transaction.start_received_at < until)
    query = query.options(joinedload(Transaction.connector), joinedload(Transaction.tariff_version))
    return session.scalars(query.order_by(Transaction.start_received_at, Transaction.id)).all()
