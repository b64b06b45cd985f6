"""What a message costs before and behind the websocket, stage by stage: no sockets, one thread, one commit for a batch.

    python -m bench.stages metervalues                  # or sessions, heartbeat
    python -m bench.stages sessions --batch 50          # smaller batches, as under a light load

Processor time in µs for one message; what is indented is part of the line above it. "Answer" is the handler with its
rules. A bare Heartbeat shows the floor: what any message costs that is journalled and committed before its answer.
"""

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import gc  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Iterator, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from bench import scripts, wire  # noqa: E402
from bench.server import ROOT, environment_of  # noqa: E402
from csms import clock, schemas  # noqa: E402
from csms.bus import LocalBus  # noqa: E402
from csms.domain import base, frames  # noqa: E402
from csms.domain.chargers import Admission  # noqa: E402
from csms.domain.security import Offer, Proof  # noqa: E402
from csms.ocpp import dispatch, message, units  # noqa: E402
from csms.ocpp.arrival import Knock, Opening, Peer  # noqa: E402
from csms.ocpp.dispatch import Station  # noqa: E402
from csms.ocpp.door import Door  # noqa: E402
from csms.ocpp.endpoint import VERSIONS  # noqa: E402
from csms.ocpp.units import Received  # noqa: E402
from csms.work import Session  # noqa: E402

CHARGERS = 1000
PROTOCOL = "ocpp1.6"
# What is timed: its name, where it stands, and under which name there.
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("read the JSON", message, "parse"),
    ("answer", dispatch, "answer"),
    ("  check against the schema", schemas, "check"),
    ("journal, ledger and lease", Received, "keep"),
    ("  hash for the chain", frames, "link_of"),
    ("write the rows", base, "settle"),
    ("commit", Session, "commit"),
)
READ_AHEAD = "read ahead for the batch"


class Fleet:
    """Chargers without sockets: their scripts, and the units that their messages become."""

    def __init__(self, door: Door, mode: str, batch: int) -> None:
        self.lane, self.batch = door.lane, batch
        self.stations: list[Station] = [x.station for x in self.run([*_knocks(door)])]
        peer = Peer("127.0.0.1", "/", Offer(Proof.NOTHING, False, "none"))
        opened = [Opening(x, peer, door.node, clock.now(), door.lease_end()) for x in self.stations]
        self.epochs: list[int] = [epoch for epoch, _ in self.run(opened)]
        voices = [scripts.Voice(x.identity, number) for number, x in enumerate(self.stations)]
        self.scripts = [scripts.SCRIPTS[mode](voice) for voice in voices]
        self.said: list[bytes] = [next(script) or b"" for script in self.scripts]
        self._set_up()

    def _set_up(self) -> None:
        """Bring every charger to the start of what is measured."""
        waiting = list(range(CHARGERS))
        while waiting:
            self.hear(waiting, self.run([self.unit(number) for number in waiting]))
            waiting = [number for number in waiting if self.said[number]]
        self.said = [next(script) or b"" for script in self.scripts]

    def hear(self, numbers: Sequence[int], answers: Sequence[str]) -> None:
        """Let the chargers with these numbers make up what they say next; nothing when they are set up."""
        for number, answer in zip(numbers, answers, strict=True):
            self.said[number] = self.scripts[number].send(answer.encode()) or b""

    def unit(self, number: int) -> Received:
        text = wire.text_of(self.said[number]).decode()
        call = units.first_look(VERSIONS[PROTOCOL], text)
        if not isinstance(call, (message.Call, message.Heading)):
            raise TypeError(text)
        station, epoch = self.stations[number], self.epochs[number]
        return Received(VERSIONS[PROTOCOL], station, epoch, text, clock.now(), time.perf_counter(), call)

    def run(self, batch: Sequence[Any]) -> list[Any]:
        """The results of units, `batch` at a time."""
        parts = [batch[first : first + self.batch] for first in range(0, len(batch), self.batch)]
        return [value for part in parts for value in self.lane._once(list(part))[0]]


def _knocks(door: Door) -> Iterator[Knock]:
    for number in range(CHARGERS):
        identity = f"STAGE{number:04d}"
        yield Knock(identity, PROTOCOL, Admission.ACCEPTED, door.node, clock.now(), door.station_of)


def measure(fleet: Fleet, messages: int) -> dict[str, float]:
    """Processor time by stage, in µs for one message."""
    spent: Counter[str] = Counter()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            began = time.process_time_ns()
            try:
                return function(*given, **named)
            finally:
                spent[name] += time.process_time_ns() - began

        return run

    for name, owner, attribute in STAGES:
        setattr(owner, attribute, timed(name, getattr(owner, attribute)))
    fleet.lane._gather = timed(READ_AHEAD, units.gather)
    turn = timed("all of it", lambda numbers: fleet.run([fleet.unit(number) for number in numbers]))
    for first in range(0, messages, fleet.batch):
        numbers = [(first + number) % CHARGERS for number in range(fleet.batch)]
        fleet.hear(numbers, turn(numbers))
    return {name: nanoseconds / 1000 / messages for name, nanoseconds in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=("heartbeat", "metervalues", "sessions"))
    parser.add_argument("--batch", type=int, default=400, help="messages that share a commit")
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="for the database")  # noqa: S108
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder:
        environment = environment_of(8250, Path(folder))
        migrate = ["flask", "--app", "wsgi", "db", "upgrade"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True, capture_output=True)
        schemas.warm(PROTOCOL)
        door = Door(
            environment["DATABASE_URL"],
            LocalBus(),
            heartbeat_interval_s=300,
            ping_interval_s=20,
            command_timeout_s=30,
            versions=VERSIONS,
        )
        fleet = Fleet(door, arguments.mode, arguments.batch)
        gc.collect()  # this and the next two as the server has them
        gc.freeze()
        gc.set_threshold(3_000, 5, 2_000)
        figures = measure(fleet, arguments.messages)
        door.lane.stop()
    for name in ("all of it", "read the JSON", READ_AHEAD, *(name for name, _, _ in STAGES[1:])):
        print(f"{name:30} {figures[name]:7.1f} µs")


if __name__ == "__main__":
    main()
