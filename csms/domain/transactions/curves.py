"""A session as a curve: what its meter said, at even steps of time. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Protocol

LONGEST_SILENCE = timedelta(
    minutes=10
)  # between two readings of a charger that reports often; a longer one is a gap
LATE = 1.5  # times a charger's own interval: only what comes later than that is missed
FEWEST_PACES = 2  # from which an interval is told; a single one may be the silence itself


class Read(Protocol):
    """What a curve needs of a reading."""

    @property
    def measured_at(self) -> datetime: ...
    @property
    def energy_wh(self) -> int | None: ...
    @property
    def power_w(self) -> int | None: ...
    @property
    def soc_percent(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of a curve. `energy_wh` is what was delivered until then; None: nobody knows."""

    at: datetime
    power_w: int | None
    energy_wh: int | None
    soc_percent: float | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time without a reading."""

    begins_at: datetime
    ends_at: datetime

    @property
    def seconds(self) -> float:
        return (self.ends_at - self.begins_at).total_seconds()


def _patience(interval: timedelta | None, moments: Sequence[datetime], begins_at: datetime) -> timedelta:
    """How long a charger may say nothing."""
    if interval is None:
        edges = sorted({begins_at, *(x for x in moments if x > begins_at)})
        paces = [after - before for before, after in pairwise(edges)]
        interval = median_low(paces) if len(paces) >= FEWEST_PACES else timedelta()
    return max(LONGEST_SILENCE, LATE * interval)


def gaps(
    moments: Sequence[datetime],
    begins_at: datetime,
    ends_at: datetime,
    interval: timedelta | None = None,
) -> list[Gap]:
    """Where the meter was silent. `interval`: at which it is set to report; None: judged by what it does."""
    longest = _patience(interval, moments, begins_at)
    edges = [begins_at, *sorted(x for x in moments if begins_at < x < ends_at), ends_at]
    return [Gap(before, after) for before, after in pairwise(edges) if after - before > longest]


def curve(
    readings: Sequence[Read],
    begins_at: datetime,
    ends_at: datetime,
    *,
    start_wh: int | None,
    steps: int = 120,
    interval: timedelta | None = None,
) -> list[Step]:
    """`steps` + 1 moments from begin to end, each as the last reading before it told; a gap (see `gaps`) is None.

    A meter that tells no power is asked for its register: the power is then the mean since the reading before.
    """
    known = sorted(readings, key=lambda x: x.measured_at)
    if not known or ends_at <= begins_at:
        return []
    moments = [x.measured_at for x in known]
    powers, longest = _powers(known), _patience(interval, moments, begins_at)
    registers = (x.energy_wh for x in known if x.energy_wh is not None)
    first_wh = start_wh if start_wh is not None else next(registers, None)
    found = []
    for number in range(steps + 1):
        at = begins_at + (ends_at - begins_at) * number / steps
        index = bisect_right(moments, at) - 1
        if index < 0:
            index = 0 if moments[0] - at <= longest else -1
        if index < 0 or at - moments[index] > longest:
            found.append(Step(at, None, None, None))
            continue
        reading = known[index]
        energy_wh = (
            None if reading.energy_wh is None or first_wh is None else max(0, reading.energy_wh - first_wh)
        )
        found.append(Step(at, powers[index], energy_wh, reading.soc_percent))
    return found


def _powers(known: Sequence[Read]) -> list[int | None]:
    if any(x.power_w is not None for x in known):
        return [x.power_w for x in known]
    powers: list[int | None] = []
    for before, after in zip([None, *known], known, strict=False):
        powers.append(None if before is None else _mean_power(before, after))
    if len(powers) > 1:
        powers[0] = powers[1]
    return powers


def _mean_power(before: Read, after: Read) -> int | None:
    elapsed_s = (after.measured_at - before.measured_at).total_seconds()
    if before.energy_wh is None or after.energy_wh is None or elapsed_s <= 0:
        return None
    return max(0, round((after.energy_wh - before.energy_wh) * 3600 / elapsed_s))
