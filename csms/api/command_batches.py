"""One order to many chargers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from flask import url_for
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock, masks
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import batches, sites
from csms.domain.base import Invalid, NotFound
from csms.domain.batches import Batch, BatchState, Order, Outcome
from csms.domain.batches import queries as batch_queries
from csms.domain.chargers import Candidate, Charger, candidates
from csms.domain.chargers.filtering import Facet, Filter, Show
from csms.domain.commands import Kind
from csms.extensions import db

EXAMPLE = {"kind": "reset", "arguments": {"is_hard": False}, "filter": {"site": ["Garage"]}, "per_minute": 10}


class ChargerFilter(In):
    """All that is given must hold; of a list one value must. `none` in a list: chargers that have told nothing."""

    status: Show = Show.ALL
    q: str = Field(
        "", max_length=80, description="part of identity, name, location, site, make or serial number"
    )
    online: bool | None = None
    site: list[str] = Field([], max_length=50, description="uuids or names")
    vendor: list[str] = Field([], max_length=50)
    model: list[str] = Field([], max_length=50)
    firmware: list[str] = Field([], max_length=50)
    protocol: list[str] = Field([], max_length=10)
    security: list[int] = Field([], max_length=4, description="security profiles")
    tag: list[str] = Field([], max_length=50)


class NewBatch(In):
    """`arguments` by `kind`: reset `is_hard` · availability `is_operative`, `evse` · trigger `message`, `evse` ·
    unlock `evse` (none: each connector) · get_configuration `keys` · change_configuration `name`, `value` ·
    clear_cache · send_local_list `is_full` · data_transfer `vendor_id`, `message_id`, `data`.
    """

    model_config = In.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}  # type: ignore[assignment]

    kind: Kind
    arguments: dict[str, Any] = Field(default_factory=dict)
    chargers: list[str] | None = Field(
        None, max_length=batches.MOST, description="identities; or give `filter`"
    )
    filter: ChargerFilter | None = None
    includes_busy: bool = Field(False, description="also where it interrupts somebody who charges")
    per_minute: int | None = Field(None, ge=1, le=batches.FASTEST, description="null: as fast as it goes")
    expected: int | None = Field(
        None, ge=0, description="refuse with 409 unless so many chargers would be asked"
    )
    is_rehearsal: bool = Field(False, description="only tell who would be asked and who left out")


class SkipOut(Out):
    charger: str
    reason: batches.Reason
    detail: str


class PlanOut(Out):
    """What would happen: `chargers` are asked, with `orders` in all."""

    chargers: list[str]
    orders: int
    skipped: list[SkipOut]


class BatchOut(Out):
    """`outcomes`: how many turns, of chargers or of connectors, came to what."""

    id: str
    kind: Kind
    arguments: dict[str, Any]
    includes_busy: bool
    per_minute: int | None
    state: BatchState
    outcomes: dict[Outcome, int]
    source_id: str | None = Field(description="the batch that it repeats")
    requested_by: str | None
    requested_at: datetime
    finished_at: datetime | None = Field(description="when the last was asked, or the rest was cancelled")


class BatchList(Out):
    data: list[BatchOut]
    next_cursor: str | None


class TurnOut(Out):
    id: int
    charger: str
    evse: int | None
    outcome: Outcome
    detail: str | None
    command_id: str | None


class TurnList(Out):
    data: list[TurnOut]
    next_cursor: str | None


class TurnQuery(Listing):
    outcome: Outcome | None = None


def _out(batch: Batch, tally: Counter[Outcome]) -> BatchOut:
    arguments = masks.keys(batch.arguments)
    return BatchOut.of(batch, arguments=arguments, outcomes={x: tally[x] for x in Outcome if tally[x]})


def _one(session: Session, batch_id: str) -> BatchOut:
    batch = batch_queries.get(session, batch_id)
    return _out(batch, batch_queries.tallies(session, [batch.id])[batch.id])


@blueprint.get("/command-batches")
@spec.validate(resp=answers(200, BatchList), tags=["commands"], operation_id="listCommandBatches")
@needs(Scope.READ)
def list_command_batches(query: Listing) -> Any:
    """Orders to many chargers, newest first."""
    found = page(db.session(), select(Batch), (Batch.id,), query, newest_first=True)
    tallies = batch_queries.tallies(db.session(), [x.id for x in found.rows])
    return BatchList(
        data=[_out(x, tallies[x.id]) for x in found.rows], next_cursor=found.next_cursor
    ), found.headers


@blueprint.post("/command-batches")
@spec.validate(
    resp=answers(202, BatchOut, more={"HTTP_200": (PlanOut, "A rehearsal: nothing was asked")}),
    tags=["commands"],
    operation_id="sendCommandBatch",
)
@needs(Scope.OPERATE)
def send_command_batch(json: NewBatch) -> Any:
    """Ask something of many chargers. 409 when nobody would be asked, or others than expected."""
    order = Order(json.kind, batches.checked(json.kind, json.arguments), json.includes_busy)
    if json.is_rehearsal:
        return _plan_out(batches.plan(db.session(), _meant(db.session(), json), order, at=clock.now())), 200
    with unit() as session:
        at = clock.now()
        chargers = _meant(session, json)
        if json.expected is not None:
            batches.expect(session, chargers, order, json.expected, at=at)
        by = guard.caller().username
        batch = batches.begin(session, chargers, order, per_minute=json.per_minute, by=by, at=at)
        guard.audit(session, "batch.begin", f"batch {batch.id}", f"{json.kind}: {len(chargers)} chargers")
        begun = _one(session, batch.id)
    return begun, 202, {"Location": url_for("api.show_command_batch", batch_id=begun.id)}


@blueprint.get("/command-batches/<batch_id>")
@spec.validate(resp=answers(200, BatchOut), tags=["commands"], operation_id="getCommandBatch")
@needs(Scope.READ)
def show_command_batch(batch_id: str) -> BatchOut:
    """A batch as it stands."""
    return _one(db.session(), batch_id)


@blueprint.get("/command-batches/<batch_id>/turns")
@spec.validate(resp=answers(200, TurnList), tags=["commands"], operation_id="listCommandBatchTurns")
@needs(Scope.READ)
def list_command_batch_turns(batch_id: str, query: TurnQuery) -> Any:
    """What came of it, charger by charger, in the order of their turn."""
    session = db.session()
    batch = batch_queries.get(session, batch_id)
    after = query.cursor or "0"
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Invalid("The cursor is not one of this list.", "cursor")
    outcomes = [query.outcome] if query.outcome else []
    rows = batch_queries.results(
        session, batch, outcomes=outcomes, after_id=int(after), limit=query.limit + 1
    )
    shown = rows[: query.limit]
    data = [TurnOut.of(item, charger=item.charger.identity, outcome=outcome) for item, outcome in shown]
    return TurnList(data=data, next_cursor=str(shown[-1][0].id) if len(rows) > len(shown) else None)


@blueprint.post("/command-batches/<batch_id>/cancel")
@spec.validate(resp=answers(200, BatchOut), tags=["commands"], operation_id="cancelCommandBatch")
@needs(Scope.OPERATE)
def cancel_command_batch(batch_id: str) -> BatchOut:
    """Ask nobody else. 409 when all have been asked."""
    with unit() as session:
        spared = batches.cancel(session, batch_queries.get(session, batch_id), at=clock.now())
        guard.audit(session, "batch.cancel", f"batch {batch_id}", f"{spared} not asked")
        return _one(session, batch_id)


@blueprint.post("/command-batches/<batch_id>/retry")
@spec.validate(resp=answers(202, BatchOut), tags=["commands"], operation_id="retryCommandBatch")
@needs(Scope.OPERATE)
def retry_command_batch(batch_id: str) -> Any:
    """Ask those once more at which it came to nothing: a batch of its own. 409 where nothing has failed."""
    with unit() as session:
        batch = batch_queries.get(session, batch_id)
        again = batches.retry(session, batch, by=guard.caller().username, at=clock.now())
        guard.audit(session, "batch.retry", f"batch {batch_id}", again.id)
        begun = _one(session, again.id)
    return begun, 202, {"Location": url_for("api.show_command_batch", batch_id=begun.id)}


def _plan_out(plan: batches.Plan) -> PlanOut:
    return PlanOut(
        chargers=list(dict.fromkeys(x.charger.identity for x in plan.turns)),
        orders=len(plan.turns),
        skipped=[SkipOut(charger=x.charger.identity, reason=x.reason, detail=x.words) for x in plan.skips],
    )


def _meant(session: Session, json: NewBatch) -> list[Candidate]:
    """The chargers of a request. Raises Invalid, and NotFound for an identity that is unknown."""
    if (json.chargers is None) is (json.filter is None):
        raise Invalid("Give the chargers by their identities, or a filter.", "chargers")
    wanted = _filter(session, json.filter) if json.filter else _named(session, json.chargers or [])
    found = candidates(session, wanted, at=clock.now(), most=batches.MOST + 1)
    return list(found)


def _named(session: Session, identities: list[str]) -> Filter:
    folded = {x.casefold()[:48]: x for x in identities}
    query = select(Charger.identity_folded, Charger.id).where(Charger.identity_folded.in_(folded))
    ids = {identity: charger_id for identity, charger_id in session.execute(query)}
    if unknown := folded.keys() - ids.keys():
        raise NotFound("There is no charger %(folded)s.", folded=folded[min(unknown)])
    return Filter(ids=list(ids.values()))


def _filter(session: Session, given: ChargerFilter) -> Filter:
    chosen = {
        Facet.SITE: [_site(session, x) for x in given.site],
        Facet.VENDOR: given.vendor,
        Facet.MODEL: given.model,
        Facet.FIRMWARE: given.firmware,
        Facet.PROTOCOL: given.protocol,
        Facet.SECURITY: [str(x) for x in given.security],
        Facet.TAG: [x.casefold() for x in given.tag],
    }
    return Filter(
        show=given.status,
        words=given.q,
        is_online=given.online,
        chosen={facet: values for facet, values in chosen.items() if values},
    )


def _site(session: Session, text: str) -> str:
    """The id of the site of this uuid or name. Raises NotFound."""
    found = sites.find(session, text)
    return str((found or sites.by_uuid(session, text)).id)
