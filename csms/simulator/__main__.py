"""`python -m csms.simulator <charger_id>`: one charger, its frames on the screen."""

import argparse
import sys
import time
from collections.abc import Sequence

from csms.simulator.charger import Charger
from csms.simulator.mishaps import Mishap, Upload
from csms.simulator.options import ChargerOptions
from csms.simulator.scenario import Driver, Visit, repeat_forever


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m csms.simulator",
        description="A charger in software: boots, charges once, and stays connected until Ctrl-C.",
    )
    add = parser.add_argument
    add("charger_id")
    add("--url", default="ws://localhost:8000/ws/ocpp", help="what stands before the identity (%(default)s)")
    add("--connectors", type=int, default=2)
    add("--id-tag", default="TESTTAG", help="the card (%(default)s)")
    add("--delay", type=float, default=5, help="seconds until the car comes (%(default)s)")
    add("--duration", type=float, default=10, help="seconds of charging (%(default)s)")
    add("--interval", type=int, default=10, help="seconds between meter values (%(default)s)")
    add("--repeat", action="store_true", help="one session after the other")
    add("--idle", action="store_true", help="no session: wait for the central system's orders")
    add("--exit", action="store_true", help="end after the session")
    add("--user", help="of Basic authentication, if it is not the identity")
    add("--password", help="of Basic authentication")
    add("--kwh", action="store_true", help="tell energy in kWh instead of Wh")
    add("--speed", type=float, default=1.0, help="how much faster than the world the charger lives")
    add("--clock-skew", type=float, default=0.0, help="seconds by which its clock is wrong")
    add(
        "--mishap",
        action="append",
        type=Mishap,
        default=[],
        help=f"one of {', '.join(Mishap)}; may be repeated",
    )
    add(
        "--upload", type=Upload, default=Upload.PUT, help="how logs are sent: PUT, POST or FORM (%(default)s)"
    )
    add("--quiet", action="store_true", help="print no frames")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    charger = Charger(asked.charger_id, asked.url, _options(asked)).start()
    visit = Visit(asked.id_tag, arrives_after_s=asked.delay, finds_card_s=0, charges_s=asked.duration)
    plan = repeat_forever(visit) if asked.repeat else iter([] if asked.idle else [visit])
    driver = Driver(charger, 1, plan).start()
    try:
        _watch(charger, driver, quiet=asked.quiet, until_done=asked.exit)
    except KeyboardInterrupt:
        sys.stderr.write("stopping\n")
    driver.stop()
    charger.stop()
    return 0


def _watch(charger: Charger, driver: Driver, *, quiet: bool, until_done: bool) -> None:
    """Print what is said, until the driver is done (if wanted) or for ever."""
    shown = 0
    while not (until_done and driver.is_done):
        time.sleep(0.1)
        for frame in charger.frames(shown):
            shown = frame.number
            if not quiet:
                arrow = {"sent": ">", "received": "<"}.get(frame.direction, "-")
                sys.stdout.write(f"{frame.at:%H:%M:%S} {arrow} {frame.text}\n")
        sys.stdout.flush()


def _options(asked: argparse.Namespace) -> ChargerOptions:
    return ChargerOptions(
        connectors=asked.connectors,
        user=asked.user,
        password=asked.password,
        energy_unit="kWh" if asked.kwh else "Wh",
        configuration={"MeterValueSampleInterval": str(asked.interval)},
        speed=asked.speed,
        clock_skew_s=asked.clock_skew,
        mishaps=frozenset(asked.mishap),
        upload=asked.upload,
    )


if __name__ == "__main__":
    sys.exit(main())
