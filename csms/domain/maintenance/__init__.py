"""Firmware and logs: orders to move files, what became of them, the library of firmware, and rollouts."""

from csms.domain.maintenance.models import (
    FirmwareFile,
    Job,
    JobEvent,
    JobKind,
    JobState,
    ReceivedFile,
    Rollout,
    RolloutState,
)
from csms.domain.maintenance.orders import Addresses, Wanted, order_firmware, order_log
from csms.domain.maintenance.progress import answered, booted, preload, settle_overdue, tell
from csms.domain.maintenance.rollouts import Plan, advance
from csms.domain.maintenance.rules import Progress, is_downgrade
from csms.domain.maintenance.transfers import (
    fetching,
    file_received,
    files_kept,
    forget_files,
    kept_names,
    note_fetched,
    received_file,
    receiving,
)

__all__ = [
    "Addresses",
    "FirmwareFile",
    "Job",
    "JobEvent",
    "JobKind",
    "JobState",
    "Plan",
    "Progress",
    "ReceivedFile",
    "Rollout",
    "RolloutState",
    "Wanted",
    "advance",
    "answered",
    "booted",
    "fetching",
    "file_received",
    "files_kept",
    "forget_files",
    "is_downgrade",
    "kept_names",
    "note_fetched",
    "order_firmware",
    "order_log",
    "preload",
    "received_file",
    "receiving",
    "settle_overdue",
    "tell",
]
