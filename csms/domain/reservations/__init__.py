"""Reservations: book, change, ask for, cancel; what chargers say of them, who uses them, and their end."""

from csms.domain.reservations.booking import (
    adopt,
    ask_due,
    book,
    cancel,
    card_of,
    change,
    check_number,
    get,
)
from csms.domain.reservations.models import OPEN, Reservation, ReservationState
from csms.domain.reservations.states import (
    answered,
    began,
    booted,
    cancelled,
    check_start,
    current,
    end_due,
    follow_status,
    preload,
)

__all__ = [
    "OPEN",
    "Reservation",
    "ReservationState",
    "adopt",
    "answered",
    "ask_due",
    "began",
    "book",
    "booted",
    "cancel",
    "cancelled",
    "card_of",
    "change",
    "check_number",
    "check_start",
    "current",
    "end_due",
    "follow_status",
    "get",
    "preload",
]
