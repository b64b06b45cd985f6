"""What a provider tells by itself. It is believed in nothing but this: that it is time to ask."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from csms.domain.base import announce, printable
from csms.domain.payments.models import Payment, PaymentNews
from csms.domain.payments.service import TOPIC


def take(
    session: Session,
    *,
    provider: str,
    event_id: str,
    kind: str,
    names: tuple[str, ...],
    at: datetime,
) -> bool:
    """Keep a message, and let the payment that one of `names` means be looked at. False: it came before."""
    query = select(PaymentNews).where(PaymentNews.provider == provider, PaymentNews.event_id == event_id)
    known = session.scalar(query)
    if known is not None:
        known.times += 1
        return False
    payment = _meant(session, provider, names)
    session.add(
        PaymentNews(
            provider=provider,
            event_id=event_id[:255],
            kind=printable(kind, 80) or "",
            payment_id=payment.id if payment else None,
            received_at=at,
        )
    )
    if payment is not None:
        payment.due_at = at
        announce(session, TOPIC)
    return True


def _meant(session: Session, provider: str, names: tuple[str, ...]) -> Payment | None:
    given = [x for x in names if x]
    is_named = or_(Payment.id.in_(given), Payment.reference.in_(given), Payment.intent.in_(given))
    query = select(Payment).where(Payment.provider == provider, is_named)
    return session.scalar(query.limit(1)) if given else None


def forget(session: Session, before: datetime) -> int:
    """Let go of messages that came before."""
    gone = session.execute(delete(PaymentNews).where(PaymentNews.received_at < before))
    return int(gone.rowcount)  # type: ignore[attr-defined]


KEPT_FOR = timedelta(days=90)
