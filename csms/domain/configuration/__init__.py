"""What chargers shall be set to: templates, what differs from them, and bringing the two together."""

from csms.domain.configuration.editing import Draft, change, create, remove, set_writes_per_day, shown
from csms.domain.configuration.models import Apply, KeyWrite, Template, Upkeep, WriteAnswer
from csms.domain.configuration.queries import preload_templates
from csms.domain.configuration.reading import Vocabulary, read_due, request_read, told
from csms.domain.configuration.rules import Item, State, Wish
from csms.domain.configuration.upkeep import booted, preload, resume
from csms.domain.configuration.writing import apply_due, request_apply, request_reset, reset_due, written

__all__ = [
    "Apply",
    "Draft",
    "Item",
    "KeyWrite",
    "State",
    "Template",
    "Upkeep",
    "Vocabulary",
    "Wish",
    "WriteAnswer",
    "apply_due",
    "booted",
    "change",
    "create",
    "preload",
    "preload_templates",
    "read_due",
    "remove",
    "request_apply",
    "request_read",
    "request_reset",
    "reset_due",
    "resume",
    "set_writes_per_day",
    "shown",
    "told",
    "written",
]
