"""What is done first with a new installation, and how much of it has been done."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Exists, func, or_, select
from sqlalchemy.orm import Session

from csms.domain.accounts import Setting, User, settings
from csms.domain.base import Sums
from csms.domain.chargers import Charger
from csms.domain.chargers.filtering import is_accepted
from csms.domain.tariffs import Tariff

LABELS_PRINTED = "labels_printed"  # "1": somebody has printed labels
PUT_AWAY = "first_steps_put_away"  # "1": nobody wants to be told of them any more


class Step(enum.StrEnum):
    """In the order in which they are best done."""

    CONNECT = "connect"
    DESCRIBE = "describe"
    PRICE = "price"
    LABEL = "label"
    INVITE = "invite"


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """`charger_id`: the first charger of one's own that has come; simulated ones are none."""

    done: frozenset[Step]
    charger_id: int | None
    is_put_away: bool

    @property
    def is_over(self) -> bool:
        return self.is_put_away or len(self.done) == len(Step)


def first_steps(session: Session) -> FirstSteps:
    """How far they have come. One query."""
    return told(session.execute(asking()).one())


def asking() -> Sums:
    """The query of `first_steps`: one row, of which `told` makes sense."""
    own = (is_accepted(), ~Charger.is_simulated)
    is_placed = or_(
        Charger.site_id.is_not(None), Charger.location.is_not(None), Charger.latitude.is_not(None)
    )
    return select(
        select(func.min(Charger.id)).where(*own, Charger.booted_at.is_not(None)).scalar_subquery(),
        select(Charger.id).where(*own, Charger.name.is_not(None), is_placed).exists(),
        select(Tariff.id).where(Tariff.removed_at.is_(None), ~Tariff.is_derived).exists(),
        _is_set(LABELS_PRINTED),
        select(User.id).offset(1).limit(1).exists(),
        _is_set(PUT_AWAY),
    )


def told(row: Sequence[Any]) -> FirstSteps:
    charger_id, *has_done, is_put_away = row
    done = zip(Step, (charger_id is not None, *has_done), strict=True)
    return FirstSteps(frozenset(step for step, is_done in done if is_done), charger_id, bool(is_put_away))


def note_printed(session: Session, *, at: datetime) -> None:
    """Somebody has printed labels."""
    if settings.get(session, LABELS_PRINTED) is None:
        settings.put(session, LABELS_PRINTED, "1", at=at)


def put_away(session: Session, *, at: datetime) -> None:
    """Tell of them no more."""
    settings.put(session, PUT_AWAY, "1", at=at)


def _is_set(name: str) -> Exists:
    return select(Setting.name).where(Setting.name == name).exists()
