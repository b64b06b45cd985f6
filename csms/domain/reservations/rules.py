"""Whom a place is kept for, and what one moment's reservations leave free. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from csms.domain.accounts.cards import folded
from csms.domain.reservations.models import Reservation, ReservationState
from csms.sentences import gettext_noop

SLACK = timedelta(minutes=1)  # between a charger's clock and ours


def is_holder(reservation: Reservation, id_tag: str, parent_uid: str | None) -> bool:
    """May this card use it: its own, or one of its group (1.6 §5.13)?"""
    if folded(id_tag) == folded(reservation.id_tag):
        return True
    group = reservation.parent_uid
    return bool(group) and parent_uid is not None and folded(parent_uid) == folded(group or "")


def is_kept(reservation: Reservation, evse: int, at: datetime) -> bool:
    """Is this very connector kept now? One that is kept anywhere at the charger blocks none in particular."""
    is_reserved = reservation.state is ReservationState.RESERVED
    return is_reserved and reservation.evse == evse and reservation.starts_at <= at < reservation.expires_at


def is_meant(reservation: Reservation, evse: int, started_at: datetime) -> bool:
    """Could a start on this connector at this time be what was reserved for?"""
    if reservation.state not in (ReservationState.REQUESTED, ReservationState.RESERVED):
        return False
    in_time = reservation.starts_at - SLACK <= started_at <= reservation.expires_at + SLACK
    return in_time and reservation.evse in (0, evse)


def room_problem(others: Sequence[Reservation], evse: int, connectors: int) -> str | None:
    """Why there is no room beside these, which overlap in time; None if there is."""
    if evse and any(x.evse == evse for x in others):
        return gettext_noop("This connector is reserved in that time already.")
    if others and len(others) >= connectors:
        return gettext_noop("Every connector of this charger is reserved in that time already.")
    return None
