"""Charge detail records."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId
from csms.domain.tariffs import TariffVersion


class Cdr(Base):
    """One record. `body` has what OCPI tells beyond the columns, its numbers as text; the tariff is in its version.

    `transaction_id` has no foreign key: both rows may be new in one unit of work, in any order.
    """

    __tablename__ = "cdr"
    __table_args__ = (UniqueConstraint("uuid"), UniqueConstraint("credit_of"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36))
    credit_of: Mapped[str | None] = mapped_column(String(36))  # the uuid of the record that it takes back
    transaction_id: Mapped[int] = mapped_column(index=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    tariff_version_id: Mapped[int | None] = mapped_column(ForeignKey("tariff_version.id"))
    id_tag: Mapped[str | None] = mapped_column(String(255))
    is_remote: Mapped[bool] = mapped_column(Boolean)  # it was started by an order
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    energy_wh: Mapped[int]
    duration_s: Mapped[int] = mapped_column(Integer)
    idle_s: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3))  # empty: it cost nothing, in no currency
    total_cents: Mapped[int]  # VAT included; negative in a credit
    vat_cents: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(index=True)
    withdrawn_at: Mapped[datetime | None]  # deleted by a person: told no more, and kept

    tariff_version: Mapped[TariffVersion | None] = relationship()
