"""How this system's lists are asked for: `fields`, exact filters, and pages for those who want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, request
from sqlalchemy import Select, func, select

from csms.compat.door import Wrong
from csms.extensions import db

Row = TypeVar("Row")
Shown = Mapping[str, Any]

MOST = 10_000  # rows of an answer without pages
PAGE = 100


def listed(wanted: Select[Row], shape: Callable[[Sequence[Row]], Sequence[Shown]]) -> Response:
    """The rows as a bare array; with `paginate=true` as {count, next, previous, results}."""
    limit, offset, is_paged = _asked()
    rows = db.session.scalars(wanted.limit(limit).offset(offset)).unique().all()
    count = 0
    if is_paged:
        count = db.session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0
    return _answer(shape(rows), count, limit, offset, is_paged)


def as_json(values: Sequence[Shown]) -> Response:
    """The same of what has been read already."""
    limit, offset, is_paged = _asked()
    return _answer(values[offset : offset + limit], len(values), limit, offset, is_paged)


def _asked() -> tuple[int, int, bool]:
    """(limit, offset, whether in pages)."""
    offset = _number("offset", 0)
    is_paged = request.args.get("paginate", "").casefold() in ("true", "1")
    limit = min(_number("limit", PAGE if is_paged else MOST), MOST)
    return limit, offset, is_paged


def _answer(shown: Sequence[Shown], count: int, limit: int, offset: int, is_paged: bool) -> Response:
    results = [only_fields(x) for x in shown]
    if not is_paged:
        return jsonify(results)
    after, before = offset + limit, max(0, offset - limit)
    return jsonify(
        count=count,
        next=_page(limit, after) if after < count else None,
        previous=_page(limit, before) if offset else None,
        results=results,
    )


def only_fields(shown: Shown) -> dict[str, Any]:
    """What `?fields=a,b` asks for, or everything, as JSON has it."""
    wanted = [x for x in request.args.get("fields", "").split(",") if x]
    return {name: _plain(value) for name, value in shown.items() if not wanted or name in wanted}


def exact(*names: str) -> dict[str, str]:
    """The filters that are given, of those that the list knows."""
    return {name: request.args[name] for name in names if request.args.get(name)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {x: _plain(y) for x, y in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(x) for x in value]
    return value


def _number(name: str, otherwise: int) -> int:
    given = request.args.get(name)
    if not given:
        return otherwise
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Wrong(400, {name: ["A valid integer is required."]})
    return int(given)


def _page(limit: int, offset: int) -> str:
    asked = {**request.args, "limit": limit, "offset": offset}
    return f"{request.base_url}?{urlencode(asked)}"
