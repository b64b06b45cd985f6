"""Profiles that are kept by themselves: what a charger should have is compared with what it was given, and sent."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Refused
from csms.domain.chargers import Charger
from csms.domain.commands import Command, Kind
from csms.domain.energy import queries
from csms.domain.energy.models import ProfileAssignment
from csms.domain.energy.profiles import Profile, to_content
from csms.domain.energy.service import Meant, assign, withdraw

AGAIN_AFTER = timedelta(minutes=10)  # what was refused, cleared or replaced by others is not fought for


def newest(session: Session, charger_id: int, evse: int, source: str) -> ProfileAssignment | None:
    """What a charger or an EVSE was last given of a source, whatever became of it."""
    ahead = queries.ahead_of(session, charger_id)
    if ahead is not None:
        return ahead.newest.get((charger_id, evse, source))
    query = select(ProfileAssignment).where(
        ProfileAssignment.charger_id == charger_id,
        ProfileAssignment.evse_number == evse,
        ProfileAssignment.source == source,
    )
    return session.scalar(query.order_by(ProfileAssignment.id.desc()).limit(1))


def keep_standing(
    session: Session, charger: Charger, evse: int, profile: Profile, meant: Meant, *, at: datetime
) -> ProfileAssignment:
    """See to it that an EVSE has this profile of its source: what it was given already is not sent again.

    Raises Invalid or Refused when it cannot be sent.
    """
    given = newest(session, charger.id, evse, meant.source or "")
    is_same = given is not None and given.content == to_content(profile)
    if given is not None and is_same and (given.ended_at is None or given.created_at > at - AGAIN_AFTER):
        return given
    with session.begin_nested():  # what is refused half way leaves nothing
        return assign(session, charger, evse, profile, meant, at=at)


def drop_standing(session: Session, charger: Charger, evse: int, source: str, *, at: datetime) -> None:
    """See to it that an EVSE has no profile of a source. An offline charger is asked when it is back."""
    given = newest(session, charger.id, evse, source)
    if given is None or given.ended_at is not None or withdraw(session, given, at=at):
        return
    if _is_asked(session, charger.id, given.number, at):
        return
    try:
        commands.request(
            session,
            charger,
            Kind.CLEAR_PROFILE,
            {"number": given.number},
            by=None,
            at=at,
            is_automatic=True,
        )
    except Refused:  # offline or hushed: the next look asks again
        return


def _is_asked(session: Session, charger_id: int, number: int, at: datetime) -> bool:
    """Has the charger been asked lately to clear it?"""
    query = select(Command.arguments).where(
        Command.charger_id == charger_id,
        Command.kind == Kind.CLEAR_PROFILE,
        Command.requested_at > at - AGAIN_AFTER,
    )
    return any(x.get("number") == number for x in session.scalars(query))


def state_of(session: Session, assignment: ProfileAssignment) -> tuple[queries.State, str]:
    """What became of a profile, and why in a sentence."""
    held = queries.told(session, assignment.charger, [assignment])[0]
    return held.state, held.why
