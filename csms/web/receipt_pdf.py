"""A receipt as PDF. Pure, and slow: run it in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from anyascii import anyascii

from csms.domain.branding import Logo, Look, parts_of
from csms.web.receipts import Receipt, Row

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = "DejaVu"
SOFT = (90, 98, 110)
MARGIN_MM, LINE_MM = 22, 5.5
LOGO_MM, WIDEST_LOGO_MM = 14, 70
COLUMNS = (62, 38)  # of a hundred


def pdf_of(receipt: Receipt, operator: str, look: Look, fonts: Path, at: datetime) -> bytes:
    """`fonts`: the folder with the fonts' files. `at`: when it is made."""
    from fpdf import FPDF  # only now: it brings a third of a second of imports, and few ever ask for it

    pdf = FPDF(format="A4")
    pdf.set_margins(MARGIN_MM, MARGIN_MM)
    pdf.set_title(f"{receipt.title} · {operator}")
    pdf.set_author(operator)
    pdf.set_lang(receipt.language)
    pdf.set_creation_date(at)
    pdf.add_font(FONT, "", fonts / "DejaVuSans.ttf")
    pdf.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    if look.logo is not None:
        _place(pdf, look.logo)
    if look.accent is not None:
        pdf.set_text_color(parts_of(look.accent))
    _write(pdf, operator, size_pt=18, style="B")
    pdf.set_text_color(0)
    _write(pdf, f"{receipt.title} · {receipt.dated}", size_pt=11)
    if receipt.remark:
        pdf.ln(LINE_MM)
        _write(pdf, receipt.remark, size_pt=9)
    for rows in (receipt.facts, receipt.amounts):
        pdf.ln(LINE_MM)
        _table(pdf, rows)
    return bytes(pdf.output())


def _place(pdf: FPDF, logo: Logo) -> None:
    height_mm = min(LOGO_MM, WIDEST_LOGO_MM * logo.height / logo.width)
    pdf.image(BytesIO(logo.png), h=height_mm)
    pdf.ln(LINE_MM)


def _write(pdf: FPDF, text: str, *, size_pt: int, style: str = "") -> None:
    pdf.set_font(FONT, style, size_pt)
    pdf.multi_cell(0, size_pt * 0.5, _drawable(pdf, text), new_x="LMARGIN", new_y="NEXT", align="L")


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
            table.row((_drawable(pdf, row.words), _drawable(pdf, row.value)), style=style)
            for note in row.notes:
                table.row((_drawable(pdf, note), ""), style=soft)


def _drawable(pdf: FPDF, text: str) -> str:
    """The text, where the font lacks letters with Latin ones in their place: a box says nothing."""
    known = pdf.fonts[FONT.lower()].cmap  # type: ignore[union-attr]  # a TrueType font, added above
    return "".join(x if ord(x) in known or x.isspace() else anyascii(x) for x in text)
