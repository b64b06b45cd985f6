"""Throw bent frames at a server: `python -m tools.fuzz --frames 1000000`.

It prints its seed, how far it is and how much memory the server has, and what came of it: how connections ended, what
another charger's p99 was and what it was beside good frames, what the log complains of, what does not add up in the
books. It fails on a close with 1011 or without a close frame, on any complaint, and on books that do not add up. With
--keep its directory stays, with the database and the log.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from csms.domain.verify import verify
from tests.fuzz import frames
from tests.fuzz.attack import HARMLESS, Outcome, attack
from tests.live import LiveServer, running

ATTACKERS = 16  # the server takes the frames of one charger one after the other


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--attackers", type=int, default=ATTACKERS)
    parser.add_argument("--database", help="postgresql+psycopg://…; otherwise SQLite")
    parser.add_argument("--keep", type=Path, help="a directory to work in")
    arguments = parser.parse_args()
    _say(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory() as scratch:
        directory = arguments.keep or Path(scratch)
        url = arguments.database or f"sqlite:///{directory}/amberline.db"
        with running(LiveServer(directory, url)) as server:
            few = max(2_000, arguments.frames // 20)
            warm = attack(server, few, arguments.seed, frames.good, arguments.attackers, _tell)
            bent = attack(
                server, arguments.frames, arguments.seed, attackers=arguments.attackers, watch=_tell
            )
            faults = server.faults()
        findings = _verify(server.database_url)
    _sum_up(warm, bent)
    for fault in faults[:20]:
        _say(f"log: {fault}")
    for finding in findings[:20]:
        _say(f"books: {finding}")
    sys.exit(bool(faults or findings or set(bent.ends) - HARMLESS))


def _verify(url: str) -> list[str]:
    """What does not add up in the books that the server has left."""
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            return [str(x) for x in verify(session)]
    finally:
        engine.dispose()


def _tell(outcome: Outcome) -> None:
    rate = outcome.frames / outcome.seconds
    _say(f"{outcome.frames} frames in {outcome.seconds:.0f} s ({rate:.0f}/s), {outcome.memory_mib:.0f} MiB")


def _sum_up(warm: Outcome, bent: Outcome) -> None:
    ends = ", ".join(f"{code}: {count}" for code, count in sorted(bent.ends.items(), key=str)) or "none"
    _tell(bent)
    _say(f"connections ended: {ends}")
    _say(
        f"another charger's p99: {bent.p99_ms:.1f} ms, {warm.p99_ms:.1f} ms beside good frames"
        f" ({bent.p99_ms / warm.p99_ms:.2f} times)"
    )
    _say(f"memory: {warm.memory_mib:.0f} MiB before, {bent.memory_mib:.0f} MiB after")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
