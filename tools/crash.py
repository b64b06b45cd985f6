"""Kill the server at the worst moments, again and again: `python -m tools.crash --seeds 200`.

Each seed is one charging session through one kill -9 (tests/flows/crashes.py). It stops at the first session that lost
or doubled something, and names its seed. Without --database on a SQLite file of its own; with it on an empty,
throw-away PostgreSQL database.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from csms.domain.verify import verify
from tests.flows.crashes import Plan, crash
from tests.nursery import ForkedServer, Nursery


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="how many sessions")
    parser.add_argument("--first", type=int, default=0, help="the first one's seed")
    parser.add_argument("--database", help="postgresql+psycopg://…; otherwise SQLite")
    arguments = parser.parse_args()
    nursery = Nursery()
    try:
        with tempfile.TemporaryDirectory() as directory:
            url = arguments.database or f"sqlite:///{directory}/amberline.db"
            sys.exit(
                run(nursery, Path(directory), url, range(arguments.first, arguments.first + arguments.seeds))
            )
    finally:
        nursery.close()


def run(nursery: Nursery, directory: Path, database_url: str, seeds: range) -> int:
    """0 when all went well, else 1, as a process ends."""
    server = ForkedServer(nursery, directory, database_url)
    server.module = "tests.flows.crashing_server"
    server.arguments = (Plan(seeds[0]).fuse,)
    server.start()
    engine = create_engine(database_url)
    recoveries_s = []
    try:
        for seed in seeds:
            then = seed + 1 if seed + 1 in seeds else None
            try:
                recoveries_s.append(crash(server, engine, seed, then=then))
            except Exception as error:  # the outermost door: name the seed, whatever went wrong
                sys.stdout.write(f"{Plan(seed).fuse}: {error}\n")
                return 1
        with Session(engine) as session:
            findings = verify(session)
    finally:
        server.stop()
        engine.dispose()
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(
        f"{len(seeds)} sessions, {len(recoveries_s)} kills; from the kill to the confirmation, s: "
        f"median {statistics.median(recoveries_s):.2f}, longest {max(recoveries_s):.2f}\n"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    main()
