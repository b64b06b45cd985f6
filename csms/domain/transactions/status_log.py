"""What a charger went through, in one list: its connections, boots, states and sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csms.domain.chargers import StatusEvent
from csms.domain.transactions.models import Transaction

STARTED, STOPPED = "Transaction Started", "Transaction Stopped"


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """`at` is when we learned of it. `status`: a connector's, or Connected, Disconnected, Booted, STARTED, STOPPED.

    `evse` is 0 for what concerns the charger itself.
    """

    at: datetime
    evse: int
    status: str
    error_code: str | None
    message: str | None


def status_log(session: Session, charger_id: int, *, limit: int) -> Sequence[StatusEntry]:
    """The newest entries first, `limit` at most."""
    query = select(StatusEvent).where(StatusEvent.charger_id == charger_id)
    found = session.scalars(
        query.order_by(StatusEvent.received_at.desc(), StatusEvent.id.desc()).limit(limit)
    )
    entries = [StatusEntry(x.received_at, x.evse_number, x.status, x.error_code, x.info) for x in found]
    entries += _sessions(session, charger_id, limit)
    return sorted(entries, key=lambda x: x.at, reverse=True)[:limit]


def _sessions(session: Session, charger_id: int, limit: int) -> Sequence[StatusEntry]:
    query = select(Transaction).where(Transaction.charger_id == charger_id)
    newest = query.options(joinedload(Transaction.connector)).order_by(Transaction.started_at.desc())
    entries = []
    for one in session.scalars(newest.limit(limit)):
        evse = one.connector.evse_number if one.connector else 0
        entries.append(StatusEntry(one.start_received_at, evse, STARTED, None, None))
        if one.end_received_at is not None:
            entries.append(StatusEntry(one.end_received_at, evse, STOPPED, None, one.stop_reason))
    return entries
