"""Transactions (pages call them sessions) and what their meters said."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.orm import Mapped, column_property, foreign, mapped_column, relationship

from csms.domain.accounts import Account, TokenStatus
from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger, Connector
from csms.domain.letting_go import LetGo
from csms.domain.tariffs import TariffVersion

FLAGGED = "CAST(flags AS TEXT) != '[]'"
UNRECORDED = "cost_cents IS NULL AND reviewed_at IS NULL"
READINGS = "reading"  # what readings are called where they are let go of by age
STRAY = "~"  # begins the reference of an orphan that consists of readings alone: no Stop has told of it


class TransactionState(enum.StrEnum):
    """ACTIVE until its Stop; ENDED_UNKNOWN when the Stop never came (a late one still ends it exactly);
    ORPHAN when a charger speaks of a transaction that we never gave out."""

    ACTIVE = "active"
    ENDED = "ended"
    ENDED_UNKNOWN = "ended_unknown"
    ORPHAN = "orphan"


class Source(enum.StrEnum):
    """Who began it: somebody at the charger, or an order of ours."""

    LOCAL = "local"
    REMOTE = "remote"


class Flag(enum.StrEnum):
    """What a person should know of a transaction before they trust its figures."""

    METER_RESET = "meter_reset"
    METER_BACKWARDS = "meter_backwards"
    METER_IMPLAUSIBLE = "meter_implausible"
    MISSING_ENERGY = "missing_energy"  # the register moved while no transaction was on
    CLOCK_SUSPECT = "clock_suspect"
    NO_TIME_ZONE = "no_time_zone"
    ESTIMATED = "estimated"
    UNAUTHORISED = "unauthorised"
    DIFFERING_STOP = "differing_stop"
    REPAIRED = "repaired"  # the message was against the schema, and saved
    RESERVED = "reserved"  # the connector was kept for another card
    TOLD_BY_API = "told_by_api"  # a program told its begin or end in the charger's name
    TAKEN_OVER = "taken_over"  # another system has kept it, and been paid for it
    SALVAGED = "salvaged"  # stored by the last resort after a fault of ours


class Transaction(Base):
    """One charging session.

    `id` is what a 1.6 charger is given and what people see: positive, below 2^31, unique for ever, not in sequence.
    `energy_wh` comes from the meter alone; None when the meter said nothing that makes sense.
    """

    __tablename__ = "transaction"
    __table_args__ = (
        UniqueConstraint("charger_id", "reference"),
        UniqueConstraint("start_key"),
        Index("ix_transaction_charger_id_state", "charger_id", "state"),
        Index("ix_transaction_charger_id_started_at", "charger_id", "started_at"),
        Index("ix_transaction_account_id_started_at", "account_id", "started_at"),
        Index("ix_transaction_id_token_id_started_at", "id_token_id", "started_at"),
        Index("ix_transaction_state_started_at", "state", "started_at"),
        Index("ix_transaction_started_at", "started_at"),
        Index("ix_transaction_connector_id_state", "connector_id", "state"),
        Index(
            "ix_transaction_ended_at",  # with all that reports add up: the rows themselves are scattered
            *("ended_at", "state", "charger_id", "started_at", "energy_wh", "cost_cents"),
            *("tariff_version_id", "account_id"),
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
        Index(
            "ix_transaction_flagged",  # few, and looked for by every page
            "state",
            "started_at",
            sqlite_where=text(FLAGGED),
            postgresql_where=text(FLAGGED),
        ),
        Index(
            "ix_transaction_unrecorded",  # what runs, and what is over and waits for a person: hardly any
            "started_at",
            sqlite_where=text(UNRECORDED),
            postgresql_where=text(UNRECORDED),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    connector_id: Mapped[int | None] = mapped_column(ForeignKey("connector.id"))  # None: an orphan's
    reference: Mapped[str] = mapped_column(String(64))  # the charger's name for it; 1.6: the id as text
    start_key: Mapped[int | None]  # natural key of its StartTransaction
    state: Mapped[TransactionState] = mapped_column(choice(TransactionState))
    source: Mapped[Source] = mapped_column(choice(Source))
    secret: Mapped[str] = mapped_column(String(24), unique=True)  # its public page, /s/<secret>

    id_tag: Mapped[str | None] = mapped_column(String(255))  # as it was presented
    id_token_id: Mapped[int | None] = mapped_column(ForeignKey("id_token.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    authorization: Mapped[TokenStatus] = mapped_column(choice(TokenStatus))
    parent_uid: Mapped[str | None] = mapped_column(
        String(36)
    )  # this and the next as they were told to the charger
    token_expires_at: Mapped[datetime | None]

    started_at: Mapped[datetime]
    started_text: Mapped[str | None] = mapped_column(String(40))
    start_received_at: Mapped[datetime] = mapped_column()
    ended_at: Mapped[datetime | None]
    ended_text: Mapped[str | None] = mapped_column(String(40))
    end_received_at: Mapped[datetime | None]
    stop_reason: Mapped[str | None] = mapped_column(String(40))
    idle_since: Mapped[datetime | None]  # since when the car takes nothing
    idle_s: Mapped[int] = mapped_column(Integer, default=0)  # whole seconds of idling that are over
    idle_spans: Mapped[list[list[str]] | None] = mapped_column(JSON)  # when that was: begin and end as text

    meter_start_wh: Mapped[int | None]
    meter_stop_wh: Mapped[int | None]
    meter_last_wh: Mapped[int | None]
    meter_last_at: Mapped[datetime | None]
    energy_wh: Mapped[int | None]
    power_w: Mapped[int | None]
    current_a: Mapped[float | None]
    voltage_v: Mapped[float | None]
    soc_percent: Mapped[float | None]
    flags: Mapped[list[str]] = mapped_column(JSON)

    tariff_version_id: Mapped[int | None] = mapped_column(ForeignKey("tariff_version.id"))
    cost_cents: Mapped[int | None]  # fixed at its end; while it runs the price is reckoned anew
    bill: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    is_free: Mapped[bool] = mapped_column(Boolean, default=False)
    reviewed_at: Mapped[datetime | None]  # when an orphan was matched, or dismissed

    charger: Mapped[Charger] = relationship()
    connector: Mapped[Connector | None] = relationship()
    account: Mapped[Account | None] = relationship()
    tariff_version: Mapped[TariffVersion | None] = relationship()
    notes: Mapped[list["SessionNote"]] = relationship(order_by=lambda: SessionNote.id, viewonly=True)
    repairs: Mapped[list["Repair"]] = relationship(  # all that was done to it, the oldest first
        primaryjoin=lambda: Transaction.id == foreign(Repair.transaction_id),
        order_by=lambda: Repair.id,
        viewonly=True,
    )
    # Have its readings been let go of, if there were any?
    are_readings_gone: Mapped[bool] = column_property(
        select(LetGo.name)
        .where(LetGo.name == READINGS, LetGo.until_at >= start_received_at)
        .correlate_except(LetGo)
        .exists(),
        deferred=True,
    )

    @property
    def is_active(self) -> bool:
        return self.state is TransactionState.ACTIVE

    @property
    def is_stray(self) -> bool:
        """An orphan of readings, of which no Stop has told."""
        return self.reference.startswith(STRAY)

    @property
    def topic(self) -> str:
        return f"transaction:{self.id}"


class Reading(Base):
    """One element of MeterValues: all that was sampled at one moment.

    The columns are normalised (Wh, W, A, V, %, °C); `samples` is a JSON list of every sampled value with its raw text,
    its measurand, phase, location, context, format and unit, and its normalised value.
    """

    __tablename__ = "reading"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_reading_transaction_id", "transaction_id"),  # few: they are sorted when they are read
        Index("ix_reading_charger_id_measured_at", "charger_id", "measured_at"),
        Index(
            "ix_reading_loose",  # what is asked for every few seconds, and holds hardly anything
            "received_at",
            sqlite_where=text("transaction_id IS NULL AND reference IS NOT NULL"),
            postgresql_where=text("transaction_id IS NULL AND reference IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    connector_id: Mapped[int | None] = mapped_column(
        ForeignKey("connector.id")
    )  # None: the charger's own meter
    transaction_id: Mapped[int | None]
    reference: Mapped[str | None] = mapped_column(
        String(64)
    )  # the transaction that the charger named, if we know none
    measured_at: Mapped[datetime]
    measured_text: Mapped[str | None] = mapped_column(String(40))
    received_at: Mapped[datetime]
    context: Mapped[str | None] = mapped_column(String(40))
    energy_wh: Mapped[int | None]  # the register, imported energy
    power_w: Mapped[int | None]
    current_a: Mapped[float | None]
    voltage_v: Mapped[float | None]
    soc_percent: Mapped[float | None]
    temperature_c: Mapped[float | None]
    samples: Mapped[str] = mapped_column(Text)
    digest: Mapped[int]


class Serial(Base):
    """The last number given out, by name. Taken in the same commit as what is numbered."""

    __tablename__ = "serial"

    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    last: Mapped[int]


class RepairKind(enum.StrEnum):
    """What was done to a transaction that went wrong. The first five close one whose Stop never came."""

    AVAILABLE = "available"  # its connector said that it is free
    NEXT_START = "next_start"  # the next transaction began on its connector
    BOOT = "boot"  # the charger restarted, and did not go on with it
    SILENT = "silent"  # its charger has not been heard for long
    PERSON = "person"  # somebody closed it
    STOP_FOUND = "stop_found"  # an orphaned Stop turned out to be its end
    READINGS_FOUND = "readings_found"  # readings that named no session of ours turned out to be its own
    SETTLED = "settled"  # billed at the estimate
    WAIVED = "waived"  # nobody pays for it
    DISMISSED = "dismissed"  # an orphan that is nobody's


CLOSING = (
    RepairKind.AVAILABLE,
    RepairKind.NEXT_START,
    RepairKind.BOOT,
    RepairKind.SILENT,
    RepairKind.PERSON,
)


class RepairState(enum.StrEnum):
    """PROPOSED waits for a person; SUPERSEDED: the charger has told the truth since."""

    PROPOSED = "proposed"
    DONE = "done"
    UNDONE = "undone"
    SUPERSEDED = "superseded"


class Confidence(enum.StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class EnergySource(enum.StrEnum):
    """Where an estimate comes from: the last reading, the register at the next start, a Stop; NONE: nobody knows."""

    LAST_READING = "last_reading"
    NEXT_START = "next_start"
    STOP = "stop"
    NONE = "none"


class Repair(Base):
    """One thing that was done to a transaction, or is proposed, with what shows it. Kept for ever; undone, not deleted.

    `evidence` is a list of {what, at, words, register_wh, ref}; `before` what the transaction was, for undoing.
    """

    __tablename__ = "repair"
    __table_args__ = (
        Index("ix_repair_transaction_id", "transaction_id"),
        Index("ix_repair_orphan_id", "orphan_id"),
        Index("ix_repair_state_made_at", "state", "made_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    transaction_id: Mapped[int]
    orphan_id: Mapped[int | None]
    kind: Mapped[RepairKind] = mapped_column(choice(RepairKind))
    state: Mapped[RepairState] = mapped_column(choice(RepairState))
    confidence: Mapped[Confidence] = mapped_column(choice(Confidence))
    energy_wh: Mapped[int | None]
    energy_from: Mapped[EnergySource] = mapped_column(choice(EnergySource))
    ended_at: Mapped[datetime | None]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_by: Mapped[str | None] = mapped_column(String(80))  # None: by itself
    made_at: Mapped[datetime]
    undone_by: Mapped[str | None] = mapped_column(String(80))
    undone_at: Mapped[datetime | None]


class SessionNote(Base):
    """What somebody wrote down about a session."""

    __tablename__ = "session_note"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("transaction.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    written_by: Mapped[str] = mapped_column(String(80))
    written_at: Mapped[datetime]
