"""What is kept of a connector's day, so that a year need not be reckoned from its events each time."""

from datetime import date

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from csms.domain.base import Base


class UptimeDay(Base):
    """How one connector's day (of UTC) was, in seconds. What nobody knew counts neither for nor against it.

    `excluded_s` is the part of `outage_s` that was ordered: out of service by the operator.
    """

    __tablename__ = "uptime_day"
    __table_args__ = (
        Index("ix_uptime_day_summed", "connector_id", "day", "known_s", "outage_s", "excluded_s"),
    )

    connector_id: Mapped[int] = mapped_column(
        ForeignKey("connector.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    known_s: Mapped[int] = mapped_column(Integer)
    outage_s: Mapped[int] = mapped_column(Integer)
    excluded_s: Mapped[int] = mapped_column(Integer)
