"""What is kept of an order to a charger: what was asked, sent and answered, and what was seen of it."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, choice
from csms.domain.chargers import Charger


class CommandState(enum.StrEnum):
    """QUEUED → SENT → one of the others. UNKNOWN: we crashed or were cut off while it was in flight."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ERROR = "error"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Kind(enum.StrEnum):
    """What is ordered, in words that every version can render; RAW carries an action and payload of one version."""

    START = "start"
    STOP = "stop"
    RESET = "reset"
    UNLOCK = "unlock"
    AVAILABILITY = "availability"
    GET_CONFIGURATION = "get_configuration"
    CHANGE_CONFIGURATION = "change_configuration"
    CLEAR_CACHE = "clear_cache"
    TRIGGER = "trigger"
    DATA_TRANSFER = "data_transfer"
    RESERVE = "reserve"
    CANCEL_RESERVATION = "cancel_reservation"
    SET_PROFILE = "set_profile"
    CLEAR_PROFILE = "clear_profile"
    GET_COMPOSITE = "get_composite"
    RAISE_SECURITY = "raise_security"
    ROTATE_KEY = "rotate_key"
    NAME_OPERATOR = "name_operator"
    RENEW_CERTIFICATE = "renew_certificate"
    SEND_CERTIFICATE = "send_certificate"
    INSTALL_CERTIFICATE = "install_certificate"
    DELETE_CERTIFICATE = "delete_certificate"
    LIST_CERTIFICATES = "list_certificates"
    GET_LOCAL_LIST_VERSION = "get_local_list_version"
    SEND_LOCAL_LIST = "send_local_list"
    FETCH_DIAGNOSTICS = "fetch_diagnostics"
    FETCH_LOG = "fetch_log"
    UPDATE_FIRMWARE = "update_firmware"
    UPDATE_SIGNED_FIRMWARE = "update_signed_firmware"
    RAW = "raw"


FAILED_START = "kind = 'start' AND state IN ('rejected', 'error', 'timeout', 'expired')"

# The argument that is kept only until it is sent, and shown to nobody.
SECRET = "secret"  # noqa: S105  no password: the name of one


class Effect(enum.StrEnum):
    """What must be seen before an accepted command counts as done."""

    TRANSACTION_STARTED = "transaction_started"
    TRANSACTION_ENDED = "transaction_ended"
    BOOTED = "booted"
    STATUS_CHANGED = "status_changed"
    MESSAGE_ARRIVED = "message_arrived"
    RESERVED = "reserved"
    RELEASED = "released"
    LOG_RECEIVED = "log_received"
    FIRMWARE_INSTALLED = "firmware_installed"


class Command(Base):
    """One order to one charger. `arguments` as asked for, `action` and `payload` as sent, `answer` as it came."""

    __tablename__ = "command"
    __table_args__ = (
        Index("ix_command_charger_id_state", "charger_id", "state"),
        Index(  # few wait at any time, and every message asks
            "ix_command_awaited",
            "charger_id",
            sqlite_where=text("awaits IS NOT NULL"),
            postgresql_where=text("awaits IS NOT NULL"),
        ),
        Index("ix_command_requested_at", "requested_at"),
        Index(
            "ix_command_failed_start",  # what reports count, among all that was ever ordered
            *("requested_at", "charger_id"),
            sqlite_where=text(FAILED_START),
            postgresql_where=text(FAILED_START),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    action: Mapped[str | None] = mapped_column(String(64))
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    state: Mapped[CommandState] = mapped_column(choice(CommandState))
    answer_status: Mapped[str | None] = mapped_column(
        String(40)
    )  # the charger's word: Accepted, Scheduled, Unlocked …
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    detail: Mapped[str | None] = mapped_column(String(255))
    is_late: Mapped[bool] = mapped_column(default=False)  # the answer came after the time-out

    awaits: Mapped[Effect | None] = mapped_column(choice(Effect))  # the effect that is still waited for
    effect: Mapped[Effect | None] = mapped_column(choice(Effect))
    effect_key: Mapped[str | None] = mapped_column(String(64))  # which boot, status or message counts
    effect_evse: Mapped[int | None] = mapped_column(Integer)
    effect_id_tag: Mapped[str | None] = mapped_column(String(255))
    effect_text: Mapped[str | None] = mapped_column(String(120))
    effect_by: Mapped[datetime | None]
    transaction_id: Mapped[int | None]

    requested_by: Mapped[str | None] = mapped_column(String(80))
    is_automatic: Mapped[bool] = mapped_column(default=False)  # nobody ordered it: quiet mode forbids it
    requested_at: Mapped[datetime]
    deliver_until: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(String(36), index=True)
    epoch: Mapped[int | None]
    answer_by: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    observed_at: Mapped[datetime | None]
    put_away_at: Mapped[datetime | None]  # left out of programs' lists from then on

    charger: Mapped[Charger] = relationship()

    @property
    def is_waiting(self) -> bool:
        """True while something more can be expected of it."""
        is_on_its_way = self.state in (CommandState.QUEUED, CommandState.SENT)
        return is_on_its_way or (self.state is CommandState.ACCEPTED and self.awaits is not None)

    @property
    def topic(self) -> str:
        return f"command:{self.id}"

    @property
    def outcome_topic(self) -> str:
        """On which those hear of it who wait for its answer or its effect, and not for its way to the charger."""
        return outcome_topic(self.id)

    @property
    def open_arguments(self) -> dict[str, Any]:
        """What was asked for, as anybody may see it."""
        return {name: value for name, value in self.arguments.items() if name != SECRET}


def outcome_topic(command_id: str) -> str:
    return f"outcome:{command_id}"
