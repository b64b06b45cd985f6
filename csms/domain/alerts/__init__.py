"""Who is told when something needs a person: rules over what `attention` and its neighbours find."""

from csms.domain.alerts import channels
from csms.domain.alerts.channels import TOPIC
from csms.domain.alerts.finding import Finding, find
from csms.domain.alerts.models import (
    Alert,
    AlertChannel,
    AlertKind,
    AlertMessage,
    AlertRule,
    ChannelKind,
    Severity,
)
from csms.domain.alerts.service import (
    Wish,
    acknowledge,
    add,
    alert,
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
    snooze,
    to_tell,
)

__all__ = [
    "TOPIC",
    "Alert",
    "AlertChannel",
    "AlertKind",
    "AlertMessage",
    "AlertRule",
    "ChannelKind",
    "Finding",
    "Severity",
    "Wish",
    "acknowledge",
    "add",
    "alert",
    "change",
    "channels",
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
    "snooze",
    "to_tell",
]
