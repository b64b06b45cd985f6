"""Lists page by page, by the key of the last row seen: a page costs the same wherever it begins, and none is missed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import orjson
from flask import request
from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from csms.api.errors import Problem, fault
from csms.api.shapes import Listing
from csms.domain.base import UTCDateTime

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`next_cursor` is None on the last page."""

    rows: Sequence[Row]
    next_cursor: str | None

    @property
    def headers(self) -> dict[str, str]:
        """RFC 8288: where the next page is."""
        if self.next_cursor is None:
            return {}
        query = urlencode(request.args.to_dict() | {"cursor": self.next_cursor})
        return {"Link": f'<{request.path}?{query}>; rel="next"'}


def page(
    session: Session,
    query: Select[Row],
    key: Sequence[InstrumentedAttribute[Any]],
    wanted: Listing,
    *,
    newest_first: bool = False,
) -> Page[Row]:
    """One page of `query` in the order of `key`, which must be unique. Raises Problem for a cursor that is not ours."""
    if wanted.cursor is not None:
        seen = tuple_(
            *(literal(value, x.type) for x, value in zip(key, _read(wanted.cursor, key), strict=True))
        )
        query = query.where(tuple_(*key) < seen if newest_first else tuple_(*key) > seen)
    query = query.order_by(*(x.desc() if newest_first else x for x in key)).limit(wanted.limit + 1)
    rows = session.scalars(query).unique().all()
    if len(rows) <= wanted.limit:
        return Page(rows, None)
    return Page(rows[: wanted.limit], _cursor(rows[wanted.limit - 1], key))


def _cursor(row: Any, key: Sequence[InstrumentedAttribute[Any]]) -> str:
    written = orjson.dumps([getattr(row, x.key) for x in key])
    return base64.urlsafe_b64encode(written).rstrip(b"=").decode()


def _read(cursor: str, key: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(key):
            raise ValueError("another list's")
        return [_value(value, column) for value, column in zip(values, key, strict=True)]
    except (binascii.Error, ValueError, TypeError):
        wrong = fault("/cursor", "value", "This is no cursor of this list.")
        raise Problem(422, "The cursor is not one of this list.", "invalid", [wrong]) from None


def _value(value: Any, column: InstrumentedAttribute[Any]) -> Any:
    if isinstance(column.type, UTCDateTime):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment
    if column.type.python_type is date:
        return date.fromisoformat(value)
    if not isinstance(value, column.type.python_type):
        raise TypeError("of another type")
    return value
