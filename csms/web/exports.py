"""Tables as CSV and as workbooks, which no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, StringIO

import gevent
import xlsxwriter
from flask import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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


def workbook(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], filename: str) -> Response:
    """One sheet, its numbers as numbers. It is made in memory."""
    # Work for the processor alone: on a thread of its own it holds up no charger.
    body = gevent.get_hub().threadpool.apply(_sheet, (title, heads, rows))
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(body, mimetype=XLSX, headers=headers)


def _sheet(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet(title)
        sheet.write_row(0, 0, heads, book.add_format({"bold": True}))
        for number, row in enumerate(rows, 1):
            sheet.write_row(number, 0, row)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(heads) - 1, 16)
    return buffer.getvalue()
