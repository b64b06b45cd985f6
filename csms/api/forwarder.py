"""A charger's second backend."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock, forwarders, masks
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import forwarding
from csms.domain.forwarding import Forwarder, Permit, Traffic, Wish
from csms.extensions import db


class ForwarderIn(In):
    """`url` is without the identity, which is added to it. What is not given is as on the page for a new one, but for
    the password, which stays."""

    url: str = Field(max_length=440, examples=["wss://csms.example.org/ocpp"])
    identity: str | None = Field(
        None, min_length=1, max_length=48, description="there; null: the same as here"
    )
    password: str | None = Field(
        None, max_length=200, description="never told; null: it stays as it is; empty: it asks for none"
    )
    traffic: list[Traffic] = Field(default_factory=lambda: list(Traffic), description="what it is told")
    permits: list[Permit] = Field(default_factory=list, description="what it may ask; empty: nothing")
    cards: list[str] = Field(
        default_factory=list, max_length=200, description="cards or groups; empty: everybody's sessions"
    )


class Resumption(In):
    from_now: bool = Field(False, description="leave out what has waited")


class ForwarderDifferenceOut(Out):
    """An answer that was not as ours; `frame` is the message's id among the charger's frames."""

    frame: int
    action: str
    ours: str
    theirs: str
    at: datetime


class ForwarderOut(Out):
    """`state`: waiting, idle (the charger is away), connected, away or not_accepted. `waiting` ends at 1000."""

    url: str
    identity: str
    has_password: bool
    traffic: list[Traffic]
    permits: list[Permit]
    cards: list[str]
    is_paused: bool
    created_at: datetime
    state: str
    state_at: datetime
    detail: str | None
    away_since: datetime | None
    next_try_at: datetime | None
    waiting: int
    sent: int
    refused: int
    last_refusal: str | None
    answered_at: datetime | None
    compared: int
    differing: int
    differences: list[ForwarderDifferenceOut]


@blueprint.get("/chargers/<identity>/forwarder")
@spec.validate(resp=answers(200, ForwarderOut), tags=["chargers"], operation_id="getForwarder")
@needs(Scope.READ)
def get_forwarder(identity: str) -> ForwarderOut:
    """The second backend, how it stands, and which of its answers were not as ours. 404 where there is none."""
    return _out(db.session(), _row(db.session(), identity))


@blueprint.put("/chargers/<identity>/forwarder")
@spec.validate(resp=answers(200, ForwarderOut), tags=["chargers"], operation_id="putForwarder")
@needs(Scope.ADMIN)
def put_forwarder(identity: str, json: ForwarderIn) -> ForwarderOut:
    """Set it up, or change it: it is told what the charger says from then on. A password goes to no new address."""
    charger = queries.charger(db.session(), identity)
    given = Wish(
        json.url,
        json.identity or charger.identity,
        tuple(json.traffic),
        tuple(json.permits),
        tuple(json.cards),
    )
    wish = forwarders.checked(given, current_app.extensions["settings"])
    sealed = current_app.extensions["seal"].close(json.password) if json.password else None
    with unit() as session:
        charger = queries.charger(session, identity)
        row = session.get(Forwarder, charger.id)
        if row is None:
            row = forwarding.set_up(session, charger, wish, password_sealed=sealed, at=clock.now())
        else:
            forwarding.change(session, row, wish, password_sealed=sealed, has_password=json.password != "")
        guard.audit(session, "charger.second_backend", charger.identity, wish.url)
        return _out(session, row)


@blueprint.delete("/chargers/<identity>/forwarder")
@spec.validate(resp=answers(204, None), tags=["chargers"], operation_id="deleteForwarder")
@needs(Scope.ADMIN)
def delete_forwarder(identity: str) -> tuple[str, int]:
    """Forget it, with its password. What waits for it is not told."""
    with unit() as session:
        row = _row(session, identity)
        guard.audit(session, "charger.second_backend_removed", row.charger.identity, row.url)
        forwarding.remove(session, row)
    return "", 204


@blueprint.post("/chargers/<identity>/forwarder/pause")
@spec.validate(resp=answers(200, ForwarderOut), tags=["chargers"], operation_id="pauseForwarder")
@needs(Scope.ADMIN)
def pause_forwarder(identity: str) -> ForwarderOut:
    """Tell it nothing for now; what the charger says meanwhile waits."""
    with unit() as session:
        row = _row(session, identity)
        forwarding.suspend(session, row)
        guard.audit(session, "charger.second_backend_paused", row.charger.identity)
        return _out(session, row)


@blueprint.post("/chargers/<identity>/forwarder/resume")
@spec.validate(resp=answers(200, ForwarderOut), tags=["chargers"], operation_id="resumeForwarder")
@needs(Scope.ADMIN)
def resume_forwarder(identity: str, json: Resumption) -> ForwarderOut:
    """Go on, and try at once."""
    with unit() as session:
        row = _row(session, identity)
        forwarding.resume(session, row, from_now=json.from_now)
        guard.audit(session, "charger.second_backend_resumed", row.charger.identity)
        return _out(session, row)


def _row(session: Session, identity: str) -> Forwarder:
    return forwarding.find(session, queries.charger(session, identity).id)


def _out(session: Session, row: Forwarder) -> ForwarderOut:
    given: dict[str, Any] = {
        "has_password": row.password_sealed is not None,
        "waiting": forwarding.waiting(session, row),
        "differences": [ForwarderDifferenceOut.model_validate(x) for x in row.differences],
        "state": row.state.value,
        "cards": row.cards if guard.may(Scope.OPERATE) else [masks.card(x) for x in row.cards],
    }
    return ForwarderOut.of(row, **given)
