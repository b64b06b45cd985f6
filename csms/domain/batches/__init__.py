"""One order to many chargers: who gets it and who is left out and why, how fast, and what became of it at each.

A batch is rows and one job: `advance` asks for the next orders when they are due, whichever worker claims it. Each
order is an ordinary command with its own fate, so a restart loses nothing and sends nothing twice.
"""

from csms.domain.batches.models import Batch, BatchState, Item, ItemState
from csms.domain.batches.orders import KINDS, Order, checked
from csms.domain.batches.planning import MOST, Plan, Reason, Skip, Turn, plan
from csms.domain.batches.queries import Outcome
from csms.domain.batches.service import FASTEST, advance, begin, cancel, expect, retry

__all__ = [
    "FASTEST",
    "KINDS",
    "MOST",
    "Batch",
    "BatchState",
    "Item",
    "ItemState",
    "Order",
    "Outcome",
    "Plan",
    "Reason",
    "Skip",
    "Turn",
    "advance",
    "begin",
    "cancel",
    "checked",
    "expect",
    "plan",
    "retry",
]
