"""What pages and programs read of payments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.accounts.service import PAYMENT_PREFIX
from csms.domain.payments.models import Payment, PaymentEvent, PaymentNews, PaymentState
from csms.domain.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Sums:
    """Of payments since some moment, in cents."""

    held_cents: int
    captured_cents: int
    refunded_cents: int


def due(session: Session, at: datetime, *, limit: int = 20) -> Sequence[Payment]:
    """About which the provider is to be asked now, those that wait longest first."""
    query = select(Payment).where(Payment.due_at <= at).order_by(Payment.due_at)
    return session.scalars(query.limit(limit)).all()


def listed(
    session: Session,
    *,
    state: PaymentState | None = None,
    has_problem: bool = False,
    is_top_up: bool = False,
    transaction_id: int | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> Sequence[Payment]:
    """The newest first; `before`: only those that were asked for before (requested_at, id)."""
    query = _full().order_by(Payment.requested_at.desc(), Payment.id.desc())
    conditions: list[ColumnElement[bool]] = []
    if state is not None:
        conditions.append(Payment.state == state)
    if has_problem:
        conditions.append(Payment.problem_at.is_not(None))
    if is_top_up:
        conditions.append(Payment.credited_account_id.is_not(None))
    if transaction_id is not None:
        conditions.append(Payment.transaction_id == transaction_id)
    if before is not None:
        at, payment_id = before
        conditions.append(
            or_(
                Payment.requested_at < at,
                and_(Payment.requested_at == at, Payment.id < payment_id),
            )
        )
    return session.scalars(query.where(*conditions).limit(limit)).all()


def _full() -> Select[Payment]:
    return select(Payment).options(
        joinedload(Payment.charger),
        joinedload(Payment.connector),
        joinedload(Payment.credited_account),
        joinedload(Payment.transaction),
    )


def events(session: Session, payment_id: str) -> Sequence[PaymentEvent]:
    """Its steps, the first first."""
    query = select(PaymentEvent).where(PaymentEvent.payment_id == payment_id)
    return session.scalars(query.order_by(PaymentEvent.id)).all()


def of_transaction(session: Session, transaction: Transaction) -> Payment | None:
    """The payment that a session is paid by. Nothing is asked where it began with another card."""
    if not (transaction.id_tag or "").startswith(PAYMENT_PREFIX):
        return None
    query = select(Payment).where(Payment.transaction_id == transaction.id)
    return session.scalar(query.order_by(Payment.requested_at.desc()).limit(1))


def is_paid_by(
    session: Session, transaction_id: int, payment_ids: Collection[str], payer_id: int | None = None
) -> bool:
    """Is the session paid by one of these payments, or by whoever logs in to this account?"""
    if not payment_ids and payer_id is None:
        return False
    is_theirs = or_(Payment.id.in_(payment_ids), Payment.payer_id == payer_id if payer_id else false())
    query = select(Payment.id).where(Payment.transaction_id == transaction_id, is_theirs)
    return session.scalar(query.limit(1)) is not None


def paid_by(payment_ids: Collection[str]) -> Select[int | None]:
    """The ids of the sessions that these payments pay."""
    return select(Payment.transaction_id).where(Payment.id.in_(payment_ids))


def of_payer(session: Session, account_id: int, *, limit: int = 20) -> Sequence[Payment]:
    """What somebody paid by card while logged in to an account, the newest first; with their sessions and stations."""
    query = _full().where(Payment.payer_id == account_id)
    return session.scalars(query.order_by(Payment.requested_at.desc()).limit(limit)).all()


def spent_since(
    account_id: int, since: datetime, *, limit: int = 20_000
) -> Select[datetime | None, int, int | None]:
    """(end, what was taken and not given back, in cents, energy in Wh) of the sessions that somebody paid by card while
    logged in to an account, and that have ended since then. None of them is among those of the account.
    """
    taken = Payment.captured_cents - Payment.refunded_cents
    query = select(Transaction.ended_at, taken, Transaction.energy_wh).join(Payment.transaction)
    query = query.where(
        Payment.payer_id == account_id,
        Payment.state == PaymentState.CAPTURED,
        Transaction.account_id.is_distinct_from(account_id),
        Transaction.ended_at >= since,
    )
    return query.order_by(Transaction.started_at.desc()).limit(limit)


def open_at(session: Session, connector_id: int, payment_ids: Collection[str]) -> Payment | None:
    """The one of these payments that somebody has begun at this connector, and not finished."""
    query = select(Payment).where(
        Payment.id.in_(payment_ids),
        Payment.connector_id == connector_id,
        Payment.wanted.is_(None),
        or_(
            Payment.state == PaymentState.REQUESTED,
            and_(Payment.state == PaymentState.HELD, Payment.transaction_id.is_(None)),
        ),
    )
    return session.scalar(query.order_by(Payment.requested_at.desc()).limit(1)) if payment_ids else None


def sums(session: Session, since: datetime) -> Sums:
    """What is held now, and what was taken and given back of payments since then."""
    held = select(func.coalesce(func.sum(Payment.held_cents), 0)).where(Payment.state == PaymentState.HELD)
    taken = select(
        func.coalesce(func.sum(Payment.captured_cents), 0),
        func.coalesce(func.sum(Payment.refunded_cents), 0),
    ).where(Payment.requested_at >= since)
    captured, refunded = session.execute(taken).one()
    return Sums(int(session.scalar(held) or 0), int(captured), int(refunded))


def newest_news(session: Session, *, limit: int = 10) -> Sequence[PaymentNews]:
    """What providers have told last."""
    return session.scalars(select(PaymentNews).order_by(PaymentNews.id.desc()).limit(limit)).all()
