"""What every PDF of ours begins with: its page, its letters, and whose it is."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anyascii import anyascii
from flask import current_app

from csms.domain.branding import Logo, Look, parts_of

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = "DejaVu"
FONTS = "vendor/dejavu-fonts-ttf-2.37.3"
PDF = "application/pdf"
SOFT = (90, 98, 110)
MARGIN_MM, LINE_MM = 22, 5.5
LOGO_MM, WIDEST_LOGO_MM = 14, 70


def fonts() -> Path:
    """The folder with the fonts' files; asked for before a thread begins, which knows no application."""
    return Path(str(current_app.static_folder)) / FONTS


def begin(
    title: str,
    operator: str,
    look: Look,
    language: str,
    fonts: Path,
    at: datetime,
    *,
    orientation: Literal["portrait", "landscape"] = "portrait",
    margin_mm: float = MARGIN_MM,
) -> FPDF:
    """A page of A4 with the operator's name on it. `at`: when it is made."""
    from fpdf import FPDF  # only now: it brings a third of a second of imports, and few ever ask for it

    pdf = FPDF(orientation=orientation, format="A4")
    pdf.set_margins(margin_mm, margin_mm)
    pdf.set_title(f"{title} · {operator}")
    pdf.set_author(operator)
    pdf.set_lang(language)
    pdf.set_creation_date(at)
    pdf.add_font(FONT, "", fonts / "DejaVuSans.ttf")
    pdf.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    if look.logo is not None:
        _place(pdf, look.logo)
    if look.accent is not None:
        pdf.set_text_color(parts_of(look.accent))
    write(pdf, operator, size_pt=18, style="B")
    pdf.set_text_color(0)
    return pdf


def _place(pdf: FPDF, logo: Logo) -> None:
    height_mm = min(LOGO_MM, WIDEST_LOGO_MM * logo.height / logo.width)
    pdf.image(BytesIO(logo.png), h=height_mm)
    pdf.ln(LINE_MM)


def write(pdf: FPDF, text: str, *, size_pt: int, style: str = "") -> None:
    """A paragraph over the whole width."""
    pdf.set_font(FONT, style, size_pt)
    pdf.multi_cell(0, size_pt * 0.5, drawable(pdf, text), new_x="LMARGIN", new_y="NEXT", align="L")


def drawable(pdf: FPDF, text: str) -> str:
    """The text, where the font lacks letters with Latin ones in their place: a box says nothing."""
    known = pdf.fonts[FONT.lower()].cmap  # type: ignore[union-attr]  # a TrueType font, added above
    return "".join(x if ord(x) in known or x.isspace() else anyascii(x) for x in text)
