"""What people write down about a session. Notes are added, and never changed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, Invalid, announce, printable
from csms.domain.transactions.models import Transaction

LONGEST = 2000


class SessionNote(Base):
    """One note."""

    __tablename__ = "session_note"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("transaction.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    written_by: Mapped[str] = mapped_column(String(80))
    written_at: Mapped[datetime]


def add_note(session: Session, transaction: Transaction, text: str, *, by: str, at: datetime) -> SessionNote:
    """Raises Invalid for an empty note, and for one that is too long."""
    written = (printable(text.strip(), LONGEST + 1) or "").strip()
    if not 0 < len(written) <= LONGEST:
        raise Invalid("Write a note of at most %(longest)s characters.", "text", longest=LONGEST)
    note = SessionNote(transaction_id=transaction.id, text=written, written_by=by, written_at=at)
    session.add(note)
    session.flush()
    announce(session, transaction.topic)
    return note


def notes_of(session: Session, transaction: Transaction) -> Sequence[SessionNote]:
    """The oldest first."""
    query = select(SessionNote).where(SessionNote.transaction_id == transaction.id)
    return session.scalars(query.order_by(SessionNote.id)).all()
