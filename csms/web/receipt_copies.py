"""A receipt at an address that opens nothing else of its session: for whoever may not see the driver's card."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from csms import clock, receipt_links
from csms.domain.base import NotFound
from csms.domain.transactions import Transaction, queries
from csms.extensions import db
from csms.web import receipt_files
from csms.web.landing import READS
from csms.web.receipts import receipt_of
from csms.web.station_view import frame

blueprint = Blueprint("receipt_copies", __name__, url_prefix="/receipts")


@blueprint.get("/<token>")
@READS
def show(token: str) -> str:
    transaction = _of(token)
    return render_template(
        "driving/receipt.html",
        **frame(transaction.charger_id),
        receipt=receipt_of(transaction, clock.now()),
        pdf_url=f"{receipt_links.path(transaction, is_whole=False)}.pdf",
        signed_url=None,
        is_sent=False,
        send_url=None,
    )


@blueprint.get("/<token>.pdf")
@READS
def as_file(token: str) -> Response:
    return receipt_files.shown(_of(token), clock.now())


def _of(token: str) -> Transaction:
    """Raises NotFound."""
    transaction_id = receipt_links.opened(token)
    transaction = None if transaction_id is None else queries.get(db.session(), transaction_id)
    if transaction is None or transaction.is_active:
        raise NotFound("There is no such page.")
    return transaction
