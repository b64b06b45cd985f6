"""The past of configuration keys: what their values were, and who has set them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from csms import masks
from csms.domain.base import append
from csms.domain.chargers.models import ConfigurationChange

MOST_KEPT = 20  # of one key: some chargers keep a counter or a clock among their keys


class Change(NamedTuple):
    """None: the charger has told no value, or none was known here."""

    name: str
    old_value: str | None
    new_value: str | None


def note_changes(
    session: Session,
    charger_id: int,
    changes: Iterable[Change],
    *,
    at: datetime,
    is_set: bool,
    by: str | None,
) -> None:
    """Keep what has changed, without what is secret. `is_set`: ordered from here, by whom if that is known."""
    kept = [x for x in changes if not masks.is_secret(x.name, x.old_value, x.new_value)]
    if not kept:
        return
    _forget_oldest(session, charger_id, {x.name for x in kept})
    for change in kept:
        append(
            session,
            ConfigurationChange,
            {
                "charger_id": charger_id,
                **change._asdict(),
                "changed_at": at,
                "is_set": is_set,
                "changed_by": by,
            },
        )


def _forget_oldest(session: Session, charger_id: int, names: Iterable[str]) -> None:
    """Make room for one more change of each of these keys."""
    row = ConfigurationChange
    place = func.row_number().over(partition_by=row.name, order_by=row.id.desc()).label("place")
    ranked = select(row.id, place).where(row.charger_id == charger_id, row.name.in_(names)).subquery()
    old = delete(row).where(row.id.in_(select(ranked.c.id).where(ranked.c.place >= MOST_KEPT)))
    session.execute(old.execution_options(synchronize_session=False))


def changes_of(session: Session, charger_id: int) -> Mapping[str, Sequence[ConfigurationChange]]:
    """What is known of the past of a charger's keys, by name, the newest first."""
    row = ConfigurationChange
    found = session.scalars(select(row).where(row.charger_id == charger_id).order_by(row.name, row.id.desc()))
    return {name: list(group) for name, group in groupby(found, key=lambda x: x.name)}
