"""Who is told when something needs a person: rules over what `attention` and its neighbours find."""

from csms.domain.alerts.finding import Finding, find
from csms.domain.alerts.models import Alert, AlertKind, AlertRule
from csms.domain.alerts.service import (
    TOPIC,
    Wish,
    add,
    change,
    get,
    is_quiet,
    listed,
    look,
    note_told,
    open_alerts,
    past,
    remove,
    rules,
    to_tell,
)

__all__ = [
    "TOPIC",
    "Alert",
    "AlertKind",
    "AlertRule",
    "Finding",
    "Wish",
    "add",
    "change",
    "find",
    "get",
    "is_quiet",
    "listed",
    "look",
    "note_told",
    "open_alerts",
    "past",
    "remove",
    "rules",
    "to_tell",
]
