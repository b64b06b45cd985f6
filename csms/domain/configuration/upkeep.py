"""What is due at a charger, and who takes it on.

Nothing is sent from where a charger's message is handled: it sets a due moment, and a job sends. A job takes a row by
moving its due moment, so that of many processes one does the work, and a step that comes to nothing is tried again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from csms.domain import commands, quiet
from csms.domain.base import Refused, announce
from csms.domain.chargers import Admission, Charger, ConfigurationKey
from csms.domain.commands import Command, Kind
from csms.domain.configuration import rules
from csms.domain.configuration.models import Upkeep

SETTLE = timedelta(seconds=20)  # after a boot a charger is busy with itself
MOST_AT_ONCE = 100


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the upkeep of many chargers with one query, for `upkeep_of`."""
    found: dict[int, Upkeep | None] = dict.fromkeys(charger_ids)
    for upkeep in session.scalars(select(Upkeep).where(Upkeep.charger_id.in_(found))):
        found[upkeep.charger_id] = upkeep
    session.info.setdefault("upkeep", {}).update(found)


def upkeep_of(session: Session, charger_id: int) -> Upkeep:
    """The charger's row, made when it is needed for the first time."""
    known: dict[int, Upkeep | None] = session.info.setdefault("upkeep", {})
    upkeep = known.get(charger_id)
    if upkeep is None and charger_id not in known:
        upkeep = session.get(Upkeep, charger_id)
    if upkeep is None:
        upkeep = Upkeep(charger_id=charger_id, boots=[], reads=0, resets=0)
        session.add(upkeep)
    known[charger_id] = upkeep
    return upkeep


def booted(session: Session, charger: Charger, *, at: datetime) -> None:
    """A charger that works here has booted: its keys are read back when it has settled. Counts boots for loops."""
    if charger.admission is not Admission.ACCEPTED:
        return
    upkeep = upkeep_of(session, charger.id)
    upkeep.boots = [*upkeep.boots, at.timestamp()][-rules.LOOP_BOOTS - 1 :]
    if upkeep.halted_at is None and rules.is_boot_loop(upkeep.boots):
        upkeep.halted_at = at
        announce(session, charger.topic, "fleet")
    plan_read(upkeep, at + SETTLE, None)
    upkeep.is_after_boot = True
    upkeep.reset_due_at = upkeep.reset_by = None
    upkeep.resets = 0
    if upkeep.needs_reset:
        upkeep.needs_reset = False
        keys = update(ConfigurationKey).where(ConfigurationKey.charger_id == charger.id)
        session.execute(keys.values(needs_reboot=False))


def plan_read(upkeep: Upkeep, at: datetime, by: str | None) -> None:
    upkeep.read_due_at, upkeep.read_by = at, by
    upkeep.unread, upkeep.reads = None, 0


def resume(session: Session, charger: Charger) -> None:
    """Somebody has looked into the boots: write by itself again."""
    upkeep = upkeep_of(session, charger.id)
    upkeep.halted_at, upkeep.boots = None, []
    announce(session, charger.topic, "fleet")


def due(
    session: Session,
    due_at: InstrumentedAttribute[datetime | None],
    by: InstrumentedAttribute[str | None],
    at: datetime,
    *conditions: ColumnElement[bool],
) -> Sequence[Upkeep]:
    """What is due at chargers that are there. What nobody ordered waits while they are quiet."""
    return session.scalars(
        select(Upkeep)
        .join(Upkeep.charger)
        .where(due_at <= at, quiet.may_be_asked(session, at, ordered=by.is_not(None)), *conditions)
        .options(contains_eager(Upkeep.charger).joinedload(Charger.lease))
        .order_by(due_at)
        .limit(MOST_AT_ONCE)
    ).all()


def order(
    session: Session, charger: Charger, kind: Kind, arguments: dict[str, Any], by: str | None, at: datetime
) -> Command | None:
    """Queue an order; None when the charger has gone this very moment: the next round finds it."""
    try:
        return commands.request(session, charger, kind, arguments, by=by, at=at, is_automatic=by is None)
    except Refused:
        return None
