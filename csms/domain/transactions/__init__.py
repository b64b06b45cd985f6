"""Transactions: begin, record, end, and what repairs them."""

from csms.domain.transactions.billing import bill_of, usage_of
from csms.domain.transactions.models import Flag, Reading, Serial, Source, Transaction, TransactionState
from csms.domain.transactions.opened import close_estimated, follow_status, open_on, preload
from csms.domain.transactions.orders import request_start, request_stop
from csms.domain.transactions.progress import preload as preload_progress
from csms.domain.transactions.readings import record
from csms.domain.transactions.rules import Meter, Sample, Snapshot, Summary, advance, scramble, summarise
from csms.domain.transactions.starts import Begun, StartReport, begin, preload_starts, salvage, start_key
from csms.domain.transactions.stops import StopReport, end

__all__ = [
    "Begun",
    "Flag",
    "Meter",
    "Reading",
    "Sample",
    "Serial",
    "Snapshot",
    "Source",
    "StartReport",
    "StopReport",
    "Summary",
    "Transaction",
    "TransactionState",
    "advance",
    "begin",
    "bill_of",
    "close_estimated",
    "end",
    "follow_status",
    "open_on",
    "preload",
    "preload_progress",
    "preload_starts",
    "record",
    "request_start",
    "request_stop",
    "salvage",
    "start_key",
    "scramble",
    "summarise",
    "usage_of",
]
