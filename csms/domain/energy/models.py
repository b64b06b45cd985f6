"""Charging profiles: kept once, assigned to chargers, and what became of each."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger
from csms.domain.commands import Command
from csms.domain.energy.profiles import Profile, Purpose, RateUnit, from_content


class Ended(enum.StrEnum):
    """Why an assignment is no more."""

    CLEARED = "cleared"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"  # before it was sent
    OVER = "over"  # with its session
    REFUSED = "refused"  # and nobody has tried again


class ChargingProfile(Base):
    """A profile that is kept, to be given to any number of chargers. `content` as profiles.to_content writes it."""

    __tablename__ = "charging_profile"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str | None] = mapped_column(String(300))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    @property
    def profile(self) -> Profile:
        return from_content(self.content)


class ProfileAssignment(Base):
    """A profile that is meant for a charger (EVSE 0) or an EVSE, as it was when it was assigned.

    `number` is the charger's id for it: the same again replaces. What became of it is told by its newest command, the
    charger's last boot and the transaction: see queries.held. `transaction_id` None: of none, or of the one that the
    command begins.
    """

    __tablename__ = "charging_profile_assignment"
    __table_args__ = (
        Index("ix_charging_profile_assignment_charger_id_ended_at", "charger_id", "ended_at"),
        Index("ix_charging_profile_assignment_transaction_id", "transaction_id"),
        Index("ix_charging_profile_assignment_command_id", "command_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    profile_id: Mapped[int | None] = mapped_column(ForeignKey("charging_profile.id"), index=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    evse_number: Mapped[int] = mapped_column(Integer)
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    source: Mapped[str | None] = mapped_column(
        String(24)
    )  # what keeps it by itself; None: somebody asked for it
    purpose: Mapped[Purpose] = mapped_column(choice(Purpose, length=40))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    transaction_id: Mapped[int | None]
    command_id: Mapped[str] = mapped_column(ForeignKey("command.id"))
    accepted_at: Mapped[datetime | None]
    resent_at: Mapped[datetime | None]  # when it was last sent again by itself
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[Ended | None] = mapped_column(choice(Ended))
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]

    charger: Mapped[Charger] = relationship()
    command: Mapped[Command] = relationship()

    @property
    def profile(self) -> Profile:
        return from_content(self.content)


class ChargerSupply(Base):
    """What a charger is fed with, for converting between A and W; a charger without a row has the usual."""

    __tablename__ = "charger_supply"

    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    voltage_v: Mapped[float] = mapped_column(Float)
    phases: Mapped[int] = mapped_column(Integer)


class CompositeAnswer(Base):
    """What a charger last told of the limits of itself or of an EVSE; `steps`: a list of {start_s, limit, phases}."""

    __tablename__ = "composite_answer"
    __table_args__ = (UniqueConstraint("charger_id", "evse_number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    evse_number: Mapped[int] = mapped_column(Integer)
    is_told: Mapped[bool] = mapped_column(Boolean)  # False: it could not tell, as `status` says
    status: Mapped[str | None] = mapped_column(String(40))
    unit: Mapped[RateUnit | None] = mapped_column(choice(RateUnit))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    answered_at: Mapped[datetime]
