"""Addresses of receipts, none of which needs a log-in.

The driver's own opens all that is theirs, down to what the meter has signed, which may name their card. Whoever must
not see cards is given one that opens the receipt alone.
"""

from __future__ import annotations

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from csms.domain.transactions import Transaction


def path(transaction: Transaction, *, is_whole: bool) -> str:
    """Of the page; that of the PDF has `.pdf` behind it."""
    if is_whole:
        return f"/s/{transaction.secret}/receipt"
    return f"/receipts/{_signer().dumps(transaction.id)}"


def opened(token: str) -> int | None:
    """Of which session such an address is; None: nobody has made it."""
    try:
        return int(_signer().loads(token))
    except BadSignature:
        return None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="receipt")
