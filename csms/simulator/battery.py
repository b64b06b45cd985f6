"""The physics: a car's battery, what a connector can give, and the meter between them. No clock, no IO."""

from dataclasses import dataclass
from random import Random

AC_VOLTAGE = 230.0
LEAST_AC_CURRENT_A = 6.0
STEP_S = 10.0
"""Energy is integrated in steps no longer than this, so that the taper is followed at any speed."""


@dataclass(frozen=True)
class Car:
    """A car as it arrives. `soc` is 0 to 1; powers in W at the inlet."""

    name: str = "Compact"
    battery_wh: float = 58_000
    soc: float = 0.35
    max_ac_w: float = 11_000
    phases: int = 3
    max_dc_w: float = 100_000
    taper_from: float = 0.8
    efficiency: float = 0.92


@dataclass(frozen=True)
class Supply:
    """What a connector can give: AC by current and phases, or DC by power."""

    phases: int = 3
    max_current_a: float = 32.0
    max_dc_w: float = 0.0

    @property
    def is_dc(self) -> bool:
        return self.max_dc_w > 0


AC_22KW = Supply()
AC_11KW = Supply(max_current_a=16.0)
AC_7KW = Supply(phases=1)
DC_50KW = Supply(max_dc_w=50_000, max_current_a=125.0)
DC_150KW = Supply(max_dc_w=150_000, max_current_a=350.0)


@dataclass(frozen=True)
class Reading:
    """One look at the meter. `soc_percent` is None when the car does not tell (AC)."""

    energy_wh: float
    power_w: float
    currents_a: tuple[float, ...]
    voltages_v: tuple[float, ...]
    temperature_c: float
    offered_w: float
    soc_percent: float | None = None


class Battery:
    """The battery of one plugged car."""

    def __init__(self, car: Car) -> None:
        self.car = car
        self.soc = min(1.0, max(0.0, car.soc))

    @property
    def is_full(self) -> bool:
        return self.soc >= 0.9995

    def wanted_w(self, supply: Supply) -> float:
        """Constant power up to `taper_from`, then a straight line down to a twentieth (CC/CV)."""
        most_w = self.car.max_dc_w if supply.is_dc else self.car.max_ac_w
        if self.is_full:
            return 0.0
        taper = self.car.taper_from
        if self.soc <= taper or taper >= 1.0:
            return most_w
        return most_w * (1.0 - 0.95 * (self.soc - taper) / (1.0 - taper))

    def store(self, energy_wh: float) -> None:
        self.soc = min(1.0, self.soc + energy_wh * self.car.efficiency / self.car.battery_wh)


def offered_w(supply: Supply, limit_a: float | None = None, *, phases: int | None = None) -> float:
    """The most that the connector offers, in W, under an optional limit in A per phase.

    Below 6 A an AC connector offers nothing: IEC 61851 knows no smaller current.
    """
    if supply.is_dc:
        share = 1.0 if limit_a is None else min(1.0, limit_a / supply.max_current_a)
        return supply.max_dc_w * max(0.0, share)
    current_a = supply.max_current_a if limit_a is None else min(supply.max_current_a, limit_a)
    if current_a < LEAST_AC_CURRENT_A:
        return 0.0
    return current_a * AC_VOLTAGE * min(supply.phases, phases or supply.phases)


class Meter:
    """The energy meter of a connector: its register, in Wh, only ever increases."""

    def __init__(self, supply: Supply, *, register_wh: float = 0.0, seed: int = 0) -> None:
        self.supply = supply
        self.register_wh = register_wh
        self.power_w = 0.0
        self.temperature_c = 24.0
        self.offered_w = 0.0
        self._random = Random(seed)  # noqa: S311 - noise on a reading, not a secret

    def advance(self, seconds: float, battery: Battery | None, limit_a: float | None = None) -> None:
        """Let `seconds` pass with the contactor closed on `battery`, or open when there is none."""
        left_s = max(0.0, seconds)
        while True:
            step_s = min(left_s, STEP_S)
            self._step(step_s, battery, limit_a)
            left_s -= step_s
            if left_s <= 0:
                return

    def _step(self, step_s: float, battery: Battery | None, limit_a: float | None) -> None:
        if battery is None:
            self.power_w = self.offered_w = 0.0
        else:
            self.offered_w = offered_w(self.supply, limit_a, phases=battery.car.phases)
            self.power_w = min(battery.wanted_w(self.supply), self.offered_w)
            energy_wh = self.power_w * step_s / 3600
            self.register_wh += energy_wh
            battery.store(energy_wh)
        warmth_c = 24.0 + 18.0 * self.power_w / max(1.0, offered_w(self.supply))
        self.temperature_c += (warmth_c - self.temperature_c) * min(1.0, step_s / 300)

    def read(self, battery: Battery | None = None) -> Reading:
        """What the display shows now; volts wobble a little, the same way for the same seed."""
        if self.supply.is_dc:
            volts: tuple[float, ...] = (400.0 if battery is None else 350.0 + 100.0 * battery.soc,)
            phases = 1
        else:
            volts = tuple(AC_VOLTAGE + self._random.uniform(-1.5, 1.5) for _ in range(self.supply.phases))
            phases = min(self.supply.phases, battery.car.phases if battery else self.supply.phases)
        amps = tuple(
            self.power_w / phases / volt if line < phases else 0.0 for line, volt in enumerate(volts)
        )
        soc = 100 * battery.soc if battery is not None and self.supply.is_dc else None
        return Reading(
            energy_wh=self.register_wh,
            power_w=self.power_w,
            currents_a=amps,
            voltages_v=volts,
            temperature_c=self.temperature_c,
            offered_w=self.offered_w,
            soc_percent=soc,
        )
