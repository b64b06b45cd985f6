"""Chargers' own lists of cards, kept in step with the cards here."""

from csms.domain.local_lists.models import ListState, LocalList
from csms.domain.local_lists.switching import choose, look, send, told_limits
from csms.domain.local_lists.sync import SendAnswer, answered, booted, preload, sync_due, told_version

__all__ = [
    "ListState",
    "LocalList",
    "SendAnswer",
    "answered",
    "booted",
    "choose",
    "look",
    "preload",
    "send",
    "sync_due",
    "told_limits",
    "told_version",
]
