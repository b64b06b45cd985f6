"""Waiting for the next unknown card at a charger, to add it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from pydantic import Field

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import accounts
from csms.domain.accounts import CardScan, ScanState
from csms.extensions import db


class NewCardScan(In):
    account_id: int | None = Field(None, description="whose card it will be; a note, nothing more")


class CardScanOut(Out):
    """`uid`: what was caught; add it with POST /id-tokens."""

    id: int
    charger_id: int
    account_id: int | None
    state: ScanState
    uid: str | None
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    caught_at: datetime | None


def _out(scan: CardScan) -> CardScanOut:
    return CardScanOut.of(scan, state=scan.state(clock.now()))


@blueprint.post("/chargers/<identity>/card-scans")
@spec.validate(resp=answers(201, CardScanOut), tags=["id-tokens"], operation_id="scanCard")
@needs(Scope.OPERATE)
def scan_card(identity: str, json: NewCardScan) -> Any:
    """Catch the next card that nobody knows at a charger, for 60 seconds. It answers the card as ever."""
    with unit() as session:
        charger = queries.charger(session, identity)
        scan = accounts.wait_for_card(
            session, charger.id, by=guard.caller().username, at=clock.now(), account_id=json.account_id
        )
        guard.audit(session, "card.scanned", charger.identity)
        made = _out(scan)
    return made, 201, {"Location": url_for("api.show_card_scan", scan_id=made.id)}


@blueprint.get("/card-scans/<int:scan_id>")
@spec.validate(resp=answers(200, CardScanOut), tags=["id-tokens"], operation_id="getCardScan")
@needs(Scope.OPERATE)
def show_card_scan(scan_id: int) -> CardScanOut:
    """How it stands: waiting, caught, added, over, or stopped by somebody who waits anew."""
    return _out(accounts.get_scan(db.session(), scan_id))
