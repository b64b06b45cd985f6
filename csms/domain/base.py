"""What every noun stands on: the tables' base class, their column types, and what a unit of work leaves behind."""

import enum
import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Enum,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Session, registry

from csms.domain import bulk
from csms.domain.bulk import Row


class DomainError(Exception):
    """Something a person or a machine asked for cannot be done; the message is fit to be shown to them."""


class Refused(DomainError):
    """The state of things does not allow it now."""


class NotFound(DomainError):
    """There is no such thing, or none that the asker may see."""


class Invalid(DomainError):
    """What was given makes no sense. `field` names the culprit where there is one."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, TIMESTAMPTZ in PostgreSQL, naive UTC text in SQLite. Refuses naive values.

    SQLite's text is written and read here, in the form that SQLAlchemy gives it: its own way costs several times as
    much, and every message has a handful of moments.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        return _to_text if dialect.name == "sqlite" else _to_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _from_text if dialect.name == "sqlite" else _to_utc


def _to_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be stored")
    return value.astimezone(UTC)


def _to_text(value: datetime | None) -> str | None:
    moment = _to_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")[:26]


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A price, kept as text so that SQLite does not turn it into a float."""

    impl = String(24)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


# BIGINT where PostgreSQL needs it; SQLite only gives ROWID keys to a column that is called INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


def choice(words: type[enum.StrEnum]) -> Enum:
    """A column of one of `words`, stored as its value, without a type of the database's own (cheap to extend)."""
    return Enum(words, native_enum=False, length=32, values_callable=lambda e: [m.value for m in e])


class Base(DeclarativeBase):
    """Every table. Constraint names follow one convention, so that migrations can name what they drop."""

    registry = registry(
        type_annotation_map={
            datetime: UTCDateTime(),
            Decimal: ExactDecimal(),
            int: BigInteger(),
            bytes: LargeBinary(),
        },
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(column_0_N_label)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
    )


def digest(*parts: object) -> int:
    """A signed 64-bit key of `parts`, for natural keys that are too wide to index as they are."""
    hasher = hashlib.blake2b(digest_size=8)
    for part in parts:
        hasher.update(part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass"))
        hasher.update(b"\x1f")
    return int.from_bytes(hasher.digest(), "big", signed=True)


def printable(text: str | None, length: int) -> str | None:
    """`text` cut to `length`, with what PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates) as U+FFFD."""
    if text is None:
        return None
    if "\x00" in text or not text.isascii():
        text = text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8", "replace")
    return text[:length]


# What a unit of work leaves for its end: topics to publish after the commit, rows to insert and to update in bulk
# before it. One statement for many rows is what makes a group commit cheap.


def announce(session: Session, *topics: str) -> None:
    """Publish `topics` once, and only if, this unit of work is committed."""
    session.info.setdefault("topics", set()).update(topics)


def append(session: Session, model: type[Base], row: Row, *, once: bool = False) -> None:
    """Insert `row` at the end of the unit of work, together with every other row of `model`.

    Nothing in the unit can read it back. `once`: a row that is there already (by a unique key) is left alone.
    Every row of one model must give the same columns.
    """
    session.info.setdefault("rows", {}).setdefault((model.__table__, once), []).append(row)


def amend(session: Session, model: type[Base], key: Mapping[str, Any], values: Row) -> None:
    """Update the row with `key` at the end of the unit of work, together with its like."""
    shape = (model.__table__, tuple(key), tuple(values))
    row = {f"key_{name}": value for name, value in key.items()} | values
    session.info.setdefault("amendments", {}).setdefault(shape, []).append(row)


def settle(session: Session) -> None:
    """Write what `append` and `amend` have gathered. Called by the unit of work right before it commits."""
    session.flush()
    connection = session.connection()
    for (table, once), rows in session.info.pop("rows", {}).items():
        bulk.insert_rows(connection, table, rows, once=once)
    for (table, key, values), rows in session.info.pop("amendments", {}).items():
        bulk.update_rows(connection, table, key, values, rows)


def take_topics(session: Session) -> Iterable[str]:
    """The announced topics, which are then forgotten."""
    topics: set[str] = session.info.pop("topics", set())
    return topics


def forget(session: Session) -> None:
    """Drop everything that the unit of work gathered: it has failed."""
    session.info.clear()
