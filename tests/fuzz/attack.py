"""Chargers that send nonsense over real sockets, while another one measures how it is served."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.typing import Subprotocol

from tests.fuzz import frames
from tests.live import LiveServer

ATTACKERS = 4
LOOK_S = 10.0
WINDOW = 40  # frames between two questions whether all was read
PATIENCE_S = 60.0
BEAT_S = 0.02
HARMLESS = {
    1002,
    1003,
    1007,
    1008,
    1009,
}  # how a server ends what is no websocket, or no text (RFC 6455 §7.4.1)
Maker = Callable[[random.Random, int], str | bytes]


@dataclass
class Outcome:
    """What came of an attack. `ends`: how often a connection ended with which code. Latencies in ms, memory in MiB."""

    frames: int = 0
    ends: Counter[int | None] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    memory_mib: float = 0.0

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.latencies_ms, n=100)[98]


Watch = Callable[[Outcome], None]


def _look_away(_: Outcome) -> None:
    """Nobody wants to know how it goes on."""


def attack(
    server: LiveServer,
    count: int,
    seed: int,
    maker: Maker = frames.bent,
    attackers: int = ATTACKERS,
    watch: Watch = _look_away,
) -> Outcome:
    """Send `count` frames made by `maker` from the seed; `watch` is called every ten seconds.

    Raises TimeoutError when a charger is left unanswered.
    """
    outcome = Outcome()
    began = time.perf_counter()
    dice = [random.Random(seed + n) for n in range(attackers)]
    asyncio.run(
        _attack(server, count, dice, maker, outcome, lambda: watch(_measured(server, outcome, began)))
    )
    return _measured(server, outcome, began)


def _measured(server: LiveServer, outcome: Outcome, began: float) -> Outcome:
    outcome.seconds = time.perf_counter() - began
    outcome.memory_mib = _memory_mib(server)
    return outcome


async def _attack(
    server: LiveServer,
    count: int,
    dice: list[random.Random],
    maker: Maker,
    outcome: Outcome,
    look: Callable[[], None],
) -> None:
    beside = [asyncio.create_task(_stand_by(server, outcome)), asyncio.create_task(_look(look))]
    each = count // len(dice)
    await asyncio.gather(
        *(_harass(server, f"FUZZ-{n}", its, each, maker, outcome) for n, its in enumerate(dice))
    )
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)


async def _look(look: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        look()


async def _harass(
    server: LiveServer, identity: str, dice: random.Random, count: int, maker: Maker, outcome: Outcome
) -> None:
    sent = 0
    while sent < count:
        async with _dial(server, identity) as ws:
            try:
                while sent < count:
                    await ws.send(maker(dice, sent))
                    sent += 1
                    outcome.frames += 1
                    if sent % WINDOW == 0 or sent == count:
                        await _ask(ws, f"sync-{sent}")
            except ConnectionClosed:
                outcome.ends[ws.close_code] += 1
            except (
                AttributeError
            ):  # the client library aborts a transport that is gone already: it has been closed
                if ws.state is not State.CLOSED:
                    raise
                outcome.ends[ws.close_code] += 1


async def _stand_by(server: LiveServer, outcome: Outcome) -> None:
    """A charger that behaves: how long its heartbeats take."""
    async with _dial(server, "BYSTANDER") as ws:
        number = 0
        while True:
            began = time.perf_counter()
            await _ask(ws, f"beat-{(number := number + 1)}")
            outcome.latencies_ms.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(BEAT_S)


async def _ask(ws: ClientConnection, message_id: str) -> None:
    await ws.send(f'[2,"{message_id}","Heartbeat",{{}}]')
    async with asyncio.timeout(PATIENCE_S):
        while not str(await ws.recv()).startswith(f'[3,"{message_id}"'):
            pass


def _dial(server: LiveServer, identity: str) -> connect:
    return connect(
        f"{server.ws_url}/{identity}",
        subprotocols=[Subprotocol("ocpp1.6")],
        ping_interval=None,
        compression=None,
        max_size=None,
        open_timeout=PATIENCE_S,
        close_timeout=PATIENCE_S,
    )


def _memory_mib(server: LiveServer) -> float:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
