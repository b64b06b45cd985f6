"""Runs product and baseline in turn on the same core and prints one table.

    python -m bench                              # all of it, about five minutes
    python -m bench --only metervalues,sessions --seconds 20 --repeat 3 --json

Each measure starts a server and a database of its own.
"""

import argparse
import json
import resource
import sys
import tempfile
from http.client import HTTPException
from pathlib import Path
from subprocess import SubprocessError

from bench import machine, remote_start, report
from bench.measures import MEASURES, PRODUCT_ONLY, Figures, Options
from bench.server import BASELINE, PAGES, Side, running

SERVE = "python wsgi.py"
MIGRATE = "flask --app wsgi db upgrade"
CREATE_USER = "flask --app wsgi create-user --username bench --role owner --password {password}"

# How a measure fails when its server does: it refuses, breaks off, or answers what nobody expects.
FAILURES = (RuntimeError, OSError, HTTPException, SubprocessError, ValueError, KeyError)

Results = dict[str, dict[str, list[Figures]]]


def sides(arguments: argparse.Namespace, measure: str) -> list[Side]:
    """Who is measured, in which order."""
    prepare = [arguments.migrate, arguments.create_user if measure in PRODUCT_ONLY else ""]
    product = Side("product", arguments.serve, tuple(command for command in prepare if command))
    both = [BASELINE, product] if measure not in PRODUCT_ONLY else [product]
    return [side for side in (PAGES if measure == "pages" else both) if arguments.side in (side.name, "both")]


def measure_all(arguments: argparse.Namespace, options: Options, failures: list[str]) -> Results:
    """Every measure, baseline and product in turn, as often as asked: A B A B.

    What fails is told at once and added to `failures`; the other measures go on.
    """
    results: Results = {}
    for name in arguments.only:
        for repetition in range(arguments.repeat):
            for side in sides(arguments, name):
                print(f"{name}, {side.name}, {repetition + 1} of {arguments.repeat} …", file=sys.stderr)
                try:
                    figures = measure_one(arguments, options, name, side)
                except FAILURES as error:
                    failures.append(f"{name}, {side.name}")
                    print(f"FAILED: {type(error).__name__}: {error}", file=sys.stderr)
                    continue
                results.setdefault(name, {}).setdefault(side.name, []).append(figures)
    return results


def measure_one(arguments: argparse.Namespace, options: Options, name: str, side: Side) -> Figures:
    """One measure on one fresh server. Raises one of FAILURES."""
    with machine.Stolen() as stolen, running(side, arguments.port, options.folder) as server:
        figures = MEASURES[name](server, options)
        own = server.own_stalls() if side.name == "product" else {}
    return figures | own | {"machine_stolen_share": stolen.share}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(MEASURES), help=f"of {','.join(MEASURES)}")
    parser.add_argument("--side", choices=("both", "product", "baseline"), default="both")
    parser.add_argument("--chargers", type=int, default=1000)
    parser.add_argument("--storm", type=int, default=5000, help="chargers that connect at once")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measured window")
    parser.add_argument("--warm-up", type=float, default=3.0)
    parser.add_argument(
        "--steady-rate", type=float, default=300.0, help="messages/s while stalls are looked for"
    )
    parser.add_argument("--browsers", type=int, default=1000, help="that watch")
    parser.add_argument("--repeat", type=int, default=1, help="medians are printed")
    parser.add_argument("--port", type=int, default=8250)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="for databases; not on tmpfs")  # noqa: S108
    parser.add_argument("--serve", default=SERVE, help="starts the product; {port} and {folder} may be used")
    parser.add_argument("--migrate", default=MIGRATE, help="prepares its database; empty: nothing to do")
    parser.add_argument("--create-user", default=CREATE_USER, help="makes the API's user, for remote starts")
    parser.add_argument("--credentials", default=remote_start.CREDENTIALS, help="body of POST /api/v1/token")
    parser.add_argument("--command-path", default=remote_start.COMMANDS)
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of the table")
    parser.add_argument("--check", action="store_true", help="exit with 1 when an aim is missed")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    if unknown := set(arguments.only) - set(MEASURES):
        parser.error(f"--only knows {', '.join(MEASURES)}, not {', '.join(sorted(unknown))}")
    return arguments


def main() -> int:
    arguments = parse()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < arguments.storm + 200:
        sys.exit(f"{arguments.storm} chargers need more than the {hard} open files allowed here (ulimit -n)")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder:
        options = Options(
            arguments.chargers, arguments.seconds, arguments.warm_up, arguments.storm,
            arguments.steady_rate, arguments.browsers, arguments.credentials, arguments.command_path, Path(folder),
        )  # fmt: skip
        before = machine.describe(options.folder)
        failures: list[str] = []
        results = measure_all(arguments, options, failures)
    if arguments.json:
        print(json.dumps({"machine": before, "results": results, "failed": failures}, indent=1))
    else:
        print(f"{before}\n{arguments.chargers:,} chargers, storm of {arguments.storm:,}\n")
        print(report.text(results))
        print(report.pages(results))
        print(report.notes(results))
    if failures:
        print(f"FAILED: {'; '.join(failures)}", file=sys.stderr)
    return int(bool(failures) or (arguments.check and report.missed(results)))


if __name__ == "__main__":
    sys.exit(main())
