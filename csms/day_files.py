"""Log files, one for each day in UTC. Other files in their directory are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DayFile:
    """What was logged on a day."""

    day: date
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DayFiles:
    """Those of one kind in one directory: `ocpp-2026-11-21.log` and so on."""

    directory: Path
    kind: str = "ocpp"

    def path(self, day: date) -> Path:
        return self.directory / f"{self.kind}-{day}.log"

    def listed(self) -> Iterator[DayFile]:
        """Those that are there."""
        for path in self.directory.glob(f"{self.kind}-????-??-??.log"):
            with suppress(ValueError, FileNotFoundError):
                day = date.fromisoformat(path.stem.removeprefix(f"{self.kind}-"))
                yield DayFile(day, path, path.stat().st_size)

    def forget(self, before: date) -> int:
        """Delete those of the days before that; how many there were."""
        old = [x for x in self.listed() if x.day < before]
        for file in old:
            file.path.unlink(missing_ok=True)
        return len(old)
