"""Connections that were refused, and letting their chargers in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.chargers import ChargerOut, charger_out
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Out, answers
from csms.domain import chargers
from csms.domain.base import NotFound
from csms.domain.chargers import Attempt, RefusalCause
from csms.extensions import db


class AttemptOut(Out):
    """`remedy` says what to change, at the charger or here."""

    id: int
    identity: str
    address: str
    cause: RefusalCause
    path: str
    detail: str
    remedy: str
    status_code: int
    count: int
    first_at: datetime
    last_at: datetime


class AttemptList(Out):
    data: list[AttemptOut]
    next_cursor: str | None


@blueprint.get("/attempts")
@spec.validate(resp=answers(200, AttemptList), tags=["attempts"], operation_id="listAttempts")
@needs(Scope.READ)
def list_attempts(query: Listing) -> Any:
    """Refused connections, those that began last first; the like of each are counted in it."""
    found = page(db.session(), select(Attempt), (Attempt.id,), query, newest_first=True)
    data = [AttemptOut.of(x) for x in found.rows]
    return AttemptList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/attempts/<int:attempt_id>/admit")
@spec.validate(resp=answers(201, ChargerOut), tags=["attempts"], operation_id="admitAttempt")
@needs(Scope.OPERATE)
def admit_attempt(attempt_id: int) -> Any:
    """Let the charger in, for known cards; it appears when it next tries."""
    at = clock.now()
    with unit() as session:
        charger = chargers.admit_attempt(session, _attempt(session, attempt_id), at=at)
        guard.audit(session, "charger.adopt", charger.identity)
    location = url_for("api.show_charger", identity=charger.identity)
    return charger_out(charger, at), 201, {"Location": location}


@blueprint.delete("/attempts/<int:attempt_id>")
@spec.validate(resp=answers(204, None), tags=["attempts"], operation_id="forgetAttempt")
@needs(Scope.OPERATE)
def delete_attempt(attempt_id: int) -> tuple[str, int]:
    """Take it off the list; it comes back when it happens again."""
    with unit() as session:
        _attempt(session, attempt_id)
        chargers.forget_attempt(session, attempt_id)
    return "", 204


def _attempt(session: Session, attempt_id: int) -> Attempt:
    attempt = session.get(Attempt, attempt_id)
    if attempt is None:
        raise NotFound("There is no such attempt.")
    return attempt
