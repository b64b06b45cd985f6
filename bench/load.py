"""The load: one process, one core, N chargers. Prints one line of JSON.

python -m bench.load --mode metervalues --port 8250 --chargers 1000 --seconds 10
"""

import argparse
import json
import os
import resource
import select
import sys
from dataclasses import asdict, dataclass

from bench import machine
from bench.fleet import Fleet, FleetError, Tally
from bench.scripts import SCRIPTS


@dataclass(frozen=True)
class Result:
    """One measured window. Processor times are for one message, and None without the server's pid."""

    mode: str
    chargers: int
    set_up_s: float
    seconds: float = 0.0
    messages: int = 0
    rate: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    oldest_unanswered_ms: float = 0.0
    calls_answered: int = 0
    load_cpu_us: float = 0.0
    load_queued_share: float = 0.0
    server_cpu_us: float | None = None
    server_core_share: float | None = None
    server_queued_share: float | None = None


def percentile(ordered: list[float], share: float) -> float:
    """Nearest rank, of an ascending list; 0 of an empty one."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def measure(
    fleet: Fleet, warm_up_s: float, seconds: float, server_pid: int | None
) -> tuple[Tally, tuple[float, float], tuple[float, float] | None]:
    """Run the warm-up and the window.

    Returns the window and the processor seconds, used and waited for in the run queue: ours, the server's.
    """
    fleet.start()
    fleet.run(warm_up_s)
    print(json.dumps({"measuring": fleet.mode}), flush=True)  # whoever started us may look at the server now
    pids = [os.getpid(), *([server_pid] if server_pid else [])]
    before = [(machine.cpu_s(pid), machine.queued_s(pid)) for pid in pids]
    tally = fleet.run(seconds)
    spent = [
        (machine.cpu_s(pid) - used_s, machine.queued_s(pid) - queued_s)
        for pid, (used_s, queued_s) in zip(pids, before, strict=True)
    ]
    return tally, spent[0], spent[1] if server_pid else None


def load(fleet: Fleet, arguments: argparse.Namespace) -> Result:
    """Set the fleet up, and measure it if its mode has anything to say. Raises FleetError."""
    set_up_s = fleet.set_up(arguments.chargers, arguments.timeout)
    if arguments.mode in ("storm", "hold"):
        return Result(arguments.mode, arguments.chargers, set_up_s)
    tally, own, server = measure(fleet, arguments.warm_up, arguments.seconds, arguments.server_pid)
    ordered = sorted(tally.latencies_s)
    if not ordered:
        raise FleetError(f"no answer within {arguments.seconds:.0f} s")
    seconds = tally.ended_at - tally.began_at
    return Result(
        mode=arguments.mode,
        chargers=arguments.chargers,
        set_up_s=set_up_s,
        seconds=seconds,
        messages=len(ordered),
        rate=len(ordered) / seconds,
        p50_ms=percentile(ordered, 0.50) * 1000,
        p99_ms=percentile(ordered, 0.99) * 1000,
        max_ms=ordered[-1] * 1000,
        oldest_unanswered_ms=fleet.oldest_wait_s() * 1000,
        calls_answered=tally.calls_answered,
        load_cpu_us=own[0] / len(ordered) * 1e6,
        load_queued_share=own[1] / seconds,
        server_cpu_us=server[0] / len(ordered) * 1e6 if server else None,
        server_core_share=server[0] / seconds if server else None,
        server_queued_share=server[1] / seconds if server else None,
    )


def stay(fleet: Fleet) -> None:
    """Keep the chargers connected, and answer for them, until our standard input is closed."""
    while not select.select([sys.stdin], [], [], 0)[0]:
        fleet.turn(0.2)
        if fleet.faults:
            raise FleetError(fleet.faults[0])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", choices=sorted(SCRIPTS), required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/ws/ocpp/{id}")
    parser.add_argument("--prefix", default="BENCH", help="how the chargers' identities begin")
    parser.add_argument("--chargers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds that are not counted")
    parser.add_argument("--rate", type=float, help="messages/s of the whole fleet; without it a closed loop")
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds to connect and set up")
    parser.add_argument("--server-pid", type=int)
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    os.sched_setaffinity(0, {machine.cores()[1]})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    fleet = Fleet(
        arguments.mode, arguments.host, arguments.port, arguments.path, arguments.prefix, arguments.rate
    )
    try:
        print(json.dumps(asdict(load(fleet, arguments))), flush=True)
        if arguments.mode == "hold":
            stay(fleet)
    except FleetError as error:
        print(f"bench.load: {arguments.mode} failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
