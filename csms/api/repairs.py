"""Transactions that went wrong: what was done to them and what shows it, undoing it, and what waits for a person."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime

from flask import current_app
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Money, Out, answers
from csms.domain import transactions
from csms.domain.transactions import (
    Confidence,
    EnergySource,
    Repair,
    RepairKind,
    RepairState,
    Transaction,
    orphans,
    repair,
)
from csms.extensions import db

MOST_ORPHANS = 30  # each is compared with its charger's transactions
SETTLEMENTS = (RepairKind.SETTLED, RepairKind.WAIVED)


class Settlement(In):
    waive: bool = Field(False, description="nobody pays, instead of a bill at the estimate")


class Marriage(In):
    transaction_id: int = Field(
        description="the transaction that this stop has ended, or that these readings are of"
    )


class ProofOut(Out):
    """Something that was seen. `ref`: the id of the transaction that it is."""

    what: str
    at: datetime
    words: str
    register_wh: int | None
    ref: int | None


class RepairOut(Out):
    """`made_by` null: by itself. `superseded`: the charger has told the truth since."""

    id: int
    transaction_id: int
    orphan_id: int | None
    kind: RepairKind
    state: RepairState
    confidence: Confidence
    energy_wh: int | None
    energy_from: EnergySource
    ended_at: datetime | None
    evidence: list[ProofOut]
    made_by: str | None
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None


class RepairList(Out):
    data: list[RepairOut]


class EstimateOut(Out):
    """A transaction that is over and waits to be settled. `cost` null: nobody knows its energy, so it can be waived."""

    transaction_id: int
    charger: str
    energy_wh: int | None
    cost: Money | None


class RepairMatchOut(Out):
    transaction_id: int
    confidence: Confidence
    energy_wh: int | None


class OrphanKind(enum.StrEnum):
    """What a charger has told of a transaction that nobody knows: its stop, or readings without a stop."""

    STOP = "stop"
    READINGS = "readings"


class OrphanOut(Out):
    """What was told of a transaction that nobody knows, and those that it may belong to.

    A stop has `stopped_at` and `meter_stop_wh`. Readings go from `first_at` to `last_at`, and their register from
    `meter_first_wh` to `meter_last_wh`.
    """

    transaction_id: int
    charger: str
    kind: OrphanKind
    stopped_at: datetime | None
    meter_stop_wh: int | None
    first_at: datetime | None
    last_at: datetime | None
    meter_first_wh: int | None
    meter_last_wh: int | None
    matches: list[RepairMatchOut]


class ReviewOut(Out):
    proposals: list[RepairOut]
    estimates: list[EstimateOut]
    orphans: list[OrphanOut]


def repair_out(made: Repair) -> RepairOut:
    return RepairOut.of(made, evidence=[ProofOut(**x) for x in made.evidence])


@blueprint.get("/transactions/<int:transaction_id>/repairs")
@spec.validate(resp=answers(200, RepairList), tags=["repairs"], operation_id="listRepairs")
@needs(Scope.READ, Scope.SELF)
def list_repairs(transaction_id: int) -> RepairList:
    """All that was done to a transaction because its charger did not tell, oldest first."""
    transaction = queries.transaction(db.session(), transaction_id, guard.own_account_only())
    return RepairList(data=[repair_out(x) for x in repair.of_transaction(db.session(), transaction.id)])


@blueprint.get("/reviews")
@spec.validate(resp=answers(200, ReviewOut), tags=["repairs"], operation_id="listReviews")
@needs(Scope.READ)
def list_reviews() -> ReviewOut:
    """What waits for a person: proposals, estimates to be settled, stops and readings of transactions that nobody
    knows."""
    session, at = db.session(), clock.now()
    return ReviewOut(
        proposals=[repair_out(made) for made, _ in repair.proposals(session)],
        estimates=[_estimate(x, at) for x in repair.unsettled(session)],
        orphans=[_orphan(session, x) for x in orphans.waiting(session, limit=MOST_ORPHANS)],
    )


@blueprint.post("/transactions/<int:transaction_id>/close")
@spec.validate(resp=answers(200, RepairOut), tags=["repairs"], operation_id="closeTransaction")
@needs(Scope.OPERATE)
def close_transaction(transaction_id: int) -> RepairOut:
    """Close a transaction whose stop will not come, by its readings. The charger is not told, nothing is billed."""
    with unit() as session:
        transaction = queries.transaction(session, transaction_id, None)
        made = repair.close_by_hand(session, transaction, by=guard.caller().username, at=clock.now())
        return _kept(session, made, "transaction.closed")


@blueprint.post("/transactions/<int:transaction_id>/settle")
@spec.validate(resp=answers(200, RepairOut), tags=["repairs"], operation_id="settleTransaction")
@needs(Scope.MONEY)
def settle_transaction(transaction_id: int, json: Settlement) -> RepairOut:
    """Bill a transaction that is closed by an estimate, or waive one that is not billed. A late stop corrects it."""
    with unit() as session:
        transaction = queries.transaction(session, transaction_id, None)
        by = guard.caller().username
        made = repair.settle(session, transaction, waive=json.waive, by=by, at=clock.now())
        return _kept(session, made, "transaction.waived" if json.waive else "transaction.settled")


@blueprint.post("/transactions/<int:transaction_id>/repairs/<int:repair_id>/undo")
@spec.validate(resp=answers(200, RepairOut), tags=["repairs"], operation_id="undoRepair")
@needs(Scope.OPERATE, Scope.MONEY)
def undo_repair(transaction_id: int, repair_id: int) -> RepairOut:
    """Put a transaction back as it was before its newest repair. Settlements need the scope money, others operate."""
    with unit() as session:
        made = repair.get(session, transaction_id, repair_id)
        if not guard.may(Scope.MONEY if made.kind in SETTLEMENTS else Scope.OPERATE):
            raise Problem(403, f"The role {guard.caller().role} may not undo this.", "forbidden")
        orphans.undo(session, made, by=guard.caller().username, at=clock.now())
        return repair_out(made)


@blueprint.post("/transactions/<int:transaction_id>/repairs/<int:repair_id>/accept")
@spec.validate(resp=answers(200, RepairOut), tags=["repairs"], operation_id="acceptRepair")
@needs(Scope.OPERATE)
def accept_repair(transaction_id: int, repair_id: int) -> RepairOut:
    """Do what is proposed."""
    return _decided(transaction_id, repair_id, repair.accept, "repair.accepted")


@blueprint.post("/transactions/<int:transaction_id>/repairs/<int:repair_id>/reject")
@spec.validate(resp=answers(200, RepairOut), tags=["repairs"], operation_id="rejectRepair")
@needs(Scope.OPERATE)
def reject_repair(transaction_id: int, repair_id: int) -> RepairOut:
    """Leave the transaction open; it is not proposed again."""
    return _decided(transaction_id, repair_id, repair.reject, "repair.rejected")


@blueprint.post("/transactions/<int:transaction_id>/match")
@spec.validate(resp=answers(200, RepairOut), tags=["repairs"], operation_id="matchOrphan")
@needs(Scope.OPERATE)
def match_orphan(transaction_id: int, json: Marriage) -> RepairOut:
    """This stop of an unknown transaction (state `orphan`) is the end of another one, or these readings are of it."""
    with unit() as session:
        orphan = queries.transaction(session, transaction_id, None)
        transaction = queries.transaction(session, json.transaction_id, None)
        made = orphans.marry(session, orphan, transaction, by=guard.caller().username, at=clock.now())
        return _kept(session, made, "transaction.matched")


@blueprint.post("/transactions/<int:transaction_id>/dismiss")
@spec.validate(resp=answers(200, RepairOut), tags=["repairs"], operation_id="dismissOrphan")
@needs(Scope.OPERATE)
def dismiss_orphan(transaction_id: int) -> RepairOut:
    """What was told of an unknown transaction is nobody's: it is reviewed no longer."""
    with unit() as session:
        orphan = queries.transaction(session, transaction_id, None)
        made = orphans.dismiss(session, orphan, by=guard.caller().username, at=clock.now())
        return _kept(session, made, "transaction.dismissed")


def _decided(transaction_id: int, repair_id: int, decide: Callable[..., None], action: str) -> RepairOut:
    """What somebody has decided of a proposal."""
    with unit() as session:
        made = repair.get(session, transaction_id, repair_id)
        decide(session, made, by=guard.caller().username, at=clock.now())
        return _kept(session, made, action)


def _kept(session: Session, made: Repair, action: str) -> RepairOut:
    """The repair as it goes out, put on record."""
    session.flush()
    guard.audit(session, action, f"transaction {made.transaction_id}", f"repair {made.id}")
    return repair_out(made)


def _estimate(transaction: Transaction, at: datetime) -> EstimateOut:
    bill = transactions.bill_of(transaction, at)
    currency = bill.currency or str(current_app.extensions["settings"].currency)
    cost = None if transaction.energy_wh is None else Money.of_cents(bill.total_cents, currency)
    return EstimateOut(
        transaction_id=transaction.id,
        charger=transaction.charger.identity,
        energy_wh=transaction.energy_wh,
        cost=cost,
    )


def _orphan(session: Session, orphan: Transaction) -> OrphanOut:
    matches = [
        RepairMatchOut(transaction_id=x.transaction.id, confidence=x.confidence, energy_wh=x.energy_wh)
        for x in orphans.matches(session, orphan)
    ]
    is_stray = orphan.is_stray
    return OrphanOut(
        transaction_id=orphan.id,
        charger=orphan.charger.identity,
        kind=OrphanKind.READINGS if is_stray else OrphanKind.STOP,
        stopped_at=None if is_stray else orphan.started_at,
        meter_stop_wh=orphan.meter_stop_wh,
        first_at=orphan.started_at if is_stray else None,
        last_at=orphan.ended_at if is_stray else None,
        meter_first_wh=orphan.meter_start_wh if is_stray else None,
        meter_last_wh=orphan.meter_last_wh if is_stray else None,
        matches=matches,
    )
