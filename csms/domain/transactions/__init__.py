"""Transactions: begin, record, end, and what repairs them."""

from csms.domain.transactions.billing import bill_of, paid_in_kwh, terms_of, usage_of
from csms.domain.transactions.forgetting import forget_readings, gone_until, oldest_reading
from csms.domain.transactions.mending import mend
from csms.domain.transactions.models import (
    Confidence,
    EnergySource,
    Flag,
    Reading,
    Repair,
    RepairKind,
    RepairState,
    Serial,
    SessionNote,
    Source,
    Transaction,
    TransactionState,
)
from csms.domain.transactions.notes import add_note
from csms.domain.transactions.notices import Notice
from csms.domain.transactions.opened import follow_status
from csms.domain.transactions.orders import check_start, is_out_of_service, request_start, request_stop
from csms.domain.transactions.progress import Progress, open_on, preload
from csms.domain.transactions.readings import record
from csms.domain.transactions.refunds import refund, spent_wh
from csms.domain.transactions.rules import Meter, Sample, Snapshot, Summary, advance, scramble, summarise
from csms.domain.transactions.starts import Begun, StartReport, begin, preload_starts, salvage, start_key
from csms.domain.transactions.status_log import StatusEntry, status_log
from csms.domain.transactions.stops import StopReport, end
from csms.domain.transactions.taken_over import Past, take_over

__all__ = [
    "Begun",
    "Confidence",
    "EnergySource",
    "Flag",
    "Meter",
    "Notice",
    "Past",
    "Progress",
    "Reading",
    "Repair",
    "RepairKind",
    "RepairState",
    "Sample",
    "Serial",
    "SessionNote",
    "Snapshot",
    "Source",
    "StartReport",
    "StatusEntry",
    "StopReport",
    "Summary",
    "Transaction",
    "TransactionState",
    "add_note",
    "advance",
    "begin",
    "bill_of",
    "check_start",
    "end",
    "follow_status",
    "forget_readings",
    "gone_until",
    "is_out_of_service",
    "mend",
    "oldest_reading",
    "open_on",
    "paid_in_kwh",
    "preload",
    "preload_starts",
    "record",
    "refund",
    "request_start",
    "request_stop",
    "salvage",
    "scramble",
    "spent_wh",
    "start_key",
    "status_log",
    "summarise",
    "take_over",
    "terms_of",
    "usage_of",
]
