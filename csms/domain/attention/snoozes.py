"""Things that need a person, and can wait: they are not shown until a moment, and then they are again."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, String, cast, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, Invalid, announce, choice

LONGEST = timedelta(days=30)


class Matter(enum.StrEnum):
    """Why something needs a person."""

    FAULTED = "faulted"
    OFFLINE = "offline"
    PENDING = "pending"
    REFUSED = "refused"
    BOOT_LOOP = "boot_loop"  # it boots again and again, and nothing is written to it meanwhile
    UNENDED = "unended"  # sessions whose Stop never came: their energy is estimated
    ORPHAN = "orphan"  # Stops and readings of sessions that were never begun
    DOUBTFUL = "doubtful"
    SILENT = "silent"  # running sessions of chargers that have not been heard for long
    SECURITY = "security"  # critical events that nobody has looked at
    EXPIRING = "expiring"  # certificates that chargers connect with
    PAYMENT = "payment"  # money that could not be taken or given back, or of which nobody knows
    TROUBLE = "trouble"  # a driver says that a station does not react
    FORWARDING = "forwarding"  # second backends that have not been reached for an hour
    PEER = "peer"  # peers of OCPI that have not been reached for a quarter of an hour
    WEBHOOK = "webhook"  # those that have failed for an hour, or were switched off because they fail
    ROLLOUT = "rollout"  # firmware that goes no further until somebody says so
    UNPRICED = "unpriced"  # chargers where no tariff is in force: sessions there cost nothing
    DISK = "disk"  # there is little room left


class Snooze(Base):
    """One thing that waits. `about`: the id of a connector, charger, attempt …; empty for a matter of one."""

    __tablename__ = "snooze"

    matter: Mapped[Matter] = mapped_column(choice(Matter), primary_key=True)
    about: Mapped[str] = mapped_column(String(40), primary_key=True)
    until: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(80))


def awake(matter: Matter, about: SQLColumnExpression[Any], at: datetime) -> ColumnElement[bool]:
    """It is not put off at this moment."""
    return ~exists().where(Snooze.matter == matter, Snooze.about == cast(about, String), Snooze.until > at)


def is_put_off(session: Session, matter: Matter, at: datetime) -> bool:
    """Is a matter that is one thing put off?"""
    snooze = session.get(Snooze, (matter, ""))
    return snooze is not None and snooze.until > at


def put_off(session: Session, matter: Matter, about: str, *, until: datetime, by: str, at: datetime) -> None:
    """Do not show it until then. Raises Invalid."""
    if not at < until <= at + LONGEST:
        raise Invalid("It can wait for at most %(days)s days.", "until", days=LONGEST.days)
    session.merge(Snooze(matter=matter, about=about, until=until, by=by))
    session.execute(delete(Snooze).where(Snooze.until <= at))
    announce(session, "fleet")


def take_up(session: Session) -> int:
    """Show everything again; how many things waited."""
    count = session.execute(delete(Snooze)).rowcount  # type: ignore[attr-defined]
    announce(session, "fleet")
    return int(count)


def put_off_now(session: Session, at: datetime) -> set[tuple[Matter, str]]:
    """What waits."""
    rows = session.execute(select(Snooze.matter, Snooze.about).where(Snooze.until > at))
    return {(matter, about) for matter, about in rows}
