"""Rules, and the alerts that they have raised."""

import enum
from datetime import datetime

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice


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


class AlertRule(Base):
    """Tell when something of a kind lasts longer than `after_minutes`, at one site or at any.

    `mail_to`: addresses; webhooks are told whatever the rule, if they subscribe. Between `quiet_from` and `quiet_until`
    (minutes of the day on the installation's clocks; None: never) nothing is told: what still lasts is told afterwards.
    """

    __tablename__ = "alert_rule"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[AlertKind] = mapped_column(choice(AlertKind))
    after_minutes: Mapped[int] = mapped_column(Integer)
    threshold: Mapped[int | None] = mapped_column(Integer)
    site_id: Mapped[int | None]  # no reference: a site may go, and its rule then finds nothing
    mail_to: Mapped[list[str]] = mapped_column(JSON)
    quiet_from: Mapped[int | None] = mapped_column(Integer)
    quiet_until: Mapped[int | None] = mapped_column(Integer)
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]


class Alert(Base):
    """One thing, from when a rule noticed it until it is over. `open_key` is its key while it lasts, then None.

    `told_at` None: not told, which quiet hours may cause; `ended_told_at` None: its end was not told, or need not be.
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
    since: Mapped[datetime]
    raised_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    recovered_at: Mapped[datetime | None]
    ended_told_at: Mapped[datetime | None]

    rule: Mapped[AlertRule] = relationship()
