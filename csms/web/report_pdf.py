"""A report as PDF. Pure, and slow: run it in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from csms.domain.branding import Look
from csms.web.pdf_frame import FONT, LINE_MM, begin, drawable, write

NAME_WIDTH, WIDTH = 2.2, 1  # of the first column, and of the others
MARGIN_MM = 14


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in one `language`, with what must be said above it."""

    title: str
    language: str
    remarks: Sequence[str]
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: Sequence[str]


def pdf_of(sheet: Sheet, operator: str, look: Look, fonts: Path, at: datetime) -> bytes:
    """`fonts`: the folder with the fonts' files. `at`: when it is made."""
    from fpdf.fonts import FontFace

    pdf = begin(
        sheet.title, operator, look, sheet.language, fonts, at, orientation="landscape", margin_mm=MARGIN_MM
    )
    write(pdf, sheet.title, size_pt=11)
    for remark in sheet.remarks:
        write(pdf, remark, size_pt=8)
    pdf.ln(LINE_MM)
    pdf.set_font(FONT, "", 8)
    others = len(sheet.heads) - 1
    bold = FontFace(emphasis="BOLD")
    with pdf.table(
        borders_layout="HORIZONTAL_LINES",
        col_widths=(NAME_WIDTH, *[WIDTH] * others),
        text_align=("LEFT", *["RIGHT"] * others),
        line_height=LINE_MM,
        headings_style=bold,
    ) as table:
        table.row(sheet.heads)
        for row in sheet.rows:
            table.row([drawable(pdf, x) for x in row])
        table.row(sheet.total, style=bold)
    return bytes(pdf.output())
