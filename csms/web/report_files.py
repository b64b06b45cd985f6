"""A report's figures as a file: CSV and a workbook for spreadsheets and programs, a PDF for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import gevent
import xlsxwriter
from flask import current_app
from flask_babel import gettext

from csms.domain import reports
from csms.domain.base import Invalid
from csms.domain.mail import File
from csms.domain.reports import Figures, Format, Line, Wanted
from csms.web import filters, languages
from csms.web.pdf_frame import PDF, fonts
from csms.web.report_pdf import Sheet, pdf_of
from csms.web.report_periods import GROUPINGS, TITLES, Period

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_LINES = 1_000  # of a PDF: nobody reads more on paper
HEADINGS = (
    "sessions", "charged", "failed_starts", "success_percent", "energy_kwh", "hours", "utilisation_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """Figures, what they are about, and the grams of CO₂ that a kWh stands for; None: nothing is said of CO₂."""

    period: Period
    wanted: Wanted
    figures: Figures
    co2_g: int | None

    @property
    def currencies(self) -> list[str]:
        return sorted(self.figures.total.revenue)

    def co2_kg(self, line: Line) -> float | None:
        return reports.co2_kg(line.energy_wh, self.co2_g)

    def name_of(self, line: Line) -> str:
        """A line's name; what has no site or no driver is told in the reader's language."""
        return line.label if line.key else languages.stored(line.label)


def as_file(report: Report, form: Format, at: datetime) -> File:
    """The report in the language that is spoken. Made in a thread: no charger waits for it."""
    work = gevent.get_hub().threadpool
    if form is Format.XLSX:
        return File(
            file_name("sessions", report.period, "xlsx"), XLSX, work.apply(_workbook, (rows(report),))
        )
    operator, look = current_app.extensions["settings"].organisation, current_app.extensions["look"]
    body: bytes = work.apply(pdf_of, (_sheet(report), operator, look, fonts(), at))
    return File(file_name("sessions", report.period, "pdf"), PDF, body)


def file_name(what: str, period: Period, ending: str) -> str:
    return f"{what}-{period.first:%Y%m%d}-{period.last:%Y%m%d}.{ending}"


def rows(report: Report) -> list[list[Any]]:
    """Names of columns, a row per line, and the sum: numbers as numbers, names the same in every language."""
    found = [[report.wanted.grouping.value, *HEADINGS]]
    found[0] += ["co2_kg"] if report.co2_g is not None else []
    found[0] += [f"revenue_{x}" for x in report.currencies]
    for line in (*report.figures.lines, report.figures.total):
        found.append([line.label, *_cells(line, report)])
    return found


def _cells(line: Line, report: Report) -> Iterator[Any]:
    yield from (line.sessions, line.charged, line.failed_starts, percent(line.success))
    yield from (round(line.energy_wh / 1000, 3), round(line.duration_s / 3600, 2), percent(line.utilisation))
    emitted = report.co2_kg(line)
    if emitted is not None:
        yield round(emitted, 3)
    yield from (line.revenue[x] / 100 for x in report.currencies)


def percent(share: float | None, places: int = 1) -> float | None:
    return None if share is None else round(share * 100, places)


def _workbook(lines: list[list[Any]]) -> bytes:
    buffer = BytesIO()
    with xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        sheet = book.add_worksheet("Sessions")
        bold = book.add_format({"bold": True})
        for number, row in enumerate(lines):
            sheet.write_row(number, 0, row, bold if number in (0, len(lines) - 1) else None)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, len(lines[0]), 14)
    return buffer.getvalue()


def _sheet(report: Report) -> Sheet:
    """The report in words. Raises Invalid where there is more than a PDF takes."""
    lines = report.figures.lines
    if len(lines) > MOST_LINES:
        raise Invalid("A PDF holds %(most)s lines at most: take Excel, or a shorter period.", most=MOST_LINES)
    period, grouping = report.period, report.wanted.grouping
    return Sheet(
        title=f"{gettext('Report')} · {TITLES[grouping]}",
        language=languages.current(),
        remarks=(days_told(period, report.wanted.zone.key), *co2_told(report.co2_g)),
        heads=(str(GROUPINGS[grouping]), *heads(report)),
        rows=[(report.name_of(x), *words(x, report)) for x in lines],
        total=(gettext("Total"), *words(report.figures.total, report)),
    )


def days_told(period: Period, zone: str) -> str:
    """Which days a report is about, as a sentence."""
    return gettext(
        "%(first)s to %(last)s, days of %(zone)s. A session counts on the day on which it ended; "
        "simulated chargers do not count.",
        first=filters.day_words(period.first),
        last=filters.day_words(period.last),
        zone=zone,
    )


def co2_told(co2_g: int | None) -> Sequence[str]:
    """What the CO₂ stands on; nothing where none is told."""
    return (
        ()
        if co2_g is None
        else (gettext("CO₂ by %(grams)s g per kWh delivered.", grams=filters.number(co2_g)),)
    )


def heads(report: Report) -> Iterator[str]:
    """What `words` tell, in the reader's language."""
    yield from (gettext("Sessions"), gettext("Energy"))
    if report.co2_g is not None:
        yield "CO₂"
    for currency in report.currencies:
        yield gettext("Revenue %(currency)s", currency=currency)
    yield from (gettext("Time"), gettext("In use"), gettext("Success"))


def words(line: Line, report: Report) -> Iterator[str]:
    """A line's figures, each as the reader's language writes it."""
    yield from (filters.number(line.sessions), filters.kwh(line.energy_wh))
    if report.co2_g is not None:
        yield filters.kilograms(report.co2_kg(line))
    for currency in report.currencies:
        yield filters.money(line.revenue[currency], currency)
    yield filters.duration(line.duration_s)
    for share in (line.utilisation, line.success):
        yield filters.DASH if share is None else filters.percent(share, 1)


def totals(report: Report) -> list[tuple[str, str]]:
    """The sums, each with what it is."""
    return list(zip(heads(report), words(report.figures.total, report), strict=True))
