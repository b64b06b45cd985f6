"""What can be subscribed to, and who has."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.accounts import Account
from csms.domain.base import Base, BigId


class SubscriptionState(enum.StrEnum):
    """OVERDUE: the account cannot pay the next period. CANCELLED: it runs out with the period that is paid."""

    ACTIVE = "active"
    OVERDUE = "overdue"
    CANCELLED = "cancelled"
    ENDED = "ended"


class SubscriptionProduct(Base):
    """An offer: each period of `renewal_days` costs `price_cents` and brings credit in money or kWh.

    `is_open`: drivers may subscribe by themselves.
    """

    __tablename__ = "subscription_product"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str | None] = mapped_column(String(500))
    price_cents: Mapped[int]
    included_cents: Mapped[int]
    included_wh: Mapped[int]
    renewal_days: Mapped[int] = mapped_column(Integer)
    is_open: Mapped[bool]
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]  # nobody new subscribes to it


class Subscription(Base):
    """An account's, with what it was agreed to cost and bring; a product that changes later changes nothing here.

    `next_renewal_at`: until then it is paid; None: it is over. `look_at`: when the job looks at it.
    """

    __tablename__ = "subscription"
    __table_args__ = (Index("ix_subscription_look_at", "look_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("subscription_product.id"), index=True)
    price_cents: Mapped[int]
    included_cents: Mapped[int]
    included_wh: Mapped[int]
    renewal_days: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime]
    next_renewal_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]
    periods: Mapped[int] = mapped_column(Integer)
    overdue_since: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[str | None] = mapped_column(String(80))
    ended_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()
    product: Mapped[SubscriptionProduct] = relationship()

    @property
    def state(self) -> SubscriptionState:
        if self.ended_at is not None:
            return SubscriptionState.ENDED
        if self.cancelled_at is not None:
            return SubscriptionState.CANCELLED
        return SubscriptionState.OVERDUE if self.overdue_since is not None else SubscriptionState.ACTIVE
