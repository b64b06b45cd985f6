"""What people keep beside a session and a card: notes, the receipt's address, a PIN; and what drivers tell."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gevent
from flask import current_app
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from csms import clock, receipt_links
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import accounts, transactions, troubles
from csms.domain.base import Refused
from csms.domain.chargers import Charger
from csms.domain.troubles import Trouble, TroubleKind
from csms.extensions import db
from csms.work import atomic


class NewNote(In):
    text: str = Field(min_length=1, max_length=2000)


class NoteOut(Out):
    id: int
    text: str
    written_by: str
    written_at: datetime


class NoteList(Out):
    data: list[NoteOut]


class ReceiptOut(Out):
    """Whoever has these addresses needs no log-in for them."""

    url: str
    pdf_url: str


class NewPin(In):
    pin: str = Field(description="4 to 8 digits, and none of the first that anybody would try")


class TroubleQuery(Listing):
    charger: str | None = Field(None, description="identity")
    is_open: bool | None = Field(None, description="true: nobody has looked yet")


class TroubleOut(Out):
    """One kind of trouble at one connector, told `count` times; `words`: the newest. `closed_at` null: still open."""

    id: int
    charger: str
    evse: int
    kind: TroubleKind
    words: str | None
    count: int
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    closed_by: str | None


class TroubleList(Out):
    data: list[TroubleOut]
    next_cursor: str | None


def _trouble_out(trouble: Trouble) -> TroubleOut:
    return TroubleOut.of(trouble, charger=trouble.charger.identity, evse=trouble.evse_number)


@blueprint.get("/transactions/<int:transaction_id>/notes")
@spec.validate(resp=answers(200, NoteList), tags=["transactions"], operation_id="listNotes")
@needs(Scope.READ)
def list_notes(transaction_id: int) -> NoteList:
    """What people have written down about a transaction, the oldest first."""
    transaction = queries.transaction(db.session(), transaction_id, None)
    return NoteList(data=[NoteOut.of(x) for x in transaction.notes])


@blueprint.post("/transactions/<int:transaction_id>/notes")
@spec.validate(resp=answers(201, NoteOut), tags=["transactions"], operation_id="addNote")
@needs(Scope.OPERATE)
def add_note(transaction_id: int, json: NewNote) -> Any:
    """Write something down. Notes are added, and never changed."""
    with unit() as session:
        transaction = queries.transaction(session, transaction_id, None)
        by = guard.caller().username
        added = NoteOut.of(transactions.add_note(session, transaction, json.text, by=by, at=clock.now()))
        guard.audit(session, "session.note", str(transaction_id))
    return added, 201


@blueprint.get("/transactions/<int:transaction_id>/receipt")
@spec.validate(resp=answers(200, ReceiptOut), tags=["transactions"], operation_id="getReceipt")
@needs(Scope.OPERATE, Scope.MONEY, Scope.SELF)
def show_receipt(transaction_id: int) -> ReceiptOut:
    """Where the receipt of a transaction that has ended is, as a page and as a PDF.

    For whoever is shown card numbers in full, the page leads to the meter's signed data, too.
    """
    may_all = guard.may(Scope.OPERATE) or guard.may(Scope.MONEY)
    account_id = None if may_all else guard.caller().account_id or 0
    transaction = queries.transaction(db.session(), transaction_id, account_id)
    if transaction.is_active:
        raise Refused("There is no receipt yet: the session is not billed.")
    base = current_app.extensions["settings"].public_base_url
    is_whole = guard.may(Scope.OPERATE) or account_id is not None
    url = base + receipt_links.path(transaction, is_whole=is_whole)
    return ReceiptOut(url=url, pdf_url=f"{url}.pdf")


@blueprint.put("/id-tokens/<int:token_id>/pin")
@spec.validate(resp=answers(204, None), tags=["id-tokens"], operation_id="setPin")
@needs(Scope.ADMIN, Scope.SELF)
def set_pin(token_id: int, json: NewPin) -> tuple[str, int]:
    """A new PIN for a card, with which its number opens its driver's account. Drivers set it for their own."""
    if problem := accounts.pin_problem(json.pin):
        raise problem
    db.session.remove()  # no connection waits while it is reckoned
    hashed: str = gevent.get_hub().threadpool.apply(accounts.hash_password, (json.pin,))
    return _keep_pin(token_id, hashed, "set")


@blueprint.delete("/id-tokens/<int:token_id>/pin")
@spec.validate(resp=answers(204, None), tags=["id-tokens"], operation_id="removePin")
@needs(Scope.ADMIN, Scope.SELF)
def remove_pin(token_id: int) -> tuple[str, int]:
    """No PIN for a card: its number opens nothing."""
    return _keep_pin(token_id, None, "removed")


def _keep_pin(token_id: int, hashed: str | None, what: str) -> tuple[str, int]:
    account_id = None if guard.may(Scope.ADMIN) else guard.caller().account_id or 0
    with atomic() as session:
        token = queries.id_token(session, token_id, account_id)
        accounts.set_pin(token, hashed)
        guard.audit(session, "card.pin", token.uid, what)
    return "", 204


@blueprint.get("/troubles")
@spec.validate(resp=answers(200, TroubleList), tags=["chargers"], operation_id="listTroubles")
@needs(Scope.READ)
def list_troubles(query: TroubleQuery) -> Any:
    """What drivers have told of stations, the newest first."""
    wanted = select(Trouble).join(Trouble.charger).options(joinedload(Trouble.charger))
    if query.charger is not None:
        wanted = wanted.where(Charger.identity_folded == query.charger.casefold()[:48])
    if query.is_open is not None:
        wanted = wanted.where(Trouble.closed_at.is_(None) == query.is_open)
    found = page(db.session(), wanted, (Trouble.id,), query, newest_first=True)
    return TroubleList(
        data=[_trouble_out(x) for x in found.rows], next_cursor=found.next_cursor
    ), found.headers


@blueprint.post("/troubles/<int:trouble_id>/close")
@spec.validate(resp=answers(200, TroubleOut), tags=["chargers"], operation_id="closeTrouble")
@needs(Scope.OPERATE)
def close_trouble(trouble_id: int) -> TroubleOut:
    """Somebody has looked."""
    with unit() as session:
        closed = troubles.close(session, trouble_id, by=guard.caller().username, at=clock.now())
        guard.audit(session, "trouble.close", closed.charger.identity)
        return _trouble_out(closed)
