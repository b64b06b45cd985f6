"""From where on events are looked for."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from csms.domain.cdrs import Cdr
from csms.domain.chargers import StatusEvent
from csms.domain.payments import PaymentEvent
from csms.domain.transactions import Transaction, TransactionState, opened
from csms.domain.webhooks.models import WebhookCursor, WebhookOpen

SOURCES = {
    "status": StatusEvent.id,
    "cdr": Cdr.id,
    "payment": PaymentEvent.id,
}


def begin_looking(session: Session, at: datetime) -> None:
    """From now on, if nobody has looked so far: what was before is told to nobody."""
    known = set(session.scalars(select(WebhookCursor.source)))
    for source in SOURCES.keys() - known:
        position = session.scalar(select(func.max(SOURCES[source]))) or 0
        session.add(WebhookCursor(source=source, position=position, looked_at=at))
    if known:
        session.flush()
        return
    taken = opened.numbers_taken(session)
    session.add(WebhookCursor(source="transaction", position=taken, looked_at=at))
    session.add(WebhookCursor(source="command", position=0, looked_at=at))
    running = select(Transaction).where(Transaction.state == TransactionState.ACTIVE)
    session.add_all(
        WebhookOpen(transaction_id=x.id, told_wh=x.energy_wh, told_at=at) for x in session.scalars(running)
    )
    session.flush()


def stop_looking(session: Session) -> None:
    """Nobody wants to know any more."""
    session.execute(delete(WebhookCursor))
    session.execute(delete(WebhookOpen))
