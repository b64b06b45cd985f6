"""A rehearsal: an import into a copy of this installation's database, so that nothing here is touched or held up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, create_engine, insert, select
from sqlalchemy.orm import Session

from csms import work
from csms.domain.accounts import AuditEntry
from csms.domain.base import Base
from csms.domain.chargers import StatusEvent
from csms.domain.frames import Frame
from csms.domain.transactions import Reading, Transaction

T = TypeVar("T")

# What nothing that is imported looks at; these are the large ones.
LEFT_OUT = {x.__tablename__ for x in (AuditEntry, Frame, Reading, StatusEvent, Transaction)}
PORTION = 500


@contextmanager
def rehearsed(original: Engine, directory: Path) -> Iterator[Callable[[Callable[[Session], T]], T]]:
    """Does units of work on a copy, which is gone afterwards with the directory."""
    copy = create_engine(f"sqlite:///{directory / 'rehearsal.db'}")
    work.tune(copy, is_native_thread=True)
    _fill(original, copy)
    try:
        yield lambda unit: work.on(copy, unit)
    finally:
        copy.dispose()


def _fill(original: Engine, copy: Engine) -> None:
    with original.connect() as source, copy.begin() as target:
        Base.metadata.create_all(target)
        for table in Base.metadata.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            for rows in source.execute(select(table)).mappings().partitions(PORTION):
                target.execute(insert(table), [dict(row) for row in rows])
