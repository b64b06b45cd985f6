"""The simulator under the names of an older system: `SimulatorConfig` and `ChargePointSimulator`.

config = SimulatorConfig(host="127.0.0.1", ws_port=8000, cp_path="SIM1/")
asyncio.run(ChargePointSimulator(config)._run_session())
"""

import asyncio
import threading
from dataclasses import dataclass
from random import SystemRandom

from csms.simulator.battery import Car, Supply
from csms.simulator.charger import Charger
from csms.simulator.options import ChargerOptions
from csms.simulator.scenario import Driver, Visit

RETRY_S = 1.0


@dataclass(frozen=True)
class SimulatorConfig:
    """`cp_path` is the path of the websocket, whose last segment is the identity.

    `duration`, `interval` and `pre_charge_delay` in seconds; the session takes between `kwh_min` and
    `kwh_max` in `duration`. `username` and `password` are for Basic authentication, and both are needed.
    """

    host: str = "127.0.0.1"
    ws_port: int | None = 8000
    rfid: str = "FFFFFFFF"
    cp_path: str = "CPX/"
    duration: float = 600
    kwh_min: float = 30.0
    kwh_max: float = 60.0
    interval: float = 5.0
    pre_charge_delay: float = 0.0
    repeat: bool = False
    username: str | None = None
    password: str | None = None

    @property
    def identity(self) -> str:
        return self.cp_path.strip("/").rpartition("/")[2]

    @property
    def url(self) -> str:
        """What stands before the identity."""
        port = "" if self.ws_port is None else f":{self.ws_port}"
        before = self.cp_path.strip("/").rpartition("/")[0]
        return f"ws://{self.host}{port}/{before}".rstrip("/")


class ChargePointSimulator:
    """One charger that makes one session, or with `repeat` one after the other."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.charger = _charger(config)
        self._is_used = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Run in a thread of its own; nothing happens when it is running."""
        if not self.is_running:
            self._stopping.clear()
            name = f"simulator {self.config.identity}"
            self._thread = threading.Thread(target=self.run, name=name, daemon=True)
            self._thread.start()

    def leave(self) -> None:
        """Begin to stop, and return at once."""
        self._stopping.set()

    def close(self) -> None:
        """Stop from plain code; within two seconds."""
        self.leave()
        if self._thread is not None:
            self._thread.join(2.0)

    async def stop(self) -> None:
        await asyncio.to_thread(self.close)

    async def _run_session(self) -> None:
        """Connect, boot, charge for `duration`, stop, disconnect."""
        await asyncio.to_thread(self.session)

    def run(self) -> None:
        """Sessions until stopped, or one without `repeat`."""
        self._connected(until_stopped=self.config.repeat)

    def session(self) -> None:
        """One session in the caller's thread; a central system that is away is waited for."""
        self._connected(until_stopped=False)

    def _connected(self, *, until_stopped: bool) -> None:
        if self._is_used:  # a charger lives once
            self.charger = _charger(self.config)
        self._is_used = True
        self.charger.start()
        try:
            while self._charge() and until_stopped and not self._stopping.wait(RETRY_S):
                pass
        finally:
            self.charger.stop()

    def _charge(self) -> bool:
        """One session, once the charger is accepted. False when it was stopped before its end."""
        while self.charger.conversation.registration != "Accepted":
            if self._stopping.wait(0.05):
                return False
        driver = Driver(self.charger, 1, iter([_visit(self.config)])).start()
        while not driver.is_done and not self._stopping.wait(0.05):
            pass
        driver.stop()
        return not self._stopping.is_set()


def _power_w(config: SimulatorConfig, kwh: float) -> float:
    """The power by which `duration` makes that energy."""
    return 1000 * kwh * 3600 / config.duration


def _charger(config: SimulatorConfig) -> Charger:
    both = config.username and config.password
    options = ChargerOptions(
        connectors=1,
        supply=Supply(max_dc_w=_power_w(config, config.kwh_max)),
        vendor="SimVendor",
        user=config.username if both else None,
        password=config.password if both else None,
        energy_unit="kWh",
        configuration={"MeterValueSampleInterval": str(max(1, round(config.interval)))},
        reconnect_s=RETRY_S,
    )
    return Charger(config.identity, config.url, options)


def _visit(config: SimulatorConfig) -> Visit:
    """A battery that ten sessions would not fill, so that the power never tapers."""
    power_w = _power_w(config, SystemRandom().uniform(config.kwh_min, config.kwh_max))
    hours = max(1.0, config.duration / 3600)
    car = Car("Endless", battery_wh=10 * power_w * hours, soc=0.1, max_dc_w=power_w)
    return Visit(
        config.rfid,
        car,
        arrives_after_s=config.pre_charge_delay,
        finds_card_s=0.0,
        charges_s=config.duration,
        lingers_s=0.0,
    )
