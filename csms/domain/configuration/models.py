"""What chargers shall be set to, and how far each of them has come."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger


class Apply(enum.StrEnum):
    """When what a template wants is written without anybody ordering it."""

    NEVER = "never"
    ON_BOOT = "on_boot"


class WriteAnswer(enum.StrEnum):
    """What a charger said to the writing of a key."""

    ACCEPTED = "accepted"
    NEEDS_RESET = "needs_reset"
    REJECTED = "rejected"
    NOT_SUPPORTED = "not_supported"


class Template(Base):
    """Keys and their wanted values for the chargers that it matches. Where several match, the lowest `priority` wins.

    A pattern that is None matches every charger; see `rules.matches` for the others.
    """

    __tablename__ = "configuration_template"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    vendor: Mapped[str | None] = mapped_column(String(80))
    model: Mapped[str | None] = mapped_column(String(80))
    firmware: Mapped[str | None] = mapped_column(String(80))
    site: Mapped[str | None] = mapped_column(String(80))
    priority: Mapped[int] = mapped_column(Integer)
    wanted: Mapped[dict[str, str]] = mapped_column(JSON)
    apply: Mapped[Apply] = mapped_column(choice(Apply))
    resets: Mapped[bool] = mapped_column(
        default=False
    )  # a key that asks for a reset gets one when nobody charges
    keeps_list: Mapped[bool | None]  # its chargers keep a local list; None: it does not say
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Upkeep(Base):
    """What is due at one charger. A moment in a `*_due_at` is work for a job; whoever ordered it stands beside it."""

    __tablename__ = "configuration_upkeep"

    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    read_due_at: Mapped[datetime | None] = mapped_column(index=True)
    read_by: Mapped[str | None] = mapped_column(String(80))
    unread: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # None: all that it tells
    reads: Mapped[int] = mapped_column(Integer, default=0)  # how often it was asked in vain
    is_after_boot: Mapped[bool] = mapped_column(default=False)
    read_at: Mapped[datetime | None]  # when all of it was read last
    most_keys: Mapped[int | None] = mapped_column(Integer)  # that it tells at a time

    apply_due_at: Mapped[datetime | None] = mapped_column(index=True)
    apply_by: Mapped[str | None] = mapped_column(String(80))

    needs_reset: Mapped[bool] = mapped_column(default=False)  # a key was written that waits for one
    reset_due_at: Mapped[datetime | None] = mapped_column(index=True)
    reset_by: Mapped[str | None] = mapped_column(String(80))
    resets: Mapped[int] = mapped_column(Integer, default=0)

    boots: Mapped[list[Any]] = mapped_column(JSON)  # the last few, in s since 1970
    halted_at: Mapped[datetime | None] = mapped_column(
        index=True
    )  # it booted again and again: nothing is written

    charger: Mapped[Charger] = relationship()


class KeyWrite(Base):
    """The last writing of one key at one charger, and how often it was written on that day (UTC)."""

    __tablename__ = "configuration_write"
    __table_args__ = (UniqueConstraint("charger_id", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    name: Mapped[str] = mapped_column(String(50))  # in small letters: names of keys have no case
    value: Mapped[str | None] = mapped_column(Text)
    written_by: Mapped[str | None] = mapped_column(String(80))
    written_at: Mapped[datetime]
    count: Mapped[int] = mapped_column(Integer)
    command_id: Mapped[str | None] = mapped_column(String(36))
    answer: Mapped[WriteAnswer | None] = mapped_column(choice(WriteAnswer))
