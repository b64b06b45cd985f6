"""Finding orders: what is due, where work waits, what was ordered before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import NotFound
from csms.domain.commands.models import Command, CommandState

# What every order's way asks for is made once: making a statement costs more than running it.
_DUE = (
    select(Command)
    .where(
        Command.charger_id == bindparam("charger_id"),
        Command.state == CommandState.QUEUED,
        Command.deliver_until > bindparam("at"),
    )
    .order_by(Command.requested_at, Command.id)
    .limit(bindparam("most"))
)
_BY_MESSAGE = select(Command).where(
    Command.message_id == bindparam("message_id"), Command.charger_id == bindparam("charger_id")
)


def get(session: Session, command_id: str) -> Command:
    command = session.get(Command, command_id)
    if command is None:
        raise NotFound("There is no such command.")
    return command


def next_due(session: Session, charger_id: int, at: datetime) -> Command | None:
    """The oldest queued order of a charger that may still be delivered."""
    return next(iter(due(session, charger_id, at, limit=1)), None)


def due(session: Session, charger_id: int, at: datetime, *, limit: int) -> Sequence[Command]:
    """The oldest queued orders of a charger that may still be delivered."""
    return session.scalars(_DUE, {"charger_id": charger_id, "at": at, "most": limit}).all()


def chargers_with_work(session: Session, charger_ids: Iterable[int], at: datetime) -> Sequence[int]:
    """Those of `charger_ids` for which an order waits."""
    return session.scalars(
        select(Command.charger_id)
        .where(
            Command.state == CommandState.QUEUED,
            Command.deliver_until > at,
            Command.charger_id.in_(charger_ids),
        )
        .distinct()
    ).all()


def preload_work(session: Session, charger_ids: Iterable[int], at: datetime) -> None:
    """Find out with one query for which of many chargers an order waits, for `has_work`."""
    asked = set(charger_ids)
    session.info["work"] = (asked, set(chargers_with_work(session, asked, at)))


def has_work(session: Session, charger_id: int, at: datetime) -> bool:
    """Does an order wait for this charger?"""
    asked, busy = session.info.get("work", ((), ()))
    return charger_id in busy if charger_id in asked else bool(chargers_with_work(session, [charger_id], at))


def by_message(session: Session, charger_id: int, message_id: str) -> Command | None:
    """The order that was sent to this charger under `message_id`, however long ago."""
    return session.scalars(_BY_MESSAGE, {"message_id": message_id, "charger_id": charger_id}).first()


def recent(
    session: Session, charger_id: int | None = None, *, before_id: str | None = None, limit: int = 20
) -> Sequence[Command]:
    """The newest orders, of one charger or of all, older than `before_id`; with their chargers."""
    query = select(Command).options(joinedload(Command.charger)).order_by(Command.id.desc()).limit(limit)
    if charger_id is not None:
        query = query.where(Command.charger_id == charger_id)
    if before_id is not None:
        query = query.where(Command.id < before_id)  # version 7: in the order of time
    return session.scalars(query).all()
