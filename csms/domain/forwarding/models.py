"""What is kept of a charger's second backend, in words that every version of the protocol can be put in."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, choice
from csms.domain.chargers import Charger


class Traffic(enum.StrEnum):
    """What a second backend may be told. Boots and heartbeats always go: without them there is no connection."""

    SESSIONS = "sessions"  # their beginning and end, and their meter values
    CARDS = "cards"  # a card is shown before a session
    STATUS = "status"  # of connectors
    UPKEEP = "upkeep"  # firmware and diagnostics
    VENDOR = "vendor"  # what a manufacturer has added


class Permit(enum.StrEnum):
    """What a second backend may ask of the charger."""

    START = "start"
    STOP = "stop"
    UNLOCK = "unlock"
    AVAILABILITY = "availability"
    RESET = "reset"
    TRIGGER = "trigger"
    PROFILES = "profiles"
    CONFIGURATION = "configuration"  # to read it
    VENDOR = "vendor"


class ForwardState(enum.StrEnum):
    """WAITING: nobody has taken it yet. IDLE: the charger is away itself, and everything is told."""

    WAITING = "waiting"
    IDLE = "idle"
    CONNECTED = "connected"
    AWAY = "away"
    NOT_ACCEPTED = "not_accepted"  # it is there, and does not let the charger in (1.6 §4.2)


class Forwarder(Base):
    """One charger's second backend. `password_sealed`: as the door has sealed it; None: it asks for none.

    `cursor`: the id of the journal's last entry that is settled. `differences`: the latest answers that were not as
    ours, newest first. `revision`: grows with each change of a person's, so that whoever forwards begins anew.
    """

    __tablename__ = "forwarder"

    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(String(500))
    identity: Mapped[str] = mapped_column(String(48))
    password_sealed: Mapped[str | None] = mapped_column(Text)
    traffic: Mapped[list[str]] = mapped_column(JSON)
    permits: Mapped[list[str]] = mapped_column(JSON)  # empty: it may ask nothing
    cards: Mapped[list[str]] = mapped_column(JSON)  # numbers, or groups; empty: everybody's sessions
    is_paused: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]

    cursor: Mapped[int]
    lasting: Mapped[list[str]] = mapped_column(
        JSON
    )  # actions that wait, in the words of the charger's version
    state: Mapped[ForwardState] = mapped_column(choice(ForwardState))
    state_at: Mapped[datetime]
    detail: Mapped[str | None] = mapped_column(String(255))
    away_since: Mapped[datetime | None]  # since when it has not been reached, until it is
    next_try_at: Mapped[datetime | None]
    sent: Mapped[int] = mapped_column(Integer, default=0)
    refused: Mapped[int] = mapped_column(Integer, default=0)
    answered_at: Mapped[datetime | None]
    last_refusal: Mapped[str | None] = mapped_column(String(255))
    compared: Mapped[int] = mapped_column(Integer, default=0)
    differing: Mapped[int] = mapped_column(Integer, default=0)
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None]

    charger: Mapped[Charger] = relationship()

    @property
    def is_mirror(self) -> bool:
        """Does it only listen?"""
        return not self.permits


class ForwardedTransaction(Base):
    """A transaction under its two names: ours, and the one that the second backend has given it."""

    __tablename__ = "forwarded_transaction"
    __table_args__ = (Index("ix_forwarded_transaction_charger_id_theirs", "charger_id", "theirs"),)

    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    ours: Mapped[str] = mapped_column(String(64), primary_key=True)
    theirs: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
