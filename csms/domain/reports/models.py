"""What is kept of connectors' days and of sessions, so that a year need not be reckoned from them each time."""

import enum
from datetime import date

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csms.domain.base import Base, BigId


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


class Counted(enum.StrEnum):
    """What there are registers of: each charger, each driver (0: sessions of nobody), and all chargers together (0)."""

    FLEET = "fleet"
    CHARGER = "charger"
    DRIVER = "driver"


class SessionMeter(Base):
    """Counts what ended sessions have brought, for a `key` of its `kind`, in one currency (empty: without a price)."""

    __tablename__ = "session_meter"
    __table_args__ = (UniqueConstraint("kind", "key", "is_simulated", "currency"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[Counted] = mapped_column(String(8))
    key: Mapped[int] = mapped_column(index=True)
    is_simulated: Mapped[bool]
    currency: Mapped[str] = mapped_column(String(3))


class _Sums:
    """How many sessions, how many of them gave energy, their Wh, milliseconds and cents."""

    sessions: Mapped[int]
    charged: Mapped[int]
    energy_wh: Mapped[int]
    lasted_ms: Mapped[int]
    cents: Mapped[int]


class SessionRegister(_Sums, Base):
    """The registers of a meter at the end of a quarter of an hour in which they moved: all that was ever counted.

    What a period brought is the difference of two of them. Days begin at a quarter in every time zone, so that
    registers are none of a zone's. `quarter`: see `quarter_of`.
    """

    __tablename__ = "session_register"
    __table_args__ = ({"sqlite_with_rowid": False},)

    meter_id: Mapped[int] = mapped_column(
        ForeignKey("session_meter.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    quarter: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)


class SessionChange(_Sums, Base):
    """What a session brought, or with a minus brings no more, until a round has counted it.

    Triggers of the database write it, in the transaction that changes the session: whatever ends, corrects, moves or
    deletes one need not know of it. Registers and changes together are always what the sessions say.
    """

    __tablename__ = "session_change"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    quarter: Mapped[int]
    charger_id: Mapped[int]
    account_id: Mapped[int]
    is_simulated: Mapped[bool]
    currency: Mapped[str] = mapped_column(String(3))
