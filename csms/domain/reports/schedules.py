"""Reports that are sent by e-mail, each week or each month, for as long as whoever wants them may read reports."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from csms.domain.accounts import User
from csms.domain.base import Base, BigId, Invalid, NotFound, Refused, choice, is_mail_address, take_due
from csms.domain.reports.wanted import Grouping

SENT_AT = time(6)  # of the installation's zone: the period is over, and the day has not begun
MOST = 20  # of one person
MOST_RECIPIENTS = 10
LONGEST_ERROR = 300
RETRY = timedelta(hours=1)


class Every(enum.StrEnum):
    """How often; what is sent is the week or the month that is over."""

    WEEK = "week"
    MONTH = "month"


class Format(enum.StrEnum):
    """What is attached."""

    XLSX = "xlsx"
    PDF = "pdf"


class ReportSchedule(Base):
    """A report to be sent again and again. `due_at` None: it is paused, for `error` where there is one."""

    __tablename__ = "report_schedule"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id", ondelete="CASCADE"), index=True)
    grouping: Mapped[Grouping] = mapped_column(choice(Grouping))
    every: Mapped[Every] = mapped_column(choice(Every))
    format: Mapped[Format] = mapped_column(choice(Format))
    recipients: Mapped[list[str]] = mapped_column(JSON)
    language: Mapped[str] = mapped_column(String(8))  # of those who have not said what they read
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(LONGEST_ERROR))
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship()


def next_due(every: Every, at: datetime, zone: ZoneInfo) -> datetime:
    """The first Monday morning, or first morning of a month, that is later than `at`."""
    day = at.astimezone(zone).date()
    while True:
        moment = datetime.combine(day, SENT_AT, zone).astimezone(UTC)
        begins = day.weekday() == 0 if every is Every.WEEK else day.day == 1
        if begins and moment > at:
            return moment
        day += timedelta(days=1)


def schedule(
    session: Session,
    user_id: int,
    grouping: Grouping,
    every: Every,
    form: Format,
    recipients: str,
    *,
    language: str,
    zone: ZoneInfo,
    at: datetime,
) -> ReportSchedule:
    """Send it from now on. `recipients`: addresses, with commas or line ends between. Raises Invalid, Refused."""
    kept = select(func.count(ReportSchedule.id)).where(ReportSchedule.user_id == user_id)
    if (session.scalar(kept) or 0) >= MOST:
        raise Refused("%(most)s reports by e-mail are enough: delete one first.", most=MOST)
    made = ReportSchedule(
        user_id=user_id,
        grouping=grouping,
        every=every,
        format=form,
        recipients=_addresses(recipients),
        language=language,
        due_at=next_due(every, at, zone),
        created_at=at,
    )
    session.add(made)
    session.flush()
    return made


def reschedule(
    kept: ReportSchedule, every: Every, form: Format, recipients: str, *, zone: ZoneInfo, at: datetime
) -> None:
    """Send it to others, otherwise or at another pace; one that is paused stays so. Raises Invalid."""
    kept.recipients = _addresses(recipients)
    if kept.due_at is not None and kept.every is not every:
        kept.due_at = next_due(every, at, zone)
    kept.every, kept.format = every, form


def _addresses(written: str) -> list[str]:
    found = list(dict.fromkeys(written.replace(",", " ").replace(";", " ").split()))
    if not 0 < len(found) <= MOST_RECIPIENTS:
        raise Invalid("Write one to %(most)s e-mail addresses.", "recipients", most=MOST_RECIPIENTS)
    for address in found:
        if not is_mail_address(address):
            raise Invalid("%(address)s is no e-mail address.", "recipients", address=address)
    return found


def schedules_of(session: Session, user_id: int) -> Sequence[ReportSchedule]:
    """Somebody's own, the oldest first."""
    query = select(ReportSchedule).where(ReportSchedule.user_id == user_id)
    return session.scalars(query.order_by(ReportSchedule.id)).all()


def schedule_of(session: Session, user_id: int, schedule_id: int) -> ReportSchedule:
    """One of somebody's own. Raises NotFound."""
    found = session.get(ReportSchedule, schedule_id)
    if found is None or found.user_id != user_id:
        raise NotFound("There is no such report by e-mail.")
    return found


def pause(kept: ReportSchedule, error: str | None = None) -> None:
    """Send it no more until somebody goes on with it. `error`: why, where nobody asked for it."""
    kept.due_at, kept.error = None, error[:LONGEST_ERROR] if error else None


def go_on(kept: ReportSchedule, *, zone: ZoneInfo, at: datetime) -> None:
    """Send it again, from the next period's end on."""
    kept.due_at, kept.error = next_due(kept.every, at, zone), None


def due_schedules(session: Session, at: datetime) -> Sequence[ReportSchedule]:
    """Those whose time has come, the oldest first."""
    query = select(ReportSchedule).where(ReportSchedule.due_at <= at)
    return session.scalars(query.order_by(ReportSchedule.due_at, ReportSchedule.id)).all()


def postpone_schedule(
    session: Session, schedule_id: int, due_at: datetime, error: str, *, at: datetime
) -> None:
    """Try again later, if nobody else has sent it or changed it meanwhile."""
    kept = session.get(ReportSchedule, schedule_id)
    if (
        kept is not None
        and kept.due_at == due_at
        and take_due(session, kept, ReportSchedule.due_at, at + RETRY)
    ):
        kept.error = error


def take_schedule(
    session: Session, schedule_id: int, due_at: datetime, *, zone: ZoneInfo, at: datetime
) -> ReportSchedule | None:
    """The schedule for one sender, in however many processes, with its next moment set; None for all others."""
    kept = session.get(ReportSchedule, schedule_id)
    if kept is None or kept.due_at != due_at:
        return None
    return kept if take_due(session, kept, ReportSchedule.due_at, next_due(kept.every, at, zone)) else None
