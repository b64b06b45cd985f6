"""Many rows with one statement, as cheaply as the driver allows.

SQLAlchemy compiles each statement once, here; after that the rows go to the driver as they are, without its per-row
bookkeeping, and values are converted a column at a time. So a thousand chargers' messages can share one commit.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Connection,
    Dialect,
    Enum,
    Float,
    LargeBinary,
    String,
    Table,
    any_,
    bindparam,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

Row = dict[str, Any]
Converter = tuple[int, Callable[[Any], Any]]  # of the values at one place


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement's text with, for each parameter in order, its name in a row; `binds`: its name for the driver."""

    sql: str
    binds: tuple[str, ...] | None  # None: parameters go by their order
    names: tuple[str, ...]
    converters: tuple[Converter, ...]

    def run(self, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
        """Once for each of `rows`, whose values stand in the order of `names`."""
        values = _converted(rows, self.converters)
        if self.binds is None:
            connection.exec_driver_sql(self.sql, values)
        else:
            connection.exec_driver_sql(self.sql, [dict(zip(self.binds, x, strict=True)) for x in values])


def _converted(rows: Iterable[Any], converters: Iterable[Converter]) -> list[tuple[Any, ...]]:
    """The rows with the values at some places converted, a column at a time. Many columns hold nothing."""
    columns: list[Any] = list(zip(*rows, strict=True))
    for place, convert in converters:
        column = columns[place]
        is_empty = not any(column) and column.count(None) == len(column)
        if not is_empty or convert(None) is not None:  # JSON has a word for nothing
            columns[place] = map(convert, column)
    return list(zip(*columns, strict=True))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], *, once: bool) -> None:
    """Insert rows that all give the same columns. `once`: one that breaks a unique key is left out."""
    prepared = _inserting(connection.dialect, table, tuple(rows[0]), once)
    prepared.run(connection, map(itemgetter(*prepared.names), rows))


def update_rows(
    connection: Connection, table: Table, key: tuple[str, ...], values: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Update one row for each of `rows`, which give `values` by their columns' names and `key` behind `key_`."""
    prepared = _updating(connection.dialect, table, key, values)
    prepared.run(connection, map(itemgetter(*prepared.names), rows))


def insert_tuples(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert `rows`, which give `columns` in their order."""
    _inserting(connection.dialect, table, columns, False).run(connection, rows)


def update_tuples(
    connection: Connection,
    table: Table,
    values: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    key: str = "id",
) -> None:
    """Update one row for each of `rows`, which give `values` in their order and then the row's `key`."""
    _updating(connection.dialect, table, (key,), values).run(connection, rows)


class Reading:
    """A query of some columns of the rows whose `key` is among many values, and which meet all `conditions`.

    Compiled once and with one parameter, however many values there are: so the database, too, plans it only once.
    """

    def __init__(
        self, columns: Sequence[Any], key: Any, *conditions: ColumnElement[bool], order_by: Sequence[Any] = ()
    ) -> None:
        self._columns = tuple(columns)
        self._key = key
        self._conditions = conditions
        self._order_by = tuple(order_by)

    def rows(self, session: Session, keys: Iterable[Any]) -> list[tuple[Any, ...]]:
        """The rows as tuples, in the order of the columns."""
        session.flush()  # what entities of this unit of work have changed is read as it now stands
        connection = session.connection()
        sql, is_positional, converters = _reading(connection.dialect, self)
        wanted = list(keys)
        parameters: Any = (orjson.dumps(wanted).decode(),) if is_positional else {"keys": wanted}
        found: Sequence[Any] = connection.exec_driver_sql(sql, parameters).all()
        return _converted(found, converters) if found else []

    def compiled(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            is_wanted = self._key == any_(bindparam("keys", type_=ARRAY(self._key.type)))
        else:
            given = func.json_each(bindparam("keys", type_=String)).table_valued(column("value"))
            is_wanted = self._key.in_(select(given.c.value))
        query = select(*self._columns).where(is_wanted, *self._conditions).order_by(*self._order_by)
        return query.compile(dialect=dialect)

    def converters(self, dialect: Dialect) -> tuple[Converter, ...]:
        found = ((place, _from_driver(x.type, dialect)) for place, x in enumerate(self._columns))
        return tuple((place, convert) for place, convert in found if convert is not None)


@functools.cache
def _reading(dialect: Dialect, reading: Reading) -> tuple[str, bool, tuple[Converter, ...]]:
    compiled = reading.compiled(dialect)
    return str(compiled), bool(compiled.positional), reading.converters(dialect)


@functools.cache
def _inserting(dialect: Dialect, table: Table, names: tuple[str, ...], once: bool) -> Prepared:
    statement: Any = insert(table)
    if once:
        chosen = postgresql_insert if dialect.name == "postgresql" else sqlite_insert
        statement = chosen(table).on_conflict_do_nothing()
    return _prepare(dialect, table, statement.values({name: bindparam(f"b_{name}") for name in names}), {})


@functools.cache
def _updating(dialect: Dialect, table: Table, key: tuple[str, ...], values: tuple[str, ...]) -> Prepared:
    statement = update(table).ordered_values(*((table.c[name], bindparam(f"b_{name}")) for name in values))
    for name in key:
        statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
    return _prepare(dialect, table, statement, {f"key_{name}": name for name in key})


def _prepare(dialect: Dialect, table: Table, statement: Any, keys: dict[str, str]) -> Prepared:
    compiled = statement.compile(dialect=dialect)
    binds = tuple(compiled.positiontup or compiled.binds)
    names = tuple(bind if bind in keys else bind.removeprefix("b_") for bind in binds)
    converters = []
    for place, name in enumerate(names):
        convert = _to_driver(table.c[keys.get(name, name)].type, dialect)
        if convert is not None:
            converters.append((place, convert))
    return Prepared(str(compiled), None if compiled.positional else binds, names, tuple(converters))


def _to_driver(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    # A StrEnum is its own text: SQLAlchemy's way of looking each one up costs more than all the rest of a row.
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return {None: None, **{word.value: word.value for word in kind.enum_class}}.__getitem__
    if isinstance(kind, LargeBinary):  # drivers take bytes as they are
        return None
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _from_driver(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return {word.value: word for word in kind.enum_class}.get
    if isinstance(kind, JSON) and dialect.name == "sqlite":  # PostgreSQL's driver reads it
        return _from_json
    if isinstance(
        kind, Float
    ):  # PostgreSQL's processor wants the driver's type code, which a column does not know
        return None
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _from_json(text: str | None) -> Any:
    return None if text is None or text == "null" else orjson.loads(text)
