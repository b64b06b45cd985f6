"""The last 24 hours of a connector as periods of one status. Events in, periods in the reader's words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext

from csms.domain.chargers import StatusEvent
from csms.sentences import gettext_noop
from csms.web.charts import Period

# The families and words of the status language (templates/_macros.html draws the same).
STATUSES = {
    "Available": ("ready", gettext_noop("Available")),
    "Preparing": ("active", gettext_noop("Plugged in")),
    "Charging": ("active", gettext_noop("Charging")),
    "SuspendedEV": ("active", gettext_noop("Paused by car")),
    "SuspendedEVSE": ("wait", gettext_noop("Paused by station")),
    "Finishing": ("active", gettext_noop("Unplug")),
    "Reserved": ("held", gettext_noop("Reserved")),
    "Unavailable": ("out", gettext_noop("Unavailable")),
    "Faulted": ("fault", gettext_noop("Faulted")),
}
OFFLINE = ("out", gettext_noop("Offline"))
ENOUGH_S = 3600  # less than an hour of history says nothing of how reliable a charger is


@dataclass(frozen=True, slots=True)
class Day:
    """One connector's periods.

    `up`: the share of the known time in which somebody could have charged; None while less than ENOUGH_S is known.
    """

    periods: list[Period]
    up: float | None


def day(events: Sequence[StatusEvent], evse: int, since: datetime, at: datetime) -> Day:
    """What connector `evse` was, from `since` to `at`; time before the first word of it stays a gap."""
    is_linked: bool | None = None
    status: str | None = None
    periods: list[Period] = []
    begun_at: datetime | None = None
    current: tuple[str, str] | None = None

    def turn(shown: tuple[str, str] | None, moment: datetime) -> None:
        nonlocal current, begun_at
        if shown == current:
            return
        if current is not None and begun_at is not None:
            family, words = current
            periods.append(Period(family, gettext(words), begun_at, moment))
        current, begun_at = shown, moment

    for event in events:
        if event.status in ("Connected", "Disconnected"):
            is_linked = event.status == "Connected"
        elif event.evse_number == evse and event.status in STATUSES:
            status = event.status
        shown = OFFLINE if is_linked is False else STATUSES[status] if status else None
        turn(shown, event.received_at)
    turn(None, at)
    return Day(periods, _up(periods, since, at))


def _up(periods: Sequence[Period], since: datetime, at: datetime) -> float | None:
    known_s = up_s = 0.0
    for period in periods:
        seconds = (min(period.ended_at or at, at) - max(period.started_at, since)).total_seconds()
        if seconds > 0:
            known_s += seconds
            up_s += seconds if period.family not in ("out", "fault") else 0
    return up_s / known_s if known_s >= ENOUGH_S else None
