"""How often a charger's profiles are written on a day (UTC): its memory wears out with every write.

What is sent by itself keeps to a budget. What somebody orders is counted too, and not held back.
"""

import math
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from csms.domain.accounts import settings
from csms.domain.base import Invalid
from csms.domain.chargers import Charger
from csms.domain.commands import Command, Kind

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


def written_today(session: Session, charger: Charger, at: datetime) -> int:
    """How many profiles the charger was sent since midnight UTC, whoever ordered them."""
    query = select(func.count(Command.id)).where(
        Command.charger_id == charger.id,
        Command.sent_at >= _midnight(at),
        or_(Command.kind == Kind.SET_PROFILE, Command.action == ACTION),
    )
    return session.scalar(query) or 0


def problem(session: Session, charger: Charger, at: datetime) -> str | None:
    """Why nothing more is sent by itself today; None if something may be."""
    count, most = written_today(session, charger, at), per_day(session)
    return (
        f"{_counted(count, most)} By itself again in {_hours(at)} h, at midnight UTC."
        if count >= most
        else None
    )


def warning(session: Session, charger: Charger, at: datetime) -> str | None:
    """What somebody should know who orders one more; None: there is room for it."""
    count, most = written_today(session, charger, at), per_day(session)
    return f"{_counted(count, most)} It is sent all the same, as you ordered it." if count >= most else None


def _counted(count: int, most: int) -> str:
    return (
        f"The charger was sent {_profiles(count)} today; to spare its memory, {most} a day are meant to do."
    )


def _profiles(count: int) -> str:
    return "one profile" if count == 1 else f"{count} profiles"


def _hours(at: datetime) -> int:
    return math.ceil((_midnight(at) + timedelta(days=1) - at) / timedelta(hours=1))


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
