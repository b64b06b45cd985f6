"""Rules, the alerts that they have raised, and the channels by which these are told."""

import enum
from datetime import datetime

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.webhooks import DeliveryState


class AlertKind(enum.StrEnum):
    """What is looked for. LOW_SUCCESS: of the starts of a day fewer succeed than the rule's threshold, in per cent."""

    OFFLINE = "offline"
    FAULTED = "faulted"
    REFUSED = "refused"
    PENDING = "pending"
    BOOT_LOOP = "boot_loop"
    SECURITY = "security"
    CERTIFICATE = "certificate"
    UNBILLED = "unbilled"
    DOUBTFUL = "doubtful"
    SILENT = "silent"
    DRIFT = "drift"
    LOW_SUCCESS = "low_success"
    GRID_LIMIT = "grid_limit"
    TROUBLE = "trouble"
    PAYMENT = "payment"
    MAIL = "mail"
    WEBHOOK = "webhook"
    PEER = "peer"
    FORWARDING = "forwarding"


class Severity(enum.StrEnum):
    """How much of a hurry there is."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"


SEVERITIES = {
    AlertKind.FAULTED: Severity.CRITICAL,
    AlertKind.SECURITY: Severity.CRITICAL,
    AlertKind.GRID_LIMIT: Severity.CRITICAL,
    AlertKind.PENDING: Severity.NOTICE,
    AlertKind.DOUBTFUL: Severity.NOTICE,
    AlertKind.DRIFT: Severity.NOTICE,
}  # WARNING: all others


class AlertRule(Base):
    """Tell when something of a kind lasts longer than `after_minutes`, at one site or at any.

    `mail_to`: addresses; `channel_ids`: of AlertChannels; webhooks are told whatever the rule, if they subscribe.
    Between `quiet_from` and `quiet_until` (minutes of the day on the installation's clocks; None: never) nothing is
    told: what still lasts is told afterwards.
    """

    __tablename__ = "alert_rule"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[AlertKind] = mapped_column(choice(AlertKind))
    after_minutes: Mapped[int] = mapped_column(Integer)
    threshold: Mapped[int | None] = mapped_column(Integer)
    site_id: Mapped[int | None]  # no reference: a site may go, and its rule then finds nothing
    mail_to: Mapped[list[str]] = mapped_column(JSON)
    channel_ids: Mapped[list[int]] = mapped_column(JSON)
    quiet_from: Mapped[int | None] = mapped_column(Integer)
    quiet_until: Mapped[int | None] = mapped_column(Integer)
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]


class Alert(Base):
    """One thing, from when a rule noticed it until it is over. `open_key` is its key while it lasts, then None.

    `told_at` None: not told, which quiet hours may cause; `ended_told_at` None: its end was not told, or need not be.
    `acknowledged_by` has it in hand. `snoozed_until`: it is told then, once more if need be, if it still lasts.
    """

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("rule_id", "open_key"),
        Index("ix_alert_raised_at", "raised_at"),
        Index("ix_alert_recovered_at", "recovered_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id"))
    open_key: Mapped[str | None] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200))
    path: Mapped[str] = mapped_column(String(200))  # the page where it is looked at
    identity: Mapped[str | None] = mapped_column(String(48))  # of the charger that it is about, if of one
    since: Mapped[datetime]
    raised_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    recovered_at: Mapped[datetime | None]
    ended_told_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(80))
    snoozed_until: Mapped[datetime | None]

    rule: Mapped[AlertRule] = relationship()

    @property
    def severity(self) -> Severity:
        return SEVERITIES.get(self.rule.kind, Severity.WARNING)


class ChannelKind(enum.StrEnum):
    NTFY = "ntfy"
    MQTT = "mqtt"


class AlertChannel(Base):
    """Where the alerts of rules go beside mailboxes and webhooks. `url`: of an ntfy topic, or of an MQTT broker.

    `secret_sealed`: ntfy's access token or the password of `user`, as the door has sealed it. `topic_prefix`: where in
    a broker's topics. `answer`: why the latest message was not delivered; None: it was, or there was none.
    `removed_at`: it is gone for everybody, and stays only until its broker has been cleared.
    """

    __tablename__ = "alert_channel"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[ChannelKind] = mapped_column(choice(ChannelKind))
    url: Mapped[str] = mapped_column(String(500))
    user: Mapped[str | None] = mapped_column(String(120))
    secret_sealed: Mapped[str | None] = mapped_column(Text)
    topic_prefix: Mapped[str | None] = mapped_column(String(120))
    answer: Mapped[str | None] = mapped_column(String(300))
    tried_at: Mapped[datetime | None]
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class AlertMessage(Base):
    """One alert or its end to one channel; `alert_id` None: a test, or that nothing stands there any more.

    `topic` names what it is about in the channel: a newer message about the same takes the place of one that waits.
    """

    __tablename__ = "alert_message"
    __table_args__ = (
        Index("ix_alert_message_due_at", "due_at"),
        Index("ix_alert_message_alert_id", "alert_id"),
        Index("ix_alert_message_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("alert_channel.id"))
    alert_id: Mapped[int | None] = mapped_column(BigInteger)  # no reference: a rule may go with its alerts
    topic: Mapped[str] = mapped_column(String(250))
    body: Mapped[str] = mapped_column(Text)  # JSON; empty: what the broker retains is cleared
    state: Mapped[DeliveryState] = mapped_column(choice(DeliveryState))
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None]  # None: nothing more is done with it
    answer: Mapped[str | None] = mapped_column(String(300))  # why it was not delivered
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    channel: Mapped[AlertChannel] = relationship()
