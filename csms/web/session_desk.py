"""What is done with sessions at a desk: notes, receipts by mail, the list as a workbook.

Views of the blueprint `transactions`.
"""

from __future__ import annotations

from io import BytesIO

import gevent
import xlsxwriter
from flask import Response, current_app, flash, redirect, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, mail
from csms.domain import transactions
from csms.domain.base import Invalid, Refused
from csms.domain.transactions import queries
from csms.extensions import db
from csms.web.bills import bill_lines, vat_lines
from csms.web.security import actor, can, put_on_record, requires
from csms.web.shell import site_zone
from csms.web.transactions import HEADINGS, asked, currency_of, export_row
from csms.web.transactions import blueprint as blueprint
from csms.work import atomic

MOST_ROWS = 100_000  # of a workbook, which is made in memory
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/export.xlsx")
@requires("host")
def as_workbook() -> Response | WerkzeugResponse:
    """What the list shows, all of it, for spreadsheets: numbers as numbers."""
    rows: list[tuple[object, ...]] = []
    with_cards = can("operate")
    for page in queries.exported(db.session(), asked()):
        rows += [export_row(x, with_cards) for x in page]
        if len(rows) > MOST_ROWS:
            flash(f"More than {MOST_ROWS} sessions: narrow the filters, or take the CSV.", "error")
            return redirect(url_for(".index", **request.args))  # type: ignore[arg-type]
        gevent.sleep(0)
    db.session.remove()
    # Writing a workbook is work for the processor alone: on a thread of its own it holds up no charger.
    body = gevent.get_hub().threadpool.apply(_workbook, (rows,))
    headers = {"Content-Disposition": f'attachment; filename="sessions-{clock.now():%Y-%m-%d}.xlsx"'}
    return Response(body, mimetype=XLSX, headers=headers)


def _workbook(rows: list[tuple[object, ...]]) -> bytes:
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("Sessions")
        sheet.write_row(0, 0, HEADINGS, book.add_format({"bold": True}))
        for number, row in enumerate(rows, 1):
            sheet.write_row(number, 0, row)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(HEADINGS) - 1, 16)
    return buffer.getvalue()


@blueprint.post("/<int:transaction_id>/notes")
@requires("operate")
def add_note(transaction_id: int) -> WerkzeugResponse:
    """Write something down about it. Notes are never changed."""
    try:
        with atomic() as session:
            transaction = queries.get(session, transaction_id)
            transactions.add_note(
                session, transaction, request.form.get("text", ""), by=actor(), at=clock.now()
            )
            put_on_record(session, "session.note", str(transaction_id))
    except Invalid as error:
        flash(str(error), "error")
    return redirect(url_for(".show", transaction_id=transaction_id))


@blueprint.post("/<int:transaction_id>/receipt")
@requires("operate")
def send_receipt(transaction_id: int) -> WerkzeugResponse:
    """The receipt by mail, as it stands now; to the driver, or to whoever asks for it."""
    to, at = request.form.get("email", "").strip(), clock.now()
    try:
        with atomic() as session:
            transaction = queries.get(session, transaction_id)
            if transaction.bill is None:
                raise Refused("There is no receipt yet: the session is not billed.")
            bill, currency = transactions.bill_of(transaction, at), currency_of(transaction)
            zone = site_zone(transaction.charger_id)
            base = current_app.extensions["settings"].public_base_url
            mail.write(
                session,
                "receipt",
                to,
                at=at,
                transaction=transaction,
                lines=bill_lines(bill, currency, zone, transaction.tariff_version),
                vat_lines=vat_lines(bill, currency),
                total_cents=bill.total_cents,
                currency=currency,
                zone=zone,
                url=f"{base}/s/{transaction.secret}/receipt",
            )
            put_on_record(session, "session.receipt", str(transaction_id), to)
    except (Invalid, Refused) as error:
        flash(str(error), "error")
    else:
        flash(f"The receipt goes to {to}. Settings → Mail shows what became of it.", "success")
    return redirect(url_for(".show", transaction_id=transaction_id))
