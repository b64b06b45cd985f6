"""What a connector's energy costs, and how much it may draw, in the 288 five-minute slots of a day."""

from csms.domain.slots.models import SlotKind, SlotRange
from csms.domain.slots.pricing import applicable, priced_terms, priced_terms_of, tariff_day
from csms.domain.slots.rules import SLOTS, Run, clock_of, label, read_range, runs
from csms.domain.slots.service import TOPIC, Day, days_of, lay, lift, pattern_of, write, written

__all__ = [
    "SLOTS",
    "TOPIC",
    "Day",
    "Run",
    "SlotKind",
    "SlotRange",
    "applicable",
    "clock_of",
    "days_of",
    "label",
    "lay",
    "lift",
    "pattern_of",
    "priced_terms",
    "priced_terms_of",
    "read_range",
    "runs",
    "tariff_day",
    "write",
    "written",
]
