"""Places kept for a card (1.6 §3.11)."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.accounts import Account
from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger


class ReservationState(enum.StrEnum):
    """PLANNED until its time comes; REQUESTED of the charger; RESERVED when that has said yes; then one of the others.

    EXPIRED: nobody came (a no-show). REFUSED: the charger would not. LOST: the charger has let go of it, or nobody
    knows whether it ever kept it.
    """

    PLANNED = "planned"
    REQUESTED = "requested"
    RESERVED = "reserved"
    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    LOST = "lost"


OPEN = (ReservationState.PLANNED, ReservationState.REQUESTED, ReservationState.RESERVED)


class Reservation(Base):
    """A place kept for one card, or for the cards of `parent_uid` as well, from `starts_at` to `expires_at`.

    `id` is what the charger is given: unique over all chargers. `evse` 0 is any connector of the charger.
    """

    __tablename__ = "reservation"
    __table_args__ = (
        Index("ix_reservation_charger_id_state", "charger_id", "state"),
        Index("ix_reservation_state_starts_at", "state", "starts_at"),
        Index("ix_reservation_starts_at", "starts_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    evse: Mapped[int] = mapped_column(Integer)
    id_tag: Mapped[str] = mapped_column(String(20))
    parent_uid: Mapped[str | None] = mapped_column(String(20))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[ReservationState] = mapped_column(choice(ReservationState))
    detail: Mapped[str | None] = mapped_column(String(255))  # why it is in this state, for people
    answer_status: Mapped[str | None] = mapped_column(String(40))  # the charger's word
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    reserved_at: Mapped[datetime | None]  # when the charger said yes
    seen_at: Mapped[datetime | None]  # when the connector said so itself, or the charger has restarted since
    ended_at: Mapped[datetime | None]
    command_id: Mapped[str | None] = mapped_column(String(36))
    cancel_command_id: Mapped[str | None] = mapped_column(String(36))
    transaction_id: Mapped[int | None] = mapped_column(index=True)  # which used it

    charger: Mapped[Charger] = relationship()
    account: Mapped[Account | None] = relationship()

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_cancelling(self) -> bool:
        """The charger has been asked to let go of it, and has not said yes yet."""
        return self.is_open and self.cancel_command_id is not None

    @property
    def topic(self) -> str:
        return f"reservation:{self.id}"
