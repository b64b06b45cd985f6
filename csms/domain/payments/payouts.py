"""Payouts as the provider tells them: kept once each, however often they are told, with what they are made of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import NotFound, announce, printable
from csms.domain.payments import rules
from csms.domain.payments.models import Payment
from csms.domain.payments.payout_models import (
    LineKind,
    LineTold,
    Payout,
    PayoutLine,
    PayoutRound,
    PayoutState,
    PayoutTold,
)

TOPIC = "payouts"
ASK_EVERY = timedelta(hours=1)
CLAIM_FOR = timedelta(minutes=30)  # longer than reading the longest payout takes
MAY_CHANGE_FOR = timedelta(days=14)  # banks send back what has arrived, within some days
PORTION = 500
UNDER_WAY = (PayoutState.PENDING, PayoutState.IN_TRANSIT)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a payout is made of, in cents: `refunded` and `fees` as they lessen it, so that all add up to `net`."""

    captured: int = 0
    refunded: int = 0
    fees: int = 0
    other: int = 0
    lines: int = 0
    unknown: int = 0  # captures and refunds of which nothing is known here

    @property
    def net(self) -> int:
        return self.captured + self.refunded + self.fees + self.other


def ask_now(session: Session, provider: str, *, at: datetime) -> None:
    """The provider has just been set up, or its keys have changed."""
    found = session.get(PayoutRound, provider)
    if found is None:
        session.add(PayoutRound(provider=provider, due_at=at))
    else:
        found.due_at = at


def due(session: Session, at: datetime, *, limit: int = 4) -> Sequence[PayoutRound]:
    """Of whom payouts are to be asked now."""
    query = select(PayoutRound).where(PayoutRound.due_at <= at).order_by(PayoutRound.due_at)
    return session.scalars(query.limit(limit)).all()


def since(session: Session, provider: str) -> datetime | None:
    """From when on payouts are asked for: those that may have changed, at first all since the first payment.

    None: nobody has paid yet, so there is nothing to ask for.
    """
    newest = session.scalar(select(func.max(Payout.made_at)).where(Payout.provider == provider))
    if newest is not None:
        return newest - MAY_CHANGE_FOR
    taken = (Payment.provider == provider, Payment.captured_cents > 0)
    return session.scalar(select(func.min(Payment.requested_at)).where(*taken))


def keep(session: Session, provider: str, told: PayoutTold) -> Payout:
    """What the provider tells of a payout, in place of what it told before."""
    query = select(Payout).where(Payout.provider == provider, Payout.reference == told.reference)
    payout = session.scalar(query)
    if payout is None:
        payout = Payout(provider=provider, reference=told.reference)
        session.add(payout)
    payout.state, payout.reason = told.state, printable(told.reason, 255)
    payout.currency, payout.amount_cents = told.currency, told.cents
    payout.made_at, payout.arrives_on, payout.is_itemised = told.made_at, told.arrives_on, told.is_itemised
    session.flush()
    announce(session, TOPIC)
    return payout


def keep_lines(
    session: Session, payout_id: int, told: Sequence[LineTold], *, is_complete: bool, at: datetime
) -> None:
    """What a payout is made of, each line beside the payment that it is about, if it is one of ours."""
    payout = get(session, payout_id)
    session.execute(delete(PayoutLine).where(PayoutLine.payout_id == payout_id))
    for first in range(0, len(told), PORTION):
        portion = told[first : first + PORTION]
        known = _payments(session, payout.provider, {x.intent for x in portion if x.intent})
        session.execute(insert(PayoutLine), [_row(payout_id, x, known) for x in portion])
    payout.lines_at = at if is_complete else None
    announce(session, TOPIC)


def _row(payout_id: int, told: LineTold, known: dict[str | None, str]) -> dict[str, object]:
    return {
        "payout_id": payout_id,
        "reference": told.reference,
        "kind": told.kind,
        "amount_cents": told.cents,
        "fee_cents": told.fee_cents,
        "at": told.at,
        "note": printable(told.note, 255),
        "intent": told.intent,
        "payment_id": known.get(told.intent),
    }


def _payments(session: Session, provider: str, intents: Collection[str]) -> dict[str | None, str]:
    query = select(Payment.intent, Payment.id).where(
        Payment.provider == provider, Payment.intent.in_(intents)
    )
    return {intent: payment_id for intent, payment_id in session.execute(query)}


def note_told(session: Session, provider: str, *, at: datetime) -> None:
    """All payouts have been read."""
    found = session.get_one(PayoutRound, provider)
    found.told_at, found.problem, found.attempts, found.due_at = at, None, 0, at + ASK_EVERY
    announce(session, TOPIC)


def note_failure(session: Session, provider: str, problem: str, *, at: datetime) -> None:
    """The provider did not tell its payouts. It is asked again soon, and then less and less often."""
    found = session.get_one(PayoutRound, provider)
    found.attempts += 1
    found.problem = printable(problem, 255)
    found.due_at = at + min(rules.retry_after(found.attempts + 4), ASK_EVERY)
    announce(session, TOPIC)


def get(session: Session, payout_id: int) -> Payout:
    """Raises NotFound."""
    payout = session.get(Payout, payout_id)
    if payout is None:
        raise NotFound("There is no such payout.")
    return payout


def listed(
    session: Session,
    *,
    state: PayoutState | None = None,
    before: tuple[date, int] | None = None,
    limit: int | None = 50,
) -> Sequence[Payout]:
    """Those that arrive last first; `before`: only those behind (arrives_on, id)."""
    conditions: list[ColumnElement[bool]] = []
    if state is not None:
        conditions.append(Payout.state == state)
    if before is not None:
        day, payout_id = before
        same_day = and_(Payout.arrives_on == day, Payout.id < payout_id)
        conditions.append(or_(Payout.arrives_on < day, same_day))
    query = select(Payout).where(*conditions).order_by(Payout.arrives_on.desc(), Payout.id.desc())
    return session.scalars(query.limit(limit)).all()


def parts(session: Session, payout_ids: Collection[int]) -> dict[int, Parts]:
    """What each of the payouts is made of, as far as its lines have been read."""
    line = PayoutLine

    def of(kind: LineKind) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((line.kind == kind, line.amount_cents), else_=0)), 0)

    fees = of(LineKind.FEE) - func.coalesce(func.sum(line.fee_cents), 0)
    is_unknown = and_(line.payment_id.is_(None), line.kind.in_((LineKind.CAPTURE, LineKind.REFUND)))
    sums = (of(LineKind.CAPTURE), of(LineKind.REFUND), fees, of(LineKind.OTHER), func.count())
    query = select(line.payout_id, *sums, func.sum(case((is_unknown, 1), else_=0)))
    query = query.where(line.payout_id.in_(payout_ids)).group_by(line.payout_id)
    return {payout_id: Parts(*(int(x) for x in rest)) for payout_id, *rest in session.execute(query)}


def lines(
    session: Session, payout_id: int, *, after_id: int = 0, limit: int | None = None
) -> Sequence[PayoutLine]:
    """The lines of a payout with their payments, as the provider told them."""
    query = select(PayoutLine).where(PayoutLine.payout_id == payout_id, PayoutLine.id > after_id)
    query = query.options(joinedload(PayoutLine.payment)).order_by(PayoutLine.id)
    return session.scalars(query.limit(limit)).all()


def under_way(session: Session) -> dict[str, int]:
    """What is to arrive, in cents by currency."""
    query = select(Payout.currency, func.sum(Payout.amount_cents)).where(Payout.state.in_(UNDER_WAY))
    return {currency: int(cents) for currency, cents in session.execute(query.group_by(Payout.currency))}


def not_paid_out(session: Session, provider: str, after: datetime) -> dict[str, int]:
    """What was taken of payments that were asked for since then, and stands in no payout yet; in cents by currency."""
    in_one = select(PayoutLine.id).where(
        PayoutLine.payment_id == Payment.id, PayoutLine.kind == LineKind.CAPTURE
    )
    query = select(Payment.currency, func.sum(Payment.captured_cents)).where(
        Payment.provider == provider,
        Payment.requested_at >= after,
        Payment.captured_cents > 0,
        ~in_one.exists(),
    )
    return {currency: int(cents) for currency, cents in session.execute(query.group_by(Payment.currency))}


def rounds(session: Session) -> Sequence[PayoutRound]:
    """When each provider was asked, and what it said."""
    return session.scalars(select(PayoutRound).order_by(PayoutRound.provider)).all()
