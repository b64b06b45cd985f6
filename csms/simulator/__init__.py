"""A charger in software, for demonstrations and tests. It shares no code with the system that it tests.

The public names are here; `control.Simulators` keeps many of them, `fleet.Fleet` makes them lively.
"""

from csms.simulator.battery import AC_7KW, AC_11KW, AC_22KW, DC_50KW, DC_150KW, Car, Supply
from csms.simulator.charger import Charger
from csms.simulator.control import Action, AlreadyRunning, NotRunning, Scenario, Simulators
from csms.simulator.fleet import Fleet, Rhythm
from csms.simulator.models import MODELS, Model
from csms.simulator.options import ChargerOptions
from csms.simulator.quirks import Quirk
from csms.simulator.scenario import Driver, Visit
from csms.simulator.seed import ChargePointSimulator, SimulatorConfig
from csms.simulator.snapshot import ChargerState, ConnectorState

__all__ = [
    "AC_7KW",
    "AC_11KW",
    "AC_22KW",
    "DC_50KW",
    "DC_150KW",
    "MODELS",
    "Action",
    "AlreadyRunning",
    "Car",
    "ChargePointSimulator",
    "Charger",
    "ChargerOptions",
    "ChargerState",
    "ConnectorState",
    "Driver",
    "Fleet",
    "Model",
    "NotRunning",
    "Quirk",
    "Rhythm",
    "Scenario",
    "SimulatorConfig",
    "Simulators",
    "Supply",
    "Visit",
]
