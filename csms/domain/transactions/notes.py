"""What people write down about a session. Notes are added, and never changed."""

from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain.base import Invalid, announce, printable
from csms.domain.transactions.models import SessionNote, Transaction

LONGEST = 2000


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
