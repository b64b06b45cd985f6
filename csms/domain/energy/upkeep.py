"""What becomes of profiles by themselves: sent again after a restart, ended with their session. Called by jobs."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from csms.domain import commands, quiet
from csms.domain.base import Refused, announce
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.energy import budget
from csms.domain.energy.models import Ended, ProfileAssignment
from csms.domain.energy.profiles import Purpose
from csms.domain.energy.service import ON_THE_WAY
from csms.domain.transactions import Transaction, TransactionState

RESEND_AFTER = timedelta(minutes=1)  # a charger that has just booted has other things to do
RESEND_AGAIN_AFTER = timedelta(hours=1)  # a charger that a profile makes restart must not be kept restarting
REFUSED_FOR = timedelta(days=1)  # how long a refusal stays among what a charger should have
NOT_TAKEN = (CommandState.REJECTED, CommandState.ERROR, CommandState.EXPIRED, CommandState.CANCELLED)


def resend(session: Session, at: datetime) -> int:
    """Send again, under the same number, what a restart may have cost or what was never answered.

    Of profiles of sessions none: whether the session goes on is not known. Each at most once an hour, none in quiet
    mode, and none when the charger was sent enough for the day.
    """
    in_doubt = or_(
        (Command.state == CommandState.ACCEPTED)
        & (Charger.booted_at > Command.answered_at)
        & (Charger.booted_at <= at - RESEND_AFTER),
        Command.state.in_((CommandState.TIMEOUT, CommandState.UNKNOWN))
        & (Command.answered_at <= at - RESEND_AFTER),
        (Command.state == CommandState.CANCELLED) & ProfileAssignment.accepted_at.is_not(None),
    )
    is_due = or_(
        ProfileAssignment.resent_at.is_(None), ProfileAssignment.resent_at <= at - RESEND_AGAIN_AFTER
    )
    query = (
        select(ProfileAssignment)
        .join(Command, Command.id == ProfileAssignment.command_id)
        .join(Charger, Charger.id == ProfileAssignment.charger_id)
        .where(ProfileAssignment.ended_at.is_(None), ProfileAssignment.purpose != Purpose.TX)
        .where(in_doubt, is_due, quiet.may_be_asked(session, at))
        .limit(200)
    )
    return sum(_resend(session, x, at) for x in session.scalars(query).all())


def _resend(session: Session, assignment: ProfileAssignment, at: datetime) -> int:
    """1 if this worker, and no other, has sent it again."""
    ends_at = assignment.profile.ends_at
    if ends_at is not None and ends_at <= at:
        return 0
    if budget.problem(session, assignment.charger, at) is not None:
        return 0
    before = assignment.resent_at
    unclaimed = (
        ProfileAssignment.resent_at.is_(None) if before is None else ProfileAssignment.resent_at == before
    )
    row = (
        update(ProfileAssignment)
        .where(ProfileAssignment.id == assignment.id, unclaimed)
        .values(resent_at=at)
        .execution_options(synchronize_session=False)
    )
    if session.execute(row).rowcount != 1:  # type: ignore[attr-defined]
        return 0
    arguments = assignment.command.arguments
    try:
        command = commands.request(
            session, assignment.charger, Kind.SET_PROFILE, arguments, by=None, at=at, is_automatic=True
        )
    except Refused:  # it went offline, or was rejected, since it was looked up: in an hour it is tried again
        return 0
    session.refresh(assignment)
    assignment.command = command
    return 1


def tidy(session: Session, at: datetime) -> int:
    """End what came to its end by itself: with its session, or because no charger took it for a day."""
    open_ones = select(ProfileAssignment).where(ProfileAssignment.ended_at.is_(None)).limit(500)
    over = open_ones.where(ProfileAssignment.purpose == Purpose.TX).join(
        Transaction,
        (Transaction.id == ProfileAssignment.transaction_id) & (Transaction.state != TransactionState.ACTIVE),
    )
    starts = open_ones.join(Command, Command.id == ProfileAssignment.command_id).where(
        ProfileAssignment.purpose == Purpose.TX,
        ProfileAssignment.transaction_id.is_(None),
        Command.awaits.is_(None),
    )
    refused = open_ones.join(Command, Command.id == ProfileAssignment.command_id).where(
        Command.state.in_(NOT_TAKEN),
        Command.answered_at <= at - REFUSED_FOR,
        ProfileAssignment.accepted_at.is_(None),
    )
    count = 0
    for one in session.scalars(starts.where(Command.state.not_in(ON_THE_WAY))).all():
        if one.command.transaction_id is None:
            count += _end(session, one, Ended.OVER, at)
        else:
            one.transaction_id = one.command.transaction_id
    for one in session.scalars(over).all():
        count += _end(session, one, Ended.OVER, at)
    for one in session.scalars(refused).all():
        count += _end(session, one, Ended.REFUSED, at)
    return count


def _end(session: Session, assignment: ProfileAssignment, how: Ended, at: datetime) -> int:
    assignment.ended_at, assignment.ended_by = at, how
    announce(session, f"charger:{assignment.charger_id}")
    return 1
