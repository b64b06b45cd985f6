"""Where the field above every page leads."""

from __future__ import annotations

from flask import url_for

from csms import clock
from csms.domain import accounts, sites
from csms.domain.accounts import queries as account_queries
from csms.domain.chargers import filtering
from csms.domain.transactions import Transaction
from csms.extensions import db
from csms.web.shell import page_called


def address_of(words: str) -> str:
    """A session or a card by its number, a page or a site by its name; then chargers, or drivers if none is meant."""
    if not words:
        return url_for("chargers.index", q=words)
    session = db.session()
    is_number = words.isascii() and words.isdigit() and len(words) < 11
    if is_number and session.get(Transaction, int(words)) is not None:
        return url_for("transactions.show", transaction_id=int(words))
    if address := page_called(words):
        return address
    if (site := sites.find(session, words)) is not None:
        return url_for("sites.show", site_id=site.id)
    if (card := accounts.find_token(session, words)) is not None:
        return url_for("tokens.show", token_id=card.id)
    return _driver(words) or url_for("chargers.index", q=words)


def _driver(words: str) -> str | None:
    """The driver whom the words mean, or all of them; None where they mean a charger, or nobody."""
    if filtering.number(db.session(), filtering.Filter(words=words), at=clock.now()):
        return None
    found, _ = account_queries.listed(db.session(), words=words, limit=2)
    if len(found) == 1:
        return url_for("accounts.show", account_id=found[0].account.id)
    return url_for("accounts.index", q=words) if found else None
