"""What is counted against chargers: how many messages, and how many of them were not as the specification has them."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger
from csms.domain.frames import Deviation


class Subject(Base):
    """One charger with one firmware. Empty texts: it has not said what it is."""

    __tablename__ = "subject"
    __table_args__ = (UniqueConstraint("charger_id", "vendor", "model", "firmware_version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    vendor: Mapped[str] = mapped_column(String(50))
    model: Mapped[str] = mapped_column(String(50))
    firmware_version: Mapped[str] = mapped_column(String(50))
    messages: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]

    charger: Mapped[Charger] = relationship()
    deviations: Mapped[list["DeviationCount"]] = relationship(back_populates="subject")


class DeviationCount(Base):
    """How often a subject deviates in one way at one place of one action; and its newest frame that shows it."""

    __tablename__ = "deviation_count"
    __table_args__ = (UniqueConstraint("subject_id", "kind", "action", "place"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_id: Mapped[int] = mapped_column(ForeignKey("subject.id", ondelete="CASCADE"))
    kind: Mapped[Deviation] = mapped_column(choice(Deviation))
    action: Mapped[str] = mapped_column(String(64))
    place: Mapped[str] = mapped_column(String(60))
    count: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    example_frame_id: Mapped[int | None]  # its frame may be gone: the journal is not kept for ever

    subject: Mapped[Subject] = relationship(back_populates="deviations")
