"""What the kernel knows of a process and of this machine (Linux only)."""

import os
import platform
import time
from pathlib import Path
from typing import Self

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, int]:
    """(the server's core, everybody else's); the same one twice on a machine with a single core."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[1 if len(allowed) > 1 else 0]


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def rss_kib(pid: int) -> int:
    """Resident memory of a process and its children."""
    lines = [
        line
        for member in _family(pid)
        for line in Path(f"/proc/{member}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    return sum(int(line.split()[1]) for line in lines)


def cpu_s(pid: int) -> float:
    """Processor time, user and system, that a process and its children have used; in steps of 10 ms."""
    total = 0
    for member in _family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS_PER_S


def queued_s(pid: int) -> float:
    """Time that the threads of a process were ready to run while others had their core."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9


def filesystem(path: Path) -> str:
    """The type of the file system under `path`: on tmpfs an fsync costs nothing and keeps nothing."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    resolved = path.resolve()
    holding = [(len(mount), kind) for mount, kind in mounts if resolved.is_relative_to(mount)]
    return max(holding)[1] if holding else "unknown"


def describe(database_folder: Path) -> str:
    """One line: processor, memory, kernel, Python, file system, and how busy the machine is already."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server_core, load_core = cores()
    shared = "  ONE CORE FOR SERVER AND LOAD: figures are low" if server_core == load_core else ""
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, databases on "
        f"{filesystem(database_folder)}, plain loop {python_us():.1f} µs, "
        f"load average {os.getloadavg()[0]:.2f}{shared}"
    )


def python_us() -> float:
    """Microseconds for a thousand turns of a plain loop, best of 50: to compare figures of two machines."""

    def once() -> float:
        began_at = time.perf_counter()
        for _ in range(1000):
            pass
        return time.perf_counter() - began_at

    return min(once() for _ in range(50)) * 1e6


class Stolen:
    """The share of all cores' time, over a `with`, that the hypervisor gave to others: above 2 % be wary."""

    share = 0.0

    def __enter__(self) -> Self:
        self.before = self._ticks()
        return self

    def __exit__(self, *_: object) -> None:
        total, stolen = (after - before for after, before in zip(self._ticks(), self.before, strict=True))
        self.share = stolen / total if total else 0.0

    @staticmethod
    def _ticks() -> tuple[int, int]:
        ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(ticks), ticks[7]
