"""Many chargers with drivers that come and go, each by its own dice: for demonstrations and for load."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from csms.simulator.battery import AC_11KW, AC_22KW, DC_50KW, DC_150KW, Car, Supply
from csms.simulator.charger import Charger
from csms.simulator.options import ChargerOptions
from csms.simulator.scenario import Driver, Visit, end_all

CARS = (
    Car("City 24", battery_wh=24_000, max_ac_w=6_600, phases=1, max_dc_w=46_000),
    Car("Compact 58", battery_wh=58_000, max_ac_w=11_000, max_dc_w=120_000),
    Car("Estate 77", battery_wh=77_000, max_ac_w=11_000, max_dc_w=170_000),
    Car("Van 75", battery_wh=75_000, max_ac_w=11_000, max_dc_w=100_000),
    Car("Hybrid 12", battery_wh=12_000, max_ac_w=3_700, phases=1, max_dc_w=0, taper_from=0.9),
    Car("Roadster 95", battery_wh=95_000, max_ac_w=22_000, max_dc_w=250_000, taper_from=0.6),
)
SUPPLIES = (
    (AC_22KW, "AC 22"),
    (AC_11KW, "AC 11"),
    (AC_22KW, "AC 22"),
    (DC_50KW, "DC 50"),
    (DC_150KW, "DC 150"),
)


@dataclass(frozen=True)
class Rhythm:
    """How long people stay and stay away, in seconds of the charger's clock: from, to."""

    charges_s: tuple[float, float] = (180.0, 1500.0)
    pauses_s: tuple[float, float] = (15.0, 90.0)
    first_pause_s: tuple[float, float] = (0.0, 8.0)
    used_connectors: float = 0.75
    """The share of connectors that anybody visits."""


class Fleet:
    """`id_tags` are the cards of the drivers; `identities` default to SIM-0001, SIM-0002 and so on."""

    def __init__(
        self,
        count: int,
        url: str,
        *,
        id_tags: Sequence[str],
        identities: Sequence[str] | None = None,
        options: ChargerOptions | None = None,
        rhythm: Rhythm | None = None,
        seed: int = 1,
    ) -> None:
        names = identities or [f"SIM-{number:04}" for number in range(1, count + 1)]
        self._rhythm = rhythm or Rhythm()
        base = options or ChargerOptions()
        self.chargers = [
            Charger(name, url, _variant(base, number, seed)) for number, name in enumerate(names[:count])
        ]
        self.drivers = [
            Driver(charger, connector, self._visits(charger, connector, seed, id_tags))
            for charger in self.chargers
            for connector in self._visited(charger, seed)
        ]

    def start(self) -> "Fleet":
        for charger in self.chargers:
            charger.start()
        for driver in self.drivers:
            driver.start()
        return self

    def stop(self) -> None:
        """Drivers walk away, then the chargers say goodbye, all at about the same time."""
        end_all(self.drivers, self.chargers)

    def _visited(self, charger: Charger, seed: int) -> list[int]:
        """The first connector always, the others by the dice."""
        dice = Random(f"{seed}/{charger.identity}")  # noqa: S311 - who parks where is no secret
        others = range(2, charger.options.connectors + 1)
        return [1, *(number for number in others if dice.random() < self._rhythm.used_connectors)]

    def _visits(self, charger: Charger, connector: int, seed: int, id_tags: Sequence[str]) -> Iterator[Visit]:
        dice = Random(f"{seed}/{charger.identity}/{connector}")  # noqa: S311 - as above
        pause_s = dice.uniform(*self._rhythm.first_pause_s)
        cars = [car for car in CARS if car.max_dc_w > 0 or not charger.options.supply.is_dc]
        while True:
            yield Visit(
                id_tag=dice.choice(id_tags),
                car=replace(dice.choice(cars), soc=dice.uniform(0.1, 0.7)),
                arrives_after_s=pause_s,
                finds_card_s=dice.uniform(2, 8),
                charges_s=dice.uniform(*self._rhythm.charges_s),
                lingers_s=dice.uniform(2, 20),
            )
            pause_s = dice.uniform(*self._rhythm.pauses_s)


def _variant(base: ChargerOptions, number: int, seed: int) -> ChargerOptions:
    """Every charger its own supply, unless all are to be alike (`base` has another than the default)."""
    supply, model = SUPPLIES[number % len(SUPPLIES)]
    if base.supply != Supply():
        return replace(base, seed=seed + number)
    return replace(base, supply=supply, model=model, seed=seed + number)
