"""What every noun stands on: the tables' base class, their column types, and what a unit of work leaves behind."""

import enum
import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Enum,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    TypeDecorator,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, registry

from csms.domain import bulk
from csms.domain.bulk import Row

_MAIL_ADDRESS = re.compile(r"[^\s@<>\"(),;:\\\[\]]{1,64}@[^\s@<>\"(),;:\\\[\]]{1,189}")


class DomainError(Exception):
    """Something a person or a machine asked for cannot be done; the message is fit to be shown to them.

    `sentence` is English, with a %(name)s for each of `values`: doors that speak other languages translate it.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence = sentence
        self.values = values


class Refused(DomainError):
    """The state of things does not allow it now."""


class NotFound(DomainError):
    """There is no such thing, or none that the asker may see."""


class Invalid(DomainError):
    """What was given makes no sense. `field` names the culprit where there is one."""

    def __init__(self, sentence: str, field: str | None = None, **values: object) -> None:
        super().__init__(sentence, **values)
        self.field = field


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, TIMESTAMPTZ in PostgreSQL, naive UTC text in SQLite. Refuses naive values.

    SQLite's text is written and read here, in the form that SQLAlchemy gives it: its own way costs several times as
    much, and every message has a handful of moments.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        return _to_text if dialect.name == "sqlite" else _to_utc_or_none

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _from_text if dialect.name == "sqlite" else _to_utc_or_none


def _to_utc_or_none(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else _to_utc(value)


def _to_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be stored")
    return value.astimezone(UTC)


@functools.lru_cache(4096)  # one message's moment stands in several rows
def _to_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    text = iso(value if value.tzinfo is UTC else _to_utc(value))
    return f"{text[:10]} {text[11:26]}" if value.microsecond else f"{text[:10]} {text[11:19]}.000000"


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


@functools.lru_cache(4096)
def iso(moment: datetime) -> str:
    """A moment in UTC as its `isoformat()` has it, at a fifth of the price: every message has half a dozen."""
    return orjson.dumps(moment).decode()[1:-1]


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


def choice(words: type[enum.StrEnum], length: int = 32) -> Enum:
    """A column of one of `words`, stored as its value, without a type of the database's own (cheap to extend)."""
    return Enum(words, native_enum=False, length=length, values_callable=lambda e: [m.value for m in e])


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
    pieces = [x if isinstance(x, bytes) else str(x).encode("utf-8", "surrogatepass") for x in parts]
    hasher = hashlib.blake2b(b"\x1f".join([*pieces, b""]), digest_size=8)
    return int.from_bytes(hasher.digest(), "big", signed=True)


def printable(text: str | None, length: int) -> str | None:
    """`text` cut to `length`, with what PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates) as U+FFFD."""
    if text is None:
        return None
    if "\x00" in text or not text.isascii():
        text = text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8", "replace")
    return text[:length]


def is_mail_address(text: str) -> bool:
    """Could a mail be sent there? No comments, no quotes, no line ends that would forge a header."""
    return len(text) <= 254 and text.isprintable() and _MAIL_ADDRESS.fullmatch(text) is not None


def count_from(session: Session, key: InstrumentedAttribute[int]) -> None:
    """Let a table's next id follow the highest there is, after an id of somebody's choice. SQLite does by itself."""
    if session.get_bind().dialect.name == "postgresql":
        table, column = key.class_.__tablename__, key.key
        session.execute(
            select(
                func.setval(
                    func.pg_get_serial_sequence(table, column), select(func.max(key)).scalar_subquery()
                )
            )
        )


Sums = Select[*tuple[Any, ...]]
"""A query of one row."""


Due = TypeVar("Due", bound=Base)
# How long to wait after each failed try to tell another system something: some 22 hours in all.
RETRIES = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=14),
)


def take_due(
    session: Session, row: Base, due_at: InstrumentedAttribute[datetime | None], next_at: datetime | None
) -> bool:
    """True for one caller, in however many processes: the row's due moment is moved from what was read to `next_at`."""
    model = type(row)
    keys = [column == getattr(row, column.name) for column in inspect(model).primary_key]
    moved = (
        update(model)
        .where(*keys, due_at == getattr(row, due_at.key))
        .values({due_at.key: next_at})
        .execution_options(synchronize_session=False)
    )
    won: bool = session.execute(moved).rowcount == 1  # type: ignore[attr-defined]
    session.refresh(row)
    return won


def take_all_due(
    session: Session,
    rows: Sequence[Due],
    due_at: InstrumentedAttribute[datetime | None],
    at: datetime,
    next_at: datetime,
) -> Sequence[Due]:
    """As `take_due`, for rows of one model that were due at `at`, with one query: those that the caller has won."""
    if not rows:
        return []
    model = type(rows[0])
    (key,) = inspect(model).primary_key
    moved = (
        update(model)
        .where(key.in_([getattr(x, key.name) for x in rows]), due_at <= at)
        .values({due_at.key: next_at})
        .returning(model)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    won = set(session.scalars(moved))
    return [x for x in rows if x in won]


# What a unit of work leaves for its end: topics to publish after the commit, rows to insert and to update in bulk
# before it. One statement for many rows is what makes a group commit cheap.


def announce(session: Session, *topics: str) -> None:
    """Publish `topics` once, and only if, this unit of work is committed."""
    session.info.setdefault("topics", set()).update(topics)


def withdraw(session: Session, *topics: str) -> None:
    """Do not publish `topics` after all: in this unit of work itself is done what they would have others do."""
    session.info.get("topics", set()).difference_update(topics)


def append(session: Session, model: type[Base], row: Row, *, once: bool = False) -> None:
    """Insert `row` at the end of the unit of work, together with every other row of `model`.

    Nothing in the unit can read it back. `once`: a row that is there already (by a unique key) is left alone.
    Every row of one model must give the same columns.
    """
    session.info.setdefault("rows", {}).setdefault((model.__table__, once), []).append(row)


def appended(session: Session, model: type[Base]) -> list[Row]:
    """The rows of `model` that this unit of work has appended, and not yet written."""
    rows: dict[tuple[Any, bool], list[Row]] = session.info.get("rows", {})
    return [row for (table, _), found in rows.items() if table is model.__table__ for row in found]


def amend(session: Session, model: type[Base], key: Mapping[str, Any], values: Row) -> None:
    """Update the row with `key` at the end of the unit of work, together with its like."""
    shape = (model.__table__, tuple(key), tuple(values))
    row = {f"key_{name}": value for name, value in key.items()} | values
    session.info.setdefault("amendments", {}).setdefault(shape, []).append(row)


def settle(session: Session) -> None:
    """Write what `append`, `amend` and records have gathered. Called by the unit of work right before it commits."""
    session.flush()
    connection = session.connection()
    for (table, once), rows in session.info.pop("rows", {}).items():
        bulk.insert_rows(connection, table, rows, once=once)
    for records, watched in session.info.pop("records", {}).items():
        records.write(connection, watched)
    for (table, key, values), rows in session.info.pop("amendments", {}).items():
        bulk.update_rows(connection, table, key, values, rows)


def take_topics(session: Session) -> Iterable[str]:
    """The announced topics, which are then forgotten."""
    topics: set[str] = session.info.pop("topics", set())
    return topics


def forget(session: Session) -> None:
    """Drop everything that the unit of work gathered: it has failed."""
    session.info.clear()
