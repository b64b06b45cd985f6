"""A receipt that leaves the page: as a file, and by mail with that file."""

from __future__ import annotations

from datetime import datetime

import gevent
from flask import Response, current_app

from csms import mail, receipt_links
from csms.domain.base import Refused
from csms.domain.mail import File
from csms.domain.transactions import Transaction, queries
from csms.extensions import db
from csms.translations import speaking
from csms.web.pdf_frame import PDF, fonts
from csms.web.receipt_pdf import pdf_of
from csms.web.receipts import Receipt, receipt_of
from csms.work import atomic


def as_file(receipt: Receipt, at: datetime) -> File:
    """Made in a thread: no charger waits for it."""
    operator, look = current_app.extensions["settings"].organisation, current_app.extensions["look"]
    body: bytes = gevent.get_hub().threadpool.apply(pdf_of, (receipt, operator, look, fonts(), at))
    return File(f"receipt-{receipt.number}.pdf", PDF, body)


def shown(transaction: Transaction, at: datetime) -> Response:
    """The receipt of a session as a file that the browser shows."""
    file = as_file(receipt_of(transaction, at), at)
    named = {"Content-Disposition": f'inline; filename="{file.name}"'}
    return Response(file.content, mimetype=file.mimetype, headers=named)


def send(transaction_id: int, to: str, *, language: str, at: datetime) -> None:
    """The receipt of a session by mail, as it stands now, in this language.

    Raises Invalid for what is no address, Refused where there is no bill, or too much waits for this address.
    """
    transaction = queries.get(db.session(), transaction_id)
    if transaction.bill is None:
        raise Refused("There is no receipt yet: the session is not billed.")
    with speaking(language):
        receipt = receipt_of(transaction, at)
    base = current_app.extensions["settings"].public_base_url
    url, file = base + receipt_links.path(transaction, is_whole=True), as_file(receipt, at)
    with atomic() as session:
        mail.write(session, "receipt", to, at=at, language=language, files=[file], receipt=receipt, url=url)
