"""Where SteVe's tables are read from: its database, or a folder with a CSV file of each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from sqlalchemy import (
    ColumnClause,
    Connection,
    Select,
    column,
    create_engine,
    func,
    inspect,
    literal_column,
    select,
    text,
)
from sqlalchemy import table as table_of
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

FETCHED = 2000  # rows that are read at once
NOTHING = {"", "NULL", "\\N"}  # how exports write that there is nothing


class Unreachable(Exception):
    """There is no such source; the message is for whoever gave it."""


class Tables(Protocol):
    """Rows by the names of their columns, as text or as the database's own values."""

    def rows(self, table: str, order: str) -> Iterator[dict[str, Any]]:
        """All rows, by a column of whole numbers; none where there is no such table."""

    def count(self, table: str) -> int:
        """How many rows; 0 where there is no such table."""

    def values(self, transactions: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The meter values of some transactions."""


class Folder:
    """`charge_box.csv` and its like, with a line of column names; UTF-8, times in UTC."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, list[dict[str, Any]]] | None = None
        if not (path / "charge_box.csv").exists():
            raise Unreachable(f"{path} has no charge_box.csv.")

    def rows(self, table: str, order: str) -> Iterator[dict[str, Any]]:
        yield from sorted(self._read(table), key=lambda row: int(row[order] or 0))

    def count(self, table: str) -> int:
        return sum(1 for _ in self._read(table))

    def values(self, transactions: Sequence[str]) -> Iterator[dict[str, Any]]:
        if self._values is None:
            self._values = {}
            for row in self._read("connector_meter_value"):
                self._values.setdefault(str(row["transaction_pk"]), []).append(row)
        for key in transactions:
            yield from self._values.get(key, [])

    def _read(self, table: str) -> Iterator[dict[str, Any]]:
        path = self._path / f"{table}.csv"
        if not path.exists():
            return
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield {name: None if value in NOTHING else value for name, value in row.items()}


class Database:
    """SteVe's MySQL or MariaDB, read in one snapshot, with its times in UTC. Needs PyMySQL."""

    def __init__(self, url: str, password: str | None = None) -> None:
        parsed = make_url(url)
        if parsed.drivername in ("mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"):
            parsed = parsed.set(drivername="mysql+pymysql")
        if password is not None:
            parsed = parsed.set(password=password)
        try:
            self._connection = _connected(create_engine(parsed))
            self._tables = set(inspect(self._connection).get_table_names())
        except ModuleNotFoundError:
            raise Unreachable("PyMySQL is missing: pip install -r requirements-steve.txt") from None
        except SQLAlchemyError as error:
            raise Unreachable(f"The database does not answer: {getattr(error, 'orig', error)}") from None
        if "charge_box" not in self._tables:
            raise Unreachable("The database has no table charge_box: it is not SteVe's.")

    def rows(self, table: str, order: str) -> Iterator[dict[str, Any]]:
        """In portions, each after the last key of the one before: nothing is held open meanwhile."""
        if table not in self._tables:
            return
        after, most = -1, FETCHED
        while True:
            by: ColumnClause[Any] = column(order)
            found = self._read(_all(table).where(by > after).order_by(by).limit(most))
            if len(found) < most:
                yield from found
                return
            whole = [row for row in found if row[order] != found[-1][order]]  # its last key may go on
            yield from whole
            after, most = (whole[-1][order], FETCHED) if whole else (after, 2 * most)

    def count(self, table: str) -> int:
        if table not in self._tables:
            return 0
        counted: int = self._connection.scalar(select(func.count()).select_from(table_of(table))) or 0
        return counted

    def values(self, transactions: Sequence[str]) -> Iterator[dict[str, Any]]:
        if "connector_meter_value" in self._tables:
            its = column("transaction_pk").in_([int(key) for key in transactions])
            yield from self._read(_all("connector_meter_value").where(its))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()
        self._connection.engine.dispose()

    def _read(self, query: Select[Any]) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(query).mappings()]


def _all(table: str) -> Select[Any]:
    return select(literal_column("*")).select_from(table_of(table))


def _connected(engine: Any) -> Connection:
    connection: Connection = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    if engine.dialect.name == "mysql":
        connection.execute(text("SET time_zone = '+00:00'"))
    return connection
