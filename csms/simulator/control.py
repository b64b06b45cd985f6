"""The chargers that run in this process, by identity: for pages and commands. Any thread may ask."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from enum import StrEnum
from typing import Any

from csms.simulator.battery import Car
from csms.simulator.charger import Charger
from csms.simulator.frames import LoggedFrame
from csms.simulator.options import ChargerOptions
from csms.simulator.scenario import Driver, Visit, end_all, repeat_forever, session
from csms.simulator.seed import ChargePointSimulator, SimulatorConfig
from csms.simulator.snapshot import ChargerState

DEFAULT_ID_TAG = "FFFFFFFF"
EAGER = {"MeterValueSampleInterval": "5"}  # whoever starts one by hand is looking, and waits for figures


class Scenario(StrEnum):
    IDLE = "idle"
    SESSION = "session"
    REPEAT = "repeat"


class Action(StrEnum):
    """What a person can do to a running charger; the first group needs a connector."""

    PLUG = "plug"
    UNPLUG = "unplug"
    SWIPE = "swipe"
    FAULT = "fault"
    CLEAR_FAULT = "clear_fault"
    POWER_CUT = "power_cut"
    POWER_ON = "power_on"
    OFFLINE = "offline"
    ONLINE = "online"
    REBOOT = "reboot"
    SKEW_CLOCK = "skew_clock"
    BAD_JSON = "bad_json"


class NotRunning(LookupError):
    """No simulated charger of that identity."""


class AlreadyRunning(ValueError):
    """A simulated charger of that identity is running."""


class Simulators:
    """A registry; make one and hand it around."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chargers: dict[str, Charger] = {}
        self._drivers: dict[str, list[Driver]] = {}
        self._sessions: dict[str, ChargePointSimulator] = {}
        self._registers_wh: dict[str, tuple[float, ...]] = {}

    def start(
        self,
        identity: str,
        url: str,
        *,
        options: ChargerOptions | None = None,
        scenario: Scenario = Scenario.IDLE,
        id_tag: str = DEFAULT_ID_TAG,
        charges_s: float = 600.0,
    ) -> Charger:
        """Returns at once; it dials and boots by itself. Raises AlreadyRunning.

        The meters go on where they stood when a charger of that identity was stopped.
        """
        options = options or ChargerOptions(configuration=EAGER)
        registers_wh = self._registers_wh.get(identity, ())
        if options.register_wh is None and len(registers_wh) == options.connectors:
            options = replace(options, register_wh=registers_wh)
        charger = Charger(identity, url, options)
        plan = _plan(scenario, id_tag, charges_s)
        drivers = [] if plan is None else [Driver(charger, 1, plan)]
        self.adopt([charger], drivers)
        charger.start()
        for driver in drivers:
            driver.start()
        return charger

    def run(self, config: SimulatorConfig) -> None:
        """Let one make the sessions of `config`; returns at once. Raises AlreadyRunning."""
        simulator = ChargePointSimulator(config)
        self.adopt([simulator.charger])
        with self._lock:
            self._sessions[config.identity] = simulator
        simulator.start()

    def knows(self, identity: str) -> bool:
        """Is one of that identity here, whatever it does?"""
        with self._lock:
            return identity in self._chargers

    def is_running(self, identity: str) -> bool:
        """False too for one that has made all its sessions; it is here until it is stopped."""
        with self._lock:
            simulator = self._sessions.get(identity)
            return identity in self._chargers and (simulator is None or simulator.is_running)

    def adopt(self, chargers: Iterable[Charger], drivers: Iterable[Driver] = ()) -> None:
        """Take in chargers that somebody else starts, a fleet's for instance. Raises AlreadyRunning."""
        fresh, people = list(chargers), list(drivers)
        with self._lock:
            for charger in fresh:
                if charger.identity in self._chargers:
                    raise AlreadyRunning(f"{charger.identity} is running")
            for charger in fresh:
                self._chargers[charger.identity] = charger
                self._drivers[charger.identity] = [d for d in people if d.charger is charger]

    def stop(self, identity: str) -> None:
        """Within two seconds. Raises NotRunning."""
        with self._lock:
            charger = self._chargers.pop(identity, None)
            drivers = self._drivers.pop(identity, [])
            simulator = self._sessions.pop(identity, None)
        if charger is None:
            raise NotRunning(f"{identity} is not running")
        if simulator is not None:
            simulator.close()
        self._end(drivers, [charger])

    def stop_all(self) -> None:
        with self._lock:
            chargers, self._chargers = list(self._chargers.values()), {}
            drivers, self._drivers = [d for each in self._drivers.values() for d in each], {}
            simulators, self._sessions = list(self._sessions.values()), {}
        for simulator in simulators:
            simulator.leave()
        self._end(drivers, chargers)

    def _end(self, drivers: list[Driver], chargers: list[Charger]) -> None:
        end_all(drivers, chargers)
        for charger in chargers:
            meters = tuple(connector.energy_wh for connector in charger.state().connectors)
            self._registers_wh[charger.identity] = meters

    def running(self) -> list[ChargerState]:
        """A snapshot of each, by identity."""
        with self._lock:
            chargers = list(self._chargers.values())
        return sorted((charger.state() for charger in chargers), key=lambda state: state.identity)

    def state(self, identity: str) -> ChargerState:
        """Raises NotRunning."""
        return self.charger(identity).state()

    def frames(self, identity: str, after: int = 0) -> list[LoggedFrame]:
        """The last 200, oldest first, numbered above `after`. Raises NotRunning."""
        return self.charger(identity).frames(after)

    def charger(self, identity: str) -> Charger:
        """Raises NotRunning."""
        with self._lock:
            charger = self._chargers.get(identity)
        if charger is None:
            raise NotRunning(f"{identity} is not running")
        return charger

    def act(
        self,
        identity: str,
        action: Action,
        *,
        connector: int = 1,
        id_tag: str = DEFAULT_ID_TAG,
        car: Car | None = None,
        error_code: str = "GroundFailure",
        seconds: float = 0.0,
    ) -> Future[Any]:
        """Queue the action and return at once; the Future tells when it is done. Raises NotRunning."""
        charger = self.charger(identity)
        deeds: dict[Action, Callable[[], Future[Any]]] = {
            Action.PLUG: lambda: charger.plug(connector, car),
            Action.UNPLUG: lambda: charger.unplug(connector),
            Action.SWIPE: lambda: charger.swipe(connector, id_tag),
            Action.FAULT: lambda: charger.fault(connector, error_code),
            Action.CLEAR_FAULT: lambda: charger.clear_fault(connector),
            Action.POWER_CUT: charger.power_cut,
            Action.POWER_ON: charger.power_on,
            Action.OFFLINE: charger.go_offline,
            Action.ONLINE: charger.come_back,
            Action.REBOOT: charger.reset,
            Action.SKEW_CLOCK: lambda: charger.skew_clock(seconds),
            Action.BAD_JSON: lambda: charger.send_raw('[2,"broken","Heartbeat",{'),
        }
        return deeds[Action(action)]()


def _plan(scenario: Scenario, id_tag: str, charges_s: float) -> Iterator[Visit] | None:
    match scenario:
        case Scenario.IDLE:
            return None
        case Scenario.SESSION:
            return session(id_tag, charges_s)
        case Scenario.REPEAT:
            return repeat_forever(Visit(id_tag, charges_s=charges_s))
