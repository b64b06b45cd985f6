"""Let a fleet misbehave for as long as you like: `python -m tools.model --steps 1000000`.

Hypothesis strings the rules of tests/model/machine.py together, against a real server that is killed now and then. It
prints its seed, and the shortest story that goes wrong if there is one.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.model.machine import play
from tests.nursery import ForkedServer, Nursery


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--database", help="postgresql+psycopg://…; otherwise SQLite")
    arguments = parser.parse_args()
    sys.stdout.write(f"seed {arguments.seed}\n")
    nursery = Nursery()
    try:
        with tempfile.TemporaryDirectory() as directory:
            url = arguments.database or f"sqlite:///{directory}/amberline.db"
            server = ForkedServer(nursery, Path(directory), url)
            server.start()
            try:
                steps = play(server, arguments.steps, arguments.seed)
            finally:
                server.stop()
            sys.stdout.write(f"{steps} steps, nothing lost, nothing doubled, every watt-hour right\n")
    finally:
        nursery.close()


if __name__ == "__main__":
    main()
