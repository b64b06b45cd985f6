"""What is kept of a connector's day, so that a year need not be reckoned from its events each time."""

from datetime import date

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from csms.domain.base import Base


class UptimeRegister(Base):
    """One connector's registers at the end of a day (of UTC), in seconds since it is reckoned; there is one each day.

    As with a meter, what a period brought is the difference of two of them: no sum over its days is needed. What
    nobody knew counts neither for nor against a connector. `excluded_total_s` is the part of `outage_total_s` that was
    ordered: out of service by the operator.
    """

    __tablename__ = "uptime_register"
    __table_args__ = (
        Index("ix_uptime_register_connector_id_day", "connector_id", "day"),
        {"sqlite_with_rowid": False},  # a day's registers lie together, where reports look for all of them
    )

    day: Mapped[date] = mapped_column(primary_key=True)
    connector_id: Mapped[int] = mapped_column(
        ForeignKey("connector.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    known_total_s: Mapped[int] = mapped_column(Integer)
    outage_total_s: Mapped[int] = mapped_column(Integer)
    excluded_total_s: Mapped[int] = mapped_column(Integer)
