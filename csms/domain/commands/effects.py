"""What shows that an accepted order was carried out, and how long that may take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.base import announce
from csms.domain.bulk import Reading
from csms.domain.commands.models import Command, Effect

# How long after the answer an effect may take, in s.
EFFECT_WITHIN_S = {
    Effect.TRANSACTION_STARTED: 90,
    Effect.TRANSACTION_ENDED: 60,
    Effect.BOOTED: 300,
    Effect.STATUS_CHANGED: 60,
    Effect.MESSAGE_ARRIVED: 60,
    Effect.RESERVED: 60,
    Effect.RELEASED: 60,
    Effect.LOG_RECEIVED: 1_800,
    Effect.FIRMWARE_INSTALLED: 6 * 3_600,
}


# Effects that nothing but the order brings about, so that they count even before its answer.
UNMISTAKABLE = (
    Effect.TRANSACTION_STARTED,
    Effect.TRANSACTION_ENDED,
    Effect.BOOTED,
    Effect.LOG_RECEIVED,
    Effect.FIRMWARE_INSTALLED,
)


_AWAITED = Reading((Command.charger_id,), Command.charger_id, Command.awaits.is_not(None))


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the orders of many chargers that wait for an effect, for `observe`. Mostly there is none."""
    awaiting: dict[int, list[Command]] = {charger_id: [] for charger_id in charger_ids}
    busy = {charger_id for (charger_id,) in _AWAITED.rows(session, awaiting)}
    if busy:
        query = select(Command).where(Command.awaits.is_not(None), Command.charger_id.in_(busy))
        for command in session.scalars(query.order_by(Command.requested_at)):
            awaiting[command.charger_id].append(command)
    session.info["awaiting"] = awaiting


def _awaiting(session: Session, charger_id: int) -> Sequence[Command]:
    preloaded: dict[int, list[Command]] = session.info.get("awaiting", {})
    if charger_id in preloaded:
        return preloaded[charger_id]
    query = select(Command).where(Command.awaits.is_not(None), Command.charger_id == charger_id)
    return session.scalars(query.order_by(Command.requested_at)).all()


def observe(
    session: Session,
    charger_id: int,
    effect: Effect,
    *,
    at: datetime,
    key: str | None = None,
    evse: int | None = None,
    id_tag: str | None = None,
    transaction_id: int | None = None,
    text: str | None = None,
) -> Command | None:
    """Tell that something happened at a charger; the oldest order that waited for just that is done, and returned."""
    for command in _awaiting(session, charger_id):
        if command.awaits is not effect:
            continue
        if command.effect_key is not None and key != command.effect_key:
            continue
        if command.effect_evse is not None and evse is not None and evse != command.effect_evse:
            continue
        if (
            command.effect_id_tag is not None
            and (id_tag or "").casefold() != command.effect_id_tag.casefold()
        ):
            continue
        if effect is Effect.TRANSACTION_ENDED and command.transaction_id != transaction_id:
            continue
        command.awaits = None
        command.observed_at = at
        command.transaction_id = transaction_id or command.transaction_id
        command.effect_text = text
        announce(session, command.topic, command.outcome_topic, f"charger:{charger_id}")
        return command
    return None
