"""Rows as plain objects: many read at once, changed in memory, and written back where they differ.

What chargers say moves a few columns of a few rows, a thousand times a second. An entity with all its columns and the
bookkeeping of its changes costs ten times as much, so messages work on records; pages and the API on entities.
Both have the same names, so that one rule serves both.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.orm import Session

from csms.domain import bulk
from csms.domain.base import Base

R = TypeVar("R")


class Records(Generic[R]):
    """How rows of `model` become objects of `kind`, a dataclass with slots that has an `id`.

    `often` and `rarely` name what messages change: a row in which only the former differ is written without the
    latter, and so without touching their indexes. A value is replaced, never changed in place.
    """

    def __init__(
        self, model: type[Base], kind: type[R], *, often: tuple[str, ...], rarely: tuple[str, ...] = ()
    ) -> None:
        self.model = model
        self.kind = kind
        self.names: tuple[str, ...] = tuple(kind.__slots__)  # type: ignore[attr-defined]
        self._often = often
        self._all = often + rarely
        self._now_often: Callable[[R], tuple[Any, ...]] = attrgetter(*often, "id")
        self._now_all: Callable[[R], tuple[Any, ...]] = attrgetter(*often, *rarely, "id")
        self._now_rarely: Callable[[R], Any] = attrgetter(*(rarely or ("id",)))

    def by(
        self, key: str, *conditions: ColumnElement[bool], up_to: str | None = None
    ) -> Callable[[Session, Iterable[Any]], list[R]]:
        """A reader of the rows whose `key` is among the values it is given.

        `up_to`: what stands behind this name is as the record has it by default in all rows that meet `conditions`.
        To fetch a column that holds nothing costs SQLite's driver as much as to fetch any other.
        """
        names = self.names if up_to is None else self.names[: self.names.index(up_to) + 1]
        columns = [getattr(self.model, name) for name in names]
        reading = bulk.Reading(columns, getattr(self.model, key), *conditions)

        def read(session: Session, keys: Iterable[Any]) -> list[R]:
            found = [self.kind(*row) for row in reading.rows(session, keys)]
            self._watch(session, found)
            return found

        return read

    def of(self, session: Session, entity: Base) -> R:
        """The record of an entity that stands in the database already. From here on the record is the one to change."""
        record = self.kind(*[getattr(entity, name) for name in self.names])
        self._watch(session, [record])
        return record

    def _watch(self, session: Session, records: Iterable[R]) -> None:
        watched = session.info.setdefault("records", {}).setdefault(self, [])
        watched += [(record, self._now_often(record), self._now_rarely(record)) for record in records]

    def write(self, connection: Connection, watched: Iterable[tuple[R, tuple[Any, ...], Any]]) -> None:
        """Write back what differs from what was read. Called at the end of the unit of work."""
        often, everything = [], []
        for record, before_often, before_rarely in watched:
            if self._now_rarely(record) != before_rarely:
                everything.append(self._now_all(record))
            elif (now := self._now_often(record)) != before_often:
                often.append(now)
        table = cast(Table, self.model.__table__)
        if often:
            bulk.update_tuples(connection, table, self._often, often)
        if everything:
            bulk.update_tuples(connection, table, self._all, everything)


class Rows:
    """Rows of one shape, which nearly every message adds: gathered as tuples in the order of `columns`, and inserted
    together at the end of the unit of work. Nothing in the unit can read them back.
    """

    def __init__(self, model: type[Base], *columns: str) -> None:
        self._table = cast(Table, model.__table__)
        self._columns = columns

    def add(self, session: Session, *row: Any) -> None:
        session.info.setdefault("records", {}).setdefault(self, []).append(row)

    def write(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        bulk.insert_tuples(connection, self._table, self._columns, rows)


class Moves:
    """What nearly every message changes of the one row with its `key`, as Rows: the new values, and then the key."""

    def __init__(self, model: type[Base], key: str, *columns: str) -> None:
        self._table = cast(Table, model.__table__)
        self._key = key
        self._columns = columns

    def add(self, session: Session, *row: Any) -> None:
        session.info.setdefault("records", {}).setdefault(self, []).append(row)

    def write(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        bulk.update_tuples(connection, self._table, self._columns, rows, key=self._key)
