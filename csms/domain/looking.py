"""Looking for what is new in tables that are only added to. Who adds pays nothing for it.

Each look begins a little before where the last one ended, for on PostgreSQL numbers need not be committed in their
order: whoever looks must know what was seen before.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, String, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from csms.domain.base import Base

OVERLAP = 200
OVERLAP_S = timedelta(seconds=30)
MOST = 1_000  # rows of a source at once; the rest is found at the next look


class Cursor(Base):
    """How far a source has been looked through. `looked_at` is when it last moved."""

    __abstract__ = True

    source: Mapped[str] = mapped_column(String(24), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    looked_at: Mapped[datetime]


def fresh(session: Session, cursor: Cursor, number: InstrumentedAttribute[int], at: datetime) -> list[Any]:
    """Rows from a little before the cursor on; the cursor is moved. Where nothing has come for long enough, nothing is
    read again and again.
    """
    newest = session.scalar(select(func.max(number))) or 0
    if newest <= cursor.position and cursor.looked_at < at - OVERLAP_S:
        return []
    query = select(number.class_).where(number > cursor.position - OVERLAP).order_by(number).limit(MOST)
    rows = list(session.scalars(query))
    position = max([cursor.position, *(x.id for x in rows)])
    if position > cursor.position:
        cursor.position = position
        cursor.looked_at = at if len(rows) < MOST else cursor.looked_at  # what is left is not old
    return rows
