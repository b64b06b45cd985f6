"""What is let go of by age: how far that has come, and some more of it each time.

Tables that are only added to are deleted from their beginning, by their numbers, so that a portion lies together. Where
they begin now is kept: nobody walks again over what is gone, and what is missing behind that is missed.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base

PORTION = 250  # in one unit of work: chargers wait meanwhile, and each row stands in several indexes


class LetGo(Base):
    """Of what `name` calls, all up to the number `position` is gone, save what is kept for other reasons.

    The newest that is gone was of the moment `until_at`; `chain` is the hash that what follows is chained to.
    """

    __tablename__ = "let_go"

    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    position: Mapped[int]
    until_at: Mapped[datetime]
    chain: Mapped[str | None] = mapped_column(String(64))


def begin_of(session: Session, name: str) -> LetGo | None:
    """Where it begins now; None: nothing has gone yet."""
    return session.get(LetGo, name)


def note(session: Session, name: str, *, position: int, until_at: datetime, chain: str | None = None) -> None:
    """All up to there is gone."""
    begin = session.get(LetGo, name)
    if begin is None:
        begin = LetGo(name=name)
        session.add(begin)
    begin.position, begin.until_at, begin.chain = position, until_at, chain
    session.flush()


def older(rows: Iterable[Row[Any]], before: datetime) -> list[Row[Any]]:
    """The rows, each with its `moment`, up to the first that is not older."""
    found = []
    for row in rows:
        if row.moment >= before:
            break
        found.append(row)
    return found
