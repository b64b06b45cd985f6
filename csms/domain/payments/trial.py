"""What the test provider would transfer: for each day that is over (UTC), what it took less what it gave back."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.payments.models import Payment, PaymentEvent
from csms.domain.payments.payout_models import LineKind, LineTold, PayoutState, PayoutTold

DAY = timedelta(days=1)
LEAVES_AFTER, ARRIVES_AFTER = timedelta(hours=12), DAY  # from the end of its day
KINDS = {"captured": LineKind.CAPTURE, "refunded": LineKind.REFUND}


def payouts(session: Session, since: datetime, *, at: datetime) -> Sequence[PayoutTold]:
    """Those that were made since then, the first first."""
    sums: dict[tuple[date, str], int] = {}
    for event, payment in _moved(session, _start(since.date() - DAY), _start(at.date())):
        key = (event.at.date(), payment.currency)
        sums[key] = sums.get(key, 0) + _signed(event)
    return [_payout(day, currency, cents, at) for (day, currency), cents in sorted(sums.items())]


def lines(session: Session, reference: str) -> Sequence[LineTold]:
    """What one of them is made of."""
    _, day, currency = reference.split("_")
    start = _start(date.fromisoformat(day))
    return [
        LineTold(
            reference=f"test_{event.id}",
            kind=KINDS[event.what],
            cents=_signed(event),
            fee_cents=0,
            at=event.at,
            intent=payment.intent,
        )
        for event, payment in _moved(session, start, start + DAY)
        if payment.currency == currency
    ]


def _moved(session: Session, start: datetime, end: datetime) -> Sequence[tuple[PaymentEvent, Payment]]:
    query = select(PaymentEvent, Payment).join(Payment, Payment.id == PaymentEvent.payment_id)
    query = query.where(Payment.provider == "test", PaymentEvent.what.in_(KINDS))
    query = query.where(PaymentEvent.at >= start, PaymentEvent.at < end).order_by(PaymentEvent.id)
    return [(event, payment) for event, payment in session.execute(query)]


def _payout(day: date, currency: str, cents: int, at: datetime) -> PayoutTold:
    made_at = _start(day + DAY)
    state = PayoutState.PENDING
    if at >= made_at + ARRIVES_AFTER:
        state = PayoutState.PAID
    elif at >= made_at + LEAVES_AFTER:
        state = PayoutState.IN_TRANSIT
    arrives_on = (made_at + ARRIVES_AFTER).date()
    return PayoutTold(f"test_{day}_{currency}", state, cents, currency, made_at, arrives_on)


def _signed(event: PaymentEvent) -> int:
    cents = event.cents or 0
    return -cents if KINDS[event.what] is LineKind.REFUND else cents


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
