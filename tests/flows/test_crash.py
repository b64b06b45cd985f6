"""kill -9 at the worst moments (F1 to F3 of the promises: yes means stored, twice is once)."""

from __future__ import annotations

import random
from collections.abc import Callable

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from csms.domain.verify import verify
from tests.flows.crashes import PLACES, Plan, crash
from tests.nursery import ForkedServer

# At each of the places once on each database; the dice fall otherwise on each run, and a failure names its seed.
ROUND = random.randrange(1000) * len(PLACES)


def test_a_session_survives_kill_9_at_every_point_of_its_messages(
    servers: Callable[..., ForkedServer], database_url: str
) -> None:
    server = servers()
    server.module = "tests.flows.crashing_server"
    seeds = range(ROUND, ROUND + len(PLACES))
    server.arguments = (Plan(seeds[0]).fuse,)
    server.start()
    engine = create_engine(database_url)
    for seed in seeds:
        try:
            crash(server, engine, seed, then=seed + 1 if seed + 1 in seeds else None)
        except Exception as error:
            log = server.log.read_text()[-3000:]
            raise AssertionError(f"{Plan(seed).fuse}: {error}\n{log}") from error
    with Session(engine) as session:
        assert verify(session) == []
    engine.dispose()
