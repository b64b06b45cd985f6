"""When a connector was out, and whose wish that was. Pure: events in, seconds out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

CONNECTED, DISCONNECTED, UNAVAILABLE = "Connected", "Disconnected", "Unavailable"
OUT = ("Faulted", UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Told:
    """One event: a status of EVSE `evse` (0: of the charger itself), or its connection's coming and going."""

    at: datetime
    evse: int
    status: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """The operator put EVSE `evse` (0: all) into service or out of it, and the charger accepted."""

    at: datetime
    evse: int
    is_operative: bool


@dataclass(slots=True)
class Reckoning:
    """Seconds: of how many something is known, of those how many it was out, of those how many by order."""

    known_s: float = 0
    outage_s: float = 0
    excluded_s: float = 0


@dataclass(slots=True)
class _State:
    """What is known of one connector at a moment."""

    evse: int
    is_linked: bool = True
    status: str | None = None
    is_ordered_out: bool = False

    def hear(self, event: Told | Ordered) -> None:
        if isinstance(event, Ordered):
            if event.evse in (0, self.evse):
                self.is_ordered_out = not event.is_operative
        elif event.status in (CONNECTED, DISCONNECTED):
            self.is_linked = event.status == CONNECTED
        elif event.evse == self.evse:
            self.status = event.status

    def count(self, sums: Reckoning, seconds: float) -> None:
        if self.is_linked and self.status is None:
            return
        sums.known_s += seconds
        if not self.is_linked or self.status in OUT:
            sums.outage_s += seconds
            if self.is_ordered_out and self.status == UNAVAILABLE:
                sums.excluded_s += seconds


def reckon(
    told: Sequence[Told], ordered: Sequence[Ordered], evse: int, since: datetime, until: datetime
) -> Reckoning:
    """One connector from `since` to `until`. Both lists begin with what was so before `since`.

    It was out while it was Faulted, Unavailable or its charger not connected. 23 CFR 680.116(b)(3): scheduled
    maintenance is excluded, which is the time out of service by the operator's order.
    """
    sums, state, moment = Reckoning(), _State(evse), since
    events: list[Told | Ordered] = [*told, *ordered]
    for event in sorted(events, key=lambda x: x.at):
        if event.at >= until:
            break
        if event.at > moment:
            state.count(sums, (event.at - moment).total_seconds())
            moment = event.at
        state.hear(event)
    state.count(sums, (until - moment).total_seconds())
    return sums
