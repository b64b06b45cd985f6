"""Who asked to be told when a session pauses or ends, and what they have been told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, and_, func, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from csms.domain.base import Base, BigId, Invalid, Refused, is_mail_address
from csms.domain.transactions.models import Transaction, TransactionState

MOST = 3  # addresses for one session
PAUSED_FOR = timedelta(minutes=2)  # a car that pauses for a moment is nothing to write about


class Notice(Base):
    """One address that is to be told of one session. A moment is None until that was told."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("transaction_id", "email"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("transaction.id"))
    email: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8))  # of the page where it was given
    asked_at: Mapped[datetime]
    pause_told_at: Mapped[datetime | None]
    end_told_at: Mapped[datetime | None] = mapped_column(index=True)

    transaction: Mapped[Transaction] = relationship()


def ask(session: Session, transaction: Transaction, email: str, *, language: str, at: datetime) -> None:
    """Tell this address when the session pauses, and when it ends. Raises Invalid for what is no address, Refused for
    a session that has ended, and for too many addresses."""
    email = email.strip().casefold()
    if not is_mail_address(email):
        raise Invalid("This is no e-mail address.", "email")
    if not transaction.is_active:
        raise Refused("This session has ended already.")
    known = session.scalars(select(Notice.email).where(Notice.transaction_id == transaction.id)).all()
    if email in known:
        return
    if len(known) >= MOST:
        raise Refused("At most %(most)s addresses are told of one session.", most=MOST)
    session.add(Notice(transaction_id=transaction.id, email=email, language=language, asked_at=at))
    session.flush()


def language_of(session: Session, transaction: Transaction, email: str) -> str | None:
    """What somebody who wants to be told of a session at this address reads."""
    theirs = Notice.email == email.strip().casefold()
    return session.scalar(select(Notice.language).where(Notice.transaction_id == transaction.id, theirs))


def asked(session: Session, transaction_id: int) -> int:
    """How many addresses are told of a session."""
    query = select(func.count(Notice.id)).where(Notice.transaction_id == transaction_id)
    return session.scalar(query) or 0


def due(session: Session, at: datetime, *, limit: int = 50) -> Sequence[Notice]:
    """Those that something is to be told: that the session has ended, or that the car takes nothing."""
    has_ended = Transaction.state != TransactionState.ACTIVE
    has_paused = and_(Notice.pause_told_at.is_(None), Transaction.idle_since <= at - PAUSED_FOR)
    query = (
        select(Notice)
        .join(Notice.transaction)
        .where(Notice.end_told_at.is_(None), or_(has_ended, has_paused))
        .options(joinedload(Notice.transaction).joinedload(Transaction.charger))
    )
    return session.scalars(query.order_by(Notice.id).limit(limit)).all()
