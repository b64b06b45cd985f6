"""What a browser without a log-in is known by: a signed note of the starts that it asked for.

The note names orders and sessions by their own random names and says nothing of a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hmac import compare_digest

from flask import current_app, request
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from csms.domain.chargers import Connector
from csms.domain.payments import Payment
from csms.domain.payments import queries as payments
from csms.domain.transactions import Transaction, queries
from csms.extensions import db
from csms.web.security import can

COOKIE = "starts"
DRIVER = "driver"  # who orders what a page of a station orders, in the list of commands
KEPT_FOR_S = 7 * 24 * 3600
MOST = 6


def claims() -> Sequence[str]:
    """Commands and payments asked for by this browser, and secrets of sessions that it has proved to be its own."""
    try:
        found = _signer().loads(request.cookies.get(COOKIE, ""), max_age=KEPT_FOR_S)
    except BadSignature:
        return ()
    return [x for x in found if isinstance(x, str)][:MOST] if isinstance(found, list) else ()


def remember(response: Response, claim: str) -> None:
    """From now on `claim` is this browser's; the oldest ones are forgotten."""
    kept = [claim, *(x for x in claims() if x != claim)][:MOST]
    response.set_cookie(
        COOKIE,
        _signer().dumps(kept),
        max_age=KEPT_FOR_S,
        httponly=True,
        samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )


def may_stop(transaction: Transaction) -> bool:
    """Whoever's own session it is may stop it, and so may operators."""
    return can("operate") or is_own(transaction)


def is_own(transaction: Transaction) -> bool:
    """Is it this browser's own session: started from it, proved by its card, or of the account that is logged in?"""
    if transaction.secret in claims():
        return True
    account_id = own_account_id()
    if account_id is not None and account_id == transaction.account_id:
        return True
    known = claims()
    session = db.session()
    return queries.started_by(session, transaction, known) or payments.is_paid_by(
        session, transaction.id, known, payer_id=account_id
    )


def ended_here(connector: Connector, since: datetime) -> Transaction | None:
    """The session of this browser that has ended at the connector: the code leads back to its receipt."""
    known = claims()
    if not known:
        return None
    return queries.ended_here(db.session(), connector.id, known, payments.paid_by(known), since=since)


def is_payer(payment: Payment) -> bool:
    """Was it begun by whoever is logged in?"""
    account_id = own_account_id()
    return account_id is not None and payment.payer_id == account_id


def own_account_id() -> int | None:
    """The account of whoever is logged in, if it is a driver's."""
    account_id: int | None = current_user.account_id if current_user.is_authenticated else None
    return account_id


def is_card_of(transaction: Transaction, number: str) -> bool:
    """Is this the number of the card that the session began with?"""
    presented = (transaction.id_tag or "").strip().casefold()
    return bool(presented) and compare_digest(presented.encode(), number.strip().casefold().encode())


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="starts")
