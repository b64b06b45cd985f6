"""Two drivers who are one person: chosen, looked at, made one. Views of the blueprint `accounts`."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import merging
from csms.domain.accounts import Account, IdToken, User, Vehicle, Voucher, queries
from csms.domain.base import Refused
from csms.domain.payments import Payment
from csms.domain.reservations import Reservation
from csms.domain.subscriptions import Subscription
from csms.domain.transactions import Transaction
from csms.extensions import db
from csms.web.accounts import blueprint as blueprint
from csms.web.accounts import currency
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

MOST = 20
# What moves, in words, in the order in which it is told.
MOVING = {
    IdToken: lazy_gettext("Cards"),
    Vehicle: lazy_gettext("Vehicles"),
    Transaction: lazy_gettext("Sessions"),
    Payment: lazy_gettext("Top-ups"),
    Voucher: lazy_gettext("Vouchers"),
    Subscription: lazy_gettext("Subscriptions"),
    Reservation: lazy_gettext("Reservations"),
    User: lazy_gettext("Log-ins"),
}


@blueprint.get("/<int:account_id>/merge")
@requires("edit")
def ask_merge(account_id: int) -> str:
    """Find the other driver; or, with `?other=`, see what would move."""
    account = queries.account(db.session(), account_id)
    other_id = request.args.get("other", type=int)
    if other_id is not None:
        return _preview(account, queries.account(db.session(), other_id))
    words = request.args.get("q", "").strip()
    found = queries.listed(db.session(), words=words, limit=MOST)[0]
    others = [x.account for x in found if x.account.id != account_id]
    return render_template("accounts/merge.html", account=account, others=others, words=words)


@blueprint.post("/<int:account_id>/merge")
@requires("edit")
def merge(account_id: int) -> Response:
    other_id = request.form.get("other", 0, type=int)
    try:
        with atomic() as session:
            account, other = queries.account(session, account_id), queries.account(session, other_id)
            name = other.name
            merging.merge(session, account, other, by=actor(), at=clock.now())
            put_on_record(session, "account.merged", f"account {account_id}", f"account {other_id}")
    except Refused:  # the page tells why
        return redirect(url_for(".ask_merge", account_id=account_id, other=other_id))
    flash(gettext("%(name)s is merged with this driver.", name=name), "success")
    return redirect(url_for(".show", account_id=account_id))


def _preview(account: Account, other: Account) -> str:
    preview = merging.preview(db.session(), account, other)
    return render_template(
        "accounts/merge.html",
        account=account,
        other=other,
        preview=preview,
        problem=said(preview.problem) if preview.problem else None,
        moving=[(words, preview.counts[model]) for model, words in MOVING.items()],
        currency=currency(),
    )
