"""A signal as it came, and what of it went to which charger."""

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger


class SignalKind(enum.StrEnum):
    """TARIFF: the price of a kWh at the substation's sites. CAPACITY: the most that a site may draw, in W."""

    TARIFF = "tariff"
    CAPACITY = "capacity"


class DsoSignal(Base):
    """`number` is the sender's; `periods` a list of {begins_at, ends_at, value}, in order and none over another.

    `told`: what the sender wrote, to be told again as it was. `task_id`: by which programs that did not wait ask what
    became of it.
    """

    __tablename__ = "dso_signal"
    __table_args__ = (
        Index("ix_dso_signal_ends_at", "ends_at"),
        Index("ix_dso_signal_number", "number"),
        Index("ix_dso_signal_task_id", "task_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    uuid: Mapped[str] = mapped_column(String(36))
    task_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[SignalKind] = mapped_column(choice(SignalKind))
    substation_id: Mapped[str] = mapped_column(String(80))
    location_name: Mapped[str | None] = mapped_column(String(80))
    sent_at: Mapped[datetime]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    periods: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    currency: Mapped[str | None] = mapped_column(String(3))
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(80))

    @property
    def windows(self) -> list[tuple[datetime, datetime, Decimal]]:
        moments = datetime.fromisoformat
        return [(moments(x["begins_at"]), moments(x["ends_at"]), Decimal(x["value"])) for x in self.periods]


class DsoDelivery(Base):
    """That a signal concerns a charger. `assignment_id`: the profile that carries it; `problem`: why there is none."""

    __tablename__ = "dso_delivery"

    signal_id: Mapped[int] = mapped_column(ForeignKey("dso_signal.id"), primary_key=True, autoincrement=False)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    assignment_id: Mapped[int | None]
    problem: Mapped[str | None] = mapped_column(String(300))

    charger: Mapped[Charger] = relationship()
