"""Drivers: people who come, plug, show a card, wait and leave. A thread for each visited connector."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from itertools import repeat
from typing import TypeVar

from csms.simulator.battery import Car
from csms.simulator.charger import Charger
from csms.simulator.station import ACCEPTED

Result = TypeVar("Result")


class Interrupted(Exception):
    """The driver was told to go."""


@dataclass(frozen=True)
class Visit:
    """One stay, in seconds of the charger's clock. A card that is refused ends it at once."""

    id_tag: str
    car: Car = field(default_factory=Car)
    arrives_after_s: float = 2.0
    finds_card_s: float = 3.0
    charges_s: float = 600.0
    lingers_s: float = 5.0


def session(id_tag: str, charges_s: float, car: Car | None = None) -> Iterator[Visit]:
    """Once: plug, card, charge, card, unplug."""
    return iter([Visit(id_tag, car or Car(), charges_s=charges_s)])


def repeat_forever(visit: Visit) -> Iterator[Visit]:
    return repeat(visit)


class Driver:
    """Makes the visits of a plan at one connector, one after the other."""

    def __init__(self, charger: Charger, connector: int, plan: Iterator[Visit]) -> None:
        self.charger = charger
        self._connector = connector
        self.plan = plan
        self._going = threading.Event()
        name = f"driver at {charger.identity}/{connector}"
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)

    def start(self) -> "Driver":
        self._thread.start()
        return self

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def leave(self) -> None:
        """Walk away, wherever the visit stands; the car stays as it is. Returns at once."""
        self._going.set()

    def stop(self) -> None:
        """Leave, and wait until that is done."""
        self.leave()
        if self._thread is not threading.current_thread() and self._thread.is_alive():
            self._thread.join(2.0)

    def _live(self) -> None:
        try:
            for visit in self.plan:
                self._make(visit)
        except (Interrupted, CancelledError):
            return

    def _make(self, visit: Visit) -> None:
        charger, connector = self.charger, self._connector
        self._pause(visit.arrives_after_s)
        if charger.station.connector(connector).battery is not None:
            return  # somebody else's car is there
        self._done(charger.plug(connector, visit.car))
        self._pause(visit.finds_card_s)
        if self._done(charger.swipe(connector, visit.id_tag)) == ACCEPTED:
            self._charge(visit)
        self._pause(visit.lingers_s)
        self._done(charger.unplug(connector))

    def _charge(self, visit: Visit) -> None:
        """Until the time is over, or somebody else has ended it."""
        connector = self.charger.station.connector(self._connector)
        ends_s = self.charger.station.clock.seconds() + visit.charges_s
        while connector.transaction is not None and self.charger.station.clock.seconds() < ends_s:
            self._pause(min(1.0, visit.charges_s))
        if connector.transaction is not None:
            self._done(self.charger.swipe(self._connector, visit.id_tag))

    def _pause(self, seconds: float) -> None:
        if self._going.wait(self.charger.station.clock.real_s(seconds)):
            raise Interrupted

    def _done(self, future: Future[Result]) -> Result:
        """Wait for the charger, which may be long when the central system is slow to answer."""
        while True:
            try:
                return future.result(0.2)
            except FutureTimeoutError:
                if self._going.is_set():
                    raise Interrupted from None


def wait_for(drivers: list[Driver], timeout_s: float) -> bool:
    """Whether all have finished their plans within so many real seconds."""
    deadline = time.monotonic() + timeout_s
    while not all(driver.is_done for driver in drivers):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end_all(drivers: list[Driver], chargers: list[Charger]) -> None:
    """Tell all first and wait afterwards, so that many end as fast as one."""
    for driver in drivers:
        driver.leave()
    for charger in chargers:
        charger.leave()
    for driver in drivers:
        driver.stop()
    for charger in chargers:
        charger.stop()
