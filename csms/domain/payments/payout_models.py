"""What a payment provider transfers to the operator's bank, and what each transfer is made of."""

import enum
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.payments.models import Payment


class PayoutState(enum.StrEnum):
    """How far the money is. A bank may send back what was PAID: then it is FAILED."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"


class LineKind(enum.StrEnum):
    """What a line of a payout is. OTHER: disputes, corrections, whatever else the provider settles with us."""

    CAPTURE = "capture"
    REFUND = "refund"
    FEE = "fee"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PayoutTold:
    """What a provider tells of a payout, in cents of its currency; less than 0 is what the bank owes the provider.

    `is_itemised`: the provider can tell what it is made of; `is_complete`: and nothing more will be added to it.
    """

    reference: str
    state: PayoutState
    cents: int
    currency: str
    made_at: datetime
    arrives_on: date
    reason: str | None = None
    is_itemised: bool = True
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class LineTold:
    """What a provider tells of one line, in cents of the payout's currency: refunds and fees owed are less than 0.

    `fee_cents` is what the provider keeps of it. `intent`: its name for the payment that it is about.
    """

    reference: str
    kind: LineKind
    cents: int
    fee_cents: int
    at: datetime
    note: str | None = None
    intent: str | None = None


class Payout(Base):
    """One transfer to the bank, under the provider's name for it. `lines_at`: when all of its lines were read."""

    __tablename__ = "payout"
    __table_args__ = (
        UniqueConstraint("provider", "reference"),
        Index("ix_payout_arrives_on_id", "arrives_on", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(String(255))
    state: Mapped[PayoutState] = mapped_column(choice(PayoutState))
    currency: Mapped[str] = mapped_column(String(3))
    amount_cents: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(index=True)
    arrives_on: Mapped[date]
    reason: Mapped[str | None] = mapped_column(String(255))
    is_itemised: Mapped[bool]
    lines_at: Mapped[datetime | None]


class PayoutLine(Base):
    """A capture, a refund or a fee within a payout. `payment_id` None: nothing here is known of it."""

    __tablename__ = "payout_line"
    __table_args__ = (UniqueConstraint("payout_id", "reference"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    payout_id: Mapped[int] = mapped_column(ForeignKey("payout.id", ondelete="CASCADE"))
    reference: Mapped[str] = mapped_column(String(255))
    kind: Mapped[LineKind] = mapped_column(choice(LineKind))
    amount_cents: Mapped[int]
    fee_cents: Mapped[int]
    at: Mapped[datetime]
    note: Mapped[str | None] = mapped_column(String(255))
    intent: Mapped[str | None] = mapped_column(String(255))
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("payment.id", ondelete="SET NULL"), index=True)

    payment: Mapped[Payment | None] = relationship()

    @property
    def net_cents(self) -> int:
        """What of it is in the transfer."""
        return self.amount_cents - self.fee_cents


class PayoutRound(Base):
    """When a provider is asked for its payouts, and what it said last if it told none. One row for each provider."""

    __tablename__ = "payout_round"

    provider: Mapped[str] = mapped_column(String(16), primary_key=True)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    told_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(255))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
