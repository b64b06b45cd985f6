"""Runs a program of old that says `from ocpp.simulator import SimulatorConfig, ChargePointSimulator`, as it stands.

    python -m csms.simulator.script example.py

In Arthexis the simulator was a module of an application called ocpp; here that name is the protocol library's.
"""

import runpy
import sys

from csms.simulator import seed


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    sys.modules["ocpp.simulator"] = seed
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
