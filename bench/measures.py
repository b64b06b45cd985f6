"""What is measured, each against a fresh server: name → function(server, options) → figures."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import machine, pages, remote_start, watchers
from bench.server import ROOT, Server

Figures = dict[str, float]
WARM_CHARGERS = 100
WARM_BROWSERS = 100


@dataclass(frozen=True)
class Options:
    """The sizes of a run."""

    chargers: int
    seconds: float
    warm_up_s: float
    storm: int
    steady_rate: float
    browsers: int
    credentials: str
    command_path: str
    folder: Path


def _load(
    server: Server, options: Options, mode: str, *more: str, probed: bool = False
) -> tuple[Figures, Figures]:
    """Run the load to its end, with the probe in its window if asked. Raises RuntimeError if it fails."""
    command = [sys.executable, "-m", "bench.load", "--mode", mode, "--port", str(server.port)]
    command += ["--server-pid", str(server.pid), "--prefix", mode.upper()]
    command += ["--seconds", str(options.seconds), "--warm-up", str(options.warm_up_s), *more]
    pulse: Figures = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  a pipe was asked for
        last = process.stdout.readline()
        if last and probed:
            pulse = _probe(server, options.seconds)
        for line in process.stdout:
            last = line
    if process.returncode:
        raise RuntimeError(f"{mode} on the {server.name} failed; its reason is above")
    return json.loads(last), pulse


def _probe(server: Server, seconds: float) -> Figures:
    command = [sys.executable, "-m", "bench.probe", "--port", str(server.port), "--seconds", str(seconds - 1)]
    result: Figures = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return result


def closed_loop(mode: str) -> Callable[[Server, Options], Figures]:
    """All chargers speak, each as soon as it is answered: the highest rate, and the waiting that it costs."""

    def measure(server: Server, options: Options) -> Figures:
        return _load(server, options, mode, "--chargers", str(options.chargers))[0]

    return measure


def storm(server: Server, options: Options) -> Figures:
    """Everybody connects at once, as after an outage, until the last Boot is confirmed."""
    return _load(server, options, "storm", "--chargers", str(options.storm))[0]


def memory(server: Server, options: Options) -> Figures:
    """Resident memory of the server before and after the idle chargers; the first hundred warm it up."""
    with remote_start.held_chargers(server.port, WARM_CHARGERS, "WARM"):
        time.sleep(2)
        before_kib = machine.rss_kib(server.pid)
        with remote_start.held_chargers(server.port, options.chargers, "IDLE"):
            time.sleep(5)
            after_kib = machine.rss_kib(server.pid)
    return {
        "kib_per_charger": (after_kib - before_kib) / options.chargers,
        "before_mib": before_kib / 1024,
        "after_mib": after_kib / 1024,
    }


def stall(server: Server, options: Options) -> Figures:
    """The probe's longest wait: beside a paced fleet, then beside one in a closed loop."""
    chargers = ("--chargers", str(options.chargers))
    _, steady = _load(server, options, "sessions", *chargers, "--rate", str(options.steady_rate), probed=True)
    _, full = _load(server, options, "sessions", *chargers, probed=True)
    return {f"steady_{name}": value for name, value in steady.items()} | {
        f"full_{name}": value for name, value in full.items()
    }


def watched(server: Server, options: Options) -> Figures:
    """What browsers that watch cost beside a paced fleet: once without them, once with them."""
    load = ("--chargers", str(options.chargers), "--rate", str(options.steady_rate))
    alone, _ = _load(server, options, "sessions", *load)
    with watchers.watching(server.port, WARM_BROWSERS):
        before_kib = machine.rss_kib(server.pid)
        with watchers.watching(server.port, options.browsers) as heard:
            time.sleep(2)
            after_kib = machine.rss_kib(server.pid)
            beside, _ = _load(server, options, "sessions", *load)
    return {
        "core_share": beside["server_core_share"] - alone["server_core_share"],
        "alone_core_share": alone["server_core_share"],
        "kib_per_browser": (after_kib - before_kib) / options.browsers,
        **heard,
    }


def remote(server: Server, options: Options) -> Figures:
    """RemoteStartTransaction through the API; the baseline has none."""
    return remote_start.measure(server.port, 200, options.credentials, options.command_path)


def first_bytes(server: Server, _options: Options) -> Figures:
    """Every page of a big installation; of the baseline, the plainest page there is."""
    return pages.measure(server)


MEASURES: dict[str, Callable[[Server, Options], Figures]] = {
    "heartbeat": closed_loop("heartbeat"),
    "metervalues": closed_loop("metervalues"),
    "sessions": closed_loop("sessions"),
    "storm": storm,
    "memory": memory,
    "stall": stall,
    "watched": watched,
    "remote": remote,
    "pages": first_bytes,
}
PRODUCT_ONLY = {"remote", "watched"}
