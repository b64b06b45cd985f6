"""Ranges of slots with a value. None is edited: a later one takes its place, so that a day can be told afterwards."""

import enum
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from csms.domain.base import Base, BigId, choice


class SlotKind(enum.StrEnum):
    """TARIFF: the price of a kWh, VAT included. CAPACITY: the most that may be drawn, in W."""

    TARIFF = "tariff"
    CAPACITY = "capacity"


class SlotRange(Base):
    """From slot `starts` to before slot `ends` of each day, from `begins_at` to before `ends_at`.

    `value` None gives the slots back. One of a signal (`signal_id`) goes before those that people write, and a later
    one before an earlier one. Slots are those of `time_zone`; `currency` is the price's where no tariff has one.
    """

    __tablename__ = "slot_range"
    __table_args__ = (
        Index("ix_slot_range_connector_id_kind", "connector_id", "kind"),
        Index("ix_slot_range_kind_ends_at", "kind", "ends_at"),
        Index("ix_slot_range_signal_id", "signal_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    connector_id: Mapped[int] = mapped_column(ForeignKey("connector.id"))
    kind: Mapped[SlotKind] = mapped_column(choice(SlotKind))
    starts: Mapped[int] = mapped_column(Integer)
    ends: Mapped[int] = mapped_column(Integer)
    value: Mapped[Decimal | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    time_zone: Mapped[str] = mapped_column(String(64))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    signal_id: Mapped[int | None]
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
