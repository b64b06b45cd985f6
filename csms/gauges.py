"""What a process counts of itself, written where it happens, and its text for Prometheus (exposition format 0.0.4)."""

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
KEPT_S = 60

Labels = Mapping[str, str]


class Histogram:
    """How often something took how long, in s."""

    def __init__(self, bounds: Sequence[float] = BOUNDS_S) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def lines(self, name: str) -> Iterator[str]:
        totals = list(accumulate(self._counts))
        for bound, total in zip(map(str, self._bounds), totals, strict=False):
            yield _line(f"{name}_bucket", {"le": bound}, total)
        yield _line(f"{name}_bucket", {"le": "+Inf"}, totals[-1])
        yield _line(f"{name}_sum", {}, round(self._sum, 6))
        yield _line(f"{name}_count", {}, totals[-1])


class Longest:
    """The longest of many times, in s: lately, and since the start. Second by second, so that it costs nothing."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, float]] = deque(maxlen=KEPT_S)
        self._ever = 0.0

    def observe(self, seconds: float) -> None:
        self._ever = max(self._ever, seconds)
        now = int(time.monotonic())
        if self._seconds and self._seconds[-1][0] == now:
            seconds = max(seconds, self._seconds.pop()[1])
        self._seconds.append((now, seconds))

    def within(self, last_s: int) -> float:
        """Of the last seconds, at most KEPT_S."""
        since = time.monotonic() - last_s - 1
        return max((longest for second, longest in self._seconds if second >= since), default=0.0)

    def lines(self, name: str) -> Iterator[str]:
        for last_s in (10, KEPT_S):
            yield _line(name, {"within": f"{last_s}s"}, self.within(last_s))
        yield _line(name, {"within": "start"}, self._ever)


class Gauges:
    """Those of one server process."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()
        self.frames: Counter[tuple[str, str]] = Counter()  # (action, verdict)
        self.batches = Histogram()
        self.units = 0
        self.storage_failures = 0
        self.lags = Histogram()
        self.stalls = Longest()
        self.connected: Callable[[], int] = int
        self.waiting: Callable[[], int] = int

    def lag(self, seconds: float) -> None:
        """How late the event loop came to something that was due."""
        self.lags.observe(seconds)
        self.stalls.observe(seconds)

    def lines(self) -> Iterator[str]:
        """The text, line by line."""
        frames = (
            _line("amberline_frames_total", {"action": action, "verdict": verdict}, count)
            for (action, verdict), count in sorted(self.frames.items())
        )
        yield from metric(
            "chargers_connected", "gauge", "Chargers connected to this process.", self.connected()
        )
        yield from metric(
            "frames_total", "counter", "Frames that chargers sent, by what became of them.", frames
        )
        yield from metric("lane_waiting", "gauge", "Messages waiting to be stored.", self.waiting())
        yield from metric("lane_units_total", "counter", "Units of work stored or refused.", self.units)
        about = "From taking a batch of messages to its commit."
        yield from metric("lane_batch_seconds", "histogram", about, self.batches.lines)
        about = "Batches that the database did not take."
        yield from metric("database_errors_total", "counter", about, self.storage_failures)
        about = "How late the event loop came to a timer."
        yield from metric("event_loop_lag_seconds", "histogram", about, self.lags.lines)
        about = "The longest time in which the event loop did nothing else."
        yield from metric("event_loop_longest_stall_seconds", "gauge", about, self.stalls.lines)
        uptime_s = round(time.monotonic() - self._started_at, 1)
        yield from metric("uptime_seconds", "gauge", "For how long this process has been running.", uptime_s)


Value = float | Iterable[str] | Callable[[str], Iterable[str]]


def metric(name: str, kind: str, about: str, value: Value) -> Iterator[str]:
    """One metric: what it is, and its number or its lines."""
    name = f"amberline_{name}"
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    if isinstance(value, (int, float)):
        yield _line(name, {}, value)
    else:
        yield from value(name) if callable(value) else value


def labelled(name: str, rows: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Lines of one metric with labels."""
    return (_line(f"amberline_{name}", labels, value) for labels, value in rows)


def _line(name: str, labels: Labels, value: float) -> str:
    given = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{given}}} {value}" if given else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
