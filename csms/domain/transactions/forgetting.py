"""Readings are kept for some time, and then let go of. What a meter has signed stays with the bill that it proves."""

from datetime import datetime

from sqlalchemy import Select, delete, func, not_, select
from sqlalchemy.orm import Session

from csms.domain import letting_go
from csms.domain.transactions.models import READINGS, Reading
from csms.domain.transactions.signed import is_signed


def forget_readings(session: Session, before: datetime) -> int:
    """Let go of a portion of the readings that came before then; of how many was looked whether they may.

    The newest of all stays, or SQLite would give its number again.
    """
    query = _after_begin(session)
    if not letting_go.older(session.execute(query.limit(1)), before):
        return 0
    gone = letting_go.older(session.execute(query.limit(letting_go.PORTION)), before)
    first, last = gone[0].number, gone[-1].number
    theirs = delete(Reading).where(Reading.id.between(first, last), not_(is_signed()))
    session.execute(theirs.execution_options(synchronize_session=False))
    letting_go.note(session, READINGS, position=last, until_at=max(x.moment for x in gone))
    return len(gone)


def oldest_reading(session: Session) -> datetime | None:
    """When the first of those came that are still to go; None: there is none."""
    row = session.execute(_after_begin(session).limit(1)).first()
    return None if row is None else row.moment


def gone_until(session: Session) -> datetime | None:
    """Readings that came until then are gone; None: all are there."""
    begin = letting_go.begin_of(session, READINGS)
    return None if begin is None else begin.until_at


def _after_begin(session: Session) -> Select[int, datetime]:
    begin = letting_go.begin_of(session, READINGS)
    newest = select(func.max(Reading.id)).scalar_subquery()
    query = select(Reading.id.label("number"), Reading.received_at.label("moment")).where(Reading.id < newest)
    if begin is not None:
        query = query.where(Reading.id > begin.position)
    return query.order_by(Reading.id)
