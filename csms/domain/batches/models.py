"""What is kept of an order to many chargers."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger
from csms.domain.commands import Command, Kind
from csms.sentences import told

OFFLINE_WORDS = told("It is offline.")  # why most are left out; by these words they are found again


class BatchState(enum.StrEnum):
    """RUNNING: some are still to be asked. DONE: all have been; what they answer is told by their commands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class ItemState(enum.StrEnum):
    """ASKED: its command tells the rest. SKIPPED: left out, `detail` says why. OFFLINE: gone when its turn came."""

    WAITING = "waiting"
    ASKED = "asked"
    SKIPPED = "skipped"
    OFFLINE = "offline"
    CANCELLED = "cancelled"


class Batch(Base):
    """One order to many. `per_minute` None: as fast as it goes. `source_id`: the batch that it repeats."""

    __tablename__ = "command_batch"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    includes_busy: Mapped[bool] = mapped_column(default=False)  # also where it interrupts somebody
    per_minute: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[BatchState] = mapped_column(choice(BatchState))
    next_at: Mapped[datetime | None] = mapped_column(index=True)  # when the next are asked
    source_id: Mapped[str | None] = mapped_column(String(36))
    requested_by: Mapped[str | None] = mapped_column(String(80))
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # when the last was asked, or the rest was cancelled

    @property
    def topic(self) -> str:
        return f"batch:{self.id}"


class Item(Base):
    """One charger's turn, or one connector's. In the order of their ids."""

    __tablename__ = "command_batch_item"
    __table_args__ = (Index("ix_command_batch_item_batch_id_state", "batch_id", "state"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("command_batch.id"))
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), index=True)
    evse: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[ItemState] = mapped_column(choice(ItemState))
    detail: Mapped[str | None] = mapped_column(String(255))
    command_id: Mapped[str | None] = mapped_column(ForeignKey("command.id"), index=True)

    charger: Mapped[Charger] = relationship()
    command: Mapped[Command | None] = relationship()
