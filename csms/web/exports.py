"""Tables as CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from flask import Response

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """A value as text; what a spreadsheet would calculate is written as text (OWASP: CSV injection)."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, str) and text.startswith(FORMULA_STARTS):
        return "'" + text
    return text


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV with the line ends of RFC 4180."""
    buffer = StringIO()
    csv.writer(buffer).writerows([cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def download(chunks: Iterator[str], filename: str) -> Response:
    """CSV that is sent while it is made. It begins with a byte order mark: Excel reads UTF-8 only then."""

    def body() -> Iterator[str]:
        yield "\ufeff"
        yield from chunks

    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "X-Accel-Buffering": "no"}
    return Response(body(), mimetype="text/csv", headers=headers)
