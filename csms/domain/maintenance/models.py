"""Jobs that move files between chargers and us, the files themselves, and rollouts of firmware."""

import enum
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger


class JobKind(enum.StrEnum):
    """What is moved. Diagnostics are asked for in two ways: the older one knows no request ids."""

    DIAGNOSTICS = "diagnostics"
    DIAGNOSTICS_LOG = "diagnostics_log"
    SECURITY_LOG = "security_log"
    FIRMWARE = "firmware"
    SIGNED_FIRMWARE = "signed_firmware"

    @property
    def is_log(self) -> bool:
        return self not in FIRMWARE_KINDS


FIRMWARE_KINDS = (JobKind.FIRMWARE, JobKind.SIGNED_FIRMWARE)
LOG_KINDS = (JobKind.DIAGNOSTICS, JobKind.DIAGNOSTICS_LOG, JobKind.SECURITY_LOG)


class JobState(enum.StrEnum):
    """WAITING: for its turn in a rollout. ORDERED: the charger has been asked. RUNNING: it has told of progress."""

    WAITING = "waiting"
    ORDERED = "ordered"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (JobState.ORDERED, JobState.RUNNING)
ENDED_STATES = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class RolloutState(enum.StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class FirmwareFile(Base):
    """A firmware of the library. `stored_as` is its random name on disk; None until its content has come.

    `version` as chargers report it in a boot. A signature belongs to the content: a PEM certificate and Base64
    (whitepaper §6.7). `is_removed`: gone from the library, kept for the history.
    """

    __tablename__ = "firmware_file"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(50))
    vendor: Mapped[str | None] = mapped_column(String(50))  # None: of any
    model: Mapped[str | None] = mapped_column(String(50))
    stored_as: Mapped[str | None] = mapped_column(String(64), unique=True)
    size_bytes: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(String(64))
    signing_certificate: Mapped[str | None] = mapped_column(Text)
    signature: Mapped[str | None] = mapped_column(String(800))
    is_removed: Mapped[bool] = mapped_column(default=False)
    uploaded_by: Mapped[str | None] = mapped_column(String(80))
    uploaded_at: Mapped[datetime]

    @property
    def is_signed(self) -> bool:
        return bool(self.signature and self.signing_certificate)


class Rollout(Base):
    """New firmware for a group of chargers, stage by stage. `stages`: percent of the group, cumulative, up to 100.

    `stage` counts from 0. `checked_at` is the claim of the one worker that looks after it now. `gate_until`: the stage
    is installed, and watched until then. `forgiven`: failures that somebody has looked at and gone on.
    """

    __tablename__ = "rollout"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    firmware_id: Mapped[int] = mapped_column(ForeignKey("firmware_file.id"), index=True)
    vendor: Mapped[str | None] = mapped_column(String(50))
    model: Mapped[str | None] = mapped_column(String(50))
    version_from: Mapped[str | None] = mapped_column(String(50))
    stages: Mapped[list[int]] = mapped_column(JSON)
    stage: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[RolloutState] = mapped_column(choice(RolloutState), index=True)
    is_signed: Mapped[bool]
    waits_for_idle: Mapped[bool]
    gate_s: Mapped[int] = mapped_column(Integer)
    most_failures: Mapped[int] = mapped_column(Integer, default=0)
    forgiven: Mapped[int] = mapped_column(Integer, default=0)
    reason: Mapped[str | None] = mapped_column(String(255))  # why it is paused
    gate_until: Mapped[datetime | None]
    checked_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    firmware: Mapped[FirmwareFile] = relationship()
    jobs: Mapped[list["Job"]] = relationship(back_populates="rollout", order_by="Job.stage, Job.id")

    @property
    def topic(self) -> str:
        return f"rollout:{self.id}"


class Job(Base):
    """One file that one charger is to send or to fetch.

    `word` is the charger's newest status word. `token_hash`: of the address that was made for it, good until
    `address_until`; None with an address of somebody else's. `due_at`: by then something must have been heard.
    """

    __tablename__ = "maintenance_job"
    __table_args__ = (
        UniqueConstraint("charger_id", "request_id"),
        Index("ix_maintenance_job_state_due_at", "state", "due_at"),
        Index("ix_maintenance_job_rollout_id_stage", "rollout_id", "stage"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    kind: Mapped[JobKind] = mapped_column(choice(JobKind))
    state: Mapped[JobState] = mapped_column(choice(JobState))
    request_id: Mapped[int] = mapped_column(Integer)
    command_id: Mapped[str | None] = mapped_column(String(36), index=True)
    firmware_id: Mapped[int | None] = mapped_column(ForeignKey("firmware_file.id"), index=True)
    rollout_id: Mapped[int | None] = mapped_column(ForeignKey("rollout.id"))
    stage: Mapped[int] = mapped_column(Integer, default=0)

    location: Mapped[str | None] = mapped_column(String(512))  # somebody else's address, without its password
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    address_until: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]  # when the file was last fetched from our address, to its end
    retries: Mapped[int | None] = mapped_column(Integer)
    retry_interval_s: Mapped[int | None] = mapped_column(Integer)
    oldest_at: Mapped[datetime | None]
    latest_at: Mapped[datetime | None]
    retrieve_at: Mapped[datetime | None]
    install_at: Mapped[datetime | None]

    word: Mapped[str | None] = mapped_column(String(40))
    word_at: Mapped[datetime | None]
    file_name: Mapped[str | None] = mapped_column(String(255))  # as the charger announced it
    is_uploaded: Mapped[bool] = mapped_column(default=False)  # the charger says so
    is_installed: Mapped[bool] = mapped_column(default=False)
    version_before: Mapped[str | None] = mapped_column(String(50))
    version_wanted: Mapped[str | None] = mapped_column(String(50))  # None: any other than before
    version_seen: Mapped[str | None] = mapped_column(String(50))  # in a boot since
    booted_at: Mapped[datetime | None]
    detail: Mapped[str | None] = mapped_column(String(255))
    due_at: Mapped[datetime | None]
    requested_by: Mapped[str | None] = mapped_column(String(80))
    requested_at: Mapped[datetime]
    ordered_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    charger: Mapped[Charger] = relationship()
    firmware: Mapped[FirmwareFile | None] = relationship()
    rollout: Mapped[Rollout | None] = relationship(back_populates="jobs")
    files: Mapped[list["ReceivedFile"]] = relationship(back_populates="job", order_by="ReceivedFile.id")

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED_STATES


class JobEvent(Base):
    """A status that a charger told, whether it belongs to a job or not; the same one again is counted."""

    __tablename__ = "maintenance_event"
    __table_args__ = (Index("ix_maintenance_event_charger_id_at", "charger_id", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("maintenance_job.id"), index=True)
    is_log: Mapped[bool]
    word: Mapped[str] = mapped_column(String(40))
    request_id: Mapped[int | None]
    count: Mapped[int] = mapped_column(Integer, default=1)
    at: Mapped[datetime]
    last_at: Mapped[datetime]


class ReceivedFile(Base):
    """What a charger has uploaded. `stored_as` is its random name on disk, None when it has been deleted."""

    __tablename__ = "received_file"
    __table_args__ = (Index("ix_received_file_charger_id_received_at", "charger_id", "received_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("maintenance_job.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    stored_as: Mapped[str | None] = mapped_column(String(64), unique=True)
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(index=True)

    job: Mapped[Job] = relationship(back_populates="files")
    charger: Mapped[Charger] = relationship()
