"""A fleet that misbehaves loses nothing and doubles nothing. `python -m tools.model` plays on as long as you like."""

from __future__ import annotations

from collections.abc import Callable

from tests.model.machine import play
from tests.nursery import ForkedServer

STEPS = 300


def test_a_fleet_that_cuts_repeats_reorders_skews_and_crashes_is_booked_to_the_watt_hour(
    servers: Callable[..., ForkedServer],
) -> None:
    server = servers()
    server.start()
    assert play(server, STEPS, 20261121) >= STEPS / 2
