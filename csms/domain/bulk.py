"""Many rows with one statement, as cheaply as the driver allows.

SQLAlchemy compiles each statement once, here; after that the rows go to the driver as they are, without its per-row
bookkeeping. It is what lets a thousand chargers' messages share one commit.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Enum, Table, bindparam, insert, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

Row = dict[str, Any]
Prepared = tuple[str, bool, list[tuple[str, str, Callable[[Any], Any] | None]]]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], *, once: bool) -> None:
    """Insert rows that all give the same columns. `once`: one that breaks a unique key is left out."""
    _execute(connection, _inserting(connection.dialect, table, tuple(rows[0]), once), rows)


def update_rows(
    connection: Connection, table: Table, key: tuple[str, ...], values: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Update one row for each of `rows`, which give `values` by their columns' names and `key` behind `key_`."""
    _execute(connection, _updating(connection.dialect, table, key, values), rows)


def _execute(connection: Connection, prepared: Prepared, rows: Sequence[Row]) -> None:
    sql, is_positional, columns = prepared
    if is_positional:
        tuples = [
            tuple([row[name] if process is None else process(row[name]) for _, name, process in columns])
            for row in rows
        ]
        connection.exec_driver_sql(sql, tuples)
        return
    connection.exec_driver_sql(
        sql,
        [
            {bind: row[name] if process is None else process(row[name]) for bind, name, process in columns}
            for row in rows
        ],
    )


@functools.cache
def _inserting(dialect: Dialect, table: Table, names: tuple[str, ...], once: bool) -> Prepared:
    statement: Any = insert(table)
    if once:
        chosen = postgresql_insert if dialect.name == "postgresql" else sqlite_insert
        statement = chosen(table).on_conflict_do_nothing()
    return _prepare(dialect, table, statement.values({name: bindparam(f"b_{name}") for name in names}), {})


@functools.cache
def _updating(dialect: Dialect, table: Table, key: tuple[str, ...], values: tuple[str, ...]) -> Prepared:
    statement = update(table).values({name: bindparam(f"b_{name}") for name in values})
    for name in key:
        statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
    return _prepare(dialect, table, statement, {f"key_{name}": name for name in key})


def _prepare(dialect: Dialect, table: Table, statement: Any, keys: dict[str, str]) -> Prepared:
    """The statement's text with, for each of its parameters in order: its name, the row's name, what converts it."""
    compiled = statement.compile(dialect=dialect)
    columns = []
    for bind in compiled.positiontup or compiled.binds:
        name = bind if bind in keys else bind.removeprefix("b_")
        kind = table.c[keys.get(bind, name)].type
        # A StrEnum is its own text: SQLAlchemy's way of looking each one up costs more than all the rest of a row.
        process = _word if isinstance(kind, Enum) else kind.dialect_impl(dialect).bind_processor(dialect)
        columns.append((bind, name, process))
    return str(compiled), bool(compiled.positional), columns


def _word(value: Any) -> str | None:
    return None if value is None else str(value)
