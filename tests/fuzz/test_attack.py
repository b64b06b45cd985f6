"""Nonsense harms nobody but its sender. `python -m tools.fuzz` goes on for as long as you like."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.attack import HARMLESS, attack
from tests.nursery import ForkedServer

FRAMES = 1_200
SEED = 20261121


def test_bent_frames_end_no_connection_wrongly_and_leave_no_fault_in_the_log(
    servers: Callable[..., ForkedServer],
) -> None:
    server = servers()
    server.start()
    outcome = attack(server, FRAMES, SEED)
    assert outcome.frames == FRAMES
    assert outcome.latencies_ms, "nobody else was served"
    assert set(outcome.ends) <= HARMLESS
    assert server.faults() == []
