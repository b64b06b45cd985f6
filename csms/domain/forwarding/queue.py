"""The journal as a queue: what of it is still to be told."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from csms.domain.forwarding.models import Forwarder
from csms.domain.frames import Direction, Frame, Verdict

MOST_COUNTED = 1000
CALL = 2
# What was understood. What came again was told the first time.
_TOLD = (Verdict.VALID, Verdict.REPAIRED, Verdict.FAILED)


def _after(query: Select[int] | Select[Frame], row: Forwarder, actions: Collection[str]) -> Select[Frame]:
    return query.where(  # type: ignore[return-value]
        Frame.charger_id == row.charger_id,
        Frame.id > row.cursor,
        Frame.direction == Direction.IN,
        Frame.message_type == CALL,
        Frame.verdict.in_(_TOLD),
        Frame.action.in_(actions),
    )


def following(session: Session, row: Forwarder, actions: Collection[str]) -> Frame | None:
    """The charger's oldest message of these actions that is not settled yet."""
    return session.scalars(_after(select(Frame), row, actions).order_by(Frame.id).limit(1)).first()


def newest_id(session: Session, charger_id: int) -> int:
    """The id of the charger's last entry in the journal; 0: there is none."""
    return session.scalar(select(func.max(Frame.id)).where(Frame.charger_id == charger_id)) or 0


def waiting(session: Session, row: Forwarder) -> int:
    """How many messages of lasting worth are still to be told, MOST_COUNTED at most."""
    found = _after(select(Frame.id), row, row.lasting).limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0
