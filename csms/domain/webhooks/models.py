"""Subscriptions, what was sent to them, and how far the looking for events has come."""

import enum
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.looking import Cursor


class Event(enum.StrEnum):
    """What can be subscribed to; PING is what a test sends, to whoever asks for it."""

    TRANSACTION_STARTED = "transaction.started"
    TRANSACTION_UPDATED = "transaction.updated"
    TRANSACTION_ENDED = "transaction.ended"
    CHARGER_ONLINE = "charger.online"
    CHARGER_OFFLINE = "charger.offline"
    CHARGER_FAULTED = "charger.faulted"
    COMMAND_SETTLED = "command.settled"
    CDR_CREATED = "cdr.created"
    PAYMENT_HELD = "payment.held"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_RELEASED = "payment.released"
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENT_FAILED = "payment.failed"
    ALERT_RAISED = "alert.raised"
    ALERT_RECOVERED = "alert.recovered"
    PING = "ping"


class DeliveryState(enum.StrEnum):
    """QUEUED: to be sent, perhaps again. DROPPED: its subscription was switched off before it could be sent."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


MISSED = "state IN ('failed', 'dropped')"  # as the rows say it that `webhooks.missed` asks for


class Webhook(Base):
    """One subscription. `secret_sealed`: what signs, as the door has sealed it. `off_why` None: it is on.

    `failures`: tries in a row that failed, the first of them at `failing_since`.
    """

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[list[str]] = mapped_column(JSON)
    secret_sealed: Mapped[str] = mapped_column(Text)
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    off_why: Mapped[str | None] = mapped_column(String(200))
    failures: Mapped[int] = mapped_column(Integer)
    failing_since: Mapped[datetime | None]
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]


class Delivery(Base):
    """One event to one subscription. `key` names the event, so that none is told twice; `body` is sent as it is."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_id", "key"),
        Index("ix_webhook_delivery_due_at", "due_at"),
        Index("ix_webhook_delivery_created_at", "created_at"),
        Index(
            "ix_webhook_delivery_missed",
            "webhook_id",
            "id",
            sqlite_where=text(MISSED),
            postgresql_where=text(MISSED),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    key: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[str] = mapped_column(String(36))
    event: Mapped[Event] = mapped_column(choice(Event))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[DeliveryState] = mapped_column(choice(DeliveryState))
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None]  # None: nothing more is done with it
    status_code: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[str | None] = mapped_column(String(300))  # its beginning, or why there was none
    took_ms: Mapped[int | None] = mapped_column(Integer)
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    webhook: Mapped[Webhook] = relationship()


class WebhookCursor(Cursor):
    """How far events of a source have been looked for."""

    __tablename__ = "webhook_cursor"


class WebhookOpen(Base):
    """A transaction whose start was told, and whose end will be."""

    __tablename__ = "webhook_open"

    transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    told_wh: Mapped[int | None]
    told_at: Mapped[datetime]
