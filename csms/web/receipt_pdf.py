"""A receipt as PDF. Pure, and slow: run it in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from csms.domain.branding import Look
from csms.web.pdf_frame import FONT, LINE_MM, SOFT, begin, drawable, write
from csms.web.receipts import Receipt, Row

if TYPE_CHECKING:
    from fpdf import FPDF

COLUMNS = (62, 38)  # of a hundred


def pdf_of(receipt: Receipt, operator: str, look: Look, fonts: Path, at: datetime) -> bytes:
    """`fonts`: the folder with the fonts' files. `at`: when it is made."""
    pdf = begin(receipt.title, operator, look, receipt.language, fonts, at)
    if receipt.seller:
        write(pdf, "\n".join(receipt.seller), size_pt=9)
        pdf.ln(LINE_MM)
    write(pdf, f"{receipt.title} · {receipt.dated}", size_pt=11)
    if receipt.remark:
        pdf.ln(LINE_MM)
        write(pdf, receipt.remark, size_pt=9)
    for rows in (receipt.facts, receipt.amounts):
        pdf.ln(LINE_MM)
        _table(pdf, rows)
    return bytes(pdf.output())


def _table(pdf: FPDF, rows: Sequence[Row]) -> None:
    from fpdf.fonts import FontFace

    soft, total = FontFace(color=SOFT, size_pt=8), FontFace(emphasis="BOLD", size_pt=12)
    pdf.set_font(FONT, "", 10)
    with pdf.table(
        borders_layout="NONE",
        col_widths=COLUMNS,
        text_align=("LEFT", "RIGHT"),
        line_height=LINE_MM,
        v_align="TOP",
        first_row_as_headings=False,
    ) as table:
        for row in rows:
            style = total if row.is_total else None
            table.row((drawable(pdf, row.words), drawable(pdf, row.value)), style=style)
            for note in row.notes:
                table.row((drawable(pdf, note), ""), style=soft)
