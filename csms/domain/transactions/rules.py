"""The arithmetic of meters: what the samples of one moment say, and how a register becomes energy. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from csms.domain.transactions.models import Flag

ENERGY = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
COUNTED = (ENERGY, INTERVAL)
POWER = "Power.Active.Import"
CURRENT = "Current.Import"
VOLTAGE = "Voltage"
SOC = "SoC"
TEMPERATURE = "Temperature"
BEGIN = "Transaction.Begin"

MOST_POWER_W = (
    1_000_000  # more than any charger gives: a register that moves faster than this is not believed
)
SLACK_WH = 1_000
ROUNDING_WH = 1  # a register that is sampled as 1000.6 and told as 1000 at the end has not gone backwards
LARGEST_WH = 2**53


@dataclass
class Sample:
    """One sampled value. `value` in `unit` is normalised (Wh, W, A, V, %, °C); None when the raw text is no number.

    Without slots: orjson writes it five times as quickly.
    """

    measurand: str
    value: float | None
    unit: str
    raw: str
    raw_unit: str | None = None
    phase: str | None = None
    location: str | None = None
    context: str | None = None
    format: str | None = None


class Snapshot(NamedTuple):
    """All samples of one moment. `at` is the time to go by; `is_trusted`: it is the charger's own."""

    at: datetime
    samples: Sequence[Sample]
    at_text: str | None = None
    is_trusted: bool = True
    key: bytes = b""  # the samples as they were sent: what makes a repetition known


class Summary(NamedTuple):
    """What the samples of one moment come to. None: they say nothing of it."""

    energy_wh: int | None = None
    interval_wh: int | None = None
    power_w: int | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    soc_percent: float | None = None
    temperature_c: float | None = None
    context: str | None = None


def summarise(samples: Iterable[Sample]) -> Summary:
    """One figure for each kind of quantity. A total beats its phases; phases are summed where that makes a total."""
    groups: dict[str, list[Sample]] = {}
    figures: dict[str, Any] = {"context": None}
    for sample in samples:
        measurand = sample.measurand
        if sample.value is None or (measurand in COUNTED and sample.unit != "Wh"):
            continue  # energy in a unit that nobody knows is kept as text, and moves nothing (1.6 §7.43)
        if measurand in groups:
            groups[measurand].append(sample)
        else:
            groups[measurand] = [sample]
        figures["context"] = figures["context"] or sample.context
    for measurand, found in groups.items():
        if measurand in _FIGURES:
            name, figure = _FIGURES[measurand]
            figures[name] = figure(found)
    return Summary(**figures)


def since_start(summary: Summary, start_wh: int | None) -> Summary:
    """The summary of a register that counts a session from 0, as one that began at `start_wh` would read.

    One that is beyond that already is taken for a lifetime's: some models mean the one here and the other there.
    """
    if summary.energy_wh is None or not start_wh or summary.energy_wh >= start_wh:
        return summary
    return summary._replace(energy_wh=summary.energy_wh + start_wh)


def _at_outlet(samples: list[Sample]) -> list[Sample]:
    """What is measured where the car is; a DC charger's Inlet is the grid's side (1.6 §7.30; §7.43: default Outlet)."""
    return [x for x in samples if x.location is None or x.location == "Outlet"] or samples


def _total(samples: list[Sample]) -> float | None:
    if len(samples) == 1 and samples[0].phase is None:
        return samples[0].value
    samples = _at_outlet(samples)
    totals = [x for x in samples if x.phase is None and x.value is not None]
    if totals:
        # The newest: a batch may hold the transaction's begin as well, before it or behind it.
        newer = [x for x in totals if x.context != BEGIN] or totals
        return newer[-1].value
    phases = {x.phase: x.value for x in samples if x.phase in ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N")}
    return sum(value for value in phases.values() if value is not None) if phases else None


def _highest(samples: list[Sample]) -> float | None:
    if len(samples) == 1:
        return samples[0].value
    samples = _at_outlet(samples)
    whole = [x.value for x in samples if x.phase is None and x.value is not None]
    return whole[-1] if whole else max(x.value for x in samples if x.value is not None)


def _mean(samples: list[Sample]) -> float:
    values = [x.value for x in _at_outlet(samples) if x.value is not None]
    return round(sum(values) / len(values), 1)


def _percentage(samples: list[Sample]) -> float | None:
    value = _highest(samples)
    return value if value is not None and 0 <= value <= 100 else None  # F53: an SoC of 140 is not shown


def _whole_total(samples: list[Sample]) -> int | None:
    value = _total(samples)
    return round(value) if value is not None and abs(value) < LARGEST_WH else None


_FIGURES: dict[str, tuple[str, Callable[[list[Sample]], float | None]]] = {
    ENERGY: ("energy_wh", _whole_total),
    INTERVAL: ("interval_wh", _whole_total),
    POWER: ("power_w", _whole_total),
    CURRENT: ("current_a", _highest),
    VOLTAGE: ("voltage_v", _mean),
    SOC: ("soc_percent", _percentage),
    TEMPERATURE: ("temperature_c", _highest),
}


NO_FLAGS: frozenset[Flag] = frozenset()


class Meter(NamedTuple):
    """How far a transaction's meter has come. `energy_wh` is the sum of the register's forward steps."""

    last_wh: int | None
    last_at: datetime | None
    energy_wh: int
    flags: frozenset[Flag] = NO_FLAGS


def advance(meter: Meter, register_wh: int, at: datetime, *, is_timed: bool = True) -> Meter:
    """The meter after its register was read as `register_wh`. `is_timed`: `at` tells how long it had for its step.

    A reading older than the last one changes nothing. A fall to (nearly) nothing is a reset: counting goes on from
    there. A small fall is a hiccup and is left out. A step that no charger could deliver moves the baseline and not
    the energy (a transaction that began "at 0" on a meter that has counted for years).
    """
    if register_wh < 0:
        return _flagged(meter, Flag.METER_IMPLAUSIBLE)
    if meter.last_wh is None:
        return Meter(register_wh, at, meter.energy_wh, meter.flags)
    if meter.last_at is not None and at < meter.last_at:
        return meter
    step = register_wh - meter.last_wh
    if -ROUNDING_WH <= step < 0:
        return meter
    if step < 0:
        if register_wh > meter.last_wh // 10:
            return _flagged(meter, Flag.METER_BACKWARDS)
        return _flagged(meter._replace(last_wh=register_wh, last_at=at), Flag.METER_RESET)
    if step > _most_wh(meter, at, is_timed=is_timed):
        return _flagged(meter._replace(last_wh=register_wh, last_at=at), Flag.METER_IMPLAUSIBLE)
    return Meter(register_wh, at, meter.energy_wh + step, meter.flags)


def _most_wh(meter: Meter, at: datetime, *, is_timed: bool) -> float:
    """More than any charger gives since the last reading; in an hour, where the clock cannot be believed."""
    elapsed_s = 3600.0 if not is_timed else (at - meter.last_at).total_seconds() if meter.last_at else 0.0
    return SLACK_WH + MOST_POWER_W * elapsed_s / 3600


def read(meter: Meter, summary: Summary, at: datetime, *, is_timed: bool = True) -> Meter:
    """The meter after one moment's figures: by its register, or by what it gave since the last moment (Interval).

    An interval counts once: the same moment again, or an older one, changes nothing.
    """
    if meter.last_at is not None and at < meter.last_at:
        return meter
    if summary.energy_wh is not None:
        return advance(meter, summary.energy_wh, at, is_timed=is_timed)
    step = summary.interval_wh or 0
    if step <= 0 or at == meter.last_at:
        return meter
    if step > _most_wh(meter, at, is_timed=is_timed):
        return _flagged(meter, Flag.METER_IMPLAUSIBLE)
    last_wh = None if meter.last_wh is None else meter.last_wh + step
    return meter._replace(last_wh=last_wh, last_at=at, energy_wh=meter.energy_wh + step)


def final(
    meter: Meter, start_wh: int | None, stop_wh: int | None, at: datetime, *, is_timed: bool = True
) -> tuple[int | None, frozenset[Flag]]:
    """(energy of a transaction in Wh, what to flag) by its meter, whose flags are those so far, when it ends at `at`.

    The difference of its two registers, unless the meter was reset on the way: then the sum of the steps (F52). None
    where start and stop contradict each other or cannot be believed: nothing is billed then (F53).
    """
    if start_wh is None or stop_wh is None or stop_wh < 0:
        return None, frozenset({Flag.METER_IMPLAUSIBLE})
    was_broken = bool(meter.flags & {Flag.METER_RESET, Flag.METER_IMPLAUSIBLE})
    if stop_wh < start_wh and not was_broken:
        return None, frozenset({Flag.METER_BACKWARDS})
    last_at = at if meter.last_at is None else max(at, meter.last_at)
    # Ended before its last reading: one of the two was timed by us, and how long the last step took nobody knows.
    is_timed = is_timed and last_at == at
    after = advance(meter._replace(flags=NO_FLAGS), stop_wh, last_at, is_timed=is_timed)
    if Flag.METER_IMPLAUSIBLE in after.flags:
        return None, after.flags
    if was_broken or Flag.METER_RESET in after.flags:
        return after.energy_wh, after.flags
    return stop_wh - start_wh, after.flags


def _flagged(meter: Meter, flag: Flag) -> Meter:
    return meter._replace(flags=meter.flags | {flag})


_HALF = 15
_MASK = (1 << _HALF) - 1


def scramble(number: int) -> int:
    """A permutation of 1 … 2^30: consecutive numbers become transaction ids that do not look it.

    Four rounds of a Feistel network: no two numbers meet, so ids are unique as long as the numbers are
    (1.6 errata 3.54: unique over the whole system; 32-bit signed in many chargers).
    """
    left, right = (number - 1) >> _HALF & _MASK, (number - 1) & _MASK
    for round_key in (0x5BD1, 0x2E35, 0x7A3F, 0x1C69):
        mixed = (right * 0x9E37 + round_key) & 0xFFFFFFFF
        mixed ^= mixed >> 11
        left, right = right, left ^ (mixed * 0x85EB >> 7 & _MASK)
    return (left << _HALF | right) + 1
