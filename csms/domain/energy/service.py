"""Setting, clearing and asking: orders about profiles, and what chargers' answers make of them.

A profile has a number at its charger; the same number again replaces it (1.6 §5.16.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from csms.domain import commands, transactions
from csms.domain.base import Invalid, NotFound, Refused, announce
from csms.domain.chargers import Charger, Connector
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.energy import budget, queries, rules
from csms.domain.energy.models import ChargingProfile, Ended, ProfileAssignment
from csms.domain.energy.profiles import Profile, Purpose, to_content
from csms.domain.energy.queries import Held, State
from csms.domain.transactions import Transaction
from csms.sentences import told

DELIVER_WITHIN = timedelta(days=7)  # to a charger that is offline
ON_THE_WAY = (CommandState.QUEUED, CommandState.SENT)


@dataclass(frozen=True, slots=True)
class Meant:
    """What an assignment is called, the stored profile that it comes from, and who asks for it.

    `source`: what keeps it by itself. Of each source an EVSE has one profile of a purpose.
    """

    name: str
    by: str | None
    profile_id: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which profiles to clear: the one with a number, else all that fit everything given (1.6 errata 3.25, 3.26)."""

    number: int | None = None
    evse: int | None = None
    purpose: Purpose | None = None
    stack_level: int | None = None

    def fits(self, held: Held) -> bool:
        if self.number is not None:
            return held.assignment.number == self.number
        return (
            self.evse in (None, held.assignment.evse_number)
            and self.purpose in (None, held.profile.purpose)
            and self.stack_level in (None, held.profile.stack_level)
        )


def assign(
    session: Session, charger: Charger, evse: int, profile: Profile, meant: Meant, *, at: datetime
) -> ProfileAssignment:
    """Have a charger (EVSE 0) or an EVSE take a profile; an offline charger gets it when it is back.

    Raises Invalid or Refused with the reason why it cannot be, or need not be, sent. What keeps itself by a source is
    refused too when the day's budget of the charger's memory is used up.
    """
    transaction = check(session, charger, evse, profile, at)
    queries.outdate(session, charger.id)
    is_automatic = meant.source is not None and meant.by is None
    if is_automatic and (problem := budget.problem(session, charger, at)):
        raise Refused(problem)
    deliver_until = None
    if profile.purpose is not Purpose.TX and not (charger.lease and charger.lease.is_online(at)):
        deliver_until = min(at + DELIVER_WITHIN, profile.ends_at or at + DELIVER_WITHIN)
    number = _number(session, charger.id, evse, profile.purpose, meant)
    _withdraw_queued(session, charger, number, at)
    arguments: dict[str, Any] = {"evse": evse, "number": number, "profile": to_content(profile)}
    if profile.purpose is Purpose.TX and transaction is not None:
        arguments |= {"transaction_id": transaction.id, "reference": transaction.reference}
    command = commands.request(
        session,
        charger,
        Kind.SET_PROFILE,
        arguments,
        by=meant.by,
        at=at,
        deliver_until=deliver_until,
        is_automatic=is_automatic,
    )
    if "transaction_id" in arguments:
        command.transaction_id = arguments["transaction_id"]
    return _add(session, charger.id, evse, number, profile, meant, command, at)


def check(
    session: Session, charger: Charger, evse: int, profile: Profile, at: datetime
) -> Transaction | None:
    """The session that a profile would limit. Raises Invalid, NotFound or Refused where the charger cannot have it."""
    rules.check(profile)
    if profile.ends_at is not None and profile.ends_at <= at:
        raise Invalid("It is over already: let it end later.", "valid_to")
    if evse and evse not in {x.evse_number for x in charger.connectors}:
        raise NotFound("%(title)s has no connector %(evse)s.", title=charger.title, evse=evse)
    transaction = queries.running(session, charger).get(evse)
    rules.check_for(
        profile,
        queries.able(session, charger.id),
        charger.title,
        evse=evse,
        is_running=transaction is not None,
        beside=_beside(queries.held(session, charger), evse, profile),
    )
    return transaction


def _beside(holding: Sequence[Held], evse: int, profile: Profile) -> int:
    """How many installed profiles a new one does not replace."""
    slot = (evse, profile.purpose, profile.stack_level)
    others = [x for x in holding if x.is_in_force and _slot(x) != slot]
    return len(others)


def _slot(held: Held) -> tuple[int, Purpose, int]:
    return held.assignment.evse_number, held.profile.purpose, held.profile.stack_level


def _number(session: Session, charger_id: int, evse: int, purpose: Purpose, meant: Meant) -> int:
    """The charger's number of a profile: that of the time before, so that it replaces itself, else a new one."""
    mine = ProfileAssignment.charger_id == charger_id
    same = select(ProfileAssignment.number).where(
        mine,
        ProfileAssignment.evse_number == evse,
        ProfileAssignment.purpose == purpose,
        ProfileAssignment.profile_id.is_not_distinct_from(meant.profile_id),
        ProfileAssignment.source.is_not_distinct_from(meant.source),
    )
    known = session.scalar(same.order_by(ProfileAssignment.id.desc()).limit(1))
    if known is not None:
        return known
    return (session.scalar(select(func.max(ProfileAssignment.number)).where(mine)) or 0) + 1


def _add(
    session: Session,
    charger_id: int,
    evse: int,
    number: int,
    profile: Profile,
    meant: Meant,
    command: Command,
    at: datetime,
) -> ProfileAssignment:
    assignment = ProfileAssignment(
        profile_id=meant.profile_id,
        charger_id=charger_id,
        evse_number=evse,
        number=number,
        name=meant.name[:80],
        source=meant.source,
        purpose=profile.purpose,
        content=to_content(profile),
        transaction_id=command.transaction_id if profile.purpose is Purpose.TX else None,
        command=command,
        created_by=meant.by,
        created_at=at,
    )
    session.add(assignment)
    announce(session, f"charger:{charger_id}")
    return assignment


def _withdraw_queued(session: Session, charger: Charger, number: int, at: datetime) -> None:
    for one in queries.held(session, charger):
        if one.assignment.number == number and one.state is State.WANTED:
            withdraw(session, one.assignment, at=at)


def withdraw(session: Session, assignment: ProfileAssignment, *, at: datetime) -> bool:
    """Take back what has not been sent yet. False: it has."""
    row = (
        update(Command)
        .where(Command.id == assignment.command_id, Command.state == CommandState.QUEUED)
        .values(state=CommandState.CANCELLED, detail=told("Taken back before it was sent."), answered_at=at)
        .execution_options(synchronize_session="fetch")
    )
    if session.execute(row).rowcount != 1:  # type: ignore[attr-defined]
        return False
    queries.outdate(session, assignment.charger_id)
    if assignment.accepted_at is None:
        assignment.ended_at, assignment.ended_by = at, Ended.WITHDRAWN
    announce(session, f"charger:{assignment.charger_id}", f"command:{assignment.command_id}")
    return True


def start_with(
    session: Session, connector: Connector, id_tag: str, profile: Profile, meant: Meant, *, at: datetime
) -> Command:
    """Ask for a session that begins with a limit of its own (1.6 §5.16.2). Raises Invalid or Refused."""
    if profile.purpose is not Purpose.TX:
        raise Invalid("Only a profile of the session itself can come with its start.", "purpose")
    charger, evse = connector.charger, connector.evse_number
    rules.check(profile)
    holding = queries.held(session, charger)
    able = queries.able(session, charger.id)
    beside = _beside(holding, evse, profile)
    rules.check_for(profile, able, charger.title, evse=evse, is_running=True, beside=beside)
    command = transactions.request_start(session, connector, id_tag=id_tag, by=meant.by, at=at)
    number = _number(session, charger.id, evse, profile.purpose, meant)
    command.arguments = {**command.arguments, "number": number, "profile": to_content(profile)}
    _add(session, charger.id, evse, number, profile, meant, command, at)
    return command


def matching(session: Session, charger: Charger, criteria: Criteria) -> list[Held]:
    """What clearing would end, as far as we know: the preview."""
    return [x for x in queries.held(session, charger) if criteria.fits(x) and x.state is not State.CLEARED]


def clear(
    session: Session, charger: Charger, criteria: Criteria, *, by: str | None, at: datetime
) -> Command | None:
    """Have a charger forget profiles, and take back those that wait to be sent.

    None when there was nothing to ask the charger. Raises Refused when it is offline.
    """
    meant = matching(session, charger, criteria)
    waiting = [x for x in meant if x.state is State.WANTED and x.assignment.accepted_at is None]
    for one in waiting:
        withdraw(session, one.assignment, at=at)
    if waiting and len(waiting) == len(meant):
        return None
    arguments = {
        "number": criteria.number,
        "evse": criteria.evse,
        "purpose": criteria.purpose.value if criteria.purpose else None,
        "stack_level": criteria.stack_level,
    }
    given = {name: value for name, value in arguments.items() if value is not None}
    return commands.request(session, charger, Kind.CLEAR_PROFILE, given, by=by, at=at)


def settle_set(
    session: Session,
    command: Command,
    evse: int,
    number: int,
    profile: Profile,
    *,
    at: datetime,
    is_start: bool = False,
) -> None:
    """A charger has accepted a profile, whoever sent it: it is in force, and what it replaces is not.

    `is_start`: it comes with the start of its session, so that it is in force when that begins.
    """
    charger = session.get_one(Charger, command.charger_id)
    query = select(ProfileAssignment).where(ProfileAssignment.command_id == command.id)
    assignment = session.scalar(query)
    if assignment is None:
        meant = Meant(told("Profile %(number)s", number=number), command.requested_by)
        assignment = _add(session, charger.id, evse, number, profile, meant, command, at)
        limited = None if is_start else queries.running(session, charger).get(evse)
        if profile.purpose is Purpose.TX and limited is not None:
            assignment.transaction_id = limited.id
    assignment.accepted_at = at
    session.flush()
    slot = (evse, profile.purpose, profile.stack_level)
    for other in queries.held(session, charger):
        is_same = other.assignment.number == number or _slot(other) == slot
        if is_same and other.assignment is not assignment and _is_settled(other):
            other.assignment.ended_at, other.assignment.ended_by = at, Ended.REPLACED


def settle_clear(session: Session, charger_id: int, criteria: Criteria, *, at: datetime) -> None:
    """A charger has cleared profiles, or has none that fit: none that fits is in force any more."""
    charger = session.get_one(Charger, charger_id)
    for one in queries.held(session, charger):
        if criteria.fits(one) and _is_settled(one):
            one.assignment.ended_at, one.assignment.ended_by = at, Ended.CLEARED
    announce(session, charger.topic)


def _is_settled(held: Held) -> bool:
    """Has the charger answered to it? What is still on its way comes after what is being answered now."""
    return held.assignment.command.state not in ON_THE_WAY


def keep(
    session: Session,
    name: str,
    description: str | None,
    profile: Profile,
    *,
    by: str | None,
    at: datetime,
    stored: ChargingProfile | None = None,
) -> ChargingProfile:
    """Store a profile, or change a stored one; chargers that have it keep what they have until it is assigned anew."""
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise Invalid("Give the profile a name of at most 80 characters.", "name")
    rules.check(profile)
    if stored is None:
        stored = ChargingProfile(created_by=by, created_at=at)
        session.add(stored)
    stored.name, stored.description = name, (description or "").strip()[:300] or None
    stored.content, stored.changed_at = to_content(profile), at
    session.flush()
    return stored


def drop(session: Session, stored: ChargingProfile) -> None:
    """Forget a stored profile. Chargers that have it keep it."""
    given = update(ProfileAssignment).where(ProfileAssignment.profile_id == stored.id)
    session.execute(given.values(profile_id=None))
    session.delete(stored)
