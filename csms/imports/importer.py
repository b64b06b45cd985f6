"""Rows of another system are stored in small units of work, each row with the note that it has been taken over.

When the machine dies in between, what was stored is noted, and the next run goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from csms.domain import imports
from csms.domain.base import DomainError
from csms.imports import records, writing
from csms.imports.records import KINDS, Ignored, LeftOut, Record, Row
from csms.imports.report import Fate, Report
from csms.imports.writing import Desk

T = TypeVar("T")
# Does a unit of work, and answers what it gives.
Write = Callable[[Callable[[Session], T]], T]

MOST_ROWS = 100
MOST_READINGS = 2000
Done = tuple[Record, int, Fate]


class Importer:
    """Takes over one source. `write` does a unit of work: on the database, or on a copy of it."""

    def __init__(
        self, source: str, write: Write[list[Done]], report: Report, *, at: datetime, running_since: datetime
    ) -> None:
        self.source, self.report, self.at = source, report, at
        self._write, self._running_since = write, running_since
        self._known: dict[tuple[str, str], int] | None = None  # but for sessions: there may be millions

    def take(self, rows: Iterable[Row]) -> None:
        """Store the rows that are new."""
        batch: list[Record] = []
        readings = 0
        for row in rows:
            if isinstance(row, LeftOut):
                self.report.left_out.append(row)
            elif isinstance(row, Ignored):
                self.report.ignored.append(row)
            else:
                batch.append(row)
                readings += len(row.past.snapshots) if isinstance(row, records.Session) else 0
            if len(batch) >= MOST_ROWS or readings >= MOST_READINGS:
                self._store(batch)
                batch, readings = [], 0
        self._store(batch)

    def _store(self, batch: Sequence[Record]) -> None:
        """Store the batch whole; where a row of it cannot be, one by one, without that row."""
        try:
            done = self._write(lambda session: self._unit(session, batch))
        except (DomainError, IntegrityError, DataError) as error:
            if len(batch) > 1:
                for row in batch:
                    self._store([row])
                return
            self.report.left_out.append(LeftOut(KINDS[type(batch[0])], batch[0].key, _why(error)))
            return
        for row, target_id, fate in done:
            kind = KINDS[type(row)]
            self.report.counts[fate][kind] += 1
            if self._known is not None and not isinstance(row, records.Session):
                self._known[kind, row.key] = target_id

    def _unit(self, session: Session, batch: Sequence[Record]) -> list[Done]:
        if self._known is None:
            self._known = self._read(session)
        sessions = [x.key for x in batch if isinstance(x, records.Session)]
        stored = imports.targets(session, self.source, kind="session", keys=sessions) if sessions else {}
        desk = Desk(session, self.source, self.at, self._running_since, dict(self._known))
        desk.known |= {("session", key): target for key, target in stored.items()}
        done: list[Done] = []
        for row in batch:
            kind = KINDS[type(row)]
            if (kind, row.key) in desk.known:
                done.append((row, desk.known[kind, row.key], Fate.KNOWN))
                continue
            target_id, was_here = writing.write(desk, row)
            desk.known[kind, row.key] = target_id
            imports.note(session, self.source, kind, row.key, target_id, at=self.at)
            done.append((row, target_id, Fate.MET if was_here else Fate.MADE))
        return done

    def _read(self, session: Session) -> dict[tuple[str, str], int]:
        return {
            (kind, key): target_id
            for kind in KINDS.values()
            if kind != "session"
            for key, target_id in imports.targets(session, self.source, kind=kind).items()
        }


def _why(error: Exception) -> str:
    if isinstance(error, DomainError):
        return str(error)
    detail = str(getattr(error, "orig", error)).splitlines()[0]
    return f"The database does not take it: {detail}"
