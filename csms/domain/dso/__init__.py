"""Signals of the operators of distribution grids: prices and limits for a site, for some hours."""

from csms.domain.dso.models import DsoDelivery, DsoSignal, SignalKind
from csms.domain.dso.queries import (
    At,
    Band,
    Fate,
    active,
    at_chargers,
    bands,
    by_number,
    by_task,
    find,
    get,
    listed,
)
from csms.domain.dso.reading import Notice, Window, periods_of, read_moment
from csms.domain.dso.service import TOPIC, USUAL_W, apply, follow, is_settled, receive, withdraw

__all__ = [
    "TOPIC",
    "USUAL_W",
    "At",
    "Band",
    "DsoDelivery",
    "DsoSignal",
    "Fate",
    "Notice",
    "SignalKind",
    "Window",
    "active",
    "apply",
    "at_chargers",
    "bands",
    "by_number",
    "by_task",
    "find",
    "follow",
    "get",
    "is_settled",
    "listed",
    "periods_of",
    "read_moment",
    "receive",
    "withdraw",
]
