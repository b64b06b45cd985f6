"""What became of batches. Fixed numbers of queries, however many chargers were asked."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import NotFound
from csms.domain.batches.models import OFFLINE_WORDS, Batch, Item, ItemState
from csms.domain.commands import Command, CommandState
from csms.domain.local_lists.models import ListState, LocalList


class Outcome(enum.StrEnum):
    """What became of one charger's turn, in the words of commands and of batches."""

    WAITING = "waiting"
    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ERROR = "error"
    TIMEOUT = "timeout"
    OFFLINE = "offline"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


FAILED = (Outcome.REJECTED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.OFFLINE)
OPEN = (Outcome.WAITING, Outcome.QUEUED, Outcome.SENT)

_OF_COMMANDS: Mapping[CommandState, Outcome] = {
    CommandState.QUEUED: Outcome.QUEUED,
    CommandState.SENT: Outcome.SENT,
    CommandState.ACCEPTED: Outcome.ACCEPTED,
    CommandState.REJECTED: Outcome.REJECTED,
    CommandState.ERROR: Outcome.ERROR,
    CommandState.TIMEOUT: Outcome.TIMEOUT,
    CommandState.UNKNOWN: Outcome.TIMEOUT,
    CommandState.EXPIRED: Outcome.OFFLINE,
    CommandState.CANCELLED: Outcome.CANCELLED,
}
_OF_LISTS: Mapping[ListState, Outcome] = {
    ListState.BEHIND: Outcome.SENT,
    ListState.IN_STEP: Outcome.ACCEPTED,
    ListState.FAILED: Outcome.REJECTED,
    ListState.UNSUPPORTED: Outcome.REJECTED,
    ListState.OFF: Outcome.CANCELLED,
}
_OF_ITEMS: Mapping[ItemState, Outcome] = {
    ItemState.WAITING: Outcome.WAITING,
    ItemState.SKIPPED: Outcome.SKIPPED,
    ItemState.OFFLINE: Outcome.OFFLINE,
    ItemState.CANCELLED: Outcome.CANCELLED,
}


def _outcome() -> ColumnElement[str]:
    """On Item joined with its command and its charger's list. A list has no command: its state is what came of it."""
    own = [(Item.state == state, outcome.value) for state, outcome in _OF_ITEMS.items()]
    commands = [(Command.state == state, outcome.value) for state, outcome in _OF_COMMANDS.items()]
    lists = [
        (and_(Item.command_id.is_(None), LocalList.state == state), outcome.value)
        for state, outcome in _OF_LISTS.items()
    ]
    return case(*own, *commands, *lists, else_=Outcome.SENT.value)


def _joined(query: Any) -> Any:
    """A select on Item, with what tells of its outcome."""
    return query.outerjoin(Command, Command.id == Item.command_id).outerjoin(
        LocalList, and_(Item.command_id.is_(None), LocalList.charger_id == Item.charger_id)
    )


def get(session: Session, batch_id: str) -> Batch:
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise NotFound("There is no such batch.")
    return batch


def recent(session: Session, *, before_id: str | None = None, limit: int = 20) -> Sequence[Batch]:
    """The newest batches, older than `before_id`."""
    query = select(Batch).order_by(Batch.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(Batch.id < before_id)  # version 7: in the order of time
    return session.scalars(query).all()


def tallies(session: Session, batch_ids: Iterable[str]) -> dict[str, Counter[Outcome]]:
    """How many turns of each batch came to what. One query."""
    outcome = _outcome().label("outcome")
    query = _joined(select(Item.batch_id, outcome, func.count()).select_from(Item))
    found: dict[str, Counter[Outcome]] = {x: Counter() for x in batch_ids}
    query = query.where(Item.batch_id.in_(found)).group_by(Item.batch_id, outcome)
    for batch_id, word, count in session.execute(query):
        found[batch_id][Outcome(word)] += count
    return found


def results(
    session: Session,
    batch: Batch,
    *,
    outcomes: Sequence[Outcome] = (),
    after_id: int = 0,
    limit: int = 100,
) -> list[tuple[Item, Outcome]]:
    """Turns in their order, with chargers and commands, and what came of them. One query."""
    outcome = _outcome()
    query = _joined(select(Item, outcome).options(joinedload(Item.charger), joinedload(Item.command)))
    query = query.where(Item.batch_id == batch.id, Item.id > after_id)
    if outcomes:
        query = query.where(outcome.in_([x.value for x in outcomes]))
    rows = session.execute(query.order_by(Item.id).limit(limit))
    return [(item, Outcome(word)) for item, word in rows]


def failed(session: Session, batch: Batch) -> Sequence[int]:
    """The chargers at which it came to nothing, and might another time; also those that were offline before."""
    outcome = _outcome()
    missed = and_(Item.state == ItemState.SKIPPED, Item.detail == OFFLINE_WORDS)
    query = _joined(select(Item.charger_id).select_from(Item).distinct())
    query = query.where(Item.batch_id == batch.id, or_(outcome.in_([x.value for x in FAILED]), missed))
    return session.scalars(query).all()


def charger_ids(session: Session, batch: Batch) -> Sequence[int]:
    """All whom it was meant for."""
    return session.scalars(select(Item.charger_id).where(Item.batch_id == batch.id).distinct()).all()
