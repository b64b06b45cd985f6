"""What is done with sessions at a desk: stopped, closed, refunded; notes, and receipts by mail.

Views of the blueprint `transactions`.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, mail
from csms.domain import transactions
from csms.domain.base import DomainError, Invalid, Refused
from csms.domain.payments import queries as payments
from csms.domain.transactions import Transaction, notices, queries, repair
from csms.extensions import db
from csms.translations import ENGLISH, known
from csms.web import receipt_files
from csms.web.amounts import part_to_return
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.web.transactions import blueprint as blueprint
from csms.web.transactions import page
from csms.work import atomic

Answer = tuple[str, int] | WerkzeugResponse


@blueprint.post("/<int:transaction_id>/stop")
@requires("operate")
def stop(transaction_id: int) -> str | WerkzeugResponse:
    try:
        with atomic() as session:
            transaction = queries.get(session, transaction_id)
            command = transactions.request_stop(session, transaction, by=actor(), at=clock.now())
            put_on_record(session, f"command.{command.kind}", transaction.charger.identity)
    except DomainError as error:
        if "HX-Request" in request.headers:
            raise
        flash(said(error), "error")
        return redirect(url_for(".show", transaction_id=transaction_id))
    if "HX-Request" in request.headers:
        return render_template("commands/_command.html", command=command)
    return redirect(url_for(".show", transaction_id=transaction_id))


@blueprint.post("/<int:transaction_id>/close")
@requires("operate")
def close(transaction_id: int) -> str | WerkzeugResponse:
    """Close a session whose stop will not come. The station is not told, and may go on charging."""
    at = clock.now()
    with atomic() as session:
        transaction = queries.get(session, transaction_id)
        if transaction.is_active:
            repair.close_by_hand(session, transaction, by=actor(), at=at)
            put_on_record(session, "session.close", str(transaction_id))
    flash(gettext("The session is closed here. The station was not told."), "success")
    return redirect(url_for(".show", transaction_id=transaction_id))


@blueprint.post("/<int:transaction_id>/refund")
@requires("money")
def refund(transaction_id: int) -> Answer:
    """Give back what a session cost, or part of it."""
    given = request.form
    try:
        cents = part_to_return(given)
        with atomic() as session:
            transaction, reason = queries.get(session, transaction_id), given.get("reason", "")
            transactions.refund(session, transaction, cents=cents, reason=reason, by=actor(), at=clock.now())
            amount = "all" if cents is None else given.get("amount", "")
            put_on_record(session, "session.refund", str(transaction_id), f"{amount}: {reason}")
    except (Invalid, Refused) as error:
        is_amount = isinstance(error, Invalid) and error.field == "amount"
        return page(transaction_id, {"amount" if is_amount else "reason": said(error)}), 422
    flash(gettext("Given back. The bill, the account and the charge record say so."), "success")
    return redirect(url_for(".show", transaction_id=transaction_id))


@blueprint.post("/<int:transaction_id>/notes")
@requires("operate")
def add_note(transaction_id: int) -> Answer:
    """Write something down about it. Notes are never changed."""
    try:
        with atomic() as session:
            transaction = queries.get(session, transaction_id)
            transactions.add_note(
                session, transaction, request.form.get("text", ""), by=actor(), at=clock.now()
            )
            put_on_record(session, "session.note", str(transaction_id))
    except Invalid as error:
        return page(transaction_id, {"text": said(error)}), 422
    return redirect(url_for(".show", transaction_id=transaction_id))


@blueprint.post("/<int:transaction_id>/receipt")
@requires("operate")
def send_receipt(transaction_id: int) -> Answer:
    """The receipt by mail, as it stands now; to the driver, or to whoever asks for it."""
    to, at = request.form.get("email", "").strip(), clock.now()
    try:
        language = _language(db.session(), queries.get(db.session(), transaction_id), to)
        receipt_files.send(transaction_id, to, language=language, at=at)
        with atomic() as session:
            put_on_record(session, "session.receipt", str(transaction_id), to)
    except (Invalid, Refused) as error:
        return page(transaction_id, {"email": said(error)}), 422
    flash(gettext("The receipt goes to %(to)s. Settings → Mail shows what became of it.", to=to), "success")
    return redirect(url_for(".show", transaction_id=transaction_id))


def _language(session: Session, transaction: Transaction, address: str) -> str:
    """What whoever has this address reads, as far as a log-in, the session's page or its payment tells."""
    payment = payments.of_transaction(session, transaction)
    return (
        mail.language_of(session, address)
        or notices.language_of(session, transaction, address)
        or (payment.language if payment is not None else None)
        or known(current_user.language)
        or ENGLISH
    )
