"""What drivers tell of a station that does not do what it should: for a person to look at."""

import enum
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, Select, String, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from csms.domain.base import Base, BigId, NotFound, announce, choice, printable
from csms.domain.chargers import Charger, Connector

LONGEST_WORDS = 300


class TroubleKind(enum.StrEnum):
    """What is the matter, as a driver sees it."""

    NO_START = "no_start"
    NO_STOP = "no_stop"
    STUCK = "stuck"
    DAMAGED = "damaged"
    OTHER = "other"


class Trouble(Base):
    """One kind of trouble at one connector, told once or more often, until somebody has looked. `words`: the newest."""

    __tablename__ = "trouble"
    __table_args__ = (Index("ix_trouble_charger_id_closed_at", "charger_id", "closed_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    evse_number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[TroubleKind] = mapped_column(choice(TroubleKind))
    words: Mapped[str | None] = mapped_column(String(LONGEST_WORDS))
    count: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_by: Mapped[str | None] = mapped_column(String(80))

    charger: Mapped[Charger] = relationship()


def tell(session: Session, connector: Connector, kind: TroubleKind, words: str, *, at: datetime) -> Trouble:
    """Keep what a driver tells; the same again is counted."""
    query = _open().where(
        Trouble.charger_id == connector.charger_id,
        Trouble.evse_number == connector.evse_number,
        Trouble.kind == kind,
    )
    known = session.scalar(query.limit(1))
    if known is None:
        known = Trouble(
            charger_id=connector.charger_id,
            evse_number=connector.evse_number,
            kind=kind,
            count=0,
            first_at=at,
        )
        session.add(known)
    known.count += 1
    known.last_at = at
    known.words = printable(words.strip(), LONGEST_WORDS) or known.words
    session.flush()
    announce(session, f"charger:{connector.charger_id}", "fleet")
    return known


def close(session: Session, trouble_id: int, *, by: str, at: datetime) -> Trouble:
    """Somebody has looked. Raises NotFound."""
    found = session.get(Trouble, trouble_id, options=[joinedload(Trouble.charger)])
    if found is None:
        raise NotFound("There is no such report.")
    if found.closed_at is None:
        found.closed_at, found.closed_by = at, printable(by, 80)
        announce(session, found.charger.topic, "fleet")
    return found


def open_ones(session: Session, *, limit: int) -> Sequence[Trouble]:
    """Those that nobody has looked at, the oldest first."""
    query = _open().options(joinedload(Trouble.charger).joinedload(Charger.lease))
    return session.scalars(query.order_by(Trouble.first_at).limit(limit)).all()


def open_at(session: Session, connector: Connector) -> Sequence[Trouble]:
    """What has been told of a connector, and nobody has looked at, the newest first."""
    query = _open().where(
        Trouble.charger_id == connector.charger_id, Trouble.evse_number == connector.evse_number
    )
    return session.scalars(query.order_by(Trouble.last_at.desc())).all()


def _open() -> Select[Trouble]:
    return select(Trouble).where(Trouble.closed_at.is_(None))
