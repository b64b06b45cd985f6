"""How often a charger's profiles are written on a day (UTC): its memory wears out with every write.

What is sent by itself keeps to a budget. What somebody orders is counted too, and not held back.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from csms.domain.accounts import settings
from csms.domain.accounts.models import Setting
from csms.domain.base import Invalid
from csms.domain.chargers import Charger
from csms.domain.commands import Command, Kind
from csms.sentences import told

WRITES_PER_DAY = 24
ACTION = "SetChargingProfile"


def per_day(session: Session) -> int:
    """How many profiles one charger may be sent by itself on a day."""
    text = settings.get(session, settings.PROFILE_WRITES_PER_DAY)
    return int(text) if text else WRITES_PER_DAY


def set_per_day(session: Session, most: int, *, at: datetime) -> None:
    """Raises Invalid."""
    if not 1 <= most <= 1000:
        raise Invalid("Between 1 and 1000 writes a day, please.", "profile_writes_per_day")
    settings.put(session, settings.PROFILE_WRITES_PER_DAY, str(most), at=at)


@dataclass(frozen=True, slots=True)
class Today:
    """How many profiles a charger was sent since midnight UTC, whoever ordered them, and how many are meant to do."""

    count: int
    most: int
    at: datetime

    @property
    def problem(self) -> str | None:
        """Why nothing more is sent by itself today; None if something may be."""
        if not self.is_used:
            return None
        hours = _hours(self.at)
        if self.count == 1:
            return told(
                "The charger was sent one profile today; to spare its memory, %(most)s a day are meant to do. "
                "By itself again in %(hours)s h, at midnight UTC.",
                most=self.most,
                hours=hours,
            )
        return told(
            "The charger was sent %(count)s profiles today; to spare its memory, %(most)s a day are meant to do. "
            "By itself again in %(hours)s h, at midnight UTC.",
            count=self.count,
            most=self.most,
            hours=hours,
        )

    @property
    def warning(self) -> str | None:
        """What somebody should know who orders one more; None: there is room for it."""
        if not self.is_used:
            return None
        if self.count == 1:
            return told(
                "The charger was sent one profile today; to spare its memory, %(most)s a day are meant to do. "
                "It is sent all the same, as you ordered it.",
                most=self.most,
            )
        return told(
            "The charger was sent %(count)s profiles today; to spare its memory, %(most)s a day are meant to do. "
            "It is sent all the same, as you ordered it.",
            count=self.count,
            most=self.most,
        )

    @property
    def is_used(self) -> bool:
        return self.count >= self.most


def today(session: Session, charger: Charger, at: datetime) -> Today:
    """One query."""
    sent = select(func.count(Command.id)).where(
        Command.charger_id == charger.id,
        Command.sent_at >= _midnight(at),
        or_(Command.kind == Kind.SET_PROFILE, Command.action == ACTION),
    )
    most = select(Setting.value).where(Setting.name == settings.PROFILE_WRITES_PER_DAY)
    count, text = session.execute(select(sent.scalar_subquery(), most.scalar_subquery())).one()
    return Today(count, int(text) if text else WRITES_PER_DAY, at)


def problem(session: Session, charger: Charger, at: datetime) -> str | None:
    """Why nothing more is sent by itself today; None if something may be."""
    return today(session, charger, at).problem


def warning(session: Session, charger: Charger, at: datetime) -> str | None:
    """What somebody should know who orders one more; None: there is room for it."""
    return today(session, charger, at).warning


def _hours(at: datetime) -> int:
    return math.ceil((_midnight(at) + timedelta(days=1) - at) / timedelta(hours=1))


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
